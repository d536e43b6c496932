// Package place decides, rule by rule, which backend runs it, and reports the
// rules that none can run.
//
//	require: …                           → ValidatingAdmissionPolicy, "reads only the request"
//	require: quotas.all(q, …)            → ValidatingAdmissionPolicy with the quotas as its params
//	require: ingresses.exists(i, …)      → webhook, "reads the lookup `ingresses`"
//	mutate: …                            → MutatingAdmissionPolicy where the target has it, or the webhook
package place

import (
	"slices"

	"github.com/policyc/policyc/compiler/check"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/ir"
	"github.com/policyc/policyc/compiler/resolve"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/compiler/target"
)

// Part is what one program runs of the rules of a policy that admit or refuse.
type Part struct {
	Backend ir.Backend
	// Why says why the backend was chosen.
	Why   string
	Rules []*check.Rule
	// Pushed is set where a lookup became the parameters of the program.
	Pushed *Pushed
}

// Split returns the parts of a checked policy, each of which is a program: the
// rules that read only the request, each rule whose lookup the API server can
// make itself, and the others. A part is never empty.
func Split(p *check.Policy) []Part {
	native := Part{Backend: ir.ValidatingAdmissionPolicy,
		Why: "it reads only the request, which the API server (" + p.Project.Target.String() + " or later) evaluates itself"}
	webhook := Part{Backend: ir.Webhook}
	var pushed []Part
	for _, r := range p.Rules {
		switch push := push(p, r); {
		case len(r.Reads) == 0:
			native.Rules = append(native.Rules, r)
		case push != nil:
			pushed = append(pushed, Part{Backend: ir.ValidatingAdmissionPolicy, Why: push.why(), Rules: []*check.Rule{r}, Pushed: push})
		default:
			webhook.Rules = append(webhook.Rules, r)
		}
	}
	var out []Part
	if native.Rules != nil {
		out = append(out, native)
	}
	out = append(out, pushed...)
	if webhook.Rules != nil {
		out = append(out, webhook)
	}
	return out
}

// WhyLookup says why a rule that reads lookups runs in the webhook.
func WhyLookup(reads []string) string {
	return "it reads " + lookupNames(reads) + ", which only the companion webhook can look up"
}

func lookupNames(names []string) string {
	if len(names) == 1 {
		return "the lookup `" + names[0] + "`"
	}
	out := "the lookups "
	for i, n := range names {
		if i > 0 {
			out += " and "
		}
		out += "`" + n + "`"
	}
	return out
}

// Mutation returns the backend of the mutations of a policy, and why. They run
// in order, so that all of them run in one place.
func Mutation(p *resolve.Project, reads []string) (ir.Backend, string) {
	switch v := p.Target; {
	case len(reads) > 0:
		return ir.Webhook, WhyLookup(reads)
	case !v.Has(target.MutatingAdmissionPolicy):
		return ir.Webhook, "it changes the object of the request, and an API server before " + target.MutatingAdmissionPolicy.Since.String() +
			" has no MutatingAdmissionPolicy v1"
	case p.Webhook.Mutations:
		return ir.Webhook, "mutations were asked to run in the companion webhook"
	default:
		return ir.MutatingAdmissionPolicy, "it changes the object of the request, which the API server (" + v.String() + " or later) does itself"
	}
}

// Check reports what no backend of this version of policyc can run. It
// returns false when it reported something.
func Check(p *resolve.Policy, project *resolve.Project, r *diag.Report) bool {
	ok := true
	refuse := func(at source.Span, what string) {
		ok = false
		r.Errorf(diag.NoBackend, at, "no backend of this version of policyc runs %s", what).
			Notef("nothing is generated for the policy, so that the rule is not lost in silence").
			Helpf("write it as `deny` or `require` on the request, or leave it out")
	}
	for _, d := range p.Policy.Rules {
		if d.Mutate != nil && project.Webhook.OnlyNative && !project.Target.Has(target.MutatingAdmissionPolicy) {
			ok = false
			r.Errorf(diag.NoBackend, d.Name.Span, "native mutation needs Kubernetes %s, and the lowest version to support is %s",
				target.MutatingAdmissionPolicy.Since, project.Target).
				Notef("an API server before that has no MutatingAdmissionPolicy v1").
				Helpf("set `kubernetes.minVersion: \"%s\"` in the project, or build with `--mutation=webhook`", target.MutatingAdmissionPolicy.Since)
		}
		if what, found := unsupported(d); found {
			refuse(d.Name.Span, what)
		}
	}
	return ok
}

// Validates reports whether a policy has rules that admit or refuse.
func Validates(p *syntax.Policy) bool {
	return slices.ContainsFunc(p.Rules, func(d *syntax.Rule) bool { return !d.Deny.IsZero() || !d.Require.IsZero() })
}

// Mutates reports whether a policy has rules that change the object.
func Mutates(p *syntax.Policy) bool {
	return slices.ContainsFunc(p.Rules, func(d *syntax.Rule) bool { return d.Mutate != nil })
}

func unsupported(d *syntax.Rule) (string, bool) {
	switch {
	case d.Generate != nil:
		return "`generate` rules", true
	case d.VerifyImages != nil:
		return "`verifyImages` rules", true
	}
	return "", false
}
