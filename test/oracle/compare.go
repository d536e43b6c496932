package oracle

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/policyc/policyc/compiler/types"
)

// alike evaluates the operands of a comparison, and reads them as what the
// schema says that they mean.
func alike(e *Expr, s *scope) (a, b any) {
	a, b = eval(e.Args[0], s), eval(e.Args[1], s)
	x, y := e.Args[0].Type, e.Args[1].Type
	switch {
	case isQuantity(x) && measured(y) || isQuantity(y) && measured(x):
		return asQuantity(a), asQuantity(b)
	case x.Kind == types.Time && timed(y) || y.Kind == types.Time && timed(x):
		return asTime(a), asTime(b)
	case x.Kind == types.DurationText && lasting(y) || y.Kind == types.DurationText && lasting(x):
		return asDuration(a), asDuration(b)
	}
	return a, b
}

func isQuantity(t *types.Type) bool {
	return t.Kind == types.Quantity || t.Kind == types.Opaque && t.Name == quantityType.Name
}

func measured(t *types.Type) bool {
	return isQuantity(t) || t.Kind == types.String || t.Kind == types.Int || t.Kind == types.IntOrString
}

func timed(t *types.Type) bool {
	return t.Kind == types.Time || t.Kind == types.Timestamp || t.Kind == types.String
}

func lasting(t *types.Type) bool {
	return t.Kind == types.DurationText || t.Kind == types.Duration || t.Kind == types.String
}

func asQuantity(v any) any {
	switch v := v.(type) {
	case int64:
		return resource.NewQuantity(v, resource.DecimalSI)
	case string:
		return parseQuantity(v)
	}
	return v
}

func asTime(v any) any {
	if s, ok := v.(string); ok {
		return parseTime(s)
	}
	return v
}

func asDuration(v any) any {
	if s, ok := v.(string); ok {
		return parseDuration(s)
	}
	return v
}

func ordered(op string, a, b any) bool {
	order, ok := compare(a, b)
	if !ok {
		return false
	}
	switch op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

// contains is `x in set`: false when either is absent.
func contains(set, x any) bool {
	if x == nil {
		return false
	}
	switch set := set.(type) {
	case []any:
		return slices.ContainsFunc(set, func(e any) bool { return equal(e, x) })
	case object:
		// A key of null is an absent member, and so is none.
		return member(set, x) != nil
	}
	return false
}
