package expr

import (
	"strings"

	"github.com/google/cel-go/common/decls"
	celtypes "github.com/google/cel-go/common/types"

	"github.com/policyc/policyc/compiler/types"
)

// overload is an overload of a CEL function that the arguments of a call
// allow, with what must be done to them.
type overload struct {
	id     string
	result *types.Type
	// params are the parameter types with type parameters resolved.
	params []*types.Type
	// tests are the types that a value of unknown type is tested for at run
	// time: params, but anything goes for a type parameter.
	tests []*types.Type
	// optional says that CEL returns an optional: the call can be absent.
	optional bool
}

// fromCEL translates a type of a CEL signature.
func fromCEL(t *celtypes.Type) *types.Type {
	switch t.Kind() {
	case celtypes.BoolKind:
		return types.BoolType
	case celtypes.IntKind:
		return types.IntType
	case celtypes.UintKind:
		return types.UintType
	case celtypes.DoubleKind:
		return types.DoubleType
	case celtypes.StringKind:
		return types.StringType
	case celtypes.BytesKind:
		return types.BytesType
	case celtypes.TimestampKind:
		return types.TimestampType
	case celtypes.DurationKind:
		return types.DurationType
	case celtypes.NullTypeKind:
		return types.NullType
	case celtypes.TypeKind:
		return types.TypeType
	case celtypes.ListKind:
		return types.NewList(fromCEL(t.Parameters()[0]))
	case celtypes.MapKind:
		return types.NewMap(fromCEL(t.Parameters()[0]), fromCEL(t.Parameters()[1]))
	case celtypes.TypeParamKind:
		return &types.Type{Kind: types.Param, Name: t.TypeName()}
	case celtypes.OpaqueKind:
		if t.TypeName() == "optional_type" {
			// Absence is not a type in policy CEL.
			return fromCEL(t.Parameters()[0])
		}
		return types.NewOpaque(t.TypeName())
	case celtypes.StructKind:
		return types.NewOpaque(t.TypeName())
	}
	return types.DynType
}

// quantityName is the CEL name of a parsed quantity.
const quantityName = "kubernetes.Quantity"

var quantityObject = types.NewOpaque(quantityName)

// matchOverload checks the arguments of a call against one overload.
func matchOverload(d *decls.OverloadDecl, args []*types.Type) (*overload, bool) {
	if len(d.ArgTypes()) != len(args) {
		return nil, false
	}
	bound := map[string]*types.Type{}
	for i, p := range d.ArgTypes() {
		if !assign(fromCEL(p), args[i], bound) {
			return nil, false
		}
	}
	o := &overload{id: d.ID(), result: substitute(fromCEL(d.ResultType()), bound), optional: d.ResultType().TypeName() == "optional_type"}
	for _, p := range d.ArgTypes() {
		o.params = append(o.params, substitute(fromCEL(p), bound))
		o.tests = append(o.tests, substitute(fromCEL(p), nil))
	}
	return o, true
}

// assign reports whether a value of type have can be passed where want is
// asked for; the lowering tests at run time what is not known before.
func assign(want, have *types.Type, bound map[string]*types.Type) bool {
	if want.Kind == types.Param {
		old, ok := bound[want.Name]
		switch {
		case ok && old != nothing && have != nothing && holdsOpaque(old) != holdsOpaque(have):
			return false
		case !ok || old.Kind == types.Dyn:
			bound[want.Name] = have
			return true
		case have.Kind == types.Dyn || types.Equal(old, have):
			return true
		case old.Kind == have.Kind && (old.Kind == types.Int || old.Kind == types.Double):
			// One of them is a number of a CRD, which CEL compares with any other.
			bound[want.Name] = &types.Type{Kind: old.Kind, Loose: true}
			return true
		case old.Kind == types.List && have.Kind == types.List:
			return assign(old.Elem, have.Elem, bound) || assign(have.Elem, old.Elem, bound)
		}
		return old.Text() && have.Text()
	}
	if have.Kind == types.Dyn {
		// What the schema leaves open came out of JSON.
		switch want.Kind {
		case types.Opaque, types.Timestamp, types.Duration, types.Bytes, types.Uint, types.TypeOf:
			return false
		}
		return true
	}
	switch want.Kind {
	case types.Dyn:
		return true
	case types.String:
		return have.Text() || have.Kind == types.Quantity || have.Kind == types.IntOrString
	case types.Int:
		return have.Kind == types.Int || have.Kind == types.IntOrString
	case types.Timestamp:
		return have.Kind == types.Timestamp || have.Kind == types.Time
	case types.Duration:
		return have.Kind == types.Duration || have.Kind == types.DurationText
	case types.Opaque:
		return have.Kind == types.Opaque && have.Name == want.Name ||
			want.Name == quantityName && have.Kind == types.Quantity
	case types.List:
		return have.Kind == types.List && assign(want.Elem, have.Elem, bound)
	case types.Map:
		if have.Kind == types.Object {
			return want.Key.Kind == types.Param || want.Key.Kind == types.String
		}
		return have.Kind == types.Map && assign(want.Key, have.Key, bound) && assign(want.Elem, have.Elem, bound)
	}
	return want.Kind == have.Kind
}

func substitute(t *types.Type, bound map[string]*types.Type) *types.Type {
	switch t.Kind {
	case types.Param:
		if b, ok := bound[t.Name]; ok {
			return b
		}
		return types.DynType
	case types.List:
		return types.NewList(substitute(t.Elem, bound))
	case types.Map:
		return types.NewMap(substitute(t.Key, bound), substitute(t.Elem, bound))
	}
	return t
}

// signatureText shows an overload as a diagnostic does.
func signatureText(name string, d *decls.OverloadDecl) string {
	var args []string
	for _, a := range d.ArgTypes() {
		args = append(args, fromCEL(a).String())
	}
	result := fromCEL(d.ResultType()).String()
	if d.IsMemberFunction() {
		return args[0] + "." + name + "(" + strings.Join(args[1:], ", ") + ") → " + result
	}
	return name + "(" + strings.Join(args, ", ") + ") → " + result
}

// ParseType reads a type as policies write it: string, int, bool, double,
// quantity, any, list(T), map(T) or map(string, T).
func ParseType(text string) (*types.Type, bool) {
	text = strings.TrimSpace(text)
	switch text {
	case "string":
		return types.StringType, true
	case "int":
		return types.IntType, true
	case "bool":
		return types.BoolType, true
	case "double":
		return types.DoubleType, true
	case "quantity":
		return types.QuantityType, true
	case "any", "dyn":
		return types.DynType, true
	case "timestamp":
		return types.TimestampType, true
	case "duration":
		return types.DurationType, true
	}
	if inner, ok := enclosed(text, "list"); ok {
		elem, ok := ParseType(inner)
		return types.NewList(elem), ok
	}
	if inner, ok := enclosed(text, "map"); ok {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(inner), "string,"); ok {
			inner = rest
		}
		elem, ok := ParseType(inner)
		return types.NewMap(types.StringType, elem), ok
	}
	return types.DynType, false
}

func enclosed(text, name string) (string, bool) {
	rest, ok := strings.CutPrefix(text, name+"(")
	if !ok || !strings.HasSuffix(rest, ")") {
		return "", false
	}
	return rest[:len(rest)-1], true
}
