package remote

import (
	"slices"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/policyc/policyc/runtime/cases"
	"github.com/policyc/policyc/runtime/suite"
)

func testUnit(name string, actions ...admissionv1.ValidationAction) *unit {
	u := &unit{name: name, policy: "p"}
	u.object = &admissionv1.ValidatingAdmissionPolicy{Spec: admissionv1.ValidatingAdmissionPolicySpec{Validations: []admissionv1.Validation{{}}}}
	u.binding = &admissionv1.ValidatingAdmissionPolicyBinding{Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{ValidationActions: actions}}
	return u
}

func warning(unit, text string) string {
	return "Validation failed for ValidatingAdmissionPolicy '" + unit + "' with binding '" + unit + "-warn': " + text
}

func TestFindings(t *testing.T) {
	const denied = `pods "a" is forbidden: ValidatingAdmissionPolicy 'u' with binding 'u-deny' denied request: [b] text
of two lines`
	for name, test := range map[string]struct {
		answer answer
		want   suite.Verdict
		status string
	}{
		"nothing": {answer: answer{status: 201, warnings: []string{"something is deprecated", warning("other", "x")}}},
		"denied": {
			answer: answer{status: 422, reason: "Invalid", message: denied, warnings: []string{warning("u", "[b] text"), warning("u", "policyc:rule:b"), warning("u", "policyc:rule:a")}},
			want:   suite.Verdict{Deny: []string{"p/a", "p/b"}, Denials: []string{"[b] text\nof two lines"}}},
		"denied with another status": {
			answer: answer{status: 403, reason: "Forbidden", message: denied, warnings: []string{warning("u", "policyc:rule:b")}},
			want:   suite.Verdict{Deny: []string{"p/b"}, Denials: []string{"[b] text\nof two lines"}}, status: "status: offline 422 Invalid, on the server 403 Forbidden"},
		"denied by another policy": {
			answer: answer{status: 422, message: strings.ReplaceAll(denied, "'u'", "'v'"), warnings: []string{warning("u", "[b] text"), warning("u", "policyc:rule:b")}},
			want:   suite.Verdict{Deny: []string{"p/b"}, Denials: []string{"[b] text"}}},
		"an error, which is about no rule": {
			answer: answer{status: 422, message: denied, warnings: []string{warning("u", "expression … resulted in error")}},
			want:   suite.Verdict{Errors: []string{"p: [b] text\nof two lines"}}},
		"an error in some of the rules": {
			answer: answer{status: 422, message: denied, warnings: []string{warning("u", "[b] text"), warning("u", "policyc:rule:b"), warning("u", "no such key")}},
			want:   suite.Verdict{Errors: []string{"p: [b] text\nof two lines"}}},
	} {
		t.Run(name, func(t *testing.T) {
			u := testUnit("u", admissionv1.Deny)
			have := &suite.Verdict{}
			var status string
			for _, f := range (&run{}).findings([]*unit{u}, &test.answer) {
				f.addTo(have)
				for _, d := range f.checkStatus() {
					status = d.Text
				}
			}
			sortRules(have)
			if d := compare(&cases.Case{}, &test.want, have); len(d) > 0 || status != test.status || !slices.Equal(have.Errors, test.want.Errors) {
				t.Errorf("%v %q %q", d, status, have.Errors)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for _, test := range []struct {
		answer answer
		want   Outcome
	}{
		{answer{status: 422, message: `Pod "a" is invalid: spec.containers: Required value`}, Invalid},
		{answer{status: 422, message: `pods "a" is forbidden: ValidatingAdmissionPolicy 'x' with binding 'y' denied request: no`}, Blocked},
		{answer{status: 400, message: `strict decoding error: unknown field "spec.x"`}, Skipped},
		{answer{status: 404, message: "the server could not find the requested resource"}, Skipped},
		{answer{status: 403, message: `pods "a" is forbidden: violates PodSecurity "restricted:latest"`}, Blocked},
		{answer{status: 400, message: `admission webhook "w" denied the request: no`}, Blocked},
		{answer{status: 500, message: `failed calling webhook "w"`}, Blocked},
	} {
		if have := refused(&test.answer, ""); have.outcome != test.want || admitted(&test.answer, "CREATE") || admitted(&test.answer, "CONNECT") {
			t.Errorf("%s: %s", test.answer.message, have.outcome)
		}
	}
	exists, missing := answer{status: 409, reason: "AlreadyExists"}, answer{status: 404, message: `pods "target" not found`}
	for _, test := range []struct {
		answer    answer
		operation string
		want      bool
	}{
		{answer{status: 200}, "UPDATE", true}, {answer{status: 409, reason: "Conflict"}, "CREATE", false},
		{exists, "CREATE", true}, {exists, "UPDATE", false}, {missing, "CONNECT", true}, {missing, "CREATE", false}, // a namespace is gone
	} {
		if have := admitted(&test.answer, test.operation); have != test.want {
			t.Errorf("%s, %d %s: %v", test.operation, test.answer.status, test.answer.message, have)
		}
	}
}

func TestGeneratedName(t *testing.T) {
	c := &cases.Case{ObjectName: "web-xxxxx", Object: map[string]any{"metadata": map[string]any{"generateName": "web-"}}}
	for server, want := range map[string]bool{"pod web-a1b2c.": true, "pod web-xxxxx.": true, "pod web-A1b2c.": false, "pod web-a1b2cc.": false, "pod web-a1b2c!": false} {
		if have := sameMessages(c, []string{"pod web-xxxxx."}, []string{server}); have != want {
			t.Errorf("%s: %v", server, have)
		}
	}
	if sameMessages(&cases.Case{}, []string{"pod web-xxxxx."}, []string{"pod web-a1b2c."}) {
		t.Error("a name that was given is taken as generated")
	}
}

func TestUnsuited(t *testing.T) {
	at := func(operation, group, resource, subresource string, namespaced bool) *cases.Case {
		return &cases.Case{Operation: operation, Subresource: subresource, Namespaced: namespaced,
			Resource: schema.GroupVersionResource{Group: group, Version: "v1", Resource: resource}}
	}
	for _, test := range []struct {
		c                 *cases.Case
		inUse, disposable bool
	}{
		{at("CREATE", "", "nodes", "", false), true, true},
		{at("UPDATE", "", "nodes", "", false), false, true},
		{at("DELETE", "apps", "deployments", "", true), true, true},
		{at("UPDATE", "", "services", "", true), false, true},
		{at("CONNECT", "", "pods", "exec", true), true, true},
		{at("CONNECT", "", "nodes", "proxy", false), false, false},
		{at("CREATE", "", "pods", "eviction", true), false, false},
	} {
		for disposable, want := range map[bool]bool{false: test.inUse, true: test.disposable} {
			r := &run{options: Options{Disposable: disposable}}
			if why := r.unsuited(test.c); (why == "") != want {
				t.Errorf("%s %s/%s, disposable %v: %q", test.c.Operation, test.c.Resource.Resource, test.c.Subresource, disposable, why)
			}
		}
	}
}

func TestByRealName(t *testing.T) {
	const name = "kubernetes.io/metadata.name"
	in := &metav1.LabelSelector{MatchLabels: map[string]string{name: "production", "team": "a"},
		MatchExpressions: []metav1.LabelSelectorRequirement{{Key: name, Operator: metav1.LabelSelectorOpNotIn, Values: []string{"x"}}, {Key: "env", Operator: metav1.LabelSelectorOpExists}}}
	out := byRealName(in)
	if have := metav1.FormatLabelSelector(out); have != "env,policyc.dev/test-namespace=production,policyc.dev/test-namespace notin (x),team=a" {
		t.Errorf("got %s", have)
	}
	if in.MatchLabels[name] == "" || in.MatchExpressions[0].Key != name {
		t.Error("the original was changed")
	}
}
