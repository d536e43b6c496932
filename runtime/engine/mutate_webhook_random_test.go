package engine

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"reflect"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/runtime/api"
)

// TestMutationsInWebhook compiles random rules for the API server and for the webhook, which gets objects as JSON: both make
// the same of random objects. The patches may differ: JSON can have a `hostPID: false` that no Go object keeps.
func TestMutationsInWebhook(t *testing.T) {
	changed := 0
	for seed := range int64(30) {
		r := rand.New(rand.NewSource(1000 + seed))
		text := fmt.Sprintf(header, "p", "Workload") + "  enforce: deny\n  rules:\n"
		before, again := map[string]bool{}, false
		for i := range 1 + r.Intn(3) {
			rule, _, changes := ruleOf(r, fmt.Sprintf("r%d", i))
			text += rule
			for _, c := range changes {
				again = again || c.kind == "default" && before[c.path]
			}
			for _, c := range changes {
				before[c.path] = true
			}
		}
		if again {
			continue // see TestEmptiedInWebhook
		}
		native, served := build(t, since136+text), inWebhook(t, since136+text)
		for range 8 {
			request, _ := randomObject(r)
			want := mutateRequest(t, native, request)
			have := mutateRequest(t, served, asReviewed(t, request))
			if len(want.Failures) > 0 || len(have.Failures) > 0 {
				t.Fatalf("seed %d: %v %v\n%s", seed, want.Failures, have.Failures, text)
			}
			if patch := Diff(inGo(t, want.After, request.Object), inGo(t, have.After, request.Object)); len(patch) > 0 {
				t.Fatalf("seed %d: from the API server to the webhook\n%s\n%v", seed, text, patch)
			}
			if want.Changed() {
				changed++
			}
		}
	}
	if changed < 70 {
		t.Errorf("only %d objects were changed", changed)
	}
}

// TestEmptiedInWebhook states the one difference: between two rules, the API server has a Go object, which keeps no empty
// list and no false, and to it these are absent. The webhook has JSON, in which they are there, until the API server calls
// it again (reinvocationPolicy).
func TestEmptiedInWebhook(t *testing.T) {
	policy := since136 + policyText("p", "Pod", `
  enforce: deny
  rules:
  - name: remove
    mutate: {remove: {object.metadata.finalizers: [example.com/a]}}
  - name: default
    mutate: {default: {object.metadata.finalizers: [example.com/b]}}
`)
	request := podRequest("ns", "a")
	request.Object.(*corev1.Pod).Finalizers = []string{"example.com/a"}
	served := inWebhook(t, policy)
	once := mutateRequest(t, served, asReviewed(t, request))
	if have := inGo(t, once.After, request.Object).(map[string]any)["metadata"].(map[string]any)["finalizers"]; have != nil {
		t.Errorf("finalizers are %v: the difference is gone, and TestMutationsInWebhook need not pass over it", have)
	}
	// The API server has decoded the patched object when it calls again.
	content, _ := json.Marshal(once.After)
	pod := &corev1.Pod{}
	if err := json.Unmarshal(content, pod); err != nil {
		t.Fatal(err)
	}
	request.Object = pod
	want := mutateRequest(t, build(t, policy), request)
	have := mutateRequest(t, served, asReviewed(t, request))
	if patch := Diff(inGo(t, want.After, pod), inGo(t, have.After, pod)); len(patch) > 0 {
		t.Errorf("the second time: %v", patch)
	}
}

// inWebhook compiles policies with --mutation=webhook, and returns what serves the one entry for them.
func inWebhook(t *testing.T, policies string) *Engine {
	t.Helper()
	result := compiler.Compile([]syntax.Input{{Path: "p.yaml", Data: []byte(policies)}},
		compiler.Options{Now: time.Unix(0, 0), Mutation: "webhook"}, diag.NewReport())
	b, err := ReadBundle(result.Files, nil)
	if err != nil {
		t.Fatal(err)
	}
	var compiled []*api.CompiledPolicy
	for _, c := range b.Compiled {
		compiled = append(compiled, c)
	}
	if len(compiled) != 1 || len(compiled[0].Spec.Bindings) != 1 {
		t.Fatalf("%d CompiledPolicies", len(compiled))
	}
	return serve(t, compiled...).ForWebhook(compiled[0].Spec.Bindings[0].Webhook)
}

// asReviewed is a request with its object as an AdmissionReview has it.
func asReviewed(t *testing.T, r *Request) *Request {
	t.Helper()
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(r.Object)
	if err != nil {
		t.Fatal(err)
	}
	out := *r
	out.Object = &unstructured.Unstructured{Object: content}
	return &out
}

// inGo is an object as its Go type has it: what that leaves out is not there.
func inGo(t *testing.T, o, like runtime.Object) any {
	t.Helper()
	content, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	typed := reflect.New(reflect.TypeOf(like).Elem()).Interface().(runtime.Object)
	if err := json.Unmarshal(content, typed); err != nil {
		t.Fatal(err)
	}
	out, err := Plain(typed)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
