package schema

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/policyc/policyc/compiler/types"
)

const widgets = `# a bundle: what is no CRD is skipped
apiVersion: v1
kind: Namespace
metadata: {name: widgets}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: widgets.example.com
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget, shortNames: [wd], listKind: WidgetList}
  versions:
  - name: v1alpha1
    served: false
    storage: false
  - name: v1beta1
    served: true
    storage: false
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
  - name: v1
    served: true
    storage: true
    subresources:
      status: {}
      scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          apiVersion: {type: string}
          kind: {type: string}
          metadata: {type: object, properties: {name: {type: string, maxLength: 10}}}
          spec:
            type: object
            required: [size, nick]
            properties:
              size: {type: integer, format: int32}
              nick: {type: string, nullable: true}
              ratio: {type: number}
              on: {type: boolean, default: true}
              color: {type: string, enum: [red, green]}
              port: {x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}]}
              memory:
                x-kubernetes-int-or-string: true
                pattern: ^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$
              until: {type: string, format: date-time}
              every: {type: string, format: duration}
              blob: {type: string, format: byte}
              labels: {type: object, additionalProperties: {type: string}}
              holes: {type: object, additionalProperties: {type: integer, nullable: true}}
              anyMap: {type: object, additionalProperties: true}
              parts:
                type: array
                items: {type: object, required: [id], properties: {id: {type: string}}}
              tags: {type: array, items: {type: string, nullable: true}}
              raw: {x-kubernetes-preserve-unknown-fields: true}
              rawObject: {type: object, x-kubernetes-preserve-unknown-fields: true}
              open: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {known: {type: string}}}
              template: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}
          status:
            type: object
            properties: {replicas: {type: integer}}
`

func withCRDs(t *testing.T, data string) *Set {
	t.Helper()
	s := load(t, 34)
	if err := s.AddCRDs("crds/widgets.yaml", []byte(data)); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCRDKinds(t *testing.T) {
	s := withCRDs(t, widgets)
	for ref, want := range map[string]string{
		"Widget":                      "example.com/v1/Widget",
		"wd":                          "example.com/v1/Widget",
		"widgets.example.com":         "example.com/v1/Widget",
		"example.com/v1beta1/Widget":  "example.com/v1beta1/Widget",
		"Widget/status":               "example.com/v1/Widget/status",
		"Widget.example.com/scale":    "example.com/v1/Widget/scale",
		"Deployment":                  "apps/v1/Deployment",
		"example.com/v1/Widget/scale": "example.com/v1/Widget/scale",
	} {
		if k, err := s.Resolve(ref); err != nil || k.String() != want {
			t.Errorf("Resolve(%q) = %v, %v, want %s", ref, k, err, want)
		}
	}
	for _, ref := range []string{"example.com/v1alpha1/Widget", "example.com/v1beta1/Widget/status"} {
		if k, err := s.Resolve(ref); err == nil {
			t.Errorf("Resolve(%q) = %v, want an error", ref, k)
		}
	}
	k, ok := s.Lookup("example.com", "v1", "widgets", "scale")
	if !ok || !k.CRD || k.Group != "autoscaling" || k.Kind != "Scale" || k.ParentKind != "Widget" || !k.Namespaced {
		t.Errorf("widgets/scale: %+v", k)
	}
	if len(load(t, 34).Kinds()) != len(s.Kinds())-4 {
		t.Error("another set of the same minor has the CRD too, or kinds are missing")
	}
}

func TestCRDFields(t *testing.T) {
	s := withCRDs(t, widgets)
	const spec = "example.com/v1.Widget.spec"
	for _, c := range []struct{ path, want string }{
		{"apiVersion", "string required"},
		{"metadata", "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta required"},
		{"metadata.labels", "map(string, string)"},
		{"spec", spec},
		{"status", "example.com/v1.Widget.status"},
		{"status.replicas", "int"},
		{"spec.size", "int"},
		{"spec.nick", "string nullable"},
		{"spec.ratio", "double"},
		{"spec.on", "bool"},
		{"spec.port", "int or string"},
		{"spec.memory", "int or string"},
		{"spec.until", "any"},
		{"spec.every", "any"},
		{"spec.blob", "any"},
		{"spec.labels", "map(string, string)"},
		{"spec.holes", "map(string, int) of nullable"},
		{"spec.anyMap", "map(string, any) of nullable"},
		{"spec.parts", "list(" + spec + ".parts[])"},
		{"spec.parts[].id", "string"},
		{"spec.tags", "list(string) of nullable"},
		{"spec.raw", "any"},
		{"spec.rawObject", "any"},
		{"spec.open", spec + ".open"},
		{"spec.template.apiVersion", "string required"},
		{"spec.template.metadata.name", "string"},
	} {
		if got := mark(field(t, s, "Widget", c.path)); got != c.want {
			t.Errorf("%s = %s, want %s", c.path, got, c.want)
		}
	}
	for path, open := range map[string]bool{"spec": false, "spec.open": true, "spec.template": true} {
		if got := field(t, s, "Widget", path).Type.Open; got != open {
			t.Errorf("%s: open %v, want %v", path, got, open)
		}
	}
	if enum := field(t, s, "Widget", "spec.color").Type.Enum; !slices.Equal(enum, []string{"red", "green"}) {
		t.Errorf("enum of spec.color: %v", enum)
	}
	if got := mark(field(t, s, "Widget/scale", "spec.replicas")); got != "int" {
		t.Errorf("scale: %s", got)
	}
	k, _ := s.Resolve("example.com/v1beta1/Widget")
	if root, err := s.Root(k); err != nil || !root.Open || root.Fields.Field("metadata").Type.Kind != types.Object {
		t.Errorf("root of v1beta1: %v, %v", root, err)
	}
}

func TestCRDList(t *testing.T) {
	s := load(t, 30)
	err := s.AddCRDs("list.json", []byte(`{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "apiextensions.k8s.io/v1",
		"kind": "CustomResourceDefinition", "spec": {"group": "g.io", "scope": "Cluster", "names": {"plural": "as", "kind": "A"},
		"versions": [{"name": "v1", "served": true, "schema": {"openAPIV3Schema": {"type": "object"}}}]}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if k, err := s.Resolve("A.g.io"); err != nil || k.Namespaced {
		t.Errorf("A.g.io = %v, %v", k, err)
	}
}

func TestCRDFaults(t *testing.T) {
	crd := func(change ...string) string {
		return strings.NewReplacer(change...).Replace(`kind: CustomResourceDefinition
apiVersion: apiextensions.k8s.io/v1
spec:
  group: g.io
  scope: Cluster
  names: {plural: as, kind: A}
  versions:
  - name: v1
    served: true
    schema: {openAPIV3Schema: {type: object}}
`)
	}
	for _, c := range []struct{ name, data, want string }{
		{"none", "kind: Namespace\n", "a.yaml: no CustomResourceDefinition in this file"},
		{"empty", "# nothing\n---\n---\n", "a.yaml: no CustomResourceDefinition in this file"},
		{"syntax", "kind: CustomResourceDefinition\nspec: [\n", "a.yaml:2: did not find expected node content"},
		{"form", crd("served: true", "served: [1]"), "a.yaml:9: cannot unmarshal !!seq into bool"},
		{"v1beta1", crd("io/v1", "io/v1beta1"),
			"a.yaml:1: `apiVersion` of a CustomResourceDefinition must be `apiextensions.k8s.io/v1`, is `apiextensions.k8s.io/v1beta1`"},
		{"second document", "kind: Namespace\n---\n" + crd("Cluster", "cluster"),
			"a.yaml:3: `spec.scope` of `as.g.io` must be `Namespaced` or `Cluster`, is `cluster`"},
		{"no schema", crd("schema:", "x:"), "a.yaml:8: version `v1` of `as.g.io` has no `schema.openAPIV3Schema`"},
		{"not served", crd("true", "false"), "a.yaml:1: CustomResourceDefinition `as.g.io` has no served version"},
		{"twice", crd() + "---\n" + crd(), "a.yaml:12: CustomResourceDefinition `as.g.io` was declared before, in a.yaml:1"},
		{"shadows", crd("g.io", "apps", "plural: as", "plural: deployments"), "a.yaml:1: `deployments.apps` is a resource of Kubernetes itself"},
		{"no names", crd("names:", "x:"), "a.yaml:1: CustomResourceDefinition `` needs `spec.group`, `spec.names.plural` and `spec.names.kind`"},
	} {
		err := load(t, 34).AddCRDs("a.yaml", []byte(c.data))
		var fault *LoadError
		if !errors.As(err, &fault) || err.Error() != c.want {
			t.Errorf("%s: %v\nwant: %s", c.name, err, c.want)
		}
	}
}
