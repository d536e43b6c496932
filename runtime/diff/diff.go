// Package diff compares what two versions of a set of policies compile to:
// which rules are new, gone, called otherwise or changed, and which objects
// get another verdict. It compares meanings, not files: comments, the order of
// documents, names of variables and the layout of the output make no
// difference.
//
//	require: container.image.startsWith('a/')   →   … startsWith('b/')
//
// becomes
//
//	changed  allowed-registries/trusted-registry  condition: expression, old and new
package diff

import (
	"cmp"
	"slices"

	"github.com/policyc/policyc/compiler"
)

// Diff is the difference between two sides.
type Diff struct {
	// Old and New name the sides, as the user did.
	Old string `json:"old"`
	New string `json:"new"`
	// Project has what differs in the settings that all rules share.
	Project []Field `json:"project"`
	// Rules are sorted by policy and rule.
	Rules []RuleChange `json:"rules"`
	// Verdicts is nil when no objects were compared.
	Verdicts *Verdicts `json:"verdicts,omitempty"`
}

// Empty reports whether the sides are equal.
func (d *Diff) Empty() bool {
	return len(d.Project)+len(d.Rules) == 0 && (d.Verdicts == nil || len(d.Verdicts.Changes) == 0)
}

// Kind says what became of a rule.
type Kind string

// The kinds of change.
const (
	Added   Kind = "added"
	Removed Kind = "removed"
	// Renamed rules have the same condition under another name; they may
	// have changed otherwise.
	Renamed Kind = "renamed"
	Changed Kind = "changed"
)

// Aspect is a part of what a rule is.
type Aspect string

// The aspects, in the order in which they are told.
const (
	// Backend: what runs the rule.
	Backend Aspect = "backend"
	// Scope: which requests the rule is about.
	Scope Aspect = "scope"
	// Condition: what is a violation.
	Condition Aspect = "condition"
	// Message: what a violation says.
	Message Aspect = "message"
	// Enforcement: where it is on, what it does there, with which values.
	Enforcement Aspect = "enforcement"
	// Cost: what it may cost at most, with the variables that it reads.
	Cost Aspect = "cost"
)

// Aspects are all aspects in their order.
var Aspects = []Aspect{Backend, Scope, Condition, Message, Enforcement, Cost}

// RuleChange is what became of one rule.
type RuleChange struct {
	Kind   Kind   `json:"kind"`
	Policy string `json:"policy"`
	Rule   string `json:"rule"`
	// OldPolicy and OldRule are the former name of a renamed rule.
	OldPolicy string `json:"oldPolicy,omitempty"`
	OldRule   string `json:"oldRule,omitempty"`
	// Source is file:line on the new side; on the old one for a removed rule.
	Source string `json:"source"`
	// Fields are what differs; for an added or removed rule, all there is.
	Fields []Field `json:"fields,omitempty"`
}

// Has reports whether the rule differs in an aspect.
func (c *RuleChange) Has(a Aspect) bool {
	return slices.ContainsFunc(c.Fields, func(f Field) bool { return f.Aspect == a })
}

// Field is one thing that differs. Old or New is "" where it does not exist.
type Field struct {
	Aspect Aspect `json:"aspect,omitempty"`
	Name   string `json:"name"`
	// Environments are those it differs in; empty means all.
	Environments []string `json:"environments,omitempty"`
	Old          string   `json:"old,omitempty"`
	New          string   `json:"new,omitempty"`
}

// Compare compares what two sides compiled to. Either may be nil: a side
// without policies.
func Compare(before, after *compiler.Result) *Diff {
	d := &Diff{Project: projectFields(before, after)}
	old, now := rulesOf(before), rulesOf(after)
	former := renames(old, now)
	for _, name := range sortedKeys(now) {
		rule := now[name]
		was, kind := old[name], Changed
		if from, ok := former[name]; ok {
			was, kind = old[from], Renamed
		}
		if was == nil {
			d.Rules = append(d.Rules, change(Added, rule, rule.all(false)))
			continue
		}
		fields := compareRules(was, rule)
		if kind == Changed && len(fields) == 0 {
			continue
		}
		c := change(kind, rule, fields)
		if kind == Renamed {
			c.OldPolicy, c.OldRule = was.policy, was.name
		}
		d.Rules = append(d.Rules, c)
	}
	for _, name := range sortedKeys(old) {
		if now[name] == nil && !isRenamed(former, name) {
			d.Rules = append(d.Rules, change(Removed, old[name], old[name].all(true)))
		}
	}
	slices.SortFunc(d.Rules, func(a, b RuleChange) int {
		return cmp.Or(cmp.Compare(a.Policy, b.Policy), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Kind, b.Kind))
	})
	return d
}

func change(kind Kind, r *rule, fields []Field) RuleChange {
	return RuleChange{Kind: kind, Policy: r.policy, Rule: r.name, Source: r.source, Fields: fields}
}

// projectFields compares what is not of one rule. A side without policies has
// no settings to differ.
func projectFields(before, after *compiler.Result) []Field {
	if !hasRules(before) || !hasRules(after) || before.Project == nil || after.Project == nil {
		return nil
	}
	var fields []Field
	add := func(name, old, now string) {
		if old != now {
			fields = append(fields, Field{Name: name, Old: old, New: now})
		}
	}
	add("kubernetes.minVersion", before.Project.Target.String(), after.Project.Target.String())
	add("layout", before.Project.Layout, after.Project.Layout)
	return fields
}

func hasRules(r *compiler.Result) bool { return r != nil && len(r.Programs) > 0 }
