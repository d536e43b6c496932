package engine

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
)

// version is a kind that objects are seen in, as Go values or as JSON.
type version struct {
	schema.GroupVersionKind
	json bool
}

// versioned returns the objects of the request in the version of a kind, as a policy sees them. A webhook gets them as
// JSON. In the API server, CEL has seen built-in objects as values of Go types since Kubernetes 1.37, of which two of
// different types are never equal.
func (v *evaluation) versioned(p *policy, kind schema.GroupVersionKind) (*admission.VersionedAttributes, error) {
	key := version{kind, p.compiled != nil}
	if v.versions[key] != nil {
		return v.versions[key], nil
	}
	made, err := admission.NewVersionedAttributes(v.attributes, kind, v.engine.objects)
	if err != nil {
		return nil, err
	}
	if key.json {
		for _, o := range []*admission.LazyObject{&made.VersionedObject, &made.VersionedOldObject} {
			object, err := asJSON(o.Object())
			if err != nil {
				return nil, err
			}
			o.Set(object)
		}
	}
	v.versions[key] = made
	return made, nil
}

func asJSON(o runtime.Object) (runtime.Object, error) {
	if _, done := o.(*unstructured.Unstructured); done || o == nil {
		return o, nil
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	return &unstructured.Unstructured{Object: content}, err
}
