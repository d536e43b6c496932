package object_test

import (
	"errors"
	"testing"

	"k8s.io/apiserver/pkg/admission"

	"github.com/policyc/policyc/runtime/object"
)

const crd = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
spec:
  group: e.dev
  names: {kind: Widget}
  versions:
  - name: v1
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            default: {}
            properties:
              size: {type: integer, default: 3}
              nullable: {type: string, nullable: true, default: x}
              plain: {type: string}
              ratio: {type: number}
              port: {x-kubernetes-int-or-string: true}
              parts: {type: array, items: {type: object, properties: {name: {type: string}, mode: {type: string, default: rw}}}}
              labels: {type: object, additionalProperties: {type: string}}
              free: {type: object, x-kubernetes-preserve-unknown-fields: true}
              pod: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}
          status: {type: object, properties: {ready: {type: boolean}}}
`

const custom = `{apiVersion: e.dev/v1, kind: Widget, metadata: {name: w, labels: null, creationTimestamp: null},
  spec: {size: null, nullable: null, plain: null, parts: [{name: a}, {mode: null}], free: {a: null, b: {c: 1}}, labels: {a: b}}, status: {ready: true}}`

func TestCustom(t *testing.T) {
	p := object.NewPreparer(parse(t, crd))
	m := prepare(t, p, custom, admission.Create)
	equal(t, m["metadata"], map[string]any{"name": "w", "generation": 1})
	equal(t, m["spec"], map[string]any{"size": 3, "nullable": nil, "parts": []any{map[string]any{"name": "a", "mode": "rw"}, map[string]any{"mode": "rw"}},
		"free": map[string]any{"a": nil, "b": map[string]any{"c": 1}}, "labels": map[string]any{"a": "b"}})
	equal(t, m["status"], nil)
	equal(t, prepare(t, p, custom, admission.Update)["status"], map[string]any{"ready": true})
	if size, isInt := at(m, "spec", "size").(int64); !isInt || size != 3 {
		t.Errorf("size is %T", at(m, "spec", "size"))
	}
	m = prepare(t, p, `{apiVersion: e.dev/v1, kind: Widget}`, admission.Create)
	equal(t, m["spec"], map[string]any{"size": 3, "nullable": "x"})
}

func TestCustomWithoutDefinition(t *testing.T) {
	m := prepare(t, object.NewPreparer(), `{apiVersion: e.dev/v1, kind: Widget, spec: {size: null, a: 1, b: 1.5}}`, admission.Create)
	equal(t, m["spec"], map[string]any{"size": nil, "a": 1, "b": 1.5})
}

func TestCustomErrors(t *testing.T) {
	p := object.NewPreparer(parse(t, crd))
	for spec, want := range map[string]string{
		`{sizee: 1}`:             "spec.sizee: unknown field",
		`{size: "1"}`:            `spec.size: want an integer, not the string "1"`,
		`{size: 1.5}`:            "spec.size: want an integer, not the number 1.5",
		`{port: true}`:           "spec.port: want an integer or a string, not the boolean true",
		`{parts: [null]}`:        "spec.parts[0]: want a map, not null",
		`{parts: [{nam: a}]}`:    "spec.parts[0].nam: unknown field",
		`{labels: {a: 1}}`:       "spec.labels.a: want a string, not the number 1",
		`[]`:                     "spec: want a map, not a list",
		`{pod: {spec: {a: {}}}}`: "",
	} {
		_, err := p.Prepare(parse(t, `{apiVersion: e.dev/v1, kind: Widget, spec: `+spec+`}`), admission.Create)
		var errs object.Errors
		if want == "" && err != nil || want != "" && (!errors.As(err, &errs) || err.Error() != want) {
			t.Errorf("%s: got %v", spec, err)
		}
	}
}

// A CustomResourceDefinition is an object, too.
func TestDefinition(t *testing.T) {
	const text = `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: widgets.e.dev}, spec: {names: {kind: Widget},
  versions: [{name: v1, storage: true, subresources: null, schema: {openAPIV3Schema: {nullable: null, default: {a: null}}}}]}}`
	m := prepare(t, object.NewPreparer(), text, admission.Create)
	equal(t, at(m, "spec"), map[string]any{
		"conversion": map[string]any{"strategy": "None"},
		"names":      map[string]any{"kind": "Widget", "listKind": "WidgetList", "singular": "widget"},
		"versions": []any{map[string]any{"name": "v1", "served": false, "storage": true,
			"schema": map[string]any{"openAPIV3Schema": map[string]any{"default": map[string]any{"a": nil}}}}},
	})
	equal(t, at(m, "status", "storedVersions"), []any{"v1"})
	equal(t, prepare(t, object.NewPreparer(), text, admission.Update)["status"], nil)
}
