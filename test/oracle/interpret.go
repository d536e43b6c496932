package oracle

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/policyc/policyc/compiler/types"
)

// errOverflow is the one thing that policy CEL has no value for: the API server
// fails closed on it (DESIGN.md, promise 1).
var errOverflow = errors.New("integer overflow")

// scope holds the values of names. A name that has none is absent.
type scope struct {
	outer *scope
	name  string
	value any
}

func (s *scope) with(name string, value any) *scope {
	return &scope{outer: s, name: name, value: value}
}

func (s *scope) lookup(name string) any {
	for ; s != nil; s = s.outer {
		if s.name == name {
			return s.value
		}
	}
	return nil
}

// Interpret evaluates an expression by section 4 of DESIGN.md. A nil value is
// absent.
func Interpret(e *Expr, s *scope) (value any, err error) {
	defer func() {
		if p := recover(); p != nil {
			if p != errOverflow { //nolint:errorlint // panicked with it, below
				panic(fmt.Sprintf("%v in %s", p, e))
			}
			err = errOverflow
		}
	}()
	return eval(e, s), nil
}

func eval(e *Expr, s *scope) any {
	switch e.Op {
	case opLit:
		return e.Value
	case opVar:
		return number(s.lookup(e.Name), e.Type)
	case opSelect:
		return number(member(eval(e.Args[0], s), e.Name), e.Type)
	case opIndex:
		return number(member(eval(e.Args[0], s), eval(e.Args[1], s)), e.Type)
	case opHas:
		return eval(e.Args[0], s) != nil
	case opOrValue:
		if v := eval(e.Args[0], s); v != nil {
			return v
		}
		return eval(e.Args[1], s)
	case opNot, opAnd, opOr, opCond:
		return evalLogic(e, s)
	case opEqual:
		a, b := alike(e, s)
		return equal(a, b) == (e.Name == "==")
	case opCompare:
		a, b := alike(e, s)
		return ordered(e.Name, a, b)
	case opIn:
		return contains(eval(e.Args[1], s), eval(e.Args[0], s))
	case opArith:
		return evalArithmetic(e, s)
	case opNegate:
		return negate(eval(e.Args[0], s))
	case opList:
		out := []any{}
		for _, a := range e.Args {
			if v := eval(a, s); v != nil {
				out = append(out, v)
			}
		}
		return out
	case opMap:
		out := object{}
		for i := 0; i < len(e.Args); i += 2 {
			k, v := key(eval(e.Args[i], s)), eval(e.Args[i+1], s)
			if k == nil {
				return nil
			}
			if v != nil {
				out[k] = v
			}
		}
		return out
	case opMacro:
		return evalMacro(e, s)
	case opLet:
		v := eval(e.Args[0], s)
		if v == nil {
			return nil
		}
		return eval(e.Args[1], s.with(e.Vars[0], v))
	case opCall, opMethod:
		return evalCall(e, s)
	}
	panic("no such form: " + e.Op)
}

// number reads a number of a CRD as its schema has it: `integer` takes 3.0, and
// `number` takes 3, but to policy CEL the one is an int and the other a double.
func number(v any, t *types.Type) any {
	switch n := v.(type) {
	case float64:
		if (t.Kind == types.Int || t.Kind == types.IntOrString) && n == math.Trunc(n) {
			return int64(n)
		}
	case int64:
		if t.Kind == types.Double {
			return float64(n)
		}
	}
	return v
}

// member is v.k or v[k]; nil when there is none, or v is no collection.
func member(v, k any) any {
	switch c := v.(type) {
	case object:
		if k = key(k); k != nil {
			return c[k]
		}
	case []any:
		if i, ok := key(k).(int64); ok && i >= 0 && i < int64(len(c)) {
			return c[i]
		}
	}
	return nil
}

// key is a value as the key of a map: 1.0 finds what 1 does.
func key(k any) any {
	switch n := k.(type) {
	case float64:
		if n == math.Trunc(n) && math.Abs(n) < 1<<53 {
			return int64(n)
		}
		return nil
	case string, bool, int64:
		return k
	}
	return nil
}

// condition reads a value where a condition is needed.
func condition(v any) bool { b, ok := v.(bool); return ok && b }

// evalLogic works on plain booleans, and asks no more than it must.
func evalLogic(e *Expr, s *scope) any {
	first := condition(eval(e.Args[0], s))
	switch {
	case e.Op == opNot:
		return !first
	case e.Op == opCond && first:
		return eval(e.Args[1], s)
	case e.Op == opCond:
		return eval(e.Args[2], s)
	case first == (e.Op == opOr):
		return first
	}
	return condition(eval(e.Args[1], s))
}

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

// evalArithmetic: absence carries on, but for lists, which are then empty.
func evalArithmetic(e *Expr, s *scope) any {
	a, b := eval(e.Args[0], s), eval(e.Args[1], s)
	if e.Type.Kind == types.List {
		return slices.Concat(asList(a), asList(b))
	}
	switch x := a.(type) {
	case int64:
		if y, ok := b.(int64); ok {
			return integers(e.Name, x, y)
		}
	case float64:
		if y, ok := b.(float64); ok {
			return floats(e.Name, x, y)
		}
	case string:
		if y, ok := b.(string); ok && e.Name == "+" && e.Type.Kind != types.Timestamp && e.Type.Kind != types.Duration {
			return x + y
		}
	case []any:
		if y, ok := b.([]any); ok && e.Name == "+" {
			return slices.Concat(x, y)
		}
	}
	return times(e, a, b)
}

// times is arithmetic on times and durations.
func times(e *Expr, a, b any) any {
	read := func(v any, t *types.Type) any {
		switch t.Kind {
		case types.Time:
			return asTime(v)
		case types.DurationText:
			return asDuration(v)
		}
		return v
	}
	a, b = read(a, e.Args[0].Type), read(b, e.Args[1].Type)
	sign := time.Duration(1)
	if e.Name == "-" {
		sign = -1
	}
	switch x := a.(type) {
	case time.Time:
		switch y := b.(type) {
		case time.Duration:
			return inRange(x.Add(sign * y))
		case time.Time:
			return x.Sub(y)
		}
	case time.Duration:
		switch y := b.(type) {
		case time.Duration:
			return x + sign*y
		case time.Time:
			return inRange(y.Add(x))
		}
	}
	return nil
}

// inRange fails like CEL does for times before year 1 and after year 9999.
func inRange(t time.Time) any {
	if t.Year() < 1 || t.Year() > 9999 {
		panic(errOverflow)
	}
	return t
}

func asList(v any) []any {
	l, _ := v.([]any)
	return l
}

func integers(op string, x, y int64) any {
	var big float64
	var out int64
	switch op {
	case "+":
		out, big = x+y, float64(x)+float64(y)
	case "-":
		out, big = x-y, float64(x)-float64(y)
	case "*":
		out, big = x*y, float64(x)*float64(y)
	case "/", "%":
		if y == 0 {
			return nil
		}
		if x == math.MinInt64 && y == -1 {
			panic(errOverflow)
		}
		if op == "/" {
			return x / y
		}
		return x % y
	}
	if math.Abs(big) > 9.2e18 {
		panic(errOverflow)
	}
	return out
}

func floats(op string, x, y float64) any {
	switch op {
	case "+":
		return x + y
	case "-":
		return x - y
	case "*":
		return x * y
	case "/":
		// Not infinity: section 4 names division by zero, of whatever type.
		if y != 0 {
			return x / y
		}
	}
	return nil
}

func negate(v any) any {
	switch n := v.(type) {
	case int64:
		if n == math.MinInt64 {
			panic(errOverflow)
		}
		return -n
	case float64:
		return -n
	}
	return nil
}
