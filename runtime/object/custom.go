package object

import (
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
)

// customKind is one version of a CustomResourceDefinition.
type customKind struct {
	schema *structure // nil when the CRD has none
	status bool       // is a subresource
	err    error
}

// definition is what is needed of a CustomResourceDefinition.
type definition struct {
	Spec struct {
		Group string `json:"group"`
		Names struct {
			Kind string `json:"kind"`
		} `json:"names"`
		Versions []struct {
			Name   string `json:"name"`
			Schema struct {
				OpenAPI *structure `json:"openAPIV3Schema"`
			} `json:"schema"`
			Subresources struct {
				Status *struct{} `json:"status"`
			} `json:"subresources"`
		} `json:"versions"`
	} `json:"spec"`
}

func customKinds(crds []map[string]any) map[schema.GroupVersionKind]*customKind {
	kinds := map[schema.GroupVersionKind]*customKind{}
	for _, crd := range crds {
		var d definition
		content, err := json.Marshal(crd)
		if err == nil {
			err = json.Unmarshal(content, &d)
		}
		for _, v := range d.Spec.Versions {
			kind := schema.GroupVersionKind{Group: d.Spec.Group, Version: v.Name, Kind: d.Spec.Names.Kind}
			kinds[kind] = &customKind{schema: v.Schema.OpenAPI, status: v.Subresources.Status != nil, err: err}
		}
	}
	return kinds
}

// customObject prepares an object of a kind that is not built in. Without a CRD it is taken as it is.
func (p *Preparer) customObject(object map[string]any, kind schema.GroupVersionKind, operation admission.Operation) (runtime.Object, error) {
	copied, err := copyJSON(object)
	if err != nil {
		return nil, Errors{{nil, err.Error()}}
	}
	out := &unstructured.Unstructured{Object: copied}
	s := &shaper{fields: p.fields}
	if s.metadata(copied, nil); len(s.errs) > 0 {
		return nil, s.errs
	}
	if operation == admission.Create {
		nameGenerated(out)
	}
	if kind.GroupKind() == definitionKind {
		prepareDefinition(copied, operation)
		return out, nil
	}
	custom := p.custom[kind]
	if custom == nil || custom.schema == nil {
		return out, nil
	}
	if custom.err != nil {
		return nil, fmt.Errorf("the CustomResourceDefinition of %s: %w", kind, custom.err)
	}
	s.object(custom.schema, copied, nil, true)
	return out, s.errs.orNil()
}

// storeCustom is Store for objects of kinds that are not built in.
func (p *Preparer) storeCustom(o *unstructured.Unstructured) {
	o.SetGeneration(1)
	if custom := p.custom[o.GroupVersionKind()]; custom != nil && custom.schema != nil && custom.status {
		delete(o.Object, "status")
	}
}

// copyJSON is a deep copy with numbers as the API server has them, int64 or float64.
func copyJSON(object map[string]any) (map[string]any, error) {
	content, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(content); err != nil {
		return nil, err
	}
	return u.Object, nil
}
