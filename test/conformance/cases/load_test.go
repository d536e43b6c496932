package cases

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/syntax"
)

const head = "apiVersion: policyc.dev/v1alpha1\nkind: PolicyTest\nmetadata: {name: t}\nspec:\n  policies: [p]\n  cases:\n"

func load(t *testing.T, path, cases string) ([]Case, error) {
	t.Helper()
	r := diag.NewReport()
	docs := syntax.Load([]syntax.Input{{Path: path, Data: []byte(head + cases)}}, r)
	if r.HasErrors() {
		t.Fatal(r.Sorted()[0].Message)
	}
	return Load(docs)
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
		{"generated name", "object: {apiVersion: v1, kind: Pod, metadata: {generateName: a-}}", "CREATE /v1/pods default/"},
		{"connect", "request: {operation: CONNECT}\n    object: {apiVersion: v1, kind: PodExecOptions}", "CONNECT /v1/pods/exec default/target"},
		{"scale", "request: {operation: UPDATE, subresource: deployments/scale}\n    object: {apiVersion: autoscaling/v1, kind: Scale, metadata: {name: a}}",
			"UPDATE apps/v1/deployments/scale default/a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			all, err := load(t, "t.yaml", "  - name: c\n    "+test.text+"\n")
			if err != nil {
				t.Fatal(err)
			}
			c := all[0]
			have := c.Operation + " " + c.Resource.Group + "/" + c.Resource.Version + "/" + c.Resource.Name
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
	all, err := load(t, "t.yaml", `
  - name: c
    request: {namespace: shop, user: alice, groups: [dev]}
    cluster: [{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {env: staging}}}]
    object: {apiVersion: v1, kind: Pod, metadata: {name: a}}
    expect: {deny: [b, other/a], warn: [c], message: "x$"}
`)
	if err != nil {
		t.Fatal(err)
	}
	c := all[0]
	if c.NamespaceLabels["env"] != "staging" || c.NamespaceLabels["kubernetes.io/metadata.name"] != "shop" {
		t.Errorf("labels: %v", c.NamespaceLabels)
	}
	if !slices.Equal(c.Expect.Deny, []string{"other/a", "p/b"}) || !slices.Equal(c.Expect.Warn, []string{"p/c"}) || c.Expect.Silent() {
		t.Errorf("expect: %+v", c.Expect)
	}
	if c.User != "alice" || !slices.Equal(c.Groups, []string{"dev"}) {
		t.Errorf("user: %s %v", c.User, c.Groups)
	}
}

func TestObjectFiles(t *testing.T) {
	dir := t.TempDir()
	objects := "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: b}\n"
	if err := os.WriteFile(filepath.Join(dir, "pods.yaml"), []byte(objects), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := load(t, filepath.ToSlash(dir)+"/t.yaml", "  - name: c\n    objectFile: pods.yaml#b\n    clusterFiles: [pods.yaml]\n")
	if err != nil {
		t.Fatal(err)
	}
	if all[0].ObjectName != "b" || len(all[0].Cluster) != 2 {
		t.Errorf("got %s and %d objects of the cluster", all[0].ObjectName, len(all[0].Cluster))
	}
}

func TestErrors(t *testing.T) {
	const pod = "{apiVersion: v1, kind: Pod, metadata: {name: a}}"
	for _, test := range []struct{ text, want string }{
		{"request: {}", "neither `object` nor `oldObject`"},
		{"object: [1]", "`object` is no object"},
		{"object: {kind: Pod}", "no `apiVersion`"},
		{"object: " + pod + "\n    oldObject: " + pod + "\n    request: {operation: CREATE}", "CREATE has an `object` and no `oldObject`"},
		{"object: {apiVersion: autoscaling/v1, kind: Scale}\n    request: {subresource: scale}", "deployments/scale"},
		{"objectFile: missing.yaml", "missing.yaml"},
	} {
		_, err := load(t, "t.yaml", "  - name: c\n    "+test.text+"\n")
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "t.yaml:7:") {
			t.Errorf("%s: got %v", test.text, err)
		}
	}
}

func TestViolations(t *testing.T) {
	have := Violations("p", "[b] container [x] y; [a] z; [b] again; and 3 more")
	if !slices.Equal(have, []string{"p/a", "p/b"}) {
		t.Errorf("got %v", have)
	}
}
