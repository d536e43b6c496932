package check

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/expr"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/compiler/types"
)

// Value is a value that a mutation writes, in CEL.
type Value struct {
	Code *code.Expr
	// Optional says that Code is an optional: without a value, nothing is
	// written.
	Optional bool
	constant bool
}

// valueReader turns YAML with `${expr}` into CEL, and holds it against a type.
//
//	{type: Localhost, localhostProfile: "${params.profile}"}
//	→ {'type': dyn('Localhost'), ?'localhostProfile': …}
type valueReader struct {
	*checker
	locals []*expr.Local
	// nodes are the expressions that were read.
	nodes []*expr.Node
}

var noValue = Value{Code: code.Null, constant: true}

func (r *valueReader) value(v syntax.Value, t *types.Type) Value {
	switch data := v.Data.(type) {
	case string:
		if strings.Contains(data, "${") {
			return r.template(v, t)
		}
	case []any:
		return r.items(v, t)
	case map[string]any:
		return r.entries(v, t)
	}
	return r.literal(v, t)
}

// literal is a scalar without expressions.
func (r *valueReader) literal(v syntax.Value, t *types.Type) Value {
	ok := false
	switch data := v.Data.(type) {
	case nil:
		r.report.Errorf(diag.WrongType, v.Span, "null is no value").Helpf("use `remove` for what is to be absent")
		return noValue
	case string:
		ok = t.Text() || t.Kind == types.IntOrString || t.Kind == types.Quantity
		if t.Kind == types.Quantity && !isQuantity(data) {
			r.report.Errorf(diag.InvalidLiteral, v.Span, "`%s` is no quantity", data).Helpf("write one such as `500m` or `1Gi`")
			return noValue
		}
		if ok && len(t.Enum) > 0 && !slices.Contains(t.Enum, data) {
			d := r.report.Errorf(diag.ImpossibleValue, v.Span, "the field never has the value `%s`", data).Notef("its values are %s", quoted(t.Enum))
			if near, found := diag.Suggest(data, t.Enum); found {
				d.Helpf("did you mean `%s`?", near)
			}
			return noValue
		}
	case bool:
		ok = t.Kind == types.Bool
	case int64:
		ok = t.Kind == types.Int || t.Kind == types.Double || t.Kind == types.IntOrString || t.Kind == types.Quantity
		// The API server writes the value of a patch through a float64.
		if const53 := int64(1) << 53; ok && (data > const53 || data < -const53) {
			r.report.Errorf(diag.InvalidLiteral, v.Span, "`%d` has more digits than the patch of an API server keeps", data)
			return noValue
		}
	case float64:
		ok = t.Kind == types.Double
	}
	if !ok && t.Kind != types.Dyn {
		r.wrongType(v.Span, describe(v.Data), t)
		return noValue
	}
	return Value{Code: code.Value(v.Data), constant: true}
}

func isQuantity(s string) bool {
	_, err := resource.ParseQuantity(s)
	return err == nil
}

func (r *valueReader) wrongType(at source.Span, what string, t *types.Type) {
	r.report.Errorf(diag.WrongType, at, "the field is %s, and the value %s", t, what)
}

// describe names the type of a YAML value.
func describe(data any) string {
	switch data.(type) {
	case string:
		return "string"
	case bool:
		return "bool"
	case int64:
		return "int"
	case float64:
		return "double"
	case []any:
		return "a list"
	case map[string]any:
		return "a map"
	}
	return "null"
}

func (r *valueReader) items(v syntax.Value, t *types.Type) Value {
	elem := types.DynType
	switch t.Kind {
	case types.List:
		elem = t.Elem
	case types.Dyn:
	default:
		r.wrongType(v.Span, describe(v.Data), t)
		return noValue
	}
	var values []Value
	for _, item := range v.Items {
		values = append(values, r.value(item, elem))
	}
	if allConstant(values) {
		return Value{Code: code.Value(v.Data), constant: true}
	}
	return Value{Code: listOf(values)}
}

func (r *valueReader) entries(v syntax.Value, t *types.Type) Value {
	if t.Kind != types.Object && t.Kind != types.Map && t.Kind != types.Dyn {
		r.wrongType(v.Span, describe(v.Data), t)
		return noValue
	}
	var values []Value
	for _, e := range v.Entries {
		s := step{name: e.Key.Value, at: e.Key.Span}
		typ := types.DynType
		if t.Kind != types.Dyn {
			var ok bool
			if typ, ok = s.resolve(t, r.report); !ok {
				return noValue
			}
		}
		if strings.Contains(e.Key.Value, "${") {
			r.report.Errorf(diag.InvalidPath, e.Key.Span, "a key is no expression")
		}
		values = append(values, r.value(e.Value, typ))
	}
	if allConstant(values) {
		return Value{Code: code.Value(v.Data), constant: true}
	}
	var entries []*code.Expr
	var optional []bool
	for i, x := range values {
		entries, optional = append(entries, code.Lit(v.Entries[i].Key.Value), x.dyn()), append(optional, x.Optional)
	}
	return Value{Code: code.Map(entries, optional)}
}

func allConstant(values []Value) bool {
	return !slices.ContainsFunc(values, func(v Value) bool { return !v.constant })
}

// dyn makes the type of a value unknown, as the API server wants it of values
// that stand in one literal and differ.
func (v Value) dyn() *code.Expr {
	if !v.Optional {
		return code.Call("dyn", v.Code)
	}
	name := code.Ident("given")
	return code.Method(v.Code, "optMap", name, code.Call("dyn", name))
}

// template is text with `${expr}`. A text that is nothing but an expression
// keeps its type.
func (r *valueReader) template(v syntax.Value, t *types.Type) Value {
	parts := expr.ParseTemplate(v.Text, r.report)
	if len(parts) == 1 && parts[0].Expr == nil {
		return r.literal(syntax.Value{Data: parts[0].Text, Span: v.Span, Text: v.Text}, t)
	}
	if len(parts) == 1 && parts[0].Expr != nil {
		n := expr.CheckLocal(parts[0].Expr, r.scope, r.report, false, r.locals...)
		r.nodes = append(r.nodes, n)
		return r.expression(n, v.Span, t)
	}
	if t.Kind != types.String && t.Kind != types.IntOrString && t.Kind != types.Dyn {
		r.wrongType(v.Span, "text", t)
		return noValue
	}
	for _, p := range parts {
		if p.Expr != nil {
			r.nodes = append(r.nodes, expr.CheckLocal(p.Expr, r.scope, diag.NewReport(), false, r.locals...))
		}
	}
	x, optional := expr.Text(parts, r.scope, r.report, r.locals...)
	return Value{Code: x, Optional: optional}
}

// expression is the value of an expression, if it fits the type.
func (r *valueReader) expression(n *expr.Node, at source.Span, t *types.Type) Value {
	if n.Bad() {
		return noValue
	}
	test, ok := fits(n.Type, t)
	if !ok {
		r.wrongType(at, n.Type.String(), t)
		return noValue
	}
	x, optional := expr.Value(n, r.locals...)
	if test == nil {
		return Value{Code: x, Optional: optional}
	}
	// What turns out not to fit is absent.
	if !optional {
		x = code.Some(x)
	}
	name := code.Ident("given")
	return Value{Code: code.Method(x, "optFlatMap", name, code.Cond(test(name), code.Some(name), code.None)), Optional: true}
}

// list is a value or list of values as a CEL list; sure says that it is not
// empty.
func (r *valueReader) list(v syntax.Value, t *types.Type) (x *code.Expr, sure bool) {
	if text, isText := v.Data.(string); isText && strings.HasPrefix(text, "${") {
		if parts := expr.ParseTemplate(v.Text, r.report); len(parts) == 1 && parts[0].Expr != nil {
			n := expr.CheckLocal(parts[0].Expr, r.scope, r.report, false, r.locals...)
			if n.Type.Kind == types.List && !n.Bad() {
				if _, ok := fits(n.Type, t); !ok {
					r.wrongType(v.Span, n.Type.String(), t)
					return code.List(nil, nil), false
				}
				return expr.List(n, r.locals...), false
			}
		}
	}
	items := v.Items
	if _, isList := v.Data.([]any); !isList {
		items = []syntax.Value{v}
	}
	var values []Value
	for _, item := range items {
		x := r.value(item, t.Elem)
		sure = sure || !x.Optional
		values = append(values, x)
	}
	return listOf(values), sure
}

// listOf is a list of values; optional ones are left out when they are absent.
func listOf(values []Value) *code.Expr {
	constant := allConstant(values)
	var items []*code.Expr
	var optional []bool
	for _, x := range values {
		item := x.Code
		if !constant {
			item = x.dyn()
		}
		items, optional = append(items, item), append(optional, x.Optional)
	}
	return code.List(items, optional)
}
