package diff

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kube "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"

	"github.com/policyc/policyc/runtime/engine"
)

// says is a judge whose verdicts are written down: `deny p/r, warn p/s` by the
// name of the item.
func says(verdicts map[string]string) Judge {
	return func(_ context.Context, item Item) (Verdict, error) {
		var v Verdict
		switch text := verdicts[item.Name]; text {
		case "":
		case "error":
			return v, errors.New("no verdict")
		case "panic":
			panic("a fault")
		default:
			for _, part := range strings.Split(text, ", ") {
				action, name, _ := strings.Cut(part, " ")
				policy, rule, _ := strings.Cut(name, "/")
				v.Findings = append(v.Findings, Finding{Action: Action(action), Policy: policy, Rules: []string{rule}, Message: fmt.Sprintf("[%s]", rule)})
			}
		}
		return v, nil
	}
}

func TestCompareVerdicts(t *testing.T) {
	old := map[string]string{"same": "deny p/r", "freed": "deny p/r", "loud": "warn p/r", "moved": "deny p/r", "renamed": "deny p/old", "bad": "error"}
	now := map[string]string{"same": "deny p/r", "caught": "deny p/r", "loud": "deny p/r", "moved": "deny p/r2", "renamed": "deny q/new", "worse": "panic"}
	var items []Item
	for _, name := range []string{"worse", "same", "renamed", "moved", "loud", "freed", "caught", "bad", "quiet"} {
		items = append(items, Item{Name: name})
	}
	rules := []RuleChange{{Kind: Renamed, OldPolicy: "p", OldRule: "old", Policy: "q", Rule: "new"}}
	v := CompareVerdicts(t.Context(), items, says(old), says(now), rules)
	var got []string
	for _, c := range v.Changes {
		got = append(got, fmt.Sprintf("%s: %s, %s → %s", c.Group, c.Item, c.Old.Outcome(), c.New.Outcome()))
	}
	for _, f := range v.Failures {
		got = append(got, f.Item+": "+f.Error)
	}
	checkLines(t, strings.Join(got, "\n"), []string{
		"newly denied: caught, admitted → denied", "newly denied: loud, warned → denied", "no longer denied: freed, denied → admitted",
		"other: moved, denied → denied", "bad: no verdict", "worse: evaluating it failed: a fault"})
	if v.Compared != 7 {
		t.Errorf("%d compared", v.Compared)
	}
}

func pod(namespace, image string) *engine.Request {
	return &engine.Request{Operation: admission.Create, Resource: kube.GroupVersionResource{Version: "v1", Resource: "pods"},
		Kind: kube.GroupVersionKind{Version: "v1", Kind: "Pod"}, Namespace: namespace, Name: "x",
		Object: &corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: metav1.ObjectMeta{Name: "x", Namespace: namespace},
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: image}}}}}
}

func TestJudge(t *testing.T) {
	items := []Item{{Name: "good", Request: pod("production", "a/x:1")}, {Name: "bad", Request: pod("production", "x")},
		{Name: "other policies", Request: pod("production", "x"), Policies: []string{"unknown"}},
		{Name: "staging", Request: pod("staging", "b/x")}, {Name: "elsewhere", Request: pod("elsewhere", "x")}}
	verdicts := func(text string) string {
		judge, err := NewJudge(compile(t, text))
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, item := range items {
			v, err := judge(t.Context(), item)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, item.Name+": "+strings.Join(v.lines(), " | "))
		}
		return strings.Join(out, "\n")
	}
	checkLines(t, verdicts(base), []string{"good: ", "bad: deny by images: [trusted] some image is not from a/; [tagged] container c has no tag",
		"other policies: ", "staging: warn by images: [tagged] container c has no tag", "elsewhere: "})
	checkLines(t, verdicts(""), []string{"good: ", "bad: ", "other policies: ", "staging: ", "elsewhere: "})
}

// A case of a policy that has another name now is about the old one as well.
func TestFormerPolicies(t *testing.T) {
	rules := []RuleChange{{Kind: Renamed, OldPolicy: "p", Policy: "q"}}
	for policy, want := range map[string]string{"q": "[q p]", "p": "[p q]", "r": "[r]", "": "[]"} {
		item := Item{}
		if policy != "" {
			item.Policies = []string{policy}
		}
		var got string
		see := func(_ context.Context, item Item) (Verdict, error) {
			got = fmt.Sprint(item.Policies)
			return Verdict{}, nil
		}
		if CompareVerdicts(t.Context(), []Item{item}, see, see, rules); got != want {
			t.Errorf("%s: %s, want %s", policy, got, want)
		}
	}
}
