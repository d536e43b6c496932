package check

import (
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/expr"
	"github.com/policyc/policyc/compiler/syntax"
)

// Parts are the parts of a rule's expressions that have values of their own.
type Parts struct {
	When, Condition []expr.SubExpression
}

// parts takes a rule apart for whoever explains its outcome.
func (c *checker) parts(d *syntax.Rule, j *Judgement) *Parts {
	silent := diag.NewReport()
	out := &Parts{}
	if !d.When.IsZero() {
		out.When = expr.Parts(expr.Parse(d.When, silent), c.scope, j.Locals()...)
	}
	text := d.Require
	if text.IsZero() {
		text = d.Deny
	}
	out.Condition = expr.Parts(expr.Parse(text, silent), c.scope, j.Locals()...)
	return out
}
