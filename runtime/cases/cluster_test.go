package cases

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/policyc/policyc/runtime/api"
	"github.com/policyc/policyc/runtime/engine"
)

// TestClusterForLookups asserts that lookups get the objects of a case as a server would return them: with defaults, in
// namespaces, and with integers.
func TestClusterForLookups(t *testing.T) {
	all, problem := load(t, "t.yaml", head+`
  - name: c
    request: {namespace: shop}
    cluster:
    - {apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: a}, spec: {minAvailable: 1}}
    - {apiVersion: apps/v1, kind: Deployment, metadata: {name: own, namespace: other}, spec: {selector: {}, template: {spec: {containers: [{name: c, image: x}]}}}}
    - {apiVersion: example.com/v1, kind: Widget, metadata: {name: w}, spec: {size: 3, ratio: 1.5}, status: {size: 2}}
    - {apiVersion: v1, kind: Node, metadata: {name: n}}
    object: {apiVersion: v1, kind: Pod, metadata: {name: a}}
    oldObject: {apiVersion: v1, kind: Pod, metadata: {name: a, labels: {was: here}}}
    expect: {}
  - name: d
    cluster: [{apiVersion: v1, kind: Pod, metadata: {name: a, labels: {said: so}}}]
    oldObject: {apiVersion: v1, kind: Pod, metadata: {name: a}}
    expect: {}
  - {name: e, object: {apiVersion: v1, kind: Pod, metadata: {name: a}}, expect: {}}
`)
	if problem != "" {
		t.Fatal(problem)
	}
	find := func(c int, version, kind string) string {
		group, v, grouped := strings.Cut(version, "/")
		if !grouped {
			group, v = "", version
		}
		found, err := all[c].Request.Cluster.List(t.Context(), engine.Query{Resource: api.LookupResource{Group: group, Version: v, Kind: kind}})
		if err != nil {
			return err.Error()
		}
		content, err := json.Marshal(found)
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	for _, test := range []struct {
		c             int
		version, kind string
		want          string
	}{
		{0, "policy/v1", "PodDisruptionBudget", `[{"apiVersion":"policy/v1","kind":"PodDisruptionBudget","metadata":{"name":"a","namespace":"shop"},"spec":{"minAvailable":1},` +
			`"status":{"currentHealthy":0,"desiredHealthy":0,"disruptionsAllowed":0,"expectedPods":0}}]`},
		{0, "apps/v1", "Deployment", `"terminationMessagePath":"/dev/termination-log"`},
		{0, "example.com/v1", "Widget", `[{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w"},"spec":{"ratio":1.5,"size":3},"status":{"size":2}}]`},
		{0, "example.com/v2", "Widget", `[{"apiVersion":"example.com/v2",`},
		{0, "policy/v1beta1", "PodDisruptionBudget", `the API server would convert PodDisruptionBudget a to policy/v1beta1`},
		{0, "v1", "Node", `"metadata":{"name":"n"}`},
		{0, "v1", "Namespace", `"labels":{"kubernetes.io/metadata.name":"shop"}`},
		{0, "v1", "Pod", `"metadata":{"labels":{"was":"here"},"name":"a","namespace":"shop"}`},
		{1, "v1", "Pod", `"metadata":{"labels":{"said":"so"},"name":"a","namespace":"default"}`},
		{2, "v1", "Pod", `null`},
	} {
		if have := find(test.c, test.version, test.kind); !strings.Contains(have, test.want) {
			t.Errorf("%s %s: got\n%s, want\n%s", test.version, test.kind, have, test.want)
		}
	}
	widgets, _ := all[0].Request.Cluster.List(t.Context(), engine.Query{Resource: api.LookupResource{Group: "example.com", Version: "v1", Kind: "Widget"}})
	if _, ok := widgets[0]["spec"].(map[string]any)["size"].(int64); !ok {
		t.Errorf("size is %T", widgets[0]["spec"].(map[string]any)["size"])
	}
}
