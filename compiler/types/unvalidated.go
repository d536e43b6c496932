package types

// Unvalidated returns the type as a value has it before the API server
// validated the object, which it does after mutation: no field can be relied on.
//
//	io.k8s.api.core.v1.Container, whose name is required
//	→ the same with a name that may be absent
//
// With nulls, any field may hold an explicit null, as in what a CRD leaves open.
func Unvalidated(t *Type, nulls bool) *Type {
	out := *t
	switch t.Kind {
	case List, Map:
		out.Elem, out.NullElem = Unvalidated(t.Elem, nulls), t.NullElem || nulls
	case Object:
		if _, done := t.Fields.(unvalidatedFields); done {
			return t
		}
		out.Fields = unvalidatedFields{t.Fields, nulls}
	default:
		return t
	}
	return &out
}

// unvalidatedFields are computed when they are asked for, as those of other
// types: a type may contain itself.
type unvalidatedFields struct {
	validated Fields
	nulls     bool
}

// alwaysThere are fields that decoding itself demands or writes: those of
// built-in kinds are no pointers.
var alwaysThere = map[string]bool{"apiVersion": true, "kind": true, "metadata": true, "spec": true}

func (u unvalidatedFields) Field(name string) *Field {
	f := u.validated.Field(name)
	if f == nil {
		return nil
	}
	out := *f
	out.Type = Unvalidated(f.Type, u.nulls)
	out.Nullable = f.Nullable || u.nulls
	if f.Required && !alwaysThere[name] {
		out.Required = false
		// Go writes an empty list, map or pointer without omitempty as null.
		out.Nullable = out.Nullable || f.Type.Kind == List || f.Type.Kind == Map || f.Type.Kind == Object
	}
	return &out
}

func (u unvalidatedFields) Names() []string { return u.validated.Names() }
