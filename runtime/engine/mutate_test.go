package engine

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission"
)

// since136 begins policies that mutate.
const since136 = "apiVersion: policyc.dev/v1alpha1\nkind: Project\nmetadata: {name: x}\nspec: {kubernetes: {minVersion: \"1.36\"}}\n---\n"

func mutateRequest(t *testing.T, e *Engine, r *Request) *Mutation {
	t.Helper()
	m, err := e.Mutate(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// applied is what rules did, one a line.
func applied(m *Mutation) string {
	var out []string
	for _, a := range m.Applied {
		var ops []string
		for _, o := range a.Patch {
			ops = append(ops, o.String())
		}
		out = append(out, fmt.Sprintf("%s/%s: %s", a.Policy, a.Rule, strings.Join(ops, ", ")))
	}
	return strings.Join(out, "\n")
}

// TestMutateAgain asserts that a policy sees what a later one made, as on a server: it is applied a second time.
func TestMutateAgain(t *testing.T) {
	e := build(t, since136+policyText("a", "Pod", `
  rules:
  - name: late
    when: has(object.metadata.labels.made)
    mutate: {set: {object.metadata.labels.late: "${object.metadata.labels.made}"}}
  - name: secret
    mutate: {append: {object.spec.imagePullSecrets: {name: r}}}
  enforce: deny
`)+policyText("b", "Pod", `
  rules:
  - name: made
    mutate: {set: {object.metadata.labels.made: x}}
  - name: seen
    deny: object.metadata.labels.late == 'x'
  enforce: deny
`))
	request := podRequest("ns", "a")
	m := mutateRequest(t, e, request)
	want := `a/late: add /metadata/labels/late "x"
a/secret: add /spec/imagePullSecrets [{"name":"r"}]
b/made: add /metadata/labels {"made":"x"}`
	if have := applied(m); have != want {
		t.Errorf("got\n%s", have)
	}
	if len(request.Object.(*corev1.Pod).Labels) > 0 {
		t.Error("the object of the request was changed")
	}
	// Validation sees the result.
	decisions, err := e.Evaluate(context.Background(), m.Request)
	if err != nil || len(decisions) != 1 || !decisions[0].Denies() {
		t.Errorf("got %v %v", decisions, err)
	}
	for _, a := range m.Applied {
		if a.Cost <= 0 || a.Cost > 1000 {
			t.Errorf("%s costs %d", a.Rule, a.Cost)
		}
	}
	if only := mutateRequest(t, e.For("b"), request); len(only.Applied) != 1 {
		t.Errorf("got %s", applied(only))
	}
}

// TestMutateFailure asserts that a patch that cannot be applied fails closed, unless the policy says otherwise.
func TestMutateFailure(t *testing.T) {
	for _, policy := range []string{"Fail", "Ignore"} {
		e := build(t, since136+policyText("a", "Pod", "  failurePolicy: "+policy+`
  rules:
  - name: label
    mutate: {set: {object.metadata.labels.a: b}}
  enforce: deny
`))
		p := e.mutators[0].object.DeepCopy()
		p.Spec.Mutations[0].JSONPatch.Expression = "[JSONPatch{op: 'add', path: '/spec/nothing/here', value: 1}]"
		broken, err := compileMutator(p, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		broken.bindings = e.mutators[0].bindings
		e.mutators[0] = broken
		m := mutateRequest(t, e, podRequest("ns", "a"))
		if len(m.Failures) == 0 || m.Failures[0].Denies() != (policy == "Fail") || m.Failures[0].Policy != "a" {
			t.Errorf("%s: %+v", policy, m.Failures)
		}
	}
}

func TestMutateParameters(t *testing.T) {
	e := build(t, since136+policyText("a", "ConfigMap", `
  parameterObject: true
  parameters: {owner: {type: string}}
  rules:
  - name: owner
    mutate: {set: {object.metadata.labels.owner: "${params.owner}"}}
  enforce:
  - {name: all, action: deny, parameters: {owner: built}}
`))
	object := &corev1.ConfigMap{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, ObjectMeta: metav1.ObjectMeta{Name: "c", Namespace: "ns"}}
	request := &Request{Operation: admission.Create, Kind: corev1.SchemeGroupVersion.WithKind("ConfigMap"),
		Resource: corev1.SchemeGroupVersion.WithResource("configmaps"), Namespace: "ns", Name: "c", Object: object}
	if have := applied(mutateRequest(t, e, request)); have != `a/owner: add /metadata/labels {"owner":"built"}` {
		t.Errorf("got %s", have)
	}
	edited := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "params.policyc.dev/v1", "kind": "AParams",
		"metadata": map[string]any{"name": "a-all"}, "spec": map[string]any{"owner": "edited"}}}
	request.Cluster = NewCluster(edited)
	if have := applied(mutateRequest(t, e, request)); have != `a/owner: add /metadata/labels {"owner":"edited"}` {
		t.Errorf("got %s", have)
	}
	// An object without the value is no failure: there is nothing to set.
	delete(edited.Object, "spec")
	request.Cluster = NewCluster(edited)
	if have := applied(mutateRequest(t, e, request)); have != "a/owner: " {
		t.Errorf("got %s", have)
	}
}

func TestDiff(t *testing.T) {
	type m = map[string]any
	for _, test := range []struct {
		before, after any
		want          string
	}{
		{m{"a": 1.0}, m{"a": 1.0}, "[]"},
		{m{"a": 1.0, "b": m{"c": "d"}}, m{"b": m{"c": "e", "x/y~z": true}}, `[remove /a replace /b/c "e" add /b/x~1y~0z true]`},
		{m{"l": []any{"a", "b", "c"}}, m{"l": []any{"a", "x"}}, `[replace /l/1 "x" remove /l/2]`},
		{m{"l": []any{m{"a": 1.0}}}, m{"l": []any{m{"a": 2.0}, nil}}, "[replace /l/0/a 2 add /l/1 null]"},
		{m{"l": []any{}}, m{"l": m{}}, "[replace /l {}]"},
	} {
		if have := fmt.Sprint(Diff(test.before, test.after)); have != test.want {
			t.Errorf("got %s, not %s", have, test.want)
		}
	}
}

// fixed is a lifecycle whose steps can be seen.
type fixed struct{}

func (fixed) Default(o runtime.Object)                     { o.(*corev1.Pod).Spec.HostIPC = true }
func (fixed) Fill(o runtime.Object, _ admission.Operation) { o.(*corev1.Pod).Spec.Hostname += "f" }
func (fixed) Store(o runtime.Object, _ admission.Operation) {
	o.(*corev1.Pod).Status.Phase = corev1.PodPending
}

func TestLifecycle(t *testing.T) {
	e := build(t, since136+policyText("a", "Pod", `
  rules:
  - name: label
    mutate: {default: {object.metadata.labels.a: b}}
  enforce: deny
`)).WithLifecycle(fixed{})
	m := mutateRequest(t, e, podRequest("ns", "a"))
	after, stored := m.After.(*corev1.Pod), m.Request.Object.(*corev1.Pod)
	if !after.Spec.HostIPC || after.Spec.Hostname != "f" || after.Status.Phase != "" || stored.Status.Phase != corev1.PodPending {
		t.Errorf("got %+v", stored)
	}
}

func BenchmarkMutate(b *testing.B) {
	e := build(b, since136+policyText("a", "Workload", `
  rules:
  - name: defaults
    forEach: container in containers
    mutate: {default: {container.securityContext.runAsNonRoot: true, container.securityContext.capabilities.drop: [ALL]}}
  enforce: deny
`))
	request := podRequest("ns", "a", "b", "c")
	b.ReportAllocs()
	for b.Loop() {
		if m, err := e.Mutate(context.Background(), request); err != nil || !m.Changed() {
			b.Fatal(err)
		}
	}
}
