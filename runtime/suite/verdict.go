package suite

import (
	"fmt"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/policyc/policyc/runtime/cases"
	"github.com/policyc/policyc/runtime/engine"
)

// Verdict is what the policies of a case made of its request.
type Verdict struct {
	// Deny, Warn and Audit are rules, as policy/rule, sorted and each once.
	Deny, Warn, Audit []string
	// Denials are the messages of denials, Others those of warnings and audit
	// entries.
	Denials, Others []string
	// Errors are evaluations that failed: they are never a verdict.
	Errors []string
	// Evaluated are the policies that matched the request and were evaluated.
	Evaluated []string
	// Mutation is what the policies made of the object.
	Mutation *engine.Mutation
}

// NewVerdict sums up decisions about the policies.
func NewVerdict(decisions []engine.Decision, policies []string) *Verdict {
	v := &Verdict{}
	for _, d := range decisions {
		// An error that is about a whole object may belong to any policy in it.
		if d.Policy != "" && !slices.Contains(policies, d.Policy) {
			continue
		}
		if d.Policy != "" {
			v.Evaluated = append(v.Evaluated, d.Policy)
		}
		switch d.Outcome {
		case engine.Failed:
			v.Errors = append(v.Errors, fmt.Sprintf("%s: %v", d.Object, d.Err))
		case engine.Violated:
			v.add(d)
		}
	}
	for _, list := range []*[]string{&v.Deny, &v.Warn, &v.Audit, &v.Evaluated} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return v
}

func (v *Verdict) add(d engine.Decision) {
	var rules []string
	for _, rule := range d.Rules() {
		rules = append(rules, d.Policy+"/"+rule)
	}
	for _, action := range d.Actions {
		switch action {
		case admissionv1.Deny:
			v.Deny, v.Denials = append(v.Deny, rules...), append(v.Denials, d.Message)
		case admissionv1.Warn:
			v.Warn, v.Others = append(v.Warn, rules...), append(v.Others, d.Message)
		case admissionv1.Audit:
			v.Audit, v.Others = append(v.Audit, rules...), append(v.Others, d.Message)
		}
	}
}

// Messages are those of the denials, or of warnings and audit entries where
// nothing is denied.
func (v *Verdict) Messages() []string {
	if len(v.Denials) > 0 {
		return v.Denials
	}
	return v.Others
}

// Violates reports whether the verdict has the rule, whatever is done about it.
func (v *Verdict) Violates(rule string) bool {
	return slices.Contains(v.Deny, rule) || slices.Contains(v.Warn, rule) || slices.Contains(v.Audit, rule)
}

// Difference is one way in which a verdict is not what was expected.
type Difference struct {
	// What is deny, warn, audit, message, object, patch or error.
	What string
	// Missing and Extra are rules, as policy/rule.
	Missing, Extra []string
	// Text says it in a line, Lines show it.
	Text  string
	Lines []string
}

// Compare says how a verdict differs from what a case expects.
func Compare(want cases.Expect, v *Verdict) []Difference {
	var out []Difference
	for _, e := range v.Errors {
		out = append(out, Difference{What: "error", Text: "evaluation failed: " + e})
	}
	for _, part := range []struct {
		name       string
		want, have []string
	}{{"deny", want.Deny, v.Deny}, {"warn", want.Warn, v.Warn}, {"audit", want.Audit, v.Audit}} {
		missing, extra := without(part.want, part.have), without(part.have, part.want)
		if len(missing)+len(extra) > 0 {
			out = append(out, Difference{What: part.name, Missing: missing, Extra: extra,
				Text: fmt.Sprintf("%s: expected %s, got %s", part.name, listed(part.want), listed(part.have))})
		}
	}
	messages := v.Messages()
	if want.Message != nil && !slices.ContainsFunc(messages, want.Message.MatchString) {
		out = append(out, Difference{What: "message", Text: fmt.Sprintf("message: nothing matches %q, got %s", want.Message, quoted(messages))})
	}
	if want.ExactMessage != "" && !slices.Contains(messages, want.ExactMessage) {
		out = append(out, Difference{What: "message", Text: fmt.Sprintf("message: expected %q, got %s", want.ExactMessage, quoted(messages))})
	}
	if v.Mutation != nil {
		out = append(out, compareObject(want, v.Mutation)...)
	}
	return out
}

func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(other, s) })
}

func listed(rules []string) string {
	if len(rules) == 0 {
		return "none"
	}
	return "[" + strings.Join(rules, ", ") + "]"
}

func quoted(messages []string) string {
	if len(messages) == 0 {
		return "no message"
	}
	var out []string
	for _, m := range messages {
		out = append(out, fmt.Sprintf("%q", m))
	}
	return strings.Join(out, ", ")
}
