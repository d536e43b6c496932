package corpus

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/policyc/policyc/compiler/schema"
	"github.com/policyc/policyc/compiler/syntax"
)

const manifests = `
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {env: production}}
---
# nothing
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Pod, metadata: {name: a, namespace: shop}, spec: {containers: [{name: c, image: x}]}}
- {apiVersion: v1, kind: Pod, metadata: {name: b}, spec: {containers: [{name: c, image: x}]}}
---
{apiVersion: kustomize.config.k8s.io/v1beta1, kind: Kustomization}
---
{apiVersion: policyc.dev/v1alpha1, kind: Policy}
---
replicas: 3
---
{apiVersion: v1, kind: Pod, metadata: {name: b}, spec: {containers: []}}
---
{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}}
---
{apiVersion: v1, kind: Pod, metadata: {generateName: g-}, spec: {containers: 3}}
`

func read(t *testing.T, text string) []Object {
	t.Helper()
	set, err := schema.Load(34)
	if err != nil {
		t.Fatal(err)
	}
	return Read([]syntax.Input{{Path: "m.yaml", Data: []byte(text)}}, Options{Schemas: []*schema.Set{set}})
}

func TestRead(t *testing.T) {
	var got []string
	objects := read(t, manifests)
	for _, o := range objects {
		line := o.Name
		if o.Err != nil {
			line += ": " + o.Err.Error()
		}
		got = append(got, line)
	}
	want := []string{
		"m.yaml#Namespace/shop",
		"m.yaml#Pod/shop/a",
		"m.yaml#Pod/default/b",
		"m.yaml#Pod/default/b (2)",
		"m.yaml#Widget/w: unknown kind Widget of example.com/v1: list its CRD under `crds` of the project",
		"m.yaml#Pod/default/(no name): spec.containers: ",
	}
	if len(got) != len(want) {
		t.Fatalf("got %d objects:\n%s", len(got), strings.Join(got, "\n"))
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("got  %s\nwant %s", got[i], want[i])
		}
	}
	pod := objects[2].Request
	if pod.Namespace != "default" || pod.Object.(*corev1.Pod).Namespace != "default" || pod.Resource.Resource != "pods" {
		t.Errorf("the pod without a namespace: %+v", pod)
	}
	if ns := objects[0].Request; ns.Namespace != "shop" {
		t.Errorf("a Namespace is requested in %q, want its own name", ns.Namespace)
	}
}

// What comes before a mistake is read.
func TestBadYAML(t *testing.T) {
	objects := read(t, "{apiVersion: v1, kind: Secret, metadata: {name: a}}\n---\na: [\n---\n{apiVersion: v1, kind: Secret, metadata: {name: b}}\n")
	if len(objects) != 2 || objects[0].Name != "m.yaml" || objects[0].Err == nil || objects[1].Name != "m.yaml#Secret/default/a" {
		t.Errorf("got %+v", objects)
	}
}

// The items of a typed list may leave out their kind, as kubectl get --raw shows them.
func TestTypedList(t *testing.T) {
	objects := read(t, "apiVersion: v1\nkind: PodList\nitems: [{metadata: {name: a}}, {apiVersion: v1, kind: Service, metadata: {name: b}}]\n")
	if len(objects) != 2 || objects[0].Request == nil || objects[0].Request.Kind.Kind != "Pod" || objects[1].Request.Kind.Kind != "Service" {
		t.Errorf("got %+v", objects)
	}
}
