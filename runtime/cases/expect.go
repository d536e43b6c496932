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
	l.expectObject(c, e)
}

// expectObject reads what mutation makes of the object.
func (l *loader) expectObject(c *Case, e syntax.Expectation) {
	for _, v := range []syntax.Value{e.Object, e.Patch} {
		if v.Present() && c.Object == nil {
			l.report.Errorf(diag.InvalidRequest, v.Span, "%s leaves no object that could be expected", c.Operation)
			return
		}
	}
	if e.Object.Present() {
		var ok bool
		if c.Expect.Object, ok = e.Object.Data.(map[string]any); !ok {
			l.report.Errorf(diag.WrongShape, e.Object.Span, "`object` is a part of the object after mutation").
				Helpf("write a map, such as `object: {metadata: {labels: {team: shop}}}`")
		}
	}
	if !e.Patch.Present() {
		return
	}
	list, ok := e.Patch.Data.([]any)
	if !ok {
		l.report.Errorf(diag.WrongShape, e.Patch.Span, "`patch` is a list of JSON patch operations").
			Helpf("write `patch: [{op: add, path: /spec/replicas, value: 2}]`, or `[]` for none")
		return
	}
	c.Expect.Patch = list
	for _, item := range e.Patch.Items {
		op, path := text(field(item, "op")), text(field(item, "path"))
		if !slices.Contains([]string{"add", "replace", "remove", "move", "copy", "test"}, op) || !strings.HasPrefix(path, "/") {
			l.report.Errorf(diag.WrongShape, item.Span, "an operation has an `op` and a `path`").
				Helpf("write `{op: add, path: /metadata/labels/team, value: shop}`")
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
