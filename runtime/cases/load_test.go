package cases

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/resolve"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/runtime/engine"
)

const head = `apiVersion: policyc.dev/v1alpha1
kind: Policy
metadata: {name: p}
spec:
  match: {kinds: ["*"]}
  rules: [{name: b, deny: "object.metadata.name == 'b'"}, {name: c, deny: "object.metadata.name == 'c'"}]
  enforce: deny
---
apiVersion: policyc.dev/v1alpha1
kind: Policy
metadata: {name: other}
spec:
  match: {kinds: ["*"]}
  rules: [{name: a, deny: "object.metadata.name == 'a'"}]
  enforce: deny
---
apiVersion: policyc.dev/v1alpha1
kind: PolicyTest
metadata: {name: t}
spec:
  policies: [p]
  cases:
`

// load reads cases; problem is the first error, as file:line:column: text.
func load(t *testing.T, path, text string) (all []*Case, problem string) {
	t.Helper()
	r := diag.NewReport()
	docs := syntax.Load([]syntax.Input{{Path: path, Data: []byte(text)}}, r)
	project := resolve.Resolve(docs, resolve.Options{Now: time.Now(), ReadFile: os.ReadFile}, r)
	all = Load(docs, project, Options{ReadFile: os.ReadFile}, r)
	for _, d := range r.Sorted() {
		if d.Severity == diag.Error {
			return all, d.At.String() + ": " + d.Message + " | " + strings.Join(append(d.Notes, d.Helps...), " | ")
		}
	}
	return all, ""
}

func TestRequests(t *testing.T) {
	const pod = "{apiVersion: v1, kind: Pod, metadata: {name: a}}"
	for _, test := range []struct{ name, text, want string }{
		{"create", "object: " + pod, "CREATE /v1/pods default/a"},
		{"update", "object: " + pod + "\n    oldObject: " + pod, "UPDATE /v1/pods default/a"},
		{"delete", "oldObject: " + pod, "DELETE /v1/pods default/a"},
		{"delete of what stands in object", "request: {operation: DELETE}\n    object: " + pod, "DELETE /v1/pods default/a"},
		{"subresource", "request: {operation: UPDATE, subresource: resize, namespace: x}\n    object: " + pod, "UPDATE /v1/pods/resize x/a"},
		{"namespace", "object: {apiVersion: v1, kind: Namespace, metadata: {name: a}}", "CREATE /v1/namespaces a/a"},
		{"cluster-scoped", "object: {apiVersion: v1, kind: PersistentVolume, metadata: {name: a}}", "CREATE /v1/persistentvolumes /a"},
		{"plural", "object: {apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: a}}", "CREATE networking.k8s.io/v1/networkpolicies default/a"},
		{"generated name", "object: {apiVersion: v1, kind: Pod, metadata: {generateName: a-}}", "CREATE /v1/pods default/a-xxxxx"},
		{"connect", "request: {operation: CONNECT}\n    object: {apiVersion: v1, kind: PodExecOptions}", "CONNECT /v1/pods/exec default/target"},
		{"connect with a name", "request: {operation: CONNECT, name: web}\n    object: {apiVersion: v1, kind: PodExecOptions}", "CONNECT /v1/pods/exec default/web"},
		{"eviction", "object: {apiVersion: policy/v1, kind: Eviction, metadata: {name: a}}", "CREATE /v1/pods/eviction default/a"},
		{"irregular plural", "object: {apiVersion: v1, kind: Endpoints, metadata: {name: a}}", "CREATE /v1/endpoints default/a"},
		{"scale", "request: {operation: UPDATE, subresource: deployments/scale}\n    object: {apiVersion: autoscaling/v1, kind: Scale, metadata: {name: a}}",
			"UPDATE apps/v1/deployments/scale default/a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			all, problem := load(t, "t.yaml", head+"  - name: c\n    "+test.text+"\n    expect: {}\n")
			if problem != "" {
				t.Fatal(problem)
			}
			c := all[0]
			have := c.Operation + " " + c.Resource.Group + "/" + c.Resource.Version + "/" + c.Resource.Resource
			if c.Subresource != "" {
				have += "/" + c.Subresource
			}
			if have += " " + c.Namespace + "/" + c.ObjectName; have != test.want {
				t.Errorf("got  %s\nwant %s", have, test.want)
			}
		})
	}
}

func TestNamespaceLabelsAndExpectations(t *testing.T) {
	all, problem := load(t, "t.yaml", strings.Replace(head, "policies: [p]", "policies: [p, other]", 1)+`
  - name: c
    request: {namespace: shop, namespaceLabels: {team: a}, user: "system:serviceaccount:shop:x", groups: [dev]}
    cluster: [{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {env: staging}}}]
    object: {apiVersion: v1, kind: Pod, metadata: {name: a}}
    expect: {deny: [p/b, other/a, p/b], warn: [p/c], message: "x$"}
`)
	if problem != "" {
		t.Fatal(problem)
	}
	c := all[0]
	if c.NamespaceLabels["env"] != "staging" || c.NamespaceLabels["team"] != "a" || c.NamespaceLabels["kubernetes.io/metadata.name"] != "shop" {
		t.Errorf("labels: %v", c.NamespaceLabels)
	}
	if !slices.Equal(c.Expect.Deny, []string{"other/a", "p/b"}) || !slices.Equal(c.Expect.Warn, []string{"p/c"}) || c.Expect.Silent() {
		t.Errorf("expect: %+v", c.Expect)
	}
	groups := c.Request.User.GetGroups()
	if !slices.Equal(groups, []string{"dev", "system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated"}) {
		t.Errorf("groups: %v", groups)
	}
	if ns := c.Request.Object.(*corev1.Pod).Namespace; ns != "shop" {
		t.Errorf("the object is in namespace %q", ns)
	}
	if c.Object["metadata"].(map[string]any)["namespace"] != nil {
		t.Error("the case's own object was changed")
	}
}

func TestNamespaceOfTheClusterIsKept(t *testing.T) {
	all, problem := load(t, "t.yaml", head+`
  - name: c
    request: {namespace: shop, namespaceLabels: {team: a}, user: "system:anonymous"}
    cluster: [{apiVersion: v1, kind: Namespace, metadata: {name: shop, annotations: {owner: me}}}]
    object: {apiVersion: v1, kind: Pod, metadata: {name: a}}
    expect: {}
`)
	if problem != "" {
		t.Fatal(problem)
	}
	e, err := engine.New(&engine.Bundle{Policies: []*admissionv1.ValidatingAdmissionPolicy{{
		ObjectMeta: metav1.ObjectMeta{Name: "p"},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionv1.MatchResources{
				MatchPolicy: ptr(admissionv1.Exact), NamespaceSelector: &metav1.LabelSelector{}, ObjectSelector: &metav1.LabelSelector{},
				ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{"*"},
					Rule:       admissionv1.Rule{APIGroups: []string{"*"}, APIVersions: []string{"*"}, Resources: []string{"*"}, Scope: ptr(admissionv1.AllScopes)},
				}}},
			},
			Validations: []admissionv1.Validation{{Expression: "namespaceObject.metadata.annotations.owner == 'me' && namespaceObject.metadata.labels.team == 'a'"}},
		},
	}}, Bindings: map[string][]*admissionv1.ValidatingAdmissionPolicyBinding{"p": {{}}}})
	if err != nil {
		t.Fatal(err)
	}
	decisions, err := e.Evaluate(t.Context(), all[0].Request)
	if err != nil || len(decisions) != 1 || decisions[0].Outcome != engine.Admitted {
		t.Errorf("got %+v, %v", decisions, err)
	}
}

func TestUserInfo(t *testing.T) {
	for name, want := range map[string]string{"": "system:authenticated", "alice": "system:authenticated", "system:anonymous": "system:unauthenticated"} {
		if have := UserInfo(name, nil).GetGroups(); !slices.Equal(have, []string{want}) {
			t.Errorf("%q is in %v, want %s", name, have, want)
		}
	}
}

func TestObjectFiles(t *testing.T) {
	dir := t.TempDir()
	objects := "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\napiVersion: v1\nkind: PodList\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: b}}\n"
	if err := os.WriteFile(filepath.Join(dir, "pods.yaml"), []byte(objects), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{"pods.yaml#b", "pods.yaml#Pod/b"} {
		all, problem := load(t, filepath.ToSlash(dir)+"/t.yaml", head+"  - name: c\n    objectFile: "+ref+"\n    clusterFiles: [pods.yaml]\n    expect: {}\n")
		if problem != "" {
			t.Fatal(problem)
		}
		if all[0].ObjectName != "b" || len(all[0].Cluster) != 2 {
			t.Errorf("got %s and %d objects of the cluster", all[0].ObjectName, len(all[0].Cluster))
		}
	}
}

func TestAmbiguousObject(t *testing.T) {
	dir := t.TempDir()
	objects := "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: a}\n"
	if err := os.WriteFile(filepath.Join(dir, "all.yaml"), []byte(objects), 0o600); err != nil {
		t.Fatal(err)
	}
	for ref, want := range map[string]string{"all.yaml#a": "`all.yaml` holds 2 objects `a`", "all.yaml#Service/a": ""} {
		_, problem := load(t, filepath.ToSlash(dir)+"/t.yaml", head+"  - name: c\n    objectFile: "+ref+"\n    expect: {}\n")
		if (problem == "") != (want == "") || !strings.Contains(problem, want) {
			t.Errorf("%s: got %q", ref, problem)
		}
	}
}

// TestOverridesAreJoined: what a case does not replace, its test may.
func TestOverridesAreJoined(t *testing.T) {
	all, problem := load(t, "t.yaml", strings.Replace(head, "  cases:", "  enforce: warn\n  parameters: {x: 1}\n  cases:", 1)+`
  - {name: both, object: {apiVersion: v1, kind: Pod, metadata: {name: a}}, expect: {}}
  - {name: own, parameters: {x: 2}, object: {apiVersion: v1, kind: Pod, metadata: {name: a}}, expect: {}}
`)
	if problem != "" {
		t.Fatal(problem)
	}
	for i, want := range []int64{1, 2} {
		o := all[i].Override
		if o.Enforce.Everywhere.Value != "warn" || len(o.Parameters) != 1 || o.Parameters[0].Value.Data != want {
			t.Errorf("%s: got %+v", all[i].Name, o)
		}
	}
}

// TestErrors: each text is the third to last line of the document.
func TestErrors(t *testing.T) {
	const pod = "object: {apiVersion: v1, kind: Pod, metadata: {name: a}}"
	line := strings.Count(head, "\n") + 2
	for _, test := range []struct{ text, want string }{
		{"request: {}", "23:11: the case has neither"},
		{"object: {kind: Pod}", ":14: the object has no `apiVersion`"},
		{"object: {apiVersion: v1, kind: Pot}", ":36: unknown kind `Pot` of apiVersion `v1` | did you mean `Pod`?"},
		{"object: {apiVersion: v1, kind: Deployment}", ":36: unknown kind `Deployment` of apiVersion `v1` | it is in `apps/v1`"},
		{pod + "\n    oldObject: {apiVersion: v1, kind: Pod}\n    request: {operation: CREATE}", "CREATE has an `object` and no `oldObject`"},
		{pod + "\n    request: {operation: CONNECT}", "CONNECT is no operation of v1/Pod | write `operation: CREATE, UPDATE, DELETE`"},
		{pod + "\n    request: {subresource: ephemeralcontainers}", "CREATE is no operation of v1/Pod/ephemeralcontainers | write `operation: UPDATE`"},
		{pod + "\n    request: {name: b}", "the request is about `b` and its object is `a`"},
		{pod + "\n    oldObject: {apiVersion: v1, kind: Service}", "cannot change `kind`: it is `Pod` in `object`, and `Service` in `oldObject`"},
		{pod + "\n    oldObject: {apiVersion: v1, kind: Pod, metadata: {name: b}}", "cannot change `metadata.name`"},
		{pod + "\n    request: {namespace: x}\n    oldObject: {apiVersion: v1, kind: Pod, metadata: {namespace: y}}", "in namespace `x` and its old object in `y`"},
		{"object: {apiVersion: v1, kind: Node}\n    request: {namespaceLabels: {a: b}}", "`namespaceLabels` are of no use"},
		{pod + "\n    request: {subresource: resise}", "there is no subresource `resise`"},
		{"object: {apiVersion: autoscaling/v1, kind: Scale}\n    request: {operation: UPDATE}", "deployments/scale"},
		{"object: {apiVersion: v1, kind: Node}\n    request: {namespace: x}", "nodes is in no namespace"},
		{"object: {apiVersion: v1, kind: Pod, metadata: {namespace: y}}\n    request: {namespace: x}", "the request is in namespace `x` and its object in `y`"},
		{"object: {apiVersion: v1, kind: Pod, spec: {containers: [{name: c, imag: x}]}}", ":71: spec.containers[0].imag: unknown field"},
		{"object: {apiVersion: v1, kind: Pod, spec: {hostPID: 'yes'}}", ":48: spec.hostPID: "},
		{"objectFile: missing.yaml", ":17: cannot read `missing.yaml`"},
		{pod + "\n    enforce: warn\n    parameters: {x: 1}", ""},
	} {
		_, problem := load(t, "t.yaml", head+"  - name: c\n    "+test.text+"\n    expect: {}\n")
		if test.want == "" && problem == "" {
			continue
		}
		if !strings.Contains(problem, test.want) || !strings.Contains(problem, "t.yaml:2") {
			t.Errorf("%s (line %d): got %s", test.text, line, problem)
		}
	}
}

func TestBadExpectations(t *testing.T) {
	const pod = "  - name: c\n    object: {apiVersion: v1, kind: Pod, metadata: {name: a}}\n    expect: "
	for _, test := range []struct{ text, want string }{
		{"{deny: [bb]}", ":21: policy `p` has no rule `bb` | did you mean `b`?"},
		{"{deny: [q/b]}", ":21: the test is not about policy `q`"},
		{"{deny: [p/x]}", ":23: policy `p` has no rule `x`"},
		{"{message: x}", "expects a message and no violation"},
		{"{deny: [b], message: '('}", "no regular expression: missing closing ): `(`"},
		{"{patch: {a: b}}", ":21: `patch` is a list of JSON patch operations"},
		{"{patch: [{op: ad, path: /a}]}", "an operation has an `op` and a `path`"},
		{"{patch: [{op: add, path: a}]}", "an operation has an `op` and a `path`"},
		{"{object: [a]}", "`object` is a part of the object after mutation"},
	} {
		if _, problem := load(t, "t.yaml", head+pod+test.text+"\n"); !strings.Contains(problem, test.want) {
			t.Errorf("%s: got %s", test.text, problem)
		}
	}
	for _, test := range []struct{ from, to, want string }{
		{"policies: [p]", "policies: [q]", "there is no policy `q`"},
		{"policies: [p]", "policies: [p, other]", "`b` could be a rule of any of 2 policies"},
		{"kinds: [\"*\"]", "kinds: [Node]", "no case of the test is about a resource that policy `p` matches"},
	} {
		text := strings.Replace(head, test.from, test.to, 1) + pod + "{deny: [b]}\n"
		if _, problem := load(t, "t.yaml", text); !strings.Contains(problem, test.want) {
			t.Errorf("%s: got %s", test.to, problem)
		}
	}
}

func TestViolations(t *testing.T) {
	have := Violations("p", "[b] container [x] y; [a] z; [b] again; and 3 more")
	if !slices.Equal(have, []string{"p/a", "p/b"}) {
		t.Errorf("got %v", have)
	}
}

func ptr[T any](v T) *T { return &v }
