package expr

import (
	"github.com/google/cel-go/common/ast"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/target"
	"github.com/policyc/policyc/compiler/types"
)

// macroForm describes a macro of CEL: how many variables it binds, and how
// many expressions follow them.
type macroForm struct{ variables, bodies int }

// macroForms lists the macros by name and number of arguments.
var macroForms = map[string][]macroForm{
	"all":               {{1, 1}, {2, 1}},
	"exists":            {{1, 1}, {2, 1}},
	"exists_one":        {{1, 1}, {2, 1}},
	"existsOne":         {{1, 1}, {2, 1}},
	"filter":            {{1, 1}},
	"map":               {{1, 1}, {1, 2}},
	"transformList":     {{2, 1}, {2, 2}},
	"transformMap":      {{2, 1}, {2, 2}},
	"transformMapEntry": {{2, 1}, {2, 2}},
	"sortBy":            {{1, 1}},
}

func isMacro(name string, args int) bool { _, ok := macroOf(name, args); return ok }

// macroOf finds the form; `map(x, p, e)` and `all(k, v, p)` both have three
// arguments, which the name tells apart.
func macroOf(name string, args int) (macroForm, bool) {
	for _, f := range macroForms[name] {
		if f.variables+f.bodies == args {
			return f, true
		}
	}
	return macroForm{}, false
}

func (c *checker) macro(name string, targetExpr ast.Expr, args []ast.Expr, at source.Span) *Node {
	rng := c.check(targetExpr)
	if rng.Op == OpBad {
		return bad(at)
	}
	form, _ := macroOf(name, len(args))
	if !target.HasMacro(c.scope.Env, name, len(args), true) {
		if since, ok := target.MacroSince(name, len(args), true); ok {
			return c.tooNew(name, since, at)
		}
		return c.unknownFunction(name, at)
	}
	if n := c.unroll(name, rng, args, at); n != nil {
		return n
	}
	elems, ok := c.elements(rng, form.variables, at)
	if !ok {
		return bad(at)
	}
	n := &Node{Op: OpMacro, Name: name, Span: at, Args: []*Node{rng}}
	outer := len(c.locals)
	for i := range form.variables {
		if args[i].Kind() != ast.IdentKind {
			c.report.Errorf(diag.InvalidCEL, c.span(args[i]), "the name of a variable is needed here")
			return bad(at)
		}
		e := elems[i]
		l, ok := c.bind(args[i].AsIdent(), e.Type, e.Nullable, e.Constants, c.span(args[i]))
		if !ok {
			c.locals = c.locals[:outer]
			return bad(at)
		}
		l.BuiltIn = e.BuiltIn
		n.Locals = append(n.Locals, l)
	}
	bodies := args[form.variables:]
	for i, b := range bodies {
		conditionBody := i < len(bodies)-1 || isPredicate(name)
		n.Args = append(n.Args, c.shared(func() *Node {
			if conditionBody {
				return c.condition(b)
			}
			return c.check(b)
		}))
	}
	c.locals = c.locals[:outer]
	for _, a := range n.Args {
		if a.Op == OpBad {
			return bad(at)
		}
	}
	return c.macroType(n)
}

func isPredicate(name string) bool {
	switch name {
	case "all", "exists", "exists_one", "existsOne", "filter":
		return true
	}
	return false
}

func (c *checker) macroType(n *Node) *Node {
	last := n.Args[len(n.Args)-1]
	switch n.Name {
	case "filter", "sortBy":
		n.Type = n.Args[0].Type
		if n.Type.Kind != types.List {
			n.Type = types.NewList(n.Locals[0].Type)
		}
		if n.Name == "sortBy" {
			switch last.Type.Kind {
			case types.Dyn, types.List, types.Map, types.Object, types.IntOrString:
				return c.wrongTypes(last.Span, "sortBy", last)
			}
		}
	case "map", "transformList":
		n.Type = types.NewList(last.Type)
	case "transformMap":
		key := types.StringType
		if n.Args[0].Type.Kind == types.Map {
			key = n.Args[0].Type.Key
		} else if n.Args[0].Type.Kind == types.List {
			key = types.IntType
		}
		n.Type = types.NewMap(key, last.Type)
	case "transformMapEntry":
		if last.Op != OpMap || len(last.Args) != 2 {
			c.report.Errorf(diag.WrongType, last.Span, "transformMapEntry needs a map with one entry, `{key: value}`")
			return bad(n.Span)
		}
		if key := last.Args[0]; key.Op != OpLocal || key.Locals[0] != n.Locals[0] {
			c.report.Errorf(diag.WrongType, key.Span, "the key of transformMapEntry must be `%s`", n.Locals[0].Name).
				Notef("equal keys are an error in the API server, and any other key can come twice")
			return bad(n.Span)
		}
		n.Type = last.Type
	default:
		n.Type = types.BoolType
	}
	return n
}

// elements returns what the variables of a macro hold.
func (c *checker) elements(rng *Node, variables int, at source.Span) ([]*Local, bool) {
	var key, value *Local
	switch rng.Type.Kind {
	case types.List:
		key = &Local{Type: types.IntType}
		value = &Local{Type: rng.Type.Elem, Nullable: rng.Type.NullElem, Constants: listConstants(rng)}
		if variables == 1 {
			return []*Local{value}, true
		}
	case types.Map:
		key = &Local{Type: rng.Type.Key, Constants: keyConstants(rng)}
		value = &Local{Type: rng.Type.Elem, Nullable: rng.Type.NullElem}
	case types.Object:
		key = &Local{Type: types.StringType}
		value = &Local{Type: types.DynType, Nullable: true, BuiltIn: rng.Type.Kind == types.Object || mayBeBuiltIn(rng)}
	case types.Dyn, types.Null:
		key = &Local{Type: types.DynType, Nullable: true}
		value = &Local{Type: types.DynType, Nullable: true, BuiltIn: rng.Type.Kind == types.Object || mayBeBuiltIn(rng)}
	default:
		c.report.Errorf(diag.WrongType, at, "%s is no list and no map", rng.Type)
		return nil, false
	}
	return []*Local{key, value}[:variables], true
}

// listConstants returns the elements of a list that the compiler knows.
func listConstants(n *Node) []any {
	var out []any
	for _, v := range n.Constants {
		items, ok := v.([]any)
		if !ok {
			return nil
		}
		out = append(out, items...)
	}
	if n.Constants != nil && out == nil {
		out = []any{}
	}
	return out
}

func keyConstants(n *Node) []any {
	if len(n.Constants) != 1 {
		return nil
	}
	m, ok := n.Constants[0].(map[string]any)
	if !ok {
		return nil
	}
	out := []any{}
	for k := range m {
		out = append(out, k)
	}
	return out
}
