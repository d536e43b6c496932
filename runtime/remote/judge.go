package remote

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/policyc/policyc/runtime/cases"
	"github.com/policyc/policyc/runtime/suite"
)

// judge runs one case. An error means that nothing can be said about any.
func (r *run) judge(ctx context.Context, j *job) (out Result, err error) {
	out = Result{Case: j.Case, Outcome: Skipped, Why: j.skip}
	if j.skip != "" {
		return out, nil
	}
	object := j.Object
	if j.Operation == "UPDATE" || j.Operation == "DELETE" {
		defer r.lock(j.main())()
		made, refusal, storeErr := r.store(ctx, j)
		if made {
			defer func() { err = errors.Join(err, r.unstore(ctx, j)) }()
		}
		if refusal != nil {
			out.Outcome, out.Why = refusal.outcome, refusal.why
		}
		if refusal != nil || storeErr != nil {
			return out, storeErr
		}
	}
	if j.Operation == "UPDATE" {
		if object, err = r.changed(ctx, j); err != nil {
			return out, err
		}
	}
	a, err := r.send(ctx, j, j.units, object)
	if err != nil {
		return out, err
	}
	findings := r.findings(j.units, a)
	if out.Foreign = r.foreign(j.units, a); len(findings) == 0 && out.Foreign == "" && !admitted(a) {
		refusal := refused(a, "")
		out.Outcome, out.Why = refusal.outcome, refusal.why
		return out, nil
	}
	out.Outcome, out.Offline, out.Server = Compared, j.variant.Evaluate(ctx, j.Case), &suite.Verdict{}
	// Of several denials the server shows one: each is asked for by itself. Warnings that are cut may be missing, too.
	if len(findings) > 1 || len(j.units) > 1 && isCut(a) {
		findings = nil
		for _, u := range j.units {
			if a, err = r.send(ctx, j, []*unit{u}, object); err != nil {
				return out, err
			}
			findings = append(findings, r.findings([]*unit{u}, a)...)
		}
	}
	for _, f := range findings {
		f.addTo(out.Server)
	}
	sortRules(out.Server)
	out.Differences = compare(j.Case, out.Offline, out.Server)
	for _, f := range findings {
		out.Differences = append(out.Differences, f.checkStatus()...)
	}
	if len(out.Differences) > 0 {
		field, err := r.altered(ctx, j, object)
		if err != nil {
			return out, err
		}
		if field != "" {
			return Result{Case: j.Case, Outcome: Skipped, Why: "the server drops or changes a field before policies see it: " + field}, nil
		}
	}
	return out, nil
}

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

// foreign names a policy of the cluster that denied the request. The server evaluates all policies before it denies, so that
// the verdict of the case's policies stands.
func (r *run) foreign(units []*unit, a *answer) string {
	m := denialForm.FindStringSubmatch(a.message)
	switch {
	case a.ok(), m != nil && slices.ContainsFunc(units, func(u *unit) bool { return u.name == m[1] }):
		return ""
	case m != nil:
		return "ValidatingAdmissionPolicy " + m[1]
	case a.status == http.StatusForbidden && strings.Contains(a.message, "exceeded quota"):
		return "a ResourceQuota" // comes after policies
	}
	return ""
}

// admitted reports whether an answer comes from behind admission: from storage, which has an object of the name already, or
// from a session that finds no Pod.
func admitted(a *answer) bool {
	switch {
	case a.ok(), a.status == http.StatusConflict && a.reason == string(metav1.StatusReasonAlreadyExists):
		return true
	case a.status == http.StatusNotFound:
		return strings.Contains(a.message, `" not found`)
	}
	return strings.Contains(a.message, "does not have a host assigned") // a stored Pod, which never starts
}

// refused says what to make of an answer to which policies had no part.
func refused(a *answer, what string) *refusal {
	why := what + a.message
	switch {
	case denialForm.MatchString(a.message): // of an object to be stored
		return &refusal{Blocked, why}
	case strings.Contains(a.message, "strict decoding error: unknown field"):
		return &refusal{Skipped, "the server does not know a field: " + why}
	case a.status == http.StatusNotFound:
		return &refusal{Skipped, "the server does not serve it: " + why}
	case a.status == http.StatusForbidden, a.status >= 500, a.status == http.StatusTooManyRequests, strings.Contains(a.message, "webhook "):
		return &refusal{Blocked, why}
	}
	return &refusal{Invalid, why}
}

// generatedPattern matches a message whatever name the server generates for the object.
func generatedPattern(c *cases.Case, message string) *regexp.Regexp {
	pattern := regexp.QuoteMeta(message)
	meta, _ := c.Object["metadata"].(map[string]any)
	if prefix, _ := meta["generateName"].(string); prefix != "" && meta["name"] == nil {
		pattern = strings.ReplaceAll(pattern, regexp.QuoteMeta(prefix+"xxxxx"), regexp.QuoteMeta(prefix)+"[a-z0-9]{5}")
	}
	return regexp.MustCompile("^(?s:" + pattern + ")$")
}
