package manager

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/admission"

	"github.com/policyc/policyc/runtime/api"
	"github.com/policyc/policyc/runtime/engine"
)

var start = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)

// policyOf is a CompiledPolicy with one validation of pods, bound by entries.
func policyOf(name string, generation int64, expression string, entries ...string) *api.CompiledPolicy {
	p := &api.CompiledPolicy{ObjectMeta: metav1.ObjectMeta{Name: name, Generation: generation, UID: types.UID(name)}}
	p.Spec.Policies = []api.PolicySource{{Name: name, Rules: []api.RuleSource{{Name: "rule", Variable: "rule"}}}}
	p.Spec.Validating = &admissionv1.ValidatingAdmissionPolicySpec{
		MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
			Operations: []admissionv1.OperationType{admissionv1.Create},
			Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}}}}}},
		Variables:   []admissionv1.Variable{{Name: "rule", Expression: "['violated']"}},
		Validations: []admissionv1.Validation{{Expression: expression, Message: name}},
	}
	for _, entry := range entries {
		p.Spec.Bindings = append(p.Spec.Bindings, api.Binding{Name: name + "-" + entry, Webhook: entry, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny}})
	}
	return p
}

// denials are the policies that deny a pod called x through an entry; "unknown" when the entry is.
func denials(t *testing.T, p *Programs, entry string) string {
	t.Helper()
	e, known := p.Engine(entry)
	if !known {
		return "unknown"
	}
	pod := &corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: metav1.ObjectMeta{Name: "x", Namespace: "default"}}
	decisions, err := e.Evaluate(context.Background(), &engine.Request{Operation: admission.Create, Object: pod, Namespace: "default", Name: "x",
		Kind: corev1.SchemeGroupVersion.WithKind("Pod"), Resource: corev1.SchemeGroupVersion.WithResource("pods")})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, d := range decisions {
		if d.Denies() {
			out = append(out, d.Policy+" "+d.Message)
		}
	}
	return strings.Join(out, ", ")
}

const no, yes, bad = "object.metadata.name != 'x'", "true", "object.metadata.nam.("

func set(t *testing.T, p *Programs, object *api.CompiledPolicy, served int64) {
	t.Helper()
	o := p.Set(object, start)
	p.Publish()
	if o.Served != served || (o.Err == nil) != (served == object.Generation) {
		t.Errorf("%s: generation %d: %+v, want %d to be served", object.Name, object.Generation, o, served)
	}
}

func expect(t *testing.T, p *Programs, want map[string]string) {
	t.Helper()
	for entry, w := range want {
		if got := denials(t, p, entry); got != w {
			t.Errorf("entry %s: %q, want %q", entry, got, w)
		}
	}
}

func TestLastGood(t *testing.T) {
	p := NewPrograms(Compile)
	set(t, p, policyOf("a", 1, no, "e"), 1)
	expect(t, p, map[string]string{"e": "a a", "f": "unknown"})
	set(t, p, policyOf("a", 2, bad, "e"), 1)
	expect(t, p, map[string]string{"e": "a a"})
	// A bad generation that is to be called by another entry has no program there.
	set(t, p, policyOf("a", 3, bad, "f"), 1)
	expect(t, p, map[string]string{"e": "a a", "f": "unknown"})
	set(t, p, policyOf("a", 4, yes, "e"), 4)
	expect(t, p, map[string]string{"e": "", "f": "unknown"})
	p.Delete("a")
	p.Publish()
	expect(t, p, map[string]string{"e": "unknown"})
}

func TestShared(t *testing.T) {
	p := NewPrograms(Compile)
	set(t, p, policyOf("b", 1, no, "e", "f"), 1)
	set(t, p, policyOf("a", 1, no, "e"), 1)
	expect(t, p, map[string]string{"e": "a a, b b", "f": "b b"})
	set(t, p, policyOf("c", 1, bad, "e"), 0)
	expect(t, p, map[string]string{"e": "unknown", "f": "b b"})
	set(t, p, policyOf("c", 2, no, "e"), 2)
	set(t, p, policyOf("c", 3, bad, "e"), 2)
	expect(t, p, map[string]string{"e": "a a, b b, c c"})
	p.Delete("b")
	p.Publish()
	expect(t, p, map[string]string{"e": "a a, c c", "f": "unknown"})

	// A policy that may fail does not take the others with it.
	ignored := policyOf("d", 1, bad, "e")
	ignore := admissionv1.Ignore
	ignored.Spec.Validating.FailurePolicy = &ignore
	set(t, p, ignored, 0)
	expect(t, p, map[string]string{"e": "a a, c c"})
	// Alone it is not known: the API server admits, and says that the webhook failed.
	ignored = ignored.DeepCopy()
	ignored.Name, ignored.Spec.Bindings[0].Webhook = "e", "g"
	set(t, p, ignored, 0)
	expect(t, p, map[string]string{"g": "unknown"})
}

// TestRetired asserts that API servers which call the entry of before are answered, for a while.
func TestRetired(t *testing.T) {
	p := NewPrograms(Compile)
	set(t, p, policyOf("a", 1, no, "e"), 1)
	set(t, p, policyOf("a", 2, yes, "f"), 2)
	expect(t, p, map[string]string{"e": "a a", "f": ""})
	if o, _ := p.Outcome("a"); !o.Again.Equal(start.Add(retirement)) {
		t.Errorf("again at %s", o.Again)
	}
	// A third place, and back to the first: only what none after it binds is kept.
	set(t, p, policyOf("a", 3, yes, "g"), 3)
	expect(t, p, map[string]string{"e": "a a", "f": "", "g": ""})
	set(t, p, policyOf("a", 4, yes, "e"), 4)
	expect(t, p, map[string]string{"e": "", "f": "", "g": ""})
	if n := len(p.policies["a"].retired); n != 2 {
		t.Errorf("%d programs are kept", n)
	}
	p.Sweep(start.Add(retirement))
	p.Publish()
	expect(t, p, map[string]string{"e": "", "f": "unknown", "g": "unknown"})
}

// TestRecreated asserts that what was deleted is no earlier generation of what came after it.
func TestRecreated(t *testing.T) {
	p := NewPrograms(Compile)
	set(t, p, policyOf("a", 1, no, "e"), 1)
	again := policyOf("a", 1, bad, "e")
	again.UID = "another"
	set(t, p, again, 0)
	expect(t, p, map[string]string{"e": "unknown"})
}

// TestCompiledOnce asserts that what has not changed is not compiled again.
func TestCompiledOnce(t *testing.T) {
	var compiled []string
	p := NewPrograms(func(o *api.CompiledPolicy) (*engine.Engine, error) {
		compiled = append(compiled, o.Name)
		return Compile(o)
	})
	a, b := policyOf("a", 1, no, "e"), policyOf("b", 1, no, "e")
	set(t, p, a, 1)
	set(t, p, b, 1)
	if p.Set(a, start).Changed {
		t.Error("the same generation changed something")
	}
	same := a.DeepCopy()
	same.Generation = 2
	set(t, p, same, 2)
	if want := []string{"a", "b"}; !slices.Equal(compiled, want) {
		t.Errorf("compiled %v, want %v", compiled, want)
	}
}

// TestGarbage asserts that whatever somebody writes into a CompiledPolicy is an error of that policy.
func TestGarbage(t *testing.T) {
	for name, spec := range map[string]api.CompiledPolicySpec{
		"nothing":       {},
		"no expression": {Validating: &admissionv1.ValidatingAdmissionPolicySpec{Validations: []admissionv1.Validation{{}}}},
		"a lookup without a resource": {Validating: policyOf("a", 1, no).Spec.Validating,
			Lookups: []api.Lookup{{Name: "l", Namespaces: "1"}}},
	} {
		if _, err := Compile(&api.CompiledPolicy{Spec: spec}); err == nil {
			t.Errorf("%s: compiles", name)
		}
	}
}

func TestResources(t *testing.T) {
	p := NewPrograms(Compile)
	object := policyOf("a", 1, "size(params.lookups.l) == 0", "e")
	object.Spec.Lookups = []api.Lookup{
		{Name: "l", Resource: api.LookupResource{Version: "v1", Kind: "Secret", Plural: "secrets", Namespaced: true}},
		{Name: "m", Resource: api.LookupResource{Version: "v1", Kind: "ConfigMap", Plural: "configmaps", Namespaced: true}, Consistency: api.Strong}}
	set(t, p, object, 1)
	if got := p.Resources(); len(got) != 1 || got[0].Kind != "Secret" {
		t.Errorf("%v", got)
	}
	p.Delete("a")
	if got := p.Resources(); len(got) != 0 {
		t.Errorf("%v", got)
	}
}
