package oracle

import (
	"fmt"
	"strings"

	"github.com/policyc/policyc/compiler/types"
)

// function is a function of a Library.
type function struct {
	Name   string
	Params []binding
	Body   *Expr
}

// call evaluates the body, which sees its parameters and nothing else.
func (f *function) call(args []any) any {
	var s *scope
	for i, p := range f.Params {
		s = s.with(p.name, args[i])
	}
	return eval(f.Body, s)
}

// source is the function as a line of YAML.
func (f *function) source() string {
	params := make([]string, len(f.Params))
	for i, p := range f.Params {
		params[i] = p.name + ": " + typeText(p.typ)
	}
	return fmt.Sprintf("    %s: {params: [%s], returns: %s, body: %s}", f.Name, strings.Join(params, ", "),
		quote(typeText(f.Body.Type)), quote(f.Body.String()))
}

// typeText is a type as libraries write it.
func typeText(t *types.Type) string {
	switch t.Kind {
	case types.String, types.Int, types.Bool, types.Double:
		return t.String()
	case types.List:
		if elem := typeText(t.Elem); elem != "any" {
			return "list(" + elem + ")"
		}
	}
	return "any"
}

// function makes a function of parameters whose types leave nothing open: what
// is inlined would otherwise have the type of its argument.
func (g *generator) function(name string) *function {
	f := &function{Name: name}
	for i := range g.Intn(3) {
		t := pick(g.Rand, types.StringType, types.StringType, types.IntType, types.BoolType, types.DoubleType)
		f.Params = append(f.Params, binding{name: pick(g.Rand, "x", "value", "item") + fmt.Sprint(i), typ: t})
	}
	outer := g.names
	defer func() { g.names = outer }()
	g.names = f.Params
	f.Body = g.of(pick(g.Rand, types.BoolType, types.StringType, types.IntType, types.DoubleType), 2)
	return f
}

// functionCall calls one of the functions whose result is of a type; nil when
// there is none.
func (g *generator) functionCall(t *types.Type, d int) *Expr {
	for _, i := range g.Perm(len(g.functions)) {
		f := g.functions[i]
		if f.Body.Type.Kind != t.Kind {
			continue
		}
		e := &Expr{Op: opCall, Name: f.Name, Function: f, Type: f.Body.Type}
		for _, p := range f.Params {
			e.Args = append(e.Args, g.of(p.typ, d))
		}
		return e
	}
	return nil
}
