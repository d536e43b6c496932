// Package types holds the types of policy CEL: what the schemas of Kubernetes
// and of users' CRDs are translated into, and what expressions are checked with.
//
//	io.k8s.api.core.v1.Container → Object{name: String, image: String?, …}
package types

import (
	"sort"
	"strings"
)

// Kind says which family a Type belongs to.
type Kind uint8

// The kinds of type. Those up to Map are CEL's own; the later ones describe
// JSON text or numbers to which the schema gives a meaning.
const (
	// Dyn is a value of which the schema says nothing: any operation that
	// its run-time type does not allow is absent.
	Dyn Kind = iota
	Null
	Bool
	Int
	Uint
	Double
	String
	Bytes
	Timestamp
	Duration
	// TypeOf is the type of a type, as `type(x)` returns it.
	TypeOf
	// Opaque is a named CEL type of a library, such as `kubernetes.Quantity`.
	Opaque
	List
	Map
	// Object has named fields.
	Object
	// Param is a type parameter in the signature of a function.
	Param

	// Quantity is a resource quantity in JSON: text such as "1Gi". In
	// fields of built-in kinds it is always valid and always text.
	Quantity
	// IntOrString is a JSON integer or text.
	IntOrString
	// Time is text in RFC 3339, valid by the API server's own check.
	Time
	// DurationText is text such as "30s", valid by the API server's own check.
	DurationText
	// Base64 is text that holds bytes in base64 (`format: byte`).
	Base64
)

// Type is a type of policy CEL. Types are compared with Equal, never by
// pointer, and are not changed once made.
type Type struct {
	Kind Kind
	// Name is the schema's name of an Object (io.k8s.api.core.v1.Pod), the
	// CEL name of an Opaque type, or the name of a type parameter.
	Name string
	// Key and Elem are the key and value types of a Map; Elem also is the
	// element type of a List.
	Key, Elem *Type
	// Enum lists the values that the schema allows a String, when it does.
	Enum []string
	// NullElem says that elements of this List or Map may be null.
	NullElem bool
	// Loose says that an Int, Double or IntOrString comes from the schema of a CRD, where
	// `integer` takes 3.0, which CEL sees as a double, and `number` takes 3,
	// which CEL sees as an int.
	Loose bool
	// Open says that an Object has, besides its fields, fields that the
	// schema does not know (x-kubernetes-preserve-unknown-fields).
	Open bool
	// Fields finds the fields of an Object; nil for every other kind.
	Fields Fields
}

// Fields is the set of fields of an Object. It may be computed on demand,
// since the types of Kubernetes are large and some contain themselves.
type Fields interface {
	// Field returns the field of that name, or nil.
	Field(name string) *Field
	// Names returns the names of all fields, sorted.
	Names() []string
}

// Field is one field of an Object.
type Field struct {
	Name string
	Type *Type
	// Required says that the API server admits no object without it.
	Required bool
	// Nullable says that an explicit null can be seen in admission.
	Nullable bool
	// MissingIn names the members of a union that lack the field.
	MissingIn []string
	// Newer says that the target version lacks the field and a later one has
	// it: it is absent on the one, and must be checked on the other.
	Newer bool
}

// The types that need no parameters.
var (
	DynType       = &Type{Kind: Dyn}
	NullType      = &Type{Kind: Null}
	BoolType      = &Type{Kind: Bool}
	IntType       = &Type{Kind: Int}
	UintType      = &Type{Kind: Uint}
	DoubleType    = &Type{Kind: Double}
	StringType    = &Type{Kind: String}
	BytesType     = &Type{Kind: Bytes}
	TimestampType = &Type{Kind: Timestamp}
	DurationType  = &Type{Kind: Duration}
	TypeType      = &Type{Kind: TypeOf}

	LooseIntType    = &Type{Kind: Int, Loose: true}
	LooseDoubleType = &Type{Kind: Double, Loose: true}
	// LooseIntOrStringType is x-kubernetes-int-or-string of a CRD.
	LooseIntOrStringType = &Type{Kind: IntOrString, Loose: true}

	QuantityType     = &Type{Kind: Quantity}
	IntOrStringType  = &Type{Kind: IntOrString}
	TimeType         = &Type{Kind: Time}
	DurationTextType = &Type{Kind: DurationText}
	Base64Type       = &Type{Kind: Base64}
)

// NewList returns the type list(elem).
func NewList(elem *Type) *Type { return &Type{Kind: List, Elem: elem} }

// NewMap returns the type map(key, elem).
func NewMap(key, elem *Type) *Type { return &Type{Kind: Map, Key: key, Elem: elem} }

// NewOpaque returns the library type of that CEL name.
func NewOpaque(name string) *Type { return &Type{Kind: Opaque, Name: name} }

// NewObject returns an object type with the given fields.
func NewObject(name string, fields ...*Field) *Type {
	return &Type{Kind: Object, Name: name, Fields: fieldList(fields)}
}

type fieldList []*Field

func (l fieldList) Field(name string) *Field {
	for _, f := range l {
		if f.Name == name {
			return f
		}
	}
	return nil
}

func (l fieldList) Names() []string {
	names := make([]string, len(l))
	for i, f := range l {
		names[i] = f.Name
	}
	sort.Strings(names)
	return names
}

var kindNames = map[Kind]string{
	Dyn: "any", Null: "null", Bool: "bool", Int: "int", Uint: "uint", Double: "double",
	String: "string", Bytes: "bytes", Timestamp: "timestamp", Duration: "duration", TypeOf: "type",
	Quantity: "quantity (text)", IntOrString: "int or string", Time: "time (text)",
	DurationText: "duration (text)", Base64: "base64 (text)",
}

// String returns the type as diagnostics show it, such as list(string) or
// io.k8s.api.core.v1.Container.
func (t *Type) String() string {
	switch t.Kind {
	case Opaque, Object, Param:
		return t.Name
	case List:
		return "list(" + t.Elem.String() + ")"
	case Map:
		return "map(" + t.Key.String() + ", " + t.Elem.String() + ")"
	default:
		return kindNames[t.Kind]
	}
}

// Text reports whether values of the type are text in JSON.
func (t *Type) Text() bool {
	switch t.Kind {
	case String, Time, DurationText, Base64:
		return true
	}
	return false
}

// Equal reports whether a and b are the same type.
func Equal(a, b *Type) bool {
	if a == b {
		return true
	}
	if a.Kind != b.Kind || a.Name != b.Name || a.Open != b.Open || a.NullElem != b.NullElem || a.Loose != b.Loose {
		return false
	}
	switch a.Kind {
	case List:
		return Equal(a.Elem, b.Elem)
	case Map:
		return Equal(a.Key, b.Key) && Equal(a.Elem, b.Elem)
	}
	return true
}

// Union returns a type that holds the values of every member: fields that all
// members have are kept with their own union, others carry MissingIn. Labels
// name the members in diagnostics (one a member). Members that are no objects
// and differ give Dyn.
func Union(labels []string, members []*Type) *Type {
	first, same := members[0], true
	for _, m := range members[1:] {
		same = same && Equal(first, m)
	}
	if same {
		return first
	}
	open := false
	names := map[string]bool{}
	for _, m := range members {
		if m.Kind != first.Kind || m.Kind != Object && m.Kind != List && m.Kind != Map {
			return DynType
		}
		open = open || m.Open
		names[m.Name] = true
	}
	switch first.Kind {
	case List:
		return &Type{Kind: List, Elem: Union(labels, elems(members)), NullElem: anyNullElem(members)}
	case Map:
		return &Type{Kind: Map, Key: first.Key, Elem: Union(labels, elems(members)), NullElem: anyNullElem(members)}
	}
	sorted := make([]string, 0, len(names))
	for n := range names {
		sorted = append(sorted, n)
	}
	sort.Strings(sorted)
	return &Type{Kind: Object, Name: strings.Join(sorted, " | "), Open: open,
		Fields: &unionFields{labels: labels, members: members}}
}

func elems(members []*Type) []*Type {
	out := make([]*Type, len(members))
	for i, m := range members {
		out[i] = m.Elem
	}
	return out
}

func anyNullElem(members []*Type) bool {
	for _, m := range members {
		if m.NullElem {
			return true
		}
	}
	return false
}

// unionFields computes the fields of a union when they are asked for.
type unionFields struct {
	labels  []string
	members []*Type
}

func (u *unionFields) Field(name string) *Field {
	out := &Field{Name: name, Required: true}
	var labels []string
	var types []*Type
	for i, m := range u.members {
		f := m.Fields.Field(name)
		if f == nil {
			out.MissingIn = append(out.MissingIn, u.labels[i])
			out.Required = false
			continue
		}
		out.Required = out.Required && f.Required
		out.Nullable = out.Nullable || f.Nullable
		out.Newer = out.Newer || f.Newer
		for _, missing := range f.MissingIn {
			out.MissingIn = append(out.MissingIn, u.labels[i]+" "+missing)
		}
		labels, types = append(labels, u.labels[i]), append(types, f.Type)
	}
	if len(types) == 0 {
		return nil
	}
	out.Type = Union(labels, types)
	return out
}

func (u *unionFields) Names() []string {
	seen := map[string]bool{}
	var out []string
	for _, m := range u.members {
		for _, n := range m.Fields.Names() {
			if !seen[n] {
				seen[n] = true
				out = append(out, n)
			}
		}
	}
	sort.Strings(out)
	return out
}
