package engine

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
)

// version is a kind that objects are seen in, as Go values or as JSON.
type version struct {
	schema.GroupVersionKind
	json bool
}

// versioned returns the objects of the request in the version of a kind, as a policy sees them.
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
		seeJSON(&made.VersionedObject)
		seeJSON(&made.VersionedOldObject)
	}
	v.versions[key] = made
	return made, nil
}

// seeJSON shows an object to CEL as a webhook gets it. Since Kubernetes 1.37, CEL in the API server sees built-in objects
// as values of Go types, which are equal to none of another type; what is looked up is plain JSON, and in the webhook so
// is the object of the request.
func seeJSON(o *admission.LazyObject) {
	o.UseSchemalessTypeRef = false
	o.Set(o.Object())
}
