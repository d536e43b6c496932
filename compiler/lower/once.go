package lower

import (
	"strconv"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/ir"
	"github.com/policyc/policyc/compiler/target"
)

// copiesTargets is the first version whose optMap and optFlatMap copy their
// target (cel-go v0.22). Before, both copies had the same ids, and the type
// checker refused a target in which anything gets a new type variable each
// time it is looked at: "incompatible type already exists for expression".
const copiesTargets target.Version = 32

// nameTargets gives such targets a name, whose type is settled.
//
//	a.optMap(x, …).optMap(y, …) → [a.optMap(x, …)].map(found, found.optMap(y, …))[0]
func nameTargets(p *ir.Program, version target.Version) {
	if version >= copiesTargets {
		return
	}
	nameConditionTargets(p, version)
	for i := range p.Variables {
		p.Variables[i].Code = nameTarget(p.Variables[i].Code)
	}
	for i := range p.Validations {
		p.Validations[i].Code = nameTarget(p.Validations[i].Code)
		p.Validations[i].MessageCode = nameTarget(p.Validations[i].MessageCode)
	}
}

// nameConditionTargets is nameTargets for the conditions alone.
func nameConditionTargets(p *ir.Program, version target.Version) {
	if version >= copiesTargets {
		return
	}
	for i := range p.Conditions {
		p.Conditions[i].Code = nameTarget(p.Conditions[i].Code)
	}
}

func nameTarget(x *code.Expr) *code.Expr {
	if len(x.Args) == 0 {
		return x
	}
	copied := *x
	copied.Args = make([]*code.Expr, len(x.Args))
	for i, a := range x.Args {
		named := nameTarget(a)
		// An index is part of a path, in which no one looks through the optional
		// that it gives; a call ends the path (see unwrapOptionals).
		selected := (x.Kind == code.KindSelect || x.Kind == code.KindIndex) && i == 0 || x.Kind == code.KindCond && i > 0
		if selected && isOptionalMacro(a) && named.Kind == code.KindIndex {
			named = code.Method(named, "or", code.None)
		}
		copied.Args[i] = named
	}
	if !isOptionalMacro(x) || settled(copied.Args[0]) {
		return &copied
	}
	name := "found"
	for i := 2; copied.Mentions(name); i++ {
		name = "found" + strconv.Itoa(i)
	}
	list := code.List([]*code.Expr{copied.Args[0]}, nil)
	copied.Args[0] = code.Ident(name)
	return code.Index(code.Method(list, "map", code.Ident(name), &copied), code.Lit(int64(0)))
}

func isOptionalMacro(x *code.Expr) bool {
	return x.Kind == code.KindCall && x.Method && (x.Name == "optMap" || x.Name == "optFlatMap")
}

// generic are the functions and macros whose result has a type that is found
// out only from what is around it, when they are given a dyn.
var generic = map[string]bool{"none": true, "map": true, "filter": true, "optMap": true, "optFlatMap": true, "first": true, "last": true,
	"min": true, "max": true, "sum": true, "flatten": true, "sort": true, "sortBy": true, "distinct": true, "reverse": true, "slice": true}

// settled reports whether no part of an expression is generic: empty literals
// are, and indexes, since `object` is dyn.
func settled(x *code.Expr) bool {
	ok := true
	x.Walk(func(e *code.Expr) {
		switch e.Kind {
		case code.KindList, code.KindMap:
			ok = ok && len(e.Args) > 0
		case code.KindIndex:
			ok = false
		case code.KindCall:
			ok = ok && !generic[e.Name]
		}
	})
	return ok
}
