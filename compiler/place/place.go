// Package place decides, rule by rule, which backend runs it, and reports the
// rules that none can run.
//
//	require: … → ValidatingAdmissionPolicy, "reads only the request"
//	mutate: …  → MutatingAdmissionPolicy, where the target has it
package place

import (
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/ir"
	"github.com/policyc/policyc/compiler/resolve"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/compiler/target"
)

// Place returns the backend of a deny or require rule, and why.
func Place(v target.Version) (ir.Backend, string) {
	return ir.ValidatingAdmissionPolicy, "it reads only the request, which the API server (" + v.String() + " or later) evaluates itself"
}

// PlaceMutation returns the backend of a mutation, and why.
func PlaceMutation(v target.Version) (ir.Backend, string) {
	return ir.MutatingAdmissionPolicy, "it changes the object of the request, which the API server (" + v.String() + " or later) does itself"
}

// Check reports what no backend of this version of policyc can run. It
// returns false when it reported something.
func Check(p *resolve.Policy, v target.Version, r *diag.Report) bool {
	ok := true
	refuse := func(at source.Span, what string) {
		ok = false
		r.Errorf(diag.NoBackend, at, "no backend of this version of policyc runs %s", what).
			Notef("nothing is generated for the policy, so that the rule is not lost in silence").
			Helpf("write it as `deny` or `require` on the request, or leave it out")
	}
	for _, l := range p.Lookups {
		refuse(l.Name.Span, "lookups")
	}
	for _, d := range p.Policy.Rules {
		if d.Mutate != nil && !v.Has(target.MutatingAdmissionPolicy) {
			ok = false
			r.Errorf(diag.NoBackend, d.Name.Span, "mutation needs Kubernetes %s, and the lowest version to support is %s",
				target.MutatingAdmissionPolicy.Since, v).
				Notef("an API server before that has no MutatingAdmissionPolicy v1, and there is no companion webhook yet").
				Helpf("set `kubernetes.minVersion: \"%s\"` in the project, or leave the rule out", target.MutatingAdmissionPolicy.Since)
		}
		if what, found := unsupported(d); found {
			refuse(d.Name.Span, what)
		}
	}
	return ok
}

// Validates reports whether a rule admits or refuses.
func Validates(d *syntax.Rule) bool { return !d.Deny.IsZero() || !d.Require.IsZero() }

// Mutates reports whether a rule changes the object.
func Mutates(d *syntax.Rule) bool { return d.Mutate != nil }

func unsupported(d *syntax.Rule) (string, bool) {
	switch {
	case d.Generate != nil:
		return "`generate` rules", true
	case d.VerifyImages != nil:
		return "`verifyImages` rules", true
	}
	return "", false
}
