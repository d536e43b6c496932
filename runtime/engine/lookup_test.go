package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/policyc/policyc/runtime/api"
)

// compiled is a CompiledPolicy on pods in YAML: it has %s in its name, and lookups and the condition of a violation follow.
const compiled = `
apiVersion: policyc.dev/v1alpha1
kind: CompiledPolicy
metadata: {name: %s}
spec:
  policies:
  - {name: %[1]s, rules: [{name: covered, variable: covered}]}
  validating:
    failurePolicy: Fail
    matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], resources: [pods], operations: [CREATE, UPDATE]}]}
    variables:
    - {name: mine, expression: "[object.metadata.?namespace.orValue('')]"}
    - {name: covered, expression: "%[3]s ? ['[covered] ' + string(size(params.lookups.found))] : []"}
    validations: [{expression: size(variables.covered) == 0, messageExpression: "variables.covered[0]", reason: Forbidden}]
  lookups:
  - name: found
    resource: {group: networking.k8s.io, version: v1, kind: NetworkPolicy, plural: networkpolicies, namespaced: true}
    %[2]s
  bindings:
  - {name: all, webhook: one, validationActions: [Deny]}
`

// none is a violation when nothing is found.
const none = "size(params.lookups.found) == 0"

func readCompiled(t testing.TB, text string) *api.CompiledPolicy {
	t.Helper()
	p := &api.CompiledPolicy{}
	if err := yaml.UnmarshalStrict([]byte(text), p); err != nil {
		t.Fatal(err)
	}
	return p
}

func serve(t testing.TB, policies ...*api.CompiledPolicy) *Engine {
	t.Helper()
	b, err := FromCompiled(policies)
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(b)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func lookupEngine(t testing.TB, lookup, condition string) *Engine {
	t.Helper()
	return serve(t, readCompiled(t, fmt.Sprintf(compiled, "p", lookup, condition)))
}

// asked is a live Reader of given objects, which keeps what it was asked.
type asked struct {
	*Cluster
	err     error
	mu      sync.Mutex
	queries []Query
}

func (a *asked) List(ctx context.Context, q Query) ([]map[string]any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.queries = append(a.queries, q)
	if a.err != nil {
		return nil, a.err
	}
	return a.Cluster.List(ctx, q)
}

// live is no Cluster to the engine.
func (a *asked) live() Reader { return struct{ Reader }{a} }

func networkPolicy(namespace, name string, labels map[string]string) runtime.Object {
	return &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels}}
}

func cluster() *Cluster {
	return NewCluster(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "other"}},
		networkPolicy("shop", "deny", map[string]string{"app": "a"}), networkPolicy("shop", "allow", map[string]string{"app": "b"}),
		networkPolicy("other", "deny", nil))
}

func TestLookup(t *testing.T) {
	for name, c := range map[string]struct {
		lookup string
		want   int
		query  string
	}{
		"all":                   {"", 3, `[] [] "" false`},
		"strong":                {"consistency: Strong", 3, `[] [] "" true`},
		"namespaces":            {"namespaces: variables.mine", 2, `["shop"] [] "" false`},
		"both namespaces":       {"namespaces: \"['shop', 'other', 'shop']\"", 3, `["other" "shop"] [] "" false`},
		"names":                 {"{names: \"[object.spec.containers[0].image]\"}", 2, `[] ["deny"] "" false`},
		"no namespaces":         {"namespaces: \"[]\"", 0, ""},
		"no names":              {"names: \"[]\"", 0, ""},
		"names that cannot be":  {"names: \"['', '../secrets', 'a/b', '.']\"", 0, ""},
		"in namespace nothing":  {"namespaces: \"['']\"", 0, ""},
		"label in":              {"labels: [{key: app, operator: In, values: \"['a', 'not valid']\"}]", 1, `[] [] "app in (a)" false`},
		"label in nothing":      {"labels: [{key: app, operator: In, values: \"['not valid']\"}]", 0, ""},
		"label in no list":      {"labels: [{key: app, operator: In, values: \"[]\"}]", 0, ""},
		"label not in":          {"labels: [{key: app, operator: NotIn, values: \"['a']\"}]", 2, `[] [] "app notin (a)" false`},
		"label not in nothing":  {"labels: [{key: app, operator: NotIn, values: \"['not valid']\"}]", 3, `[] [] "" false`},
		"label exists":          {"labels: [{key: app, operator: Exists}]", 2, `[] [] "app" false`},
		"label does not exist":  {"labels: [{key: app, operator: DoesNotExist}]", 1, `[] [] "!app" false`},
		"all that is given":     {"namespaces: \"['shop']\"\n    names: \"['deny', 'allow']\"\n    labels: [{key: app, operator: Exists}, {key: app, operator: NotIn, values: \"['a']\"}]", 1, `["shop"] ["allow" "deny"] "app,app notin (a)" false`},
		"what the request says": {"namespaces: \"[request.namespace, namespaceObject.metadata.name]\"", 2, `["shop"] [] "" false`},
	} {
		t.Run(name, func(t *testing.T) {
			e := lookupEngine(t, strings.Trim(c.lookup, "{}"), fmt.Sprintf("size(params.lookups.found) != %d", c.want))
			from := &asked{Cluster: cluster()}
			r := podRequest("shop", "deny")
			r.Cluster = from.live()
			expect(t, evaluate(t, e, r), "p admitted [Deny] denies=false []")
			var queries []string
			for _, q := range from.queries {
				queries = append(queries, fmt.Sprintf("%q %q %q %t", q.Namespaces, q.Names, q.Selector, q.Strong))
			}
			if strings.Join(queries, "\n") != c.query {
				t.Errorf("asked %s, want %s", queries, c.query)
			}
		})
	}
}

// TestManyNames asserts that a request that names many objects is one read.
func TestManyNames(t *testing.T) {
	many := func(word string) string {
		return fmt.Sprintf("\"['%s'] + [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(a, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(b, 'n' + string(a * 10 + b))).flatten()\"", word)
	}
	for lookup, want := range map[string]string{
		"names: " + many("deny"):                                       "2 [] []",
		"namespaces: " + many("other"):                                 "1 [] []",
		"names: " + many("deny") + "\n    namespaces: \"['shop']\"":    `1 ["shop"] []`,
		"names: " + many("deny") + "\n    namespaces: " + many("shop"): "1 [] []",
	} {
		from := &asked{Cluster: cluster()}
		r := podRequest("shop", "a")
		r.Cluster = from.live()
		e := lookupEngine(t, lookup, "true")
		decisions, err := e.Evaluate(context.Background(), r)
		if err != nil || len(decisions) != 1 || len(from.queries) != 1 {
			t.Fatalf("%v %v, read %d times", decisions, err, len(from.queries))
		}
		if have := fmt.Sprintf("%s %q %q", strings.TrimPrefix(decisions[0].Message, "[covered] "), from.queries[0].Namespaces, from.queries[0].Names); have != want {
			t.Errorf("got %s, want %s", have, want)
		}
	}
}

// TestLookupDenies asserts that a violation, its message and its rules see the same lists, which are read once.
func TestLookupDenies(t *testing.T) {
	e := lookupEngine(t, "namespaces: variables.mine", "size(params.lookups.found) == 2 && params.lookups.found[0].metadata.name == 'allow'")
	second := e.policies[0].bindings[0]
	e.policies[0].bindings = append(e.policies[0].bindings, second)
	from := &asked{Cluster: cluster()}
	r := podRequest("shop", "a")
	r.Cluster = from.live()
	const want = "p violated [Deny] denies=true [covered=2]"
	expect(t, evaluate(t, e, r), want, want)
	if len(from.queries) != 1 {
		t.Errorf("read %d times", len(from.queries))
	}
	r.Cluster = cluster()
	decisions, err := e.Evaluate(context.Background(), r)
	if err != nil || decisions[0].Message != "[covered] 2" || decisions[0].Reason != metav1.StatusReasonForbidden || decisions[0].Binding != "all" {
		t.Errorf("%+v %v", decisions, err)
	}
	i, err := e.Inspect("p", []string{"params.lookups.found.map(x, x.metadata.name)", "variables.covered"})
	if err != nil {
		t.Fatal(err)
	}
	if values, err := i.Evaluate(context.Background(), r); err != nil || fmt.Sprint(values) != "[[[allow deny] [[covered] 2]]]" {
		t.Errorf("%v %v", values, err)
	}
}

func TestNothingToLookUpIn(t *testing.T) {
	e := lookupEngine(t, "", none)
	for _, nothing := range []Reader{nil, (*Cluster)(nil), NewCluster()} {
		r := podRequest("shop", "a")
		r.Cluster = nothing
		expect(t, evaluate(t, e, r), "p violated [Deny] denies=true [covered=0]")
	}
}

// TestReaderError asserts that a lookup that fails closes, or not, as the policy says, and that the client is told no more
// than which lookup it was.
func TestReaderError(t *testing.T) {
	cause := apierrors.NewForbidden(networkingv1.Resource("networkpolicies"), "secret-name", errors.New("object content"))
	for _, c := range []struct {
		policy, actions string
		denies          bool
	}{{"Fail", "[Deny]", true}, {"Ignore", "[Deny]", false}, {"Fail", "[Warn]", false}} {
		text := strings.Replace(fmt.Sprintf(compiled, "p", "", none), "failurePolicy: Fail", "failurePolicy: "+c.policy, 1)
		e := serve(t, readCompiled(t, strings.Replace(text, "[Deny]", c.actions, 1)))
		r := podRequest("shop", "a")
		r.Cluster = (&asked{Cluster: cluster(), err: cause}).live()
		decisions, err := e.Evaluate(context.Background(), r)
		if err != nil || len(decisions) != 1 {
			t.Fatal(decisions, err)
		}
		d := decisions[0]
		if d.Outcome != Failed || d.Denies() != c.denies || d.Ignored != (c.policy == "Ignore") || d.Policy != "p" || d.Binding != "all" ||
			fmt.Sprint(d.Actions) != c.actions || d.Message != "lookup found: cannot read networkpolicies.networking.k8s.io" || !errors.Is(d.Err, cause) {
			t.Errorf("%v: %+v", c, d)
		}
	}
}

// TestLookupExpressionErrors asserts that a lookup that cannot be evaluated fails closed, and reads nothing.
func TestLookupExpressionErrors(t *testing.T) {
	for lookup, want := range map[string]string{
		"names: \"[object.spec.nothing]\"":       "lookup found: names: ",
		"names: object.metadata.name":            "no list",
		"names: \"[dyn(1)]\"":                    "something else than strings",
		"namespaces: \"[variables.covered[0]]\"": "lookup found: namespaces: ",
		"labels: [{key: app, operator: In, values: \"[object.spec.nothing.more]\"}]": "lookup found: label app: ",
	} {
		from := &asked{Cluster: cluster()}
		r := podRequest("shop", "a")
		r.Cluster = from.live()
		decisions, err := lookupEngine(t, lookup, none).Evaluate(context.Background(), r)
		if err != nil || len(decisions) != 1 || decisions[0].Outcome != Failed || !decisions[0].Denies() || !strings.Contains(decisions[0].Message, want) {
			t.Errorf("%s: %+v %v", lookup, decisions, err)
		}
		if len(from.queries) > 0 {
			t.Errorf("%s: read %v", lookup, from.queries)
		}
	}
}

// TestConditionsComeFirst asserts that nothing is looked up for a request that the match conditions leave out.
func TestConditionsComeFirst(t *testing.T) {
	text := strings.Replace(fmt.Sprintf(compiled, "p", "", none), "    variables:",
		"    matchConditions: [{name: images, expression: \"object.spec.containers.exists(c, c.image == 'a') && (object.metadata.name == 'p' || object.spec.nothing)\"}]\n    variables:", 1)
	e := serve(t, readCompiled(t, text))
	from := &asked{Cluster: cluster()}
	r := podRequest("shop", "b")
	r.Cluster = from.live()
	expect(t, evaluate(t, e, r))
	if len(from.queries) > 0 {
		t.Errorf("read %v", from.queries)
	}
	r = podRequest("shop", "a")
	r.Cluster = from.live()
	expect(t, evaluate(t, e, r), "p admitted [Deny] denies=false []")
	// A condition that fails is an evaluation error.
	r.Object.(*corev1.Pod).Name = "q"
	expect(t, evaluate(t, e, r), "p failed [Deny] denies=true []")
}

// TestLookupCost asserts that what lookups spend counts, and ends the evaluation when it is all of the budget.
func TestLookupCost(t *testing.T) {
	cost := func(lookup string) Decision {
		decisions, err := lookupEngine(t, lookup, none).Evaluate(context.Background(), podRequest("shop", "a"))
		if err != nil || len(decisions) != 1 {
			t.Fatal(decisions, err)
		}
		return decisions[0]
	}
	ten := "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"
	little, more := cost("names: \"['a']\""), cost("names: \""+ten+".map(x, string(x))\"")
	if little.Cost <= 0 || more.Cost < little.Cost+10 {
		t.Errorf("%d and %d", little.Cost, more.Cost)
	}
	loop := "'a'"
	for i := range 6 {
		loop = fmt.Sprintf("%s.map(v%d, %s)[0]", ten, i, loop)
	}
	if d := cost("names: \"[" + loop + "]\""); d.Outcome != Failed || !d.Denies() || !strings.Contains(d.Message, "cost") {
		t.Errorf("%+v", d)
	}
}

// TestLookupsConcurrently is for the race detector: an engine and a cluster serve several requests at once.
func TestLookupsConcurrently(t *testing.T) {
	e, c := lookupEngine(t, "namespaces: variables.mine", none), cluster()
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			r := podRequest([]string{"shop", "empty"}[i%2], "a")
			r.Cluster = c
			decisions, err := e.ForWebhook("one").Evaluate(context.Background(), r)
			if err != nil || len(decisions) != 1 || decisions[0].Denies() != (i%2 == 1) {
				t.Errorf("%v %v", decisions, err)
			}
		})
	}
	all.Wait()
}

// TestLiveNamespaces asserts that a live Reader is believed, also when it says that a namespace is not there.
func TestLiveNamespaces(t *testing.T) {
	text := strings.Replace(fmt.Sprintf(compiled, "p", "", none), "matchConstraints: {", "matchConstraints: {namespaceSelector: {matchLabels: {env: x}}, ", 1)
	e := serve(t, readCompiled(t, text))
	r := podRequest("gone", "a")
	expect(t, evaluate(t, e, r))
	for _, reader := range []Reader{NewCluster(), badNamespaces{}} {
		r.Cluster = struct{ Reader }{reader}
		expect(t, evaluate(t, e, r), "p failed [Deny] denies=true []")
		m := mutateRequest(t, serve(t, readCompiled(t, mutatingPolicy)), withLabels(r))
		if len(m.Failures) != 1 || !m.Failures[0].Denies() || strings.Contains(m.Failures[0].Message, "refused") {
			t.Errorf("%+v", m.Failures)
		}
		// So it is where no selector asks for the namespace.
		expect(t, evaluate(t, lookupEngine(t, "", none), r), "p failed [Deny] denies=true []")
	}
}

type badNamespaces struct{ *Cluster }

var errRefused = apierrors.NewInternalError(errors.New("connection refused"))

func (badNamespaces) Namespace(context.Context, string) (*corev1.Namespace, error) {
	return nil, errRefused
}

// TestUnreadNamespace asserts that clients are told no more than which namespace it is, and logs are.
func TestUnreadNamespace(t *testing.T) {
	text := strings.Replace(fmt.Sprintf(compiled, "p", "", none), "matchConstraints: {", "matchConstraints: {namespaceSelector: {matchLabels: {env: x}}, ", 1)
	for _, e := range []*Engine{serve(t, readCompiled(t, text)), lookupEngine(t, "", none)} {
		r := podRequest("shop", "a")
		r.Cluster = struct{ Reader }{badNamespaces{}}
		decisions, err := e.Evaluate(context.Background(), r)
		if err != nil || len(decisions) != 1 || !errors.Is(decisions[0].Err, errRefused) || !strings.HasSuffix(decisions[0].Message, "cannot read namespace shop") {
			t.Errorf("%+v %v", decisions, err)
		}
	}
}

// TestReplaceKeepsLookups: an object that is altered is evaluated with the lookups of the one that it stands for.
func TestReplaceKeepsLookups(t *testing.T) {
	e := lookupEngine(t, "", none)
	object := e.policies[0].object.DeepCopy()
	object.Spec.Variables[1].Expression = "size(params.lookups.found) > 0 ? ['x'] : []"
	b := newBundle()
	b.Policies = append(b.Policies, object)
	b.Bindings["p"] = append(b.Bindings["p"], e.policies[0].bindings[0].object)
	changed, err := e.Replace(b)
	if err != nil {
		t.Fatal(err)
	}
	r := podRequest("shop", "a")
	r.Cluster = cluster()
	expect(t, evaluate(t, changed.ForWebhook("one"), r), " violated [Deny] denies=true []")
	expect(t, evaluate(t, e.For("p"), r), "p admitted [Deny] denies=false []")
}

// parameterized is a policy with parameter objects beside its lookup.
func parameterized(t *testing.T) *Engine {
	text := fmt.Sprintf(compiled, "p", "names: \"[params.spec.name]\"", "size(params.lookups.found) < params.spec.least")
	text = strings.Replace(text, "failurePolicy: Fail", "paramKind: {apiVersion: params.policyc.dev/v1, kind: Least}", 1)
	text = strings.Replace(text, "  lookups:", "  paramResource: {group: params.policyc.dev, version: v1, kind: Least, plural: leasts, namespaced: false}\n  lookups:", 1)
	text = strings.Replace(text, "webhook: one,", "webhook: one, paramRef: {name: least, parameterNotFoundAction: Deny},", 1)
	return serve(t, readCompiled(t, text))
}

func TestParametersAndLookups(t *testing.T) {
	least := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "params.policyc.dev/v1", "kind": "Least",
		"metadata": map[string]any{"name": "least"}, "spec": map[string]any{"name": "deny", "least": int64(3)}}}
	e := parameterized(t)
	with := NewCluster(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}, least, networkPolicy("shop", "deny", nil), networkPolicy("a", "deny", nil))
	for _, reader := range []Reader{with, (&asked{Cluster: with}).live()} {
		r := podRequest("shop", "a")
		r.Cluster = reader
		expect(t, evaluate(t, e, r), "p violated [Deny] denies=true [covered=2]")
	}
	// An object that the cache does not have is asked for once more; then parameterNotFoundAction decides.
	from := &asked{Cluster: cluster()}
	r := podRequest("shop", "a")
	r.Cluster = from.live()
	expect(t, evaluate(t, e, r), "p failed [Deny] denies=true []")
	if len(from.queries) != 2 || from.queries[0].Strong || !from.queries[1].Strong || !slices.Equal(from.queries[1].Names, []string{"least"}) {
		t.Errorf("asked %+v", from.queries)
	}
	from = &asked{Cluster: with, err: errors.New("content")}
	r.Cluster = from.live()
	decisions, err := e.Evaluate(context.Background(), r)
	if err != nil || len(decisions) != 1 || decisions[0].Outcome != Failed || strings.Contains(decisions[0].Message, "content") ||
		!strings.Contains(decisions[0].Message, "leasts.params.policyc.dev") {
		t.Errorf("%+v %v", decisions, err)
	}
}

// A webhook gets objects as JSON, in which what is written alike is equal; of the Go types of these two fields, values
// are not.
func TestObjectsAreJSON(t *testing.T) {
	pod := &corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "a"},
		Spec: corev1.PodSpec{SecurityContext: &corev1.PodSecurityContext{}, Affinity: &corev1.Affinity{}}}
	e := lookupEngine(t, "", "object.spec.securityContext == object.spec.affinity")
	r := &Request{Operation: "CREATE", Resource: corev1.SchemeGroupVersion.WithResource("pods"), Kind: corev1.SchemeGroupVersion.WithKind("Pod"),
		Namespace: "shop", Name: "a", Object: pod, OldObject: pod}
	decisions, err := e.Evaluate(context.Background(), r)
	if err != nil || len(decisions) != 1 || decisions[0].Outcome != Violated {
		t.Fatalf("%+v, %v", decisions, err)
	}
}
