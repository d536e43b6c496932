package diff

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Summary is the difference in one line.
//
//	1 rule added, 2 changed (1 in scope, 1 in cost); of 30 objects, 2 newly denied
func (d *Diff) Summary() string {
	var parts []string
	if n := len(d.Project); n > 0 {
		parts = append(parts, plural(n, "setting")+" changed")
	}
	if rules := d.ruleSummary(); rules != "" {
		parts = append(parts, rules)
	}
	if len(parts) == 0 {
		parts = append(parts, "no rule differs")
	}
	if v := d.Verdicts; v != nil {
		parts = append(parts, v.summary())
	}
	return strings.Join(parts, "; ")
}

func (d *Diff) ruleSummary() string {
	counts := map[Kind]int{}
	aspects := map[Aspect]int{}
	for _, c := range d.Rules {
		counts[c.Kind]++
		for _, a := range Aspects {
			if (c.Kind == Changed || c.Kind == Renamed) && c.Has(a) {
				aspects[a]++
			}
		}
	}
	var parts []string
	for _, kind := range []Kind{Added, Removed, Renamed, Changed} {
		n := counts[kind]
		switch {
		case n == 0:
		case len(parts) == 0:
			parts = append(parts, plural(n, "rule")+" "+string(kind))
		default:
			parts = append(parts, fmt.Sprintf("%d %s", n, kind))
		}
	}
	var in []string
	for _, a := range Aspects {
		if aspects[a] > 0 {
			in = append(in, fmt.Sprintf("%d in %s", aspects[a], a))
		}
	}
	text := strings.Join(parts, ", ")
	if len(in) > 0 {
		text += " (" + strings.Join(in, ", ") + ")"
	}
	return text
}

func (v *Verdicts) summary() string {
	text := "of " + plural(v.Compared, v.What) + ", "
	var parts []string
	for _, g := range Groups {
		if n := v.Count(g); n > 0 {
			name := string(g)
			if g == Other {
				name = "with another verdict"
			}
			parts = append(parts, fmt.Sprintf("%d %s", n, name))
		}
	}
	if len(parts) == 0 {
		parts = append(parts, "none changes verdict")
	}
	if n := len(v.Failures); n > 0 {
		parts = append(parts, fmt.Sprintf("%d more could not be evaluated", n))
	}
	return text + strings.Join(parts, ", ")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// ruleGroup are rules of a policy to which the same happened.
type ruleGroup struct {
	changes []RuleChange
	// fields are what they have in common; none for rules without counterpart.
	fields []Field
}

// grouped tells once what happened to several rules of a policy: what changes
// in its match or enforcement changes in all of them.
func grouped(changes []RuleChange) []ruleGroup {
	var groups []ruleGroup
	for len(changes) > 0 {
		n := slices.IndexFunc(changes, func(c RuleChange) bool { return c.Policy != changes[0].Policy })
		if n < 0 {
			n = len(changes)
		}
		groups = append(groups, policyGroups(changes[:n])...)
		changes = changes[n:]
	}
	return groups
}

func policyGroups(changes []RuleChange) []ruleGroup {
	var groups []ruleGroup
	var altered []RuleChange
	for _, c := range changes {
		if c.Kind == Added || c.Kind == Removed {
			groups = append(groups, ruleGroup{changes: []RuleChange{c}})
			continue
		}
		altered = append(altered, c)
	}
	common := commonFields(altered)
	if len(altered) > 1 && len(common) > 0 {
		groups = append(groups, ruleGroup{altered, common})
	}
	for _, c := range altered {
		rest := slices.DeleteFunc(slices.Clone(c.Fields), func(f Field) bool { return len(altered) > 1 && containsField(common, f) })
		if len(rest) > 0 || len(common) == 0 || len(altered) == 1 {
			groups = append(groups, ruleGroup{[]RuleChange{c}, rest})
		}
	}
	return groups
}

// commonFields are the fields that all changes have.
func commonFields(changes []RuleChange) []Field {
	if len(changes) == 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(changes[0].Fields), func(f Field) bool {
		return slices.ContainsFunc(changes, func(c RuleChange) bool { return !containsField(c.Fields, f) })
	})
}

func containsField(fields []Field, want Field) bool {
	return slices.ContainsFunc(fields, func(f Field) bool { return reflect.DeepEqual(f, want) })
}

// outline says of a rule without counterpart where it runs, what it does and
// what it costs.
func (c *RuleChange) outline() string {
	var parts []string
	for _, f := range c.Fields {
		value := f.Old
		if c.Kind == Added {
			value = f.New
		}
		switch {
		case f.Aspect == Backend:
			parts = append(parts, value)
		case f.Aspect == Enforcement && (f.Name == "failurePolicy" && value == "Fail" || f.Name == "reason" || strings.HasPrefix(f.Name, "parameter ")):
		case f.Aspect == Enforcement:
			parts = append(parts, f.Name+": "+value)
		case f.Aspect == Cost:
			parts = append(parts, "cost up to "+thousands(value))
		}
	}
	return printable(strings.Join(parts, "; "))
}

// name is what a rule is called, with its former name.
func (c *RuleChange) name() string {
	name := c.Policy + "/" + c.Rule
	if c.Kind == Renamed {
		name = c.OldPolicy + "/" + c.OldRule + " → " + name
	}
	return name
}
