package schema

import "github.com/policyc/policyc/compiler/types"

// rootFields are the fields of an object as admission sees it at the top: the
// API server fills in apiVersion and kind before it admits, and the metadata
// of every object is there. A type nested elsewhere (a claim template of a
// StatefulSet is a PersistentVolumeClaim) promises less.
type rootFields struct{ types.Fields }

func rootOf(t *types.Type) *types.Type {
	root := *t
	root.Fields = rootFields{t.Fields}
	return &root
}

// Field returns the field of that name, or nil.
func (r rootFields) Field(name string) *types.Field {
	f := r.Fields.Field(name)
	if f == nil || f.Required {
		return f
	}
	switch {
	case name == "apiVersion", name == "kind", name == "metadata" && f.Type.Name == objectMeta:
		required := *f
		required.Required, required.Nullable = true, false
		return &required
	}
	return f
}
