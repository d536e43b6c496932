//go:build e2e

package faults_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/policyc/policyc/runtime/api"
)

// TestPolicies corrupts CompiledPolicies, deletes them, and takes away the rights to what they read.
func TestPolicies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{version: "1.37"})
	t.Run("corrupted", w.corrupted)
	t.Run("a lookup less", w.lookupLess)
	t.Run("corrupted at start", w.corruptedAtStart)
	t.Run("deleted", w.deleted)
	t.Run("rights taken away", w.rightsTaken)
}

// corruptions are JSON patches of a CompiledPolicy.
var corruptions = []struct{ name, patch, says string }{
	{"CEL that does not parse", `[{"op":"replace","path":"/spec/validating/variables/0/expression","value":"size("}]`, "Syntax error"},
	{"CEL of another type", `[{"op":"replace","path":"/spec/validating/validations/0/expression","value":"1"}]`, "bool"},
	{"CEL with an unknown function", `[{"op":"replace","path":"/spec/validating/validations/0/expression","value":"admit()"}]`, "admit"},
	{"CEL that is nested deeply", `[{"op":"replace","path":"/spec/validating/validations/0/expression","value":"` + strings.Repeat("(", 20000) + `"}]`, "recursion limit"},
	{"a lookup by a number", `[{"op":"replace","path":"/spec/lookups/0/names","value":"1"}]`, "list"},
	{"no validations", `[{"op":"replace","path":"/spec/validating/validations","value":[]}]`, "there is no validation"},
	{"no actions", `[{"op":"replace","path":"/spec/bindings/0/validationActions","value":[]}]`, "validationActions"},
	{"an unknown action", `[{"op":"replace","path":"/spec/bindings/0/validationActions","value":["Nod"]}]`, "unknown action \"Nod\""},
	{"an unknown failurePolicy", `[{"op":"replace","path":"/spec/validating/failurePolicy","value":"Sometimes"}]`, "unknown failurePolicy \"Sometimes\""},
	{"no constraints", `[{"op":"remove","path":"/spec/validating/matchConstraints"}]`, "it matches nothing"},
	{"no rules", `[{"op":"replace","path":"/spec/validating/matchConstraints/resourceRules","value":[]}]`, "it matches nothing"},
	{"an invalid selector", `[{"op":"replace","path":"/spec/validating/matchConstraints/namespaceSelector","value":{"matchExpressions":[{"key":"a","operator":"Like"}]}}]`, "Like"},
	{"a paramKind without parameters", `[{"op":"add","path":"/spec/validating/paramKind","value":{"apiVersion":"v1","kind":"ConfigMap"}}]`, "paramKind and paramResource go together"},
	// What the CRD refuses.
	{"text for a list", `[{"op":"replace","path":"/spec/validating/variables","value":"x"}]`, "Invalid value"},
	{"nothing", `[{"op":"remove","path":"/spec/validating"}]`, "exactly one of validating and mutating"},
	{"a binding without an entry", `[{"op":"remove","path":"/spec/bindings/0/webhook"}]`, "Required value"},
}

// corrupted: whatever is written, the last good program decides, and the status, an event and a metric say why.
func (w *world) corrupted(t *testing.T) {
	for _, c := range corruptions {
		t.Run(c.name, func(t *testing.T) {
			l := w.load(t, good, bad, banned, goodStrong)
			l.await(t, 20)
			before := w.compiled(t, "cached")
			_, _, err := w.Kubectl(t.Context(), "", "patch", "compiledpolicy", "cached", "--type=json", "-p", c.patch)
			if err != nil {
				if !strings.Contains(err.Error(), c.says) {
					t.Errorf("the API server says: %v", err)
				}
				t.Logf("the CRD refuses it")
			} else {
				w.expectStale(t, before, c.says)
			}
			l.await(t, 40)
			l.end().expectRight(t, c.name)
			w.mend(t)
		})
	}
	w.expectTold(t)
}

// mend writes the policy again, all of it: an apply leaves what others have added.
func (w *world) mend(t *testing.T) {
	t.Helper()
	file := filepath.Join(built, "policies", "webhook", "cached.yaml")
	if _, _, err := w.Kubectl(t.Context(), "", "replace", "-f", file); err != nil {
		w.kubectl(t, "", "create", "-f", file)
	}
	eventually(t, "it is not Ready again", func() bool {
		p := w.compiled(t, "cached")
		return p.Status.ObservedGeneration == p.Generation && meta.IsStatusConditionTrue(p.Status.Conditions, api.Ready)
	})
}

// expectStale asserts what the status says of a policy that does not compile any more.
func (w *world) expectStale(t *testing.T, before *api.CompiledPolicy, says string) {
	t.Helper()
	ready := w.awaitCondition(t, before.Generation)
	if ready.Status != metav1.ConditionFalse || ready.Reason != "CompileFailed" {
		t.Errorf("Ready is %s, %s: %s", ready.Status, ready.Reason, ready.Message)
		return
	}
	t.Logf("%.300s", ready.Message)
	if !strings.HasPrefix(ready.Message, fmt.Sprintf("generation %d decides on: ", before.Generation)) || !strings.Contains(ready.Message, says) {
		t.Errorf("there is no generation, or no %q, in %.500s", says, ready.Message)
	}
	if served := w.compiled(t, "cached").Status.ServedGeneration; served != before.Generation {
		t.Errorf("generation %d is served", served)
	}
}

// awaitCondition waits for what is said of a generation after one.
func (w *world) awaitCondition(t *testing.T, generation int64) *metav1.Condition {
	t.Helper()
	var ready *metav1.Condition
	eventually(t, "the status says nothing", func() bool {
		p := w.compiled(t, "cached")
		ready = meta.FindStatusCondition(p.Status.Conditions, api.Ready)
		return ready != nil && ready.ObservedGeneration > generation
	})
	return ready
}

// expectTold asserts that there are events and metrics.
func (w *world) expectTold(t *testing.T) {
	t.Helper()
	eventually(t, "there is no event", func() bool {
		events := &eventsv1.EventList{}
		w.read(t, "/apis/events.k8s.io/v1/namespaces/default/events", events)
		for _, e := range events.Items {
			if e.Regarding.Kind == "CompiledPolicy" && e.Regarding.Name == "cached" && e.Reason == "CompileFailed" && e.Note != "" {
				return true
			}
		}
		return false
	})
	for _, p := range w.pods() {
		_, text := get(t, p, 8080, "/metrics")
		n := metric(text, `policyc_compile_failures_total{policy="cached"}`)
		if t.Logf("%s counts %v compile failures", p.Name, n); n < 5 {
			t.Errorf("%s counts %v compile failures", p.Name, n)
		}
	}
}

// lookupLess: what the compiler cannot know to be wrong fails when it is evaluated.
func (w *world) lookupLess(t *testing.T) {
	l := w.load(t, good, bad, banned)
	w.kubectl(t, "", "patch", "compiledpolicy", "cached", "--type=json", "-p", `[{"op":"remove","path":"/spec/lookups/0"}]`)
	eventually(t, "requests do not fail", func() bool { return w.ask(t, good).class == failed })
	w.mend(t)
	l.await(t, 20)
	l.end().expectSound(t, "a lookup less")
	w.expectAsBefore(t)
}

// corruptedAtStart: a replica that never saw a good generation fails the policy's requests, and serves the others.
func (w *world) corruptedAtStart(t *testing.T) {
	before := w.compiled(t, "cached")
	w.kubectl(t, "", "patch", "compiledpolicy", "cached", "--type=json", "-p", corruptions[0].patch)
	w.awaitCondition(t, before.Generation)
	l := w.load(t, good, bad, banned)
	l.await(t, 20)
	w.killAndAwait(t, 2)
	for _, p := range w.pods() {
		for _, a := range asks() {
			want := a.want()
			if a.policy() == "cached" {
				want = failed
			}
			if got := w.askPod(t, p, a); got.class != want {
				t.Errorf("%s: %s is %s: %s", p.Name, a, got.class, got.text)
			}
		}
		if _, text := get(t, p, 8080, "/metrics"); metric(text, `policyc_policies{state="failing"}`) != 1 {
			t.Errorf("%s counts no failing policy", p.Name)
		}
	}
	eventually(t, "the status does not say that requests fail", func() bool {
		c := meta.FindStatusCondition(w.compiled(t, "cached").Status.Conditions, api.Ready)
		return strings.HasPrefix(c.Message, "no generation decides, requests fail: ")
	})
	t.Logf("a request is told: %s", w.ask(t, good).text)
	begin := time.Now()
	w.mend(t)
	eventually(t, "the mended policy does not decide", func() bool { return w.ask(t, good).class == admitted })
	took(t, "mended", begin)
	l.await(t, 20)
	l.end().expectSound(t, "corrupted at start")
	w.expectAsBefore(t)
}

// deleted: an entry without its policy fails.
func (w *world) deleted(t *testing.T) {
	l := w.load(t, good, bad, banned)
	l.await(t, 20)
	w.kubectl(t, "", "delete", "compiledpolicy", "cached")
	eventually(t, "requests do not fail", func() bool { return w.ask(t, good).class == failed })
	if got := w.ask(t, good); !strings.Contains(got.text, "no compiled policy has this entry") {
		t.Errorf("a request is told: %s", got.text)
	}
	w.mend(t)
	l.await(t, 20)
	l.end().expectSound(t, "deleted")
	w.expectAsBefore(t)
}

// rightsTaken: what cannot be read fails, what is cached is kept up to date by the watch that is open, and nobody has to restart.
func (w *world) rightsTaken(t *testing.T) {
	l := w.load(t, good, bad, banned, goodStrong, badStrong)
	l.await(t, 20)
	w.kubectl(t, "", "delete", "clusterrole", "policyc-lookups")
	eventually(t, "what is read through does not fail", func() bool { return w.ask(t, goodStrong).class == failed })
	told := w.ask(t, goodStrong).text
	if t.Logf("read through: %s", told); !strings.Contains(told, "cannot read serviceaccounts") {
		t.Errorf("a request is told: %s", told)
	}
	w.killAndAwait(t, 2) // so that caches are filled anew
	for _, p := range w.pods() {
		for _, a := range []ask{good, bad, banned} {
			if got := w.askPod(t, p, a); got.class != failed {
				t.Errorf("%s: %s is %s: %s", p.Name, a, got.class, got.text)
			}
		}
	}
	told = w.ask(t, good).text
	if t.Logf("cached: %s", told); !strings.Contains(told, "cannot read ") {
		t.Errorf("a request is told: %s", told)
	}
	eventually(t, "the status does not say what cannot be read", func() bool {
		c := meta.FindStatusCondition(w.compiled(t, "cached").Status.Conditions, api.Ready)
		return c.Reason == "ReadFailed" && strings.Contains(c.Message, "forbidden")
	})
	restarts := w.pods()[0].Restarts()
	begin := time.Now()
	w.apply(t, "policies")
	eventually(t, "lookups are not read again", func() bool { return w.ask(t, good).class == admitted && w.ask(t, goodStrong).class == admitted })
	w.awaitForce(t)
	took(t, "given back", begin)
	if n := w.pods()[0].Restarts(); n != restarts {
		t.Errorf("%d restarts", n-restarts)
	}
	l.end().expectSound(t, "rights taken away")
	w.expectAsBefore(t)
}
