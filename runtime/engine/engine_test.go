package engine

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/syntax"
)

// build compiles policies and makes an engine of them.
func build(t testing.TB, policies string) *Engine {
	t.Helper()
	r := diag.NewReport()
	result := compiler.Compile([]syntax.Input{{Path: "p.yaml", Data: []byte(policies)}}, compiler.Options{Now: time.Now()}, r)
	if r.HasErrors() {
		var text strings.Builder
		_ = diag.WriteText(&text, r.Sorted(), false)
		t.Fatal(text.String())
	}
	b, err := ReadBundle(result.Files, result.Programs)
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(b)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// header begins a policy on pods with one rule.
const header = "apiVersion: policyc.dev/v1alpha1\nkind: Policy\nmetadata: {name: %s}\nspec:\n  match: {kinds: [%s]}\n"

func policyText(name, kind, rest string) string {
	return fmt.Sprintf(header, name, kind) + rest + "---\n"
}

const tagRule = `
  rules:
  - name: tag
    forEach: c in object.spec.containers
    deny: c.image.endsWith(':latest')
    message: "container ${c.name}: ${c.image}"
  - name: host
    deny: object.spec.hostNetwork
`

func podRequest(namespace string, images ...string) *Request {
	p := &corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: namespace}}
	for i, image := range images {
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: fmt.Sprintf("c%d", i), Image: image})
	}
	return &Request{Operation: admission.Create, Kind: corev1.SchemeGroupVersion.WithKind("Pod"),
		Resource: corev1.SchemeGroupVersion.WithResource("pods"), Namespace: namespace, Name: "p", Object: p}
}

// shown is a decision in one line.
func shown(d Decision) string {
	var rules []string
	for _, v := range d.Violations {
		rules = append(rules, v.Rule+"="+v.Message)
	}
	return fmt.Sprintf("%s %s %v denies=%v [%s]", d.Policy, d.Outcome, d.Actions, d.Denies(), strings.Join(rules, "; "))
}

func evaluate(t *testing.T, e *Engine, r *Request) []string {
	t.Helper()
	decisions, err := e.Evaluate(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, d := range decisions {
		out = append(out, shown(d))
	}
	return out
}

func expect(t *testing.T, have []string, want ...string) {
	t.Helper()
	if strings.Join(have, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(have, "\n  "), strings.Join(want, "\n  "))
	}
}

func TestDecisions(t *testing.T) {
	e := build(t, policyText("tags", "Pod", tagRule+"  enforce: deny\n")+policyText("warn", "Pod", tagRule+"  enforce: warn\n"))
	expect(t, evaluate(t, e, podRequest("default", "a:1")), "tags admitted [Deny] denies=false []", "warn admitted [Warn] denies=false []")
	expect(t, evaluate(t, e, podRequest("default", "a:latest", "b:1", "c:latest")),
		"tags violated [Deny] denies=true [tag=container c0: a:latest; tag=container c2: c:latest]",
		"warn violated [Warn] denies=false [tag=container c0: a:latest; tag=container c2: c:latest]")
	decisions, _ := e.Evaluate(context.Background(), podRequest("default", "a:latest"))
	if d := decisions[0]; d.Cost <= 0 || d.Message != "[tag] container c0: a:latest" || d.Reason != metav1.StatusReasonInvalid || d.Binding == "" {
		t.Errorf("%+v", d)
	}
	expect(t, evaluate(t, e.For("warn"), podRequest("default", "a:1")), "warn admitted [Warn] denies=false []")
	expect(t, evaluate(t, e, podRequest("kube-system", "a:latest")))
}

// A message that reads like that of another rule must not count as one.
func TestViolationsAreNotReadOutOfMessages(t *testing.T) {
	e := build(t, policyText("tags", "Pod", tagRule+"  enforce: deny\n"))
	r := podRequest("default", "x; [host] y:latest")
	expect(t, evaluate(t, e, r), "tags violated [Deny] denies=true [tag=container c0: x; [host] y:latest]")
}

func TestFusedObjects(t *testing.T) {
	e := build(t, "apiVersion: policyc.dev/v1alpha1\nkind: Project\nmetadata: {name: p}\nspec: {layout: fused}\n---\n"+
		policyText("a", "Pod", tagRule+"  enforce: deny\n")+
		policyText("b", "Pod", strings.Replace(tagRule, ":latest", ":old", 1)+"  enforce: deny\n"))
	if len(e.policies) != 1 {
		t.Fatalf("%d objects: nothing was fused", len(e.policies))
	}
	expect(t, evaluate(t, e, podRequest("default", "a:old")), "a admitted [Deny] denies=false []",
		"b violated [Deny] denies=true [tag=container c0: a:old]")
}

func TestEnvironments(t *testing.T) {
	e := build(t, policyText("tags", "Pod", tagRule+`
  enforce:
  - {name: production, namespaces: [production], action: deny}
  - {name: staging, namespaceLabels: {env: staging}, action: [warn, audit]}
`))
	expect(t, evaluate(t, e, podRequest("production", "a:latest")), "tags violated [Deny] denies=true [tag=container c0: a:latest]")
	expect(t, evaluate(t, e, podRequest("other", "a:latest")))
	r := podRequest("shop", "a:latest")
	r.Cluster = NewCluster(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop", Labels: map[string]string{"env": "staging"}}})
	expect(t, evaluate(t, e, r), "tags violated [Warn Audit] denies=false [tag=container c0: a:latest]")
}

const parameterRule = `
  parameterObject: true
  parameters: {tag: {type: string}}
  rules:
  - {name: tag, forEach: c in object.spec.containers, deny: c.image.endsWith(params.tag), message: "${c.image}"}
  enforce:
  - {name: all, namespaces: [default], action: deny, parameters: {tag: ":latest"}}
`

func TestParameterObjects(t *testing.T) {
	e := build(t, policyText("tags", "Pod", parameterRule))
	expect(t, evaluate(t, e, podRequest("default", "a:latest")), "tags violated [Deny] denies=true [tag=a:latest]")
	// The cluster's object replaces that of the bundle.
	var name, kind string
	for k, list := range e.parameters {
		kind, name = k.Kind, list[0].GetName()
	}
	r := podRequest("default", "a:latest")
	r.Cluster = NewCluster(&unstructured.Unstructured{Object: map[string]any{"apiVersion": "params.policyc.dev/v1", "kind": kind,
		"metadata": map[string]any{"name": name}, "spec": map[string]any{"tag": ":old"}}})
	expect(t, evaluate(t, e, r), "tags admitted [Deny] denies=false []")
	// Without an object, parameterNotFoundAction decides.
	e.parameters = nil
	decisions, err := e.Evaluate(context.Background(), podRequest("default", "a:1"))
	if err != nil || len(decisions) != 1 || decisions[0].Outcome != Failed || !decisions[0].Denies() {
		t.Errorf("%+v %v", decisions, err)
	}
}

// TestFailurePolicy forces evaluation errors, which compiled policies do not
// have: the expression is changed after the compiler.
func TestFailurePolicy(t *testing.T) {
	for _, policy := range []string{"Fail", "Ignore"} {
		e := build(t, policyText("tags", "Pod", "  failurePolicy: "+policy+"\n"+tagRule+"  enforce: deny\n"))
		object := e.policies[0].object.DeepCopy()
		object.Spec.Validations[0].Expression = "object.spec.nothing == 1"
		changed, err := compile(object, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		changed.bindings = e.policies[0].bindings
		e.policies[0] = changed
		decisions, err := e.Evaluate(context.Background(), podRequest("default", "a:1"))
		if err != nil || len(decisions) != 1 {
			t.Fatal(decisions, err)
		}
		d := decisions[0]
		if d.Outcome != Failed || d.Err == nil || d.Denies() != (policy == "Fail") {
			t.Errorf("%s: %+v", policy, d)
		}
	}
}

func TestBadObjects(t *testing.T) {
	e := build(t, policyText("tags", "Pod", tagRule+"  enforce: deny\n"))
	object := e.policies[0].object.DeepCopy()
	object.Spec.Variables[0].Expression = "object.spec +"
	if _, err := New(&Bundle{Policies: append([]*admissionv1.ValidatingAdmissionPolicy{}, object)}); err == nil || !strings.Contains(err.Error(), "variable") {
		t.Errorf("got %v", err)
	}
	files := map[string][]byte{"native/b.yaml": []byte("apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicyBinding\nmetadata: {name: b}\nspec: {policyName: gone}\n")}
	if _, err := ReadBundle(files, nil); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("got %v", err)
	}
	if _, err := e.Evaluate(context.Background(), &Request{Operation: admission.Create}); err == nil {
		t.Error("a request without an object was evaluated")
	}
}

// TestEquivalent sends a version of a custom resource that the policy does not name.
func TestEquivalent(t *testing.T) {
	e := build(t, policyText("scalers", "autoscaling/v2/HorizontalPodAutoscaler", "  rules:\n  - {name: most, deny: object.spec.maxReplicas > 3}\n  enforce: deny\n"))
	mapper := runtime.NewEquivalentResourceRegistry()
	for _, v := range []string{"v1", "v2"} {
		gv := schema.GroupVersion{Group: "autoscaling", Version: v}
		mapper.RegisterKindFor(gv.WithResource("horizontalpodautoscalers"), "", gv.WithKind("HorizontalPodAutoscaler"))
	}
	gv := schema.GroupVersion{Group: "autoscaling", Version: "v1"}
	r := &Request{Operation: admission.Create, Kind: gv.WithKind("HorizontalPodAutoscaler"), Resource: gv.WithResource("horizontalpodautoscalers"),
		Namespace: "default", Name: "a", Object: &unstructured.Unstructured{Object: map[string]any{"apiVersion": "autoscaling/v1",
			"kind": "HorizontalPodAutoscaler", "metadata": map[string]any{"name": "a"}, "spec": map[string]any{"maxReplicas": int64(5)}}}}
	expect(t, evaluate(t, e, r)) // nothing is known to be equivalent
	decisions, err := e.WithEquivalents(mapper).Evaluate(context.Background(), r)
	// A built-in kind cannot be converted here: it fails, and says so.
	if err != nil || len(decisions) != 1 || decisions[0].Outcome != Failed || !strings.Contains(decisions[0].Err.Error(), "convert") {
		t.Errorf("%+v %v", decisions, err)
	}
}

// TestBudget makes a policy spend more than the API server allows for one
// expression, and for all of an object: both fail closed.
func TestBudget(t *testing.T) {
	e := build(t, policyText("tags", "Pod", tagRule+"  enforce: deny\n"))
	ten := "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"
	loop := func(depth int) string {
		x := "true"
		for i := range depth {
			x = fmt.Sprintf("%s.all(v%d, %s)", ten, i, x)
		}
		return x
	}
	for name, change := range map[string]func(*admissionv1.ValidatingAdmissionPolicy){
		"expression": func(p *admissionv1.ValidatingAdmissionPolicy) { p.Spec.Validations[0].Expression = loop(7) },
		"object": func(p *admissionv1.ValidatingAdmissionPolicy) {
			one := p.Spec.Validations[0]
			p.Spec.Validations = nil
			for range 60 {
				one.Expression = loop(5)
				p.Spec.Validations = append(p.Spec.Validations, one)
			}
		},
	} {
		object := e.policies[0].object.DeepCopy()
		change(object)
		changed, err := compile(object, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		changed.bindings = e.policies[0].bindings
		decisions, err := (&Engine{policies: []*policy{changed}, objects: e.objects}).Evaluate(context.Background(), podRequest("default", "a:1"))
		if err != nil || len(decisions) == 0 {
			t.Fatalf("%s: %v %v", name, decisions, err)
		}
		last := decisions[len(decisions)-1]
		if last.Outcome != Failed || !last.Denies() || !strings.Contains(last.Err.Error(), "cost") {
			t.Errorf("%s: %+v", name, last)
		}
	}
}

// TestConverted sends objects that the API server converted to the version of
// the policy: `request` tells both versions, as in the API server.
func TestConverted(t *testing.T) {
	e := build(t, policyText("scalers", "autoscaling/v2/HorizontalPodAutoscaler",
		"  rules:\n  - {name: most, deny: object.spec.maxReplicas > 3, message: \"${request.requestKind.version} ${request.kind.version} ${request.resource.version} ${request.requestResource.version}\"}\n  enforce: deny\n"))
	v1, v2 := schema.GroupVersion{Group: "autoscaling", Version: "v1"}, schema.GroupVersion{Group: "autoscaling", Version: "v2"}
	const kind, resource = "HorizontalPodAutoscaler", "horizontalpodautoscalers"
	r := &Request{Operation: admission.Create, Kind: v2.WithKind(kind), Resource: v2.WithResource(resource), RequestKind: v1.WithKind(kind),
		RequestResource: v1.WithResource(resource), Namespace: "default", Name: "a", Object: &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "autoscaling/v2", "kind": kind, "metadata": map[string]any{"name": "a"}, "spec": map[string]any{"maxReplicas": int64(5)}}}}
	expect(t, evaluate(t, e, r), "scalers violated [Deny] denies=true [most=v1 v2 v2 v1]")
}

// TestParameterNumbers reads a number of a parameter object beside a lookup as the int64 that it is to an API server: there
// is no remainder of a double.
func TestParameterNumbers(t *testing.T) {
	e := build(t, policyText("some", "Pod", `
  parameterObject: true
  parameters: {every: {type: int}}
  lookups: {found: {kind: ConfigMap}}
  rules:
  - {name: every, deny: size(object.metadata.name) % params.every == 1 + size(found), message: "not ${params.every}"}
  enforce:
  - {name: all, action: deny, parameters: {every: 2}}
`))
	expect(t, evaluate(t, e, podRequest("default", "a")), "some violated [Deny] denies=true [every=not 2]")
}
