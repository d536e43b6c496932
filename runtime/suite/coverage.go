package suite

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/policyc/policyc/compiler/ir"
	"github.com/policyc/policyc/runtime/cases"
)

// Coverage is what the cases show of the rules.
type Coverage struct {
	// Rules are in order of policy and source.
	Rules []*RuleCoverage
}

// RuleCoverage is what the cases show of one rule.
type RuleCoverage struct {
	// Rule is policy/rule, Position file:line of its source.
	Rule, Position string
	// Violated counts the cases that violate the rule, Passed those that the
	// policy was evaluated for and the rule admits. Of a rule that mutates, they
	// are the cases in which it changes the object, and those in which not.
	Violated, Passed int
	// Mutates says that the rule changes objects.
	Mutates bool
	// Conditions are the conditions that decide the rule.
	Conditions []*ConditionCoverage
}

// ConditionCoverage counts the evaluations in which a condition held or not.
type ConditionCoverage struct {
	Text string
	// When says that the condition is of the rule's `when`.
	When        bool
	True, False int
}

// Covered reports whether there is a case that violates the rule and one that
// passes it.
func (c *RuleCoverage) Covered() bool { return c.Violated > 0 && c.Passed > 0 }

// Idle returns the conditions that never mattered: they had one value in all
// evaluations, so that the cases would pass without them.
func (c *RuleCoverage) Idle() []*ConditionCoverage {
	return slices.DeleteFunc(slices.Clone(c.Conditions), func(x *ConditionCoverage) bool { return x.True > 0 && x.False > 0 })
}

// Percent is the share of rules that are covered, 100 when there are none.
func (c *Coverage) Percent() float64 {
	covered := 0
	for _, r := range c.Rules {
		if r.Covered() {
			covered++
		}
	}
	if len(c.Rules) == 0 {
		return 100
	}
	return 100 * float64(covered) / float64(len(c.Rules))
}

// Coverage evaluates the conditions of every rule for every case, beside the
// results that Run gave.
func (s *Suite) Coverage(ctx context.Context, results []Result) (*Coverage, error) {
	out := &Coverage{}
	byRule := map[string]*RuleCoverage{}
	for _, p := range s.Variants[0].Result.Programs {
		for _, d := range p.Policies {
			for _, r := range d.Rules {
				name := d.Name + "/" + r.Name
				if byRule[name] == nil {
					byRule[name] = &RuleCoverage{Rule: name, Position: r.Position, Mutates: p.Mutates(), Conditions: conditionsOf(r.Trace)}
					out.Rules = append(out.Rules, byRule[name])
				}
			}
		}
	}
	for _, r := range results {
		for _, name := range r.Verdict.Evaluated {
			for rule, c := range byRule {
				if policyOf(rule) != name {
					continue
				}
				if c.Mutates {
					c.mutated(r.Verdict.applied(rule))
					continue
				}
				if r.Verdict.Violates(rule) {
					c.Violated++
				} else {
					c.Passed++
				}
			}
		}
	}
	return out, s.conditions(ctx, results, byRule)
}

// mutated counts a case of a rule that mutates.
func (c *RuleCoverage) mutated(was, changed bool) {
	switch {
	case changed:
		c.Violated++
	case was:
		c.Passed++
	}
}

func conditionsOf(t *ir.Trace) []*ConditionCoverage {
	var out []*ConditionCoverage
	if t == nil {
		return nil
	}
	for _, p := range t.Parts {
		if p.Condition {
			out = append(out, &ConditionCoverage{Text: p.Text, When: p.When})
		}
	}
	return out
}

// conditions counts how the conditions of the rules came out.
func (s *Suite) conditions(ctx context.Context, results []Result, byRule map[string]*RuleCoverage) error {
	var mutex sync.Mutex
	var failure error
	Each(len(results), func(i int) {
		c := results[i].Case
		for _, p := range s.variant[c].Result.Programs {
			if !holdsAny(p, c.Policies) {
				continue
			}
			seen, err := s.variant[c].trace(ctx, c, p)
			mutex.Lock()
			if err != nil {
				failure = err
			}
			for rule, list := range seen {
				if byRule[rule] != nil {
					byRule[rule].count(list)
				}
			}
			mutex.Unlock()
		}
	})
	return failure
}

func holdsAny(p *ir.Program, policies []string) bool {
	return slices.ContainsFunc(p.Policies, func(d *ir.Policy) bool { return slices.Contains(policies, d.Name) })
}

// trace evaluates all rules of a program for a case; nil when it does not apply.
func (v *Variant) trace(ctx context.Context, c *cases.Case, p *ir.Program) (map[string][]Element, error) {
	if p.Mutates() {
		return nil, nil
	}
	request, err := v.Validated(ctx, c)
	if err != nil || v.Engine.WhyNot(ctx, request, p.Name).Text != "" {
		return nil, err
	}
	t, err := v.tracers.get(v, p)
	if err != nil {
		return nil, err
	}
	sets, err := t.inspector.Evaluate(ctx, request)
	if err != nil {
		return nil, err
	}
	out := map[string][]Element{}
	for _, d := range p.Policies {
		for _, r := range d.Rules {
			if r.Trace == nil || !slices.Contains(c.Policies, d.Name) {
				continue
			}
			rule := d.Name + "/" + r.Name
			for _, values := range sets {
				out[rule] = append(out[rule], elements(r.Trace, values[t.first[rule]:])...)
			}
		}
	}
	return out, nil
}

// count adds how the conditions came out for some elements.
func (c *RuleCoverage) count(list []Element) {
	for _, e := range list {
		for _, p := range e.Parts {
			if !p.Condition {
				continue
			}
			i := slices.IndexFunc(c.Conditions, func(x *ConditionCoverage) bool { return x.Text == p.Text && x.When == p.When })
			if i < 0 {
				continue // a variant has constants of its own
			}
			// An absent condition is one that does not hold.
			if p.Value == true {
				c.Conditions[i].True++
			} else {
				c.Conditions[i].False++
			}
		}
	}
}

func policyOf(rule string) string {
	for i := range rule {
		if rule[i] == '/' {
			return rule[:i]
		}
	}
	return rule
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
