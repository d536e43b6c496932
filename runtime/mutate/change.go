package mutate

import (
	"slices"
	"strconv"

	"github.com/policyc/policyc/compiler/code"
)

// change is one alteration of an expression.
type change struct {
	operator string
	// path is the way from the root: the indexes of operands.
	path string
	// before and after are the part that changed, whole all of it.
	before, after, whole *code.Expr
	// equivalent says why the change makes no difference; "" when it may.
	equivalent string
}

// place is what an expression is to the one around it.
type place uint8

const (
	value place = iota
	// condition: what is decided by it can be decided without it.
	condition
	// some and every are the conditions of exists and all where the call is
	// decided itself: to decide them the one way is to do that.
	some
	every
	// subject is a list of one that exists or all gives a name to.
	subject
	// operand of `!`, `&&` and `||`, which have operators of their own.
	operand
	// step of a chain of selections, whose end handles the whole chain.
	step
	// list of a rule's violations: its items are messages.
	violations
	// element of a literal list: it is dropped, not changed.
	element
	// fallback is the value of orValue.
	fallback
	// prefix, suffix and pattern are literals that a text is compared with.
	prefix
	suffix
	pattern
	// other side of a comparison with == and !=.
	compared
	// none: nothing in it is altered.
	none
)

// changes returns the alterations of an expression, one place at a time,
// outer ones first.
//
//	a && b → a || b; b; a; and those of a and of b
func changes(e *code.Expr, at place) []change {
	if at == none {
		return nil
	}
	out := own(e, at)
	for i, a := range e.Args {
		for _, c := range changes(a, placeOf(e, i, at)) {
			c.path = strconv.Itoa(i) + "." + c.path
			c.whole = replaceArg(e, i, c.whole)
			out = append(out, c)
		}
	}
	return out
}

// distinct drops changes that leave the text as it is, and those that make
// the same text as an earlier one.
func distinct(e *code.Expr, list []change) []change {
	seen := map[string]bool{e.String(): true}
	return slices.DeleteFunc(list, func(c change) bool {
		text := c.whole.String()
		defer func() { seen[text] = true }()
		return seen[text]
	})
}

func replaceArg(e *code.Expr, i int, by *code.Expr) *code.Expr {
	out := *e
	out.Args = slices.Clone(e.Args)
	out.Args[i] = by
	return &out
}

// without returns a chain (&&, ||), a list or a map without some operands.
func without(e *code.Expr, from, n int) *code.Expr {
	out := *e
	out.Args = slices.Delete(slices.Clone(e.Args), from, from+n)
	if i := from / n; i < len(e.OptionalArgs) {
		out.OptionalArgs = slices.Delete(slices.Clone(e.OptionalArgs), i, i+1)
	}
	if (e.Kind == code.KindAnd || e.Kind == code.KindOr) && len(out.Args) == 1 {
		return out.Args[0]
	}
	return &out
}

// placeOf says what the i-th operand of an expression is to it.
func placeOf(e *code.Expr, i int, at place) place {
	switch e.Kind {
	case code.KindNot, code.KindAnd, code.KindOr:
		return operand
	case code.KindCond:
		switch {
		case i == 0:
			return condition
		case at == violations:
			return violations
		}
	case code.KindList:
		if at == violations {
			return none
		}
		return element
	case code.KindMap:
		if i%2 == 0 {
			return none // keys go with their entries
		}
	case code.KindSelect, code.KindIndex:
		if i == 0 {
			return step
		}
	case code.KindBinary:
		if e.Name == "==" || e.Name == "!=" {
			return compared
		}
	case code.KindCall:
		return placeOfArg(e, i, at)
	}
	return value
}

func placeOfArg(e *code.Expr, i int, at place) place {
	switch {
	case isMacro(e) && i == 1:
		return none // the variable
	case isMacro(e) && i == 0 && (e.Name == "exists" || e.Name == "all") && isSingle(e.Args[0]):
		return subject
	case isPredicate(e, i):
		return predicatePlace(e, at)
	case e.Name == "map" && at == violations && i == len(e.Args)-1:
		return none
	case e.Method && i == 1:
		switch e.Name {
		case "orValue":
			return fallback
		case "startsWith", "contains":
			return prefix
		case "endsWith":
			return suffix
		case "matches", "find", "findAll":
			return pattern
		}
	}
	return value
}

func predicatePlace(e *code.Expr, at place) place {
	decides := at == condition || at == operand || at == some || at == every
	switch {
	case decides && e.Name == "exists":
		return some
	case decides && e.Name == "all":
		return every
	}
	return condition
}

// isSingle reports whether an expression is a list of exactly one element.
func isSingle(e *code.Expr) bool {
	return e.Kind == code.KindList && len(e.Args) == 1 && e.OptionalArgs == nil
}

// isMacro reports whether a call binds a variable.
func isMacro(e *code.Expr) bool {
	switch e.Name {
	case "map", "filter", "exists", "exists_one", "existsOne", "all", "optMap", "optFlatMap":
		return e.Kind == code.KindCall && e.Method && len(e.Args) > 2
	}
	return false
}

// isPredicate reports whether the i-th argument of a macro picks elements.
func isPredicate(e *code.Expr, i int) bool {
	switch e.Name {
	case "filter", "exists", "exists_one", "existsOne", "all":
		return isMacro(e) && i == 2
	case "map":
		return isMacro(e) && i == 2 && len(e.Args) == 4
	}
	return false
}
