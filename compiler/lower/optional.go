package lower

import (
	"maps"
	"slices"
	"strings"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/ir"
)

// unwrapOptionals makes it safe to select from a variable that holds an
// optional.
//
//	variables.oldPod.?spec → variables.oldPod.or(optional.none()).?spec
//
// cel-go evaluates the first as one path from `variables`, on which it looks
// through an optional only at the start (interpreter/attributes.go,
// applyQualifiers, v0.29): the result would be none, in silence, whatever the
// variable holds. A call ends the path.
func unwrapOptionals(variables []ir.Variable, optional map[string]bool) []ir.Variable {
	if !slices.Contains(slices.Collect(maps.Values(optional)), true) {
		return variables
	}
	out := make([]ir.Variable, len(variables))
	for i, v := range variables {
		v.Code = unwrap(v.Code, optional)
		out[i] = v
	}
	return out
}

func unwrap(x *code.Expr, optional map[string]bool) *code.Expr {
	if len(x.Args) == 0 {
		return x
	}
	copied := *x
	copied.Args = make([]*code.Expr, len(x.Args))
	for i, a := range x.Args {
		a = unwrap(a, optional)
		// What is selected from a condition is selected from its branches.
		if (x.Kind == code.KindSelect || x.Kind == code.KindIndex) && i == 0 || x.Kind == code.KindCond && i > 0 {
			a = endPath(a, optional)
		}
		copied.Args[i] = a
	}
	return &copied
}

func endPath(x *code.Expr, optional map[string]bool) *code.Expr {
	name, isVariable := strings.CutPrefix(x.Name, "variables.")
	if x.Kind != code.KindIdent || !isVariable || !optional[name] {
		return x
	}
	return code.Method(x, "or", code.None)
}
