package mutate

import (
	"context"
	"slices"
	"strings"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/ir"
	"github.com/policyc/policyc/runtime/cases"
	"github.com/policyc/policyc/runtime/suite"
)

// mutation is a mutant, and where it has to be made.
type mutation struct {
	Mutant
	sites []site
}

// site is one object of a bundle, and what to do to it.
type site struct {
	variant *suite.Variant
	object  string
	apply   func(*object)
}

// collector gathers the mutations of all bundles of a suite. What the same
// source became in several objects is one mutation.
type collector struct {
	variant *suite.Variant
	byKey   map[string]*mutation
	order   []*mutation
	// fresh says that mutations not seen before count: those of the policies
	// as they are. What only a case writes is no policy's.
	fresh bool
	// functions are the bodies that were altered, by program.
	functions map[string]bool
}

func collect(s *suite.Suite) []*mutation {
	c := &collector{byKey: map[string]*mutation{}}
	for i, v := range s.Variants {
		c.variant, c.fresh, c.functions = v, i == 0, map[string]bool{}
		for _, p := range v.Result.Programs {
			// Mutants are made of what admits and refuses.
			if !p.Mutates() {
				c.program(p)
			}
		}
	}
	return c.order
}

func (c *collector) add(key []string, m Mutant, s site) {
	id := strings.Join(key, "\x00")
	known := c.byKey[id]
	switch {
	case known == nil && c.fresh:
		known = &mutation{Mutant: m}
		c.byKey[id] = known
		c.order = append(c.order, known)
	case known == nil:
		return
	}
	known.sites = append(known.sites, s)
}

// program adds the mutations of one object.
func (c *collector) program(p *ir.Program) {
	for i, x := range p.Conditions {
		m := c.mutant(p, "match condition "+x.Name, x.Source)
		c.expression(p, m, x.Code, condition, func(o *object, text string) { o.policy.Spec.MatchConditions[i].Expression = text })
	}
	for i, x := range p.Variables {
		m := c.mutant(p, "variable "+x.Name, x.Source)
		at := value
		if rule, policy := ruleOf(p, x.Name); rule != nil {
			m.Rule, m.Policy, at = rule.Name, policy, violations
		}
		c.expression(p, m, x.Code, at, func(o *object, text string) { o.policy.Spec.Variables[i].Expression = text })
	}
	for _, e := range edits(c.objectOf(p.Name)) {
		m := c.mutant(p, e.part, "")
		m.Operator, m.Before, m.After = e.operator, e.before, e.after
		key := []string{m.Policy, e.part, e.operator, e.before, e.after}
		if e.namespace != "" && slices.Contains(c.variant.Result.Project.Namespaces, e.namespace) && !c.excludes(p, e.namespace) {
			// The project excludes it, once, from all policies.
			m.Policy, m.Source, m.Before = "", "", "excluded namespace "+e.namespace
			key = []string{"project", e.namespace}
		}
		c.add(key, m, site{c.variant, p.Name, e.apply})
	}
}

// expression adds the mutations of one expression.
func (c *collector) expression(p *ir.Program, m Mutant, x *code.Expr, at place, set func(o *object, text string)) {
	w := &walker{}
	known := factsOf(p)
	if readOnUpdate(p, strings.TrimPrefix(m.Part, "variable ")) {
		known = known.duringUpdate()
	}
	for _, change := range distinct(x, w.changes(x, scope{at: at, facts: known})) {
		m = m.with(change)
		text := code.Print(change.whole)
		c.add([]string{m.Policy, m.Rule, m.Part, change.path, change.operator, m.Before, m.After}, m,
			site{c.variant, p.Name, func(o *object) { set(o, text) }})
	}
	for _, f := range w.functions {
		c.function(p, m, f)
	}
}

// with returns the mutant that a change makes.
func (m Mutant) with(c change) Mutant {
	m.Operator, m.Before, m.After = c.operator, c.before.String(), c.after.String()
	m.Status, m.Reason = "", c.equivalent
	if m.Reason != "" {
		m.Status = Equivalent
	}
	return m
}

// function adds the mutations of the body of an inlined function, which are
// made wherever it was inlined: in all policies.
func (c *collector) function(p *ir.Program, m Mutant, body *code.Expr) {
	text := body.String()
	id := p.Name + "\x00" + text
	if c.functions[id] {
		return
	}
	c.functions[id] = true
	w := &walker{}
	for _, change := range distinct(body, w.changes(body, scope{facts: &facts{}})) {
		m = m.with(change)
		c.add([]string{"function", text, change.path, change.operator, m.Before, m.After}, m, site{c.variant, p.Name, func(o *object) {
			for i, x := range p.Conditions {
				o.policy.Spec.MatchConditions[i].Expression = code.Print(replaceAll(x.Code, text, change.whole))
			}
			for i, x := range p.Variables {
				o.policy.Spec.Variables[i].Expression = code.Print(replaceAll(x.Code, text, change.whole))
			}
		}})
	}
	for _, f := range w.functions {
		c.function(p, m, f)
	}
}

// mutant is what all mutants of a part have in common.
func (c *collector) mutant(p *ir.Program, part, source string) Mutant {
	var names []string
	for _, d := range p.Policies {
		names = append(names, d.Name)
	}
	if source == "" {
		source = p.Validations[0].Source
	}
	return Mutant{Policy: strings.Join(names, ", "), Part: part, Source: source}
}

// ruleOf is the rule whose violations a variable lists.
func ruleOf(p *ir.Program, variable string) (*ir.Rule, string) {
	for _, d := range p.Policies {
		for _, r := range d.Rules {
			if r.Variable == variable {
				return r, d.Name
			}
		}
	}
	return nil, ""
}

// excludes reports whether a policy of the program itself excludes a namespace.
func (c *collector) excludes(p *ir.Program, namespace string) bool {
	for _, policy := range c.variant.Result.Project.Policies {
		if !slices.ContainsFunc(p.Policies, func(d *ir.Policy) bool { return d.Name == policy.Name.Value }) {
			continue
		}
		for _, e := range policy.Exclude {
			if slices.Contains(e.Namespaces, namespace) {
				return true
			}
		}
	}
	return false
}

// objectOf finds an object of the bundle.
func (c *collector) objectOf(name string) *object {
	return find(c.variant, name)
}

// Options say which mutants to make.
type Options struct {
	// Cases are those that are run, and mutants are made of the policies that
	// they test; nil is all cases of the suite, and all of its policies.
	Cases []*cases.Case
	// Every takes each n-th mutant only; 0 and 1 take all.
	Every int
}

// tests reports whether one of the cases tests what a mutation alters.
func (o Options) tests(m *mutation) bool {
	return o.Cases == nil || slices.ContainsFunc(m.sites, func(s site) bool {
		return slices.ContainsFunc(s.variant.Bundle.Programs[s.object].Policies, func(d *ir.Policy) bool {
			return slices.ContainsFunc(o.Cases, func(c *cases.Case) bool { return slices.Contains(c.Policies, d.Name) })
		})
	})
}

// Run makes the mutants of the suite's policies, and for each of them runs
// the cases that are about its policy until one notices.
func Run(ctx context.Context, s *suite.Suite, o Options) *Report {
	var mutations []*mutation
	for i, m := range slices.DeleteFunc(collect(s), func(m *mutation) bool { return !o.tests(m) }) {
		if i%max(o.Every, 1) == 0 {
			mutations = append(mutations, m)
		}
	}
	list := o.Cases
	if list == nil {
		list = s.Cases
	}
	r := newRunner(ctx, s, list)
	suite.Each(len(mutations), func(i int) { r.judge(ctx, mutations[i]) })
	report := &Report{Failing: r.failing}
	for _, m := range mutations {
		report.Mutants = append(report.Mutants, m.Mutant)
	}
	return report
}
