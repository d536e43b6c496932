package expr

import (
	"slices"
	"strings"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/types"
)

// CEL's checker gives `x[i]`, of a dyn x, a type that is open until the first
// use decides it. With several overloads to choose from that is the first one
// declared, and every later use is checked against it:
//
//	l[?0].optMap(a, l[?1].optMap(b, (a + b).trim()))      no `trim` on bytes: `+` is first declared on bytes
//	l[?0].optMap(a, l[?1].optMap(b, (dyn(a) + dyn(b)).trim()))
//
// pin writes such a variable as dyn(v) in every place that does not come to
// the right type by itself.
func pin(body, v, from *code.Expr, t *types.Type) *code.Expr {
	if !undecided(from) && !openOptional(from) {
		return body
	}
	text := t.Kind == types.String
	if isName(body, v) {
		return body
	}
	return pinned(body, v, text)
}

// Pin is pin for the variable of forEach, which the caller binds to the elements
// of a list.
func Pin(body, list *code.Expr, local *Local) *code.Expr {
	return pin(body, code.Ident(local.Name), list, local.Type)
}

// undecided reports whether the checker may leave the type of x open.
func undecided(x *code.Expr) bool {
	switch {
	case x.Kind == code.KindIndex, isEmpty(x):
		return true
	case x.Kind == code.KindCall && openResult[x.Name]:
		return true
	case x.Kind == code.KindCall && optionalCalls[x.Name] && openOptional(x.Args[0]):
		return true
	case x.Kind == code.KindCall && x.Name == "orValue" && isEmpty(x.Args[1]):
		// `[]` has the type of what it stands in for.
		return undecided(x.Args[0]) || openOptional(x.Args[0])
	}
	return slices.ContainsFunc(x.Args, undecided)
}

// openOptional reports whether an optional is, or may be, a variable of the
// policy. To the API server such a variable is a dyn (convertCelTypeToDeclType
// in k8s.io/apiserver/pkg/admission/plugin/cel knows no optionals), so that what
// it holds has an open type.
func openOptional(x *code.Expr) bool {
	switch {
	case x.Kind == code.KindIdent:
		return strings.HasPrefix(x.Name, "variables.")
	case x.Kind == code.KindCond:
		return openOptional(x.Args[1]) || openOptional(x.Args[2])
	case x.Kind == code.KindCall && x.Name == "or":
		return slices.ContainsFunc(x.Args, openOptional)
	}
	return false
}

// optionalCalls are the methods of optionals whose result has the type of what
// the optional holds.
var optionalCalls = map[string]bool{"optMap": true, "optFlatMap": true, "or": true}

// openResult are the functions whose result type is a parameter.
var openResult = map[string]bool{"first": true, "last": true, "distinct": true, "reverse": true, "slice": true,
	"flatten": true, "value": true, "sortBy": true}

// clearCalls are the functions with one overload for text.
var clearCalls = map[string]bool{"startsWith": true, "endsWith": true, "contains": true, "matches": true,
	"lowerAscii": true, "upperAscii": true, "trim": true, "split": true, "replace": true, "find": true, "findAll": true,
	"isURL": true, "isIP": true, "isCIDR": true, "isQuantity": true, "isSemver": true}

func pinned(e, v *code.Expr, text bool) *code.Expr {
	var args []*code.Expr
	for i, a := range e.Args {
		if binds(e, v) && i > 0 {
			break
		}
		by := a
		switch {
		case !isName(a, v):
			by = pinned(a, v, text)
		case !clearUse(e, v, text):
			by = code.Call("dyn", a)
		}
		if by != a {
			if args == nil {
				args = slices.Clone(e.Args)
			}
			args[i] = by
		}
	}
	if args == nil {
		return e
	}
	out := *e
	out.Args = args
	return &out
}

// binds reports whether e is a macro with a variable of the same name as v.
func binds(e, v *code.Expr) bool {
	if e.Kind != code.KindCall || !e.Method || !macroNames[e.Name] {
		return false
	}
	return len(e.Args) > 2 && (isName(e.Args[1], v) || len(e.Args) > 3 && isName(e.Args[2], v))
}

// clearUse reports whether v, an operand of e, needs no dyn().
func clearUse(e, v *code.Expr, text bool) bool {
	switch e.Kind {
	case code.KindSelect, code.KindCond:
		return true
	case code.KindCall:
		return text && clearCalls[e.Name] || macroNames[e.Name] && isName(e.Args[0], v) ||
			e.Name == "dyn" || e.Name == "type" || e.Name == "of"
	case code.KindBinary:
		// `in` a written-out list, or a comparison with a literal.
		return text && len(e.Args) == 2 && isName(e.Args[0], v) && textOnly(e.Args[1])
	}
	return false
}

func textOnly(e *code.Expr) bool {
	if e.Kind == code.KindList {
		return len(e.Args) > 0 && !slices.ContainsFunc(e.Args, func(item *code.Expr) bool { return !textOnly(item) })
	}
	_, ok := e.Value.(string)
	return ok && e.Kind == code.KindLit
}

func isName(e, v *code.Expr) bool { return e.Kind == code.KindIdent && e.Name == v.Name }

// macroNames are the macros that bind variables.
var macroNames = map[string]bool{"all": true, "exists": true, "exists_one": true, "existsOne": true, "filter": true,
	"map": true, "transformList": true, "transformMap": true, "transformMapEntry": true, "sortBy": true,
	"optMap": true, "optFlatMap": true}
