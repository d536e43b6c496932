package oracle

import (
	"math"
	"slices"
	"time"

	"github.com/policyc/policyc/compiler/types"
)

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
