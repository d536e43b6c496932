package cases

import (
	"regexp"
	"slices"
	"strings"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/syntax"
)

// expect reads the verdict, whose rules must exist.
func (l *loader) expect(c *Case, e syntax.Expectation) {
	c.Expect.Deny, c.Expect.Warn, c.Expect.Audit = l.rules(c, e.Deny), l.rules(c, e.Warn), l.rules(c, e.Audit)
	c.Expect.ExactMessage = e.ExactMessage.Value
	if !e.Message.IsZero() {
		re, err := regexp.Compile(e.Message.Value)
		if err != nil {
			l.report.Errorf(diag.InvalidRequest, e.Message.Span, "`message` is no regular expression: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: ")).
				Helpf("write the text as it is under `exactMessage`, or put a backslash before the character")
		}
		c.Expect.Message = re
	}
	if said := slices.Concat([]source.Text{e.Message, e.ExactMessage}); c.Expect.Silent() {
		for _, t := range said {
			if !t.IsZero() {
				l.report.Errorf(diag.TestsNothing, t.Span, "the case expects a message and no violation").
					Helpf("name the rule: `deny: [rule]`")
			}
		}
	}
	for _, v := range []syntax.Value{e.Object, e.Patch} {
		if v.Present() {
			l.report.Errorf(diag.NoBackend, v.Span, "`object` and `patch` are for what mutations make of an object, and no rule mutates yet")
		}
	}
}

// rules returns rules as policy/rule, sorted and each once.
func (l *loader) rules(c *Case, names []source.Text) []string {
	var out []string
	for _, name := range names {
		policy, rule, qualified := strings.Cut(name.Value, "/")
		ruleText := name
		switch {
		case !qualified && len(c.Policies) == 1:
			policy, rule = c.Policies[0], name.Value
		case !qualified:
			l.report.Errorf(diag.UnknownReference, name.Span, "`%s` could be a rule of any of %d policies", name.Value, len(c.Policies)).
				Helpf("write policy/rule")
			continue
		case !slices.Contains(c.Policies, policy):
			l.unknown(name.Sub(0, len(policy)), "the test is not about policy", c.Policies)
			continue
		default:
			ruleText = name.Sub(len(policy)+1, len(name.Value))
		}
		if known, whole := l.rulesOf(policy); whole && !slices.Contains(known, rule) {
			l.unknown(ruleText, "policy `"+policy+"` has no rule", known)
			continue
		}
		out = append(out, policy+"/"+rule)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// rulesOf returns the names of a policy's rules; whole is false when the
// document is broken, so that some may be missing.
func (l *loader) rulesOf(policy string) (names []string, whole bool) {
	for _, p := range l.docs.Policies {
		if p.Name.Value == policy {
			for _, r := range p.Rules {
				names = append(names, r.Name.Value)
			}
			return names, !p.Broken
		}
	}
	return nil, false
}
