package object

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
)

// definitionKind is the one kind of the API server whose Go type is not among those of clients.
var definitionKind = schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}

// prepareDefinition drops the nulls of a CustomResourceDefinition, and sets its defaults and, on CREATE, its status. Its
// fields are not checked.
func prepareDefinition(crd map[string]any, operation admission.Operation) {
	spec, ok := crd["spec"].(map[string]any)
	if !ok {
		return
	}
	dropNulls(spec)
	if _, said := spec["conversion"]; !said {
		spec["conversion"] = map[string]any{"strategy": "None"}
	}
	if names, ok := spec["names"].(map[string]any); ok {
		kind, _ := names["kind"].(string)
		setAbsent(names, "singular", strings.ToLower(kind))
		setAbsent(names, "listKind", kind+"List")
	}
	stored := versionDefaults(spec)
	if operation == admission.Create {
		crd["status"] = map[string]any{
			"conditions":     nil,
			"acceptedNames":  map[string]any{"plural": "", "kind": ""},
			"storedVersions": stored,
		}
	}
}

func setAbsent(m map[string]any, key string, value any) {
	if _, said := m[key]; !said {
		m[key] = value
	}
}

// versionDefaults sets the fields that are written even if false, and returns the version that objects are stored in.
func versionDefaults(spec map[string]any) (stored []any) {
	versions, _ := spec["versions"].([]any)
	for _, v := range versions {
		v, ok := v.(map[string]any)
		if !ok {
			continue
		}
		setAbsent(v, "served", false)
		setAbsent(v, "storage", false)
		if v["storage"] == true && stored == nil {
			stored = []any{v["name"]}
		}
	}
	return stored
}

// dropNulls does not go into values of JSON's own, where a null is a value.
func dropNulls(v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, member := range v {
			switch {
			case member == nil:
				delete(v, key)
			case key != "default" && key != "example" && key != "enum":
				dropNulls(member)
			}
		}
	case []any:
		for _, item := range v {
			dropNulls(item)
		}
	}
}
