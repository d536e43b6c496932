// Package place decides, rule by rule, which backend runs it, and reports the
// rules that none can run.
//
//	require: … → ValidatingAdmissionPolicy, "reads only the request"
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

// Check reports what no backend of this version of policyc can run. It
// returns false when it reported something.
func Check(p *resolve.Policy, r *diag.Report) bool {
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
		if what, found := unsupported(d); found {
			refuse(d.Name.Span, what)
		}
	}
	return ok
}

func unsupported(d *syntax.Rule) (string, bool) {
	switch {
	case d.Mutate != nil:
		return "`mutate` rules", true
	case d.Generate != nil:
		return "`generate` rules", true
	case d.VerifyImages != nil:
		return "`verifyImages` rules", true
	}
	return "", false
}
