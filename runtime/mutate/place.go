package mutate

import "github.com/policyc/policyc/compiler/code"

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
	// atom is an x.orValue('…') that is tested as a whole.
	atom
	// none: nothing in it is altered.
	none
)

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
		if isAtom(e) {
			return [...]place{atom, compared}[i]
		}
		if e.Name == "==" || e.Name == "!=" {
			return compared
		}
	case code.KindCall:
		if isAtom(e) && i == 0 {
			return atom
		}
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
			if at == atom {
				return none
			}
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
	case decides && e.Name == "all", e.Name == "filter": // a filter is dropped
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
