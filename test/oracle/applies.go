package oracle

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
)

// exception lifts a policy, or some of its rules.
type exception struct {
	// Rules are the names of the rules; none stands for the whole policy.
	Rules []string
	// When and Namespaces must both hold where they are given.
	When       *Expr
	Namespaces []string
}

// holds reports whether a request is excepted.
func (x *exception) holds(in *input, s *scope) (bool, error) {
	if len(x.Namespaces) > 0 && !slices.Contains(x.Namespaces, in.Namespace) {
		return false, nil
	}
	return holdsIn(x.When, s)
}

// holdsIn evaluates a condition; one that is not there holds.
func holdsIn(e *Expr, s *scope) (bool, error) {
	if e == nil {
		return true, nil
	}
	v, err := Interpret(e, s)
	return condition(v), err
}

// applies reports whether a policy is about a request at all.
func (p *policy) applies(in *input, s *scope) (bool, error) {
	if ok, err := holdsIn(p.when, s); err != nil || !ok {
		return false, err
	}
	if p.exclude != nil {
		if out, err := holdsIn(p.exclude, s); err != nil || out {
			return false, err
		}
	}
	for _, x := range p.exceptions {
		if len(x.Rules) > 0 {
			continue
		}
		if out, err := x.holds(in, s); err != nil || out {
			return false, err
		}
	}
	return true, nil
}

// lifted reports whether an exception lifts one rule.
func (p *policy) lifted(r *rule, in *input, s *scope) (bool, error) {
	for _, x := range p.exceptions {
		if !slices.Contains(x.Rules, r.Name) {
			continue
		}
		if out, err := x.holds(in, s); err != nil || out {
			return out, err
		}
	}
	return false, nil
}

// conditional gives a policy conditions and exceptions.
func (p *policy) conditional(random *rand.Rand, make func() *Expr) {
	if random.Intn(3) == 0 {
		p.when = make()
	}
	if random.Intn(3) == 0 {
		p.exclude = make()
	}
	for range random.Intn(3) {
		x := &exception{}
		if random.Intn(2) == 0 {
			x.Namespaces = pick(random, []string{"a"}, []string{"env", "b"})
		}
		if x.Namespaces == nil || random.Intn(2) == 0 {
			x.When = make()
		}
		if random.Intn(2) == 0 {
			for range 1 + random.Intn(5) {
				x.Rules = append(x.Rules, pick(random, p.rules...).Name)
			}
		}
		p.exceptions = append(p.exceptions, x)
	}
}

// exceptionSource writes the exceptions from rules that are left.
func (p *policy) exceptionSource() string {
	var b strings.Builder
	for i, x := range p.exceptions {
		refs := []string{"p"}
		if len(x.Rules) > 0 {
			refs = nil
			for _, r := range p.rules {
				if slices.Contains(x.Rules, r.Name) {
					refs = append(refs, "p/"+r.Name)
				}
			}
		}
		if refs == nil {
			continue
		}
		match := "namespaces: [" + strings.Join(x.Namespaces, ", ") + "]"
		switch {
		case x.Namespaces == nil:
			match = "when: " + quote(x.When.String())
		case x.When != nil:
			match += ", when: " + quote(x.When.String())
		}
		fmt.Fprintf(&b, "---\napiVersion: policyc.dev/v1alpha1\nkind: Exception\nmetadata: {name: e%d}\nspec:\n  policies: [%s]\n"+
			"  reason: r\n  owner: o\n  match: {%s}\n", i, strings.Join(refs, ", "), match)
	}
	return b.String()
}
