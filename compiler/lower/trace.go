package lower

import (
	"github.com/policyc/policyc/compiler/check"
	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/expr"
	"github.com/policyc/policyc/compiler/ir"
)

// traceRule turns the parts of a rule into expressions: each is a list that
// holds the value, or nothing where the part is absent.
//
//	forEach: container in containers
//	require: container.image.startsWith('a/')
//	→ variables.containers.map(container, container.?image.optMap(v, [dyn(v)]).orValue([])), …
func traceRule(r *check.Rule, parts *check.Parts) *ir.Trace {
	out := &ir.Trace{Violated: violation(r.Now)}
	locals := r.Now.Locals()
	pinned := func(x *code.Expr) *code.Expr { return x }
	if j := r.Now; j.Local != nil {
		out.Local = j.Local.Name
		out.List = expr.List(j.List)
		if isEmptyList(out.List) {
			return &ir.Trace{Violated: code.False}
		}
		pinned = func(x *code.Expr) *code.Expr { return expr.Pin(x, out.List, j.Local) }
		out.Violated = pinned(out.Violated)
	}
	add := func(list []expr.SubExpression, when bool) {
		for _, p := range list {
			value, optional := expr.Value(p.Node, locals...)
			out.Parts = append(out.Parts, ir.TracePart{Text: p.Text, Code: pinned(boxed(value, optional)), When: when, Condition: p.Condition})
		}
	}
	add(parts.When, true)
	add(parts.Condition, false)
	return out
}

// boxed puts a value into a list of its own; an absent one gives an empty
// list. dyn() lets lists of different values stand side by side.
func boxed(x *code.Expr, optional bool) *code.Expr {
	if !optional {
		return code.List([]*code.Expr{code.Call("dyn", x)}, nil)
	}
	v := code.Ident("boxedValue")
	return code.Method(code.Method(x, "optMap", v, code.List([]*code.Expr{code.Call("dyn", v)}, nil)), "orValue", code.List(nil, nil))
}

// unwrapTraces does to traces what unwrapOptionals does to variables.
func unwrapTraces(rules []*ir.Rule, optional map[string]bool) {
	for _, r := range rules {
		if r.Trace == nil {
			continue
		}
		if r.Trace.List != nil {
			r.Trace.List = unwrap(r.Trace.List, optional)
		}
		r.Trace.Violated = unwrap(r.Trace.Violated, optional)
		for i := range r.Trace.Parts {
			r.Trace.Parts[i].Code = unwrap(r.Trace.Parts[i].Code, optional)
		}
	}
}
