package main

import "go/ast"

// presence is what an object in admission has of a field that is empty. The
// API server converts the object to its versioned Go type and writes that out
// by encoding/json's rules, so the Go type alone decides.
type presence uint8

const (
	maybe  presence = iota // left out
	null                   // written as null
	always                 // written as a value
)

// class is how encoding/json treats a Go type.
type class uint8

const (
	scalar    class = iota // omitempty leaves it out
	reference              // pointer, slice, map, interface: null when nil, and omitempty leaves it out
	structure              // never empty to omitempty: always written
	nulling                // a structure that writes itself as null: Time, RawExtension
)

// ownJSON are the types with a MarshalJSON of their own.
var ownJSON = map[string]class{
	"k8s.io/apimachinery/pkg/apis/meta/v1.Time":                                             nulling,
	"k8s.io/apimachinery/pkg/apis/meta/v1.MicroTime":                                        nulling,
	"k8s.io/apimachinery/pkg/apis/meta/v1.FieldsV1":                                         nulling,
	"k8s.io/apimachinery/pkg/runtime.RawExtension":                                          nulling,
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSON":                         nulling,
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaPropsOrArray":       nulling,
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaPropsOrBool":        structure,
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaPropsOrStringArray": nulling,
	"k8s.io/apimachinery/pkg/apis/meta/v1.Duration":                                         structure,
	"k8s.io/apimachinery/pkg/api/resource.Quantity":                                         structure,
	"k8s.io/apimachinery/pkg/util/intstr.IntOrString":                                       structure,
}

func (t goType) class() class {
	t = t.resolve()
	if c, ok := ownJSON[t.name]; ok {
		return c
	}
	switch x := t.expr.(type) {
	case *ast.StarExpr, *ast.ArrayType, *ast.MapType, *ast.InterfaceType:
		return reference
	case *ast.StructType:
		return structure
	case *ast.Ident:
		if x.Name == "any" {
			return reference
		}
	}
	return scalar
}

// nullElem reports whether an element of this type can be written as null:
// `data: {key: null}` of a Secret is a nil []byte, and is null in admission.
func (t goType) nullElem() bool {
	if t.expr == nil {
		return false
	}
	c := t.class()
	return c == reference || c == nulling
}

// presence says what becomes of the field when it is empty.
func (f goField) presence() presence {
	switch c := f.typ.class(); {
	case c == nulling:
		// Null even where omitzero would leave it out: the converter that
		// feeds CEL learned omitzero later than encoding/json.
		return null
	case f.omitZero:
		return maybe
	case c == structure:
		return always
	case f.omitEmpty:
		return maybe
	case c == reference:
		return null
	}
	return always
}
