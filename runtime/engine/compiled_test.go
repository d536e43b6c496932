package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/policyc/policyc/compiler/ir"
	"github.com/policyc/policyc/runtime/api"
)

func TestForWebhook(t *testing.T) {
	text := fmt.Sprintf(compiled, "p", "", none) + "  - {name: warned, webhook: two, validationActions: [Warn], matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}}}\n"
	e := serve(t, readCompiled(t, text), readCompiled(t, strings.Replace(fmt.Sprintf(compiled, "q", "", none), "webhook: one", "webhook: two", 1)),
		readCompiled(t, mutatingPolicy))
	for entry, want := range map[string][]string{
		"one": {"p violated [Deny] denies=true [covered=0]"}, "two": {"p violated [Warn] denies=false [covered=0]", "q violated [Deny] denies=true [covered=0]"},
		"three": nil, "none": nil, "": nil,
	} {
		expect(t, evaluate(t, e.ForWebhook(entry), podRequest("shop", "a")), want...)
	}
	if e.ForWebhook("one").Mutates() || !e.ForWebhook("three").Mutates() {
		t.Error("a mutating policy is not where its binding is")
	}
	expect(t, evaluate(t, e.ForWebhook("two"), podRequest("other", "a")), "q violated [Deny] denies=true [covered=0]")
	expect(t, evaluate(t, build(t, policyText("tags", "Pod", tagRule+"  enforce: deny\n")).ForWebhook("one"), podRequest("shop", "a:latest")))
}

// TestReadBundleOfTheWebhook asserts that what is beside the policies does no harm, and that a program counts for more
// than what its CompiledPolicy says.
func TestReadBundleOfTheWebhook(t *testing.T) {
	files := map[string][]byte{
		"webhook/p.yaml":                   []byte(fmt.Sprintf(compiled, "p", "", none)),
		"webhook/params.yaml":              []byte("apiVersion: params.policyc.dev/v1\nkind: Least\nmetadata: {name: a}\n"),
		"webhook/validating_webhooks.yaml": []byte("apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {name: policyc}\n"),
		"webhook/lookups_role.yaml":        []byte("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: policyc-lookups}\n"),
		"webhook/kustomization.yaml":       []byte("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"),
	}
	for rule, programs := range map[string][]*ir.Program{"covered": nil, "renamed": {{Name: "p", Validations: []ir.Validation{{}},
		Policies: []*ir.Policy{{Name: "p", Rules: []*ir.Rule{{Name: "renamed", Variable: "covered"}}}}}}} {
		b, err := ReadBundle(files, programs)
		if err != nil {
			t.Fatal(err)
		}
		if len(b.Policies) != 1 || len(b.Parameters) != 1 {
			t.Errorf("%d policies, parameters %v", len(b.Policies), b.Parameters)
		}
		e, err := New(b)
		if err != nil {
			t.Fatal(err)
		}
		decisions, err := e.Evaluate(context.Background(), podRequest("shop", "a"))
		if err != nil || len(decisions) != 1 || len(decisions[0].Rules()) != 1 || decisions[0].Rules()[0] != rule {
			t.Errorf("%s: %+v %v", rule, decisions, err)
		}
	}
	files["webhook/q.yaml"] = files["webhook/p.yaml"]
	if _, err := ReadBundle(files, nil); err == nil || !strings.Contains(err.Error(), "two of that name") {
		t.Errorf("got %v", err)
	}
}

// TestBadCompiledPolicies asserts that what would match nothing, deny nobody or lose a lookup is refused.
func TestBadCompiledPolicies(t *testing.T) {
	good := fmt.Sprintf(compiled, "p", "labels: [{key: app, operator: In, values: variables.mine}]", none)
	for _, c := range []struct{ from, to, want string }{
		{"  validating:", "  validating_:", "validating and mutating"},
		{"operations: [CREATE, UPDATE]", "operations: [create]", "unknown operation"},
		{"operations: [CREATE, UPDATE]", "operations: []", "a rule has to have"},
		{"operations: [CREATE, UPDATE]", "operations: [CREATE], scope: Pods", "unknown scope"},
		{"{resourceRules:", "{matchPolicy: Roughly, resourceRules:", "unknown matchPolicy"},
		{"{resourceRules:", "{objectSelector: {matchLabels: {a b: c}}, resourceRules:", "a b"},
		{"{resourceRules:", "{excludeResourceRules:", "it matches nothing"},
		{"validationActions: [Deny]", "validationActions: [deny]", "unknown action"},
		{"validationActions: [Deny]", "validationActions: []", "need one"},
		{"webhook: one,", "webhook: one, paramRef: {name: a},", "paramRef goes with paramKind"},
		{"webhook: one,", "webhook: one, matchResources: {resourceRules: [{operations: [CREATE]}]},", "binding all: matchResources: a rule"},
		{"failurePolicy: Fail", "paramKind: {apiVersion: v1, kind: ConfigMap}", "paramResource go together"},
		{"failurePolicy: Fail", "failurePolicy: Sometimes", "unknown failurePolicy"},
		{"validations: [", "validations_: [", "no validation"},
		{"variable: covered", "variable: other", "rule"},
		{"- {name: p,", "- {name: more, rules: []}\n  - {name: p,", "validations and its program"},
		{"operator: In", "operator: Like", "unknown operator"},
		{"operator: In", "operator: Exists", "values go with In and NotIn"},
		{"key: app", "key: a b", "is no label"},
		{"variables.mine}]", "1 + 1}]", "lookup found: must evaluate to"},
		{"variables.mine}]", "params.spec.a}]", "lookup found: compilation failed"},
		{"plural: networkpolicies, namespaced: true}", "plural: networkpolicies, namespaced: false}\n    namespaces: variables.mine", "in no namespace"},
		{"plural: networkpolicies, ", "plural: '', ", "version, kind and plural"},
		{"    labels:", "    consistency: Eventual\n    labels:", "unknown consistency"},
		{"size(variables.covered) == 0", "size(variables.uncovered) == 0", "validation: "},
	} {
		p := &api.CompiledPolicy{}
		if err := yaml.Unmarshal([]byte(strings.Replace(good, c.from, c.to, 1)), p); err != nil || !strings.Contains(good, c.from) {
			t.Fatalf("%s: %v", c.to, err)
		}
		b, err := FromCompiled([]*api.CompiledPolicy{p})
		if err == nil {
			_, err = New(b)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), " p: ") {
			t.Errorf("%s: got %v, want %s", c.to, err, c.want)
		}
	}
	serve(t, readCompiled(t, good))
}

// TestCompiledIsNotChanged: it is an object of a cache.
func TestCompiledIsNotChanged(t *testing.T) {
	p := readCompiled(t, fmt.Sprintf(compiled, "p", "", none))
	before := p.DeepCopy()
	serve(t, p)
	one, _ := yaml.Marshal(before)
	two, _ := yaml.Marshal(p)
	if string(one) != string(two) {
		t.Errorf("got\n%s", two)
	}
}

// mutatingPolicy labels pods with the names of network policies, and with what the first rule made.
const mutatingPolicy = `
apiVersion: policyc.dev/v1alpha1
kind: CompiledPolicy
metadata: {name: m}
spec:
  policies:
  - {name: labels, rules: [{name: names}, {name: again}]}
  mutating:
    failurePolicy: Fail
    reinvocationPolicy: IfNeeded
    matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], resources: [pods], operations: [CREATE]}]}
    matchConditions: [{name: labels, expression: has(object.metadata.labels)}]
    mutations:
    - patchType: JSONPatch
      jsonPatch: {expression: "[JSONPatch{op: 'add', path: '/metadata/labels/names', value: params.lookups.found.map(p, p.metadata.name).join('.')}]"}
    - patchType: JSONPatch
      jsonPatch: {expression: "[JSONPatch{op: 'add', path: '/metadata/labels/again', value: string(size(params.lookups.found))}]"}
  lookups:
  - name: found
    resource: {group: networking.k8s.io, version: v1, kind: NetworkPolicy, plural: networkpolicies, namespaced: true}
    namespaces: "[request.namespace]"
    names: "object.metadata.labels[?'names'].hasValue() ? ['deny'] : ['deny', 'allow']"
  bindings:
  - {name: all, webhook: three}
`

func labelled(t *testing.T, e *Engine, reader Reader) *Mutation {
	t.Helper()
	r := withLabels(podRequest("shop", "a"))
	r.Cluster = reader
	return mutateRequest(t, e, r)
}

func withLabels(r *Request) *Request {
	out := *r
	pod := r.Object.(*corev1.Pod).DeepCopy()
	pod.Labels, out.Object = map[string]string{"app": "a"}, pod
	return &out
}

// TestMutateWithLookups asserts that the lookups of a rule read what the rules before it made, and so those of an
// application that others made necessary.
func TestMutateWithLookups(t *testing.T) {
	from := &asked{Cluster: cluster()}
	m := labelled(t, serve(t, readCompiled(t, mutatingPolicy)), from.live())
	if len(m.Failures) > 0 {
		t.Fatalf("%+v", m.Failures)
	}
	const want = "labels/names: add /metadata/labels/names \"allow.deny\", replace /metadata/labels/names \"deny\"\nlabels/again: add /metadata/labels/again \"1\""
	if have := applied(m); have != want {
		t.Errorf("got\n%s\nwant\n%s", have, want)
	}
	if len(from.queries) != 2 {
		t.Errorf("read %d times: %v", len(from.queries), from.queries)
	}
	if m.Applied[0].Cost <= 0 {
		t.Error("it cost nothing")
	}
	// Without labels the match condition is false, and nothing is read.
	r := podRequest("shop", "a")
	from = &asked{Cluster: cluster()}
	r.Cluster = from.live()
	if m := mutateRequest(t, serve(t, readCompiled(t, mutatingPolicy)), r); m.Changed() || len(m.Failures) > 0 || len(from.queries) > 0 {
		t.Errorf("%v %+v", applied(m), m.Failures)
	}
}

func TestMutateReaderError(t *testing.T) {
	cause := apierrors.NewForbidden(corev1.Resource("pods"), "secret-name", errors.New("object content"))
	for _, policy := range []string{"Fail", "Ignore"} {
		e := serve(t, readCompiled(t, strings.Replace(mutatingPolicy, "failurePolicy: Fail", "failurePolicy: "+policy, 1)))
		m := labelled(t, e, (&asked{Cluster: cluster(), err: cause}).live())
		if len(m.Failures) == 0 || m.Changed() {
			t.Fatalf("%s: %+v %s", policy, m.Failures, applied(m))
		}
		for _, d := range m.Failures {
			if d.Denies() != (policy == "Fail") || d.Policy != "labels" || d.Object != "m" || !errors.Is(d.Err, cause) ||
				d.Message != "lookup found: cannot read networkpolicies.networking.k8s.io" {
				t.Errorf("%s: %+v", policy, d)
			}
		}
	}
}

// TestIgnoredFailureHidesNone: the failure of a policy that ignores them is no reason to overlook that of another.
func TestIgnoredFailureHidesNone(t *testing.T) {
	ignored := readCompiled(t, strings.Replace(mutatingPolicy, "failurePolicy: Fail", "failurePolicy: Ignore", 1))
	failing := readCompiled(t, mutatingPolicy)
	failing.Name = "n"
	failing.Spec.Mutating.MatchConditions[0].Expression = "object.spec.nothing == 1"
	m := labelled(t, serve(t, ignored, failing), (&asked{Cluster: cluster(), err: errors.New("no")}).live())
	var denied bool
	for _, d := range m.Failures {
		denied = denied || d.Denies()
	}
	if !denied {
		t.Errorf("%+v", m.Failures)
	}
}

// TestMutatesAsTheNativePolicy compiles a policy for servers that mutate and for those that do not: the webhook does the same.
func TestMutatesAsTheNativePolicy(t *testing.T) {
	text := policyText("a", "Pod", `
  rules:
  - name: label
    mutate: {set: {object.metadata.labels.a: "${object.metadata.namespace}"}, append: {object.spec.imagePullSecrets: {name: r}}}
  - name: policy
    forEach: c in object.spec.containers
    mutate: {default: {c.imagePullPolicy: Always}}
  enforce:
  - {name: shops, namespaces: [shop], action: deny}
`)
	native, served := build(t, since136+text), build(t, strings.Replace(since136, "1.36", "1.34", 1)+text)
	if native.mutators[0].compiled != nil || served.mutators[0].compiled == nil {
		t.Fatal("the policy is not where it was meant to be")
	}
	served = served.ForWebhook(served.mutators[0].compiled.Spec.Bindings[0].Webhook)
	for _, namespace := range []string{"shop", "other"} {
		want, have := mutateRequest(t, native, podRequest(namespace, "x:1", "y:2")), mutateRequest(t, served, podRequest(namespace, "x:1", "y:2"))
		if applied(have) != applied(want) || have.Changed() != (namespace == "shop") {
			t.Errorf("got\n%s\nwant\n%s", applied(have), applied(want))
		}
		if diff, err := diffObjects(want.After, have.After); err != nil || len(diff) > 0 {
			t.Errorf("%v %v", diff, err)
		}
	}
}

// TestCompiledLookup asserts that what the compiler writes of lookups is what is evaluated here.
func TestCompiledLookup(t *testing.T) {
	e := build(t, policyText("covered", "Pod", `
  lookups:
    policies: {kind: NetworkPolicy, namespace: "${object.metadata.namespace}"}
  rules:
  - {name: some, require: "policies.exists(p, p.spec.podSelector == {})", message: no policy}
  enforce: deny
`))
	for namespace, want := range map[string]string{"shop": "covered admitted [Deny] denies=false []", "empty": "covered violated [Deny] denies=true [some=no policy]"} {
		r := podRequest(namespace, "a")
		r.Cluster = cluster()
		expect(t, evaluate(t, e, r), want)
	}
}

// BenchmarkLookup evaluates a policy that goes over 1,000 objects: what it allocates must not be a copy of them.
func BenchmarkLookup(b *testing.B) {
	e := lookupEngine(b, "", "!params.lookups.found.exists(x, x.metadata.name == 'n999')")
	var objects []runtime.Object
	for i := range 1000 {
		objects = append(objects, networkPolicy("shop", fmt.Sprintf("n%03d", i), nil))
	}
	r := podRequest("shop", "a")
	r.Cluster = NewCluster(objects...)
	b.ReportAllocs()
	for b.Loop() {
		if decisions, err := e.Evaluate(context.Background(), r); err != nil || decisions[0].Outcome != Admitted {
			b.Fatal(decisions, err)
		}
	}
}
