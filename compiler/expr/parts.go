package expr

import (
	"slices"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/parser"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/types"
)

// SubExpression is a part of an expression that has a value of its own.
type SubExpression struct {
	// Text is the part as policy CEL.
	Text string
	Node *Node
	// Condition says that the part is a condition that decides the whole:
	// an operand of the outer &&, ||, ! and ?:, or the whole.
	Condition bool
}

// Parts returns the parts of an expression that a person would ask for to
// see why it is true or false, the outer ones first. Constants, and what
// depends on the variables of a macro, are left out.
//
//	!has(c.ports) || c.ports.all(p, p.hostPort in allowed)
//	→ has(c.ports), c.ports, c.ports.all(p, p.hostPort in allowed), allowed
func Parts(p *Parsed, scope *Scope, locals ...*Local) []SubExpression {
	if p == nil {
		return nil
	}
	w := &partWalker{parsed: p, scope: scope, locals: locals, seen: map[string]bool{}}
	w.walk(p.ast.Expr(), true, nil)
	return w.out
}

type partWalker struct {
	parsed *Parsed
	scope  *Scope
	locals []*Local
	out    []SubExpression
	seen   map[string]bool
}

// walk adds the parts of e. bound are the variables of macros around it.
func (w *partWalker) walk(e ast.Expr, condition bool, bound []string) {
	if logic, args := logicOf(e); logic && condition {
		for _, a := range args {
			w.walk(a, true, bound)
		}
		return
	}
	if !mentions(e, bound) {
		w.add(e, condition)
	}
	for _, part := range operands(e) {
		w.walk(part.expr, false, append(slices.Clone(bound), part.bound...))
	}
}

func (w *partWalker) add(e ast.Expr, condition bool) {
	switch e.Kind() {
	case ast.SelectKind, ast.CallKind:
	case ast.IdentKind:
		if !condition {
			return // a whole object or container says too much
		}
	default:
		return
	}
	text, err := parser.Unparse(e, w.parsed.ast.SourceInfo())
	if err != nil || w.seen[text] {
		return
	}
	w.seen[text] = true
	report := diag.NewReport()
	n := CheckLocal(Parse(source.Synthetic(text), report), w.scope, report, false, w.locals...)
	if n.Bad() || report.HasErrors() || n.Op == OpLit || n.Op == OpAbsent || n.Op == OpRecord || n.Type.Kind == types.Opaque {
		return
	}
	// A parameter is constant, and so decides nothing from case to case.
	condition = condition && len(n.Constants) != 1
	w.out = append(w.out, SubExpression{Text: text, Node: n, Condition: condition})
}

// logicOf returns the operands of &&, ||, ! and ?:.
func logicOf(e ast.Expr) (bool, []ast.Expr) {
	if e.Kind() != ast.CallKind {
		return false, nil
	}
	switch e.AsCall().FunctionName() {
	case operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot, operators.Conditional:
		return true, e.AsCall().Args()
	}
	return false, nil
}

// operand is a part of an expression, with the variables that hold in it.
type operand struct {
	expr  ast.Expr
	bound []string
}

// operands are the parts of e, except for the prefixes of a selection: of
// a.b.c only the whole is of interest.
func operands(e ast.Expr) []operand {
	switch e.Kind() {
	case ast.SelectKind:
		if inner := e.AsSelect().Operand(); inner.Kind() == ast.CallKind {
			return operands(inner)
		}
	case ast.ListKind:
		var out []operand
		for _, x := range e.AsList().Elements() {
			out = append(out, operand{expr: x})
		}
		return out
	case ast.CallKind:
		call := e.AsCall()
		var out []operand
		if call.IsMemberFunction() {
			out = append(out, operand{expr: call.Target()})
		}
		bound, bodies := macroVariables(call)
		for _, a := range bodies {
			out = append(out, operand{expr: a, bound: bound})
		}
		return out
	}
	return nil
}

// macroVariables returns the variables that a macro binds and its bodies; of
// another call no variables and all arguments.
func macroVariables(call ast.CallExpr) (bound []string, bodies []ast.Expr) {
	args := call.Args()
	form, ok := macroOf(call.FunctionName(), len(args))
	if !ok || !call.IsMemberFunction() {
		return nil, args
	}
	for _, a := range args[:form.variables] {
		bound = append(bound, a.AsIdent())
	}
	return bound, args[form.variables:]
}

// mentions reports whether an expression reads one of the names.
func mentions(e ast.Expr, names []string) bool {
	found := false
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(x ast.Expr) {
		found = found || x.Kind() == ast.IdentKind && slices.Contains(names, x.AsIdent())
	}))
	return found
}
