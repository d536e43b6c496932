package oracle

import (
	"errors"
	"fmt"
	"math"

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
			// Of equal keys the last one counts, as everywhere in CEL.
			if out[k] = v; v == nil {
				delete(out, k)
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
