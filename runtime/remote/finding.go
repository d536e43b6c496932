package remote

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/policyc/policyc/runtime/suite"
)

// finding is what a unit objected to.
type finding struct {
	*unit
	rules   []string
	message string
	// texts are the messages of warnings that are not about a rule.
	texts []string
	// status and reason are those of the denial; 0 when another one was shown.
	status int
	reason string
	cut    bool
}

var (
	warningForm = regexp.MustCompile(`(?s)^Validation failed for ValidatingAdmissionPolicy '([^']*)' with binding '[^']*': (.*)$`)
	denialForm  = regexp.MustCompile(`(?s)ValidatingAdmissionPolicy '([^']*)'(?: with binding '[^']*')? denied request: (.*)$`)
)

// findings reads what units say in an answer.
func (r *run) findings(units []*unit, a *answer) []*finding {
	var out []*finding
	of := func(name string) *finding {
		for _, f := range out {
			if f.name == name {
				return f
			}
		}
		for _, u := range units {
			if u.name == name {
				out = append(out, &finding{unit: u, cut: isCut(a)})
				return out[len(out)-1]
			}
		}
		return nil
	}
	for _, w := range a.warnings {
		m := warningForm.FindStringSubmatch(w)
		if m == nil {
			continue
		}
		if f := of(m[1]); f != nil {
			if rule, ok := strings.CutPrefix(m[2], ruleMessage); ok {
				f.rules = append(f.rules, rule)
			} else {
				f.texts = append(f.texts, m[2])
			}
		}
	}
	for _, f := range out {
		if len(f.texts) > 0 {
			f.message = f.texts[0]
		}
	}
	if m := denialForm.FindStringSubmatch(a.message); m != nil && !a.ok() {
		if f := of(m[1]); f != nil {
			f.message, f.status, f.reason = m[2], a.status, a.reason
		}
	}
	return out
}

// isCut reports whether warnings may be cut, which the API server does with all of them when together they have more than
// 4096 characters: to 256 each, and those are left out that come after another 4096.
func isCut(a *answer) bool {
	return slices.ContainsFunc(a.warnings, func(w string) bool { return utf8.RuneCountInString(w) == 256 })
}

// maxWarnings is how many cut warnings of 256 characters the API server sends.
const maxWarnings = 16

// failed reports whether the evaluation failed: a violation is one of a rule, and each of the others has passed.
func (f *finding) failed() bool { return len(f.rules) == 0 || len(f.texts) > 1 }

func (f *finding) addTo(v *suite.Verdict) {
	switch {
	case f.cut && len(f.rules)+len(f.texts) >= maxWarnings:
		v.Errors = append(v.Errors, fmt.Sprintf("%s: more rules are violated than the API server has room for in its warnings", f.policy))
		return
	case f.failed() || f.cut && f.status == 0:
		v.Errors = append(v.Errors, f.policy+": "+f.message)
		return
	}
	var rules []string
	for _, rule := range f.rules {
		rules = append(rules, f.policy+"/"+rule)
	}
	for _, action := range f.binding.Spec.ValidationActions {
		switch action {
		case admissionv1.Deny:
			v.Deny, v.Denials = append(v.Deny, rules...), append(v.Denials, f.message)
		case admissionv1.Warn:
			v.Warn, v.Others = append(v.Warn, rules...), append(v.Others, f.message)
		case admissionv1.Audit:
			v.Audit, v.Others = append(v.Audit, rules...), append(v.Others, f.message)
		}
	}
}

func sortRules(v *suite.Verdict) {
	for _, list := range []*[]string{&v.Deny, &v.Warn, &v.Audit} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
}

// checkStatus compares the status of a denial with the reason of the policy.
func (f *finding) checkStatus() []suite.Difference {
	want := metav1.StatusReasonInvalid
	if reason := f.object.Spec.Validations[f.index].Reason; reason != nil {
		want = *reason
	}
	code := map[metav1.StatusReason]int{metav1.StatusReasonInvalid: 422, metav1.StatusReasonForbidden: 403, metav1.StatusReasonUnauthorized: 401,
		metav1.StatusReasonRequestEntityTooLarge: 413}[want]
	if f.status == 0 || f.failed() || f.status == code && f.reason == string(want) {
		return nil
	}
	return []suite.Difference{{What: "status", Text: fmt.Sprintf("status: offline %d %s, on the server %d %s", code, want, f.status, f.reason)}}
}
