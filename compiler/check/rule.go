package check

import (
	"regexp"
	"slices"
	"strings"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/expr"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/compiler/types"
)

func (c *checker) checkRule(d *syntax.Rule) *Rule {
	rule := &Rule{Name: d.Name.Value, Span: d.Name.Span, MessageText: d.Message.Value}
	rule.Now = c.judge(d, c.scope, c.report)
	ratchet := c.policy.Ratchet.Value
	if d.Ratchet.Span.File != nil {
		ratchet = d.Ratchet.Value
	}
	if ratchet && slices.Contains(c.policy.Match.Operations, "UPDATE") {
		rule.Before = c.judge(d, c.old, diag.NewReport())
	}
	rule.Message = c.message(d, rule.Now)
	rule.MessageReads = len(c.out.LookupsIn(rule.Message)) > 0
	rule.Reads = union(c.nodeReads(rule.Now.List, rule.Now.When, rule.Now.Violated), c.out.LookupsIn(rule.Message))
	if rule.Before != nil && len(rule.Reads) > 0 {
		c.report.Errorf(diag.NotExpressible, d.Name.Span, "the rule cannot ratchet: it reads the lookup `%s`", rule.Reads[0]).
			Notef("what is looked up now says nothing of what was there when the old object came").
			Helpf("write `ratchet: false` on the rule")
	}
	for _, e := range c.policy.Exceptions {
		if slices.Contains(e.Rules, rule.Name) {
			rule.Lifted = append(rule.Lifted, c.exceptionCondition(e))
		}
	}
	if rule.Now.Violated != nil && !rule.Now.Violated.Bad() {
		c.lint(d, rule)
		if c.project.Trace {
			rule.Parts = c.parts(d, rule.Now)
		}
	}
	return rule
}

func union(a, b []string) []string {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}

// judge types a rule in a scope.
func (c *checker) judge(d *syntax.Rule, scope *expr.Scope, r *diag.Report) *Judgement {
	j := &Judgement{}
	var locals []*expr.Local
	if d.ForEach != nil {
		j.List = expr.Check(expr.Parse(d.ForEach.List, r), scope, r)
		name := d.ForEach.Variable
		if _, taken := scope.Vars[name.Value]; taken {
			r.Errorf(diag.DuplicateName, name.Span, "`%s` is already the name of something else here", name.Value).
				Helpf("choose another name for the variable")
		}
		elem, nullable := element(j.List, d.ForEach.List.Span, r)
		j.Local = &expr.Local{Name: name.Value, Type: elem, Nullable: nullable}
		locals = append(locals, j.Local)
	}
	if !d.When.IsZero() {
		j.When = expr.CheckLocal(expr.Parse(d.When, r), scope, r, true, locals...)
	}
	text := d.Require
	j.Negate = true
	if text.IsZero() {
		text, j.Negate = d.Deny, false
	}
	j.Violated = expr.CheckLocal(expr.Parse(text, r), scope, r, true, locals...)
	return j
}

// element returns the type of what forEach binds.
func element(list *expr.Node, at source.Span, r *diag.Report) (elem *types.Type, nullable bool) {
	switch list.Type.Kind {
	case types.List:
		return list.Type.Elem, list.Type.NullElem || list.Type.Elem.Kind == types.Dyn
	case types.Map:
		return list.Type.Key, false
	case types.Dyn:
		return types.DynType, true
	}
	if !list.Bad() {
		d := r.Errorf(diag.WrongType, at, "forEach needs a list, but this is %s", list.Type)
		d.Helpf("write the path of a list, such as `containers`")
	}
	return types.DynType, true
}

// message lowers the message of a rule, which begins with the rule's name.
func (c *checker) message(d *syntax.Rule, j *Judgement) *code.Expr {
	text := d.Message
	var parts []expr.Part
	if text.IsZero() {
		parts = []expr.Part{{Text: c.defaultMessage(d)}}
	} else {
		parts = expr.ParseTemplate(text, c.report)
	}
	for i := range parts {
		// The API server discards a message with a line break.
		parts[i].Text = lineBreaks.ReplaceAllString(parts[i].Text, " ")
	}
	if n := len(parts); n > 0 { // a | block ends with a line break
		parts[n-1].Text = strings.TrimRight(parts[n-1].Text, " ")
	}
	parts = append([]expr.Part{{Text: "[" + d.Name.Value + "] "}}, parts...)
	return expr.Template(parts, c.scope, c.report, j.Locals()...)
}

var lineBreaks = regexp.MustCompile(`\s*[\r\n]+\s*`)

func (c *checker) defaultMessage(d *syntax.Rule) string {
	switch {
	case !c.policy.Title.IsZero():
		return c.policy.Title.Value
	case !d.Require.IsZero():
		return "required: " + d.Require.Value
	}
	return "denied: " + d.Deny.Value
}
