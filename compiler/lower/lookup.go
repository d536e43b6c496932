package lower

import (
	"slices"

	"github.com/policyc/policyc/compiler/check"
	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/expr"
	"github.com/policyc/policyc/compiler/ir"
	"github.com/policyc/policyc/compiler/place"
	"github.com/policyc/policyc/compiler/schema"
)

// lookups adds the lookups that the program reads.
func (l *lowerer) lookups() {
	if !l.program.Webhook {
		return
	}
	var read []string
	for _, v := range l.program.Variables {
		read = append(read, l.policy.LookupsIn(v.Code)...)
	}
	for _, m := range l.program.Mutations {
		read = append(read, l.policy.LookupsIn(m.Code)...)
	}
	for _, k := range l.policy.Lookups {
		if !slices.Contains(read, k.Name.Value) {
			continue
		}
		out := ir.Lookup{Name: k.Name.Value, Resource: resource(k.Kind), Namespaces: k.Namespaces, Names: k.Names, Strong: k.Strong, Source: position(k.Span)}
		for _, q := range k.Labels {
			out.Labels = append(out.Labels, ir.Requirement{Key: q.Key, Operator: q.Operator, Values: q.Values})
		}
		l.program.Lookups = append(l.program.Lookups, out)
	}
}

func resource(k *schema.Kind) ir.Resource {
	return ir.Resource{Group: k.Group, Version: k.Version, Kind: k.Kind, Plural: k.Resource, Namespaced: k.Namespaced}
}

// selections are the expressions by which the lookups of a program select.
func selections(p *ir.Program) []**code.Expr {
	var out []**code.Expr
	add := func(x **code.Expr) {
		if *x != nil {
			out = append(out, x)
		}
	}
	for i := range p.Lookups {
		k := &p.Lookups[i]
		add(&k.Namespaces)
		add(&k.Names)
		for j := range k.Labels {
			add(&k.Labels[j].Values)
		}
	}
	return out
}

// lowerPushed says which objects become the parameters of a program.
func lowerPushed(p *place.Pushed) *ir.Pushed {
	if p == nil {
		return nil
	}
	return &ir.Pushed{Lookup: p.Lookup.Name.Value, Resource: resource(p.Lookup.Kind), Name: p.Name, Selector: p.Selector, Required: p.Required}
}

// pushedViolation is the condition of a violation, with one object of the
// lookup as the parameter.
//
//	quotas.all(q, has(q.spec.hard)) → !has(params.spec.hard)
func pushedViolation(r *check.Rule, p *place.Pushed) *code.Expr {
	if p.Violated == nil {
		return code.False
	}
	violated := expr.Condition(p.Violated, p.Local).Replace(p.Local.Name, code.Ident("params"))
	if p.Negate {
		violated = code.Not(violated)
	}
	if r.Now.When != nil {
		violated = code.And(expr.Condition(r.Now.When), violated)
	}
	return violated
}
