// Package expr is policy CEL: it parses an expression, checks it against the
// schemas, and lowers it to CEL that never raises an error.
//
//	container.securityContext.privileged → container.?securityContext.?privileged.orValue(false)
//
// Parse and Check report what is wrong at its place in the YAML file; Lower is
// total on what they let through.
package expr

import (
	"github.com/google/cel-go/cel"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/target"
	"github.com/policyc/policyc/compiler/types"
)

// Op is the form of a Node.
type Op uint8

// The forms of checked policy CEL.
const (
	OpBad      Op = iota // reported; everything above it keeps silent
	OpAbsent             // null
	OpLit                // Value
	OpTypeName           // Name: string, int, list, …
	OpVar                // Var
	OpLocal              // Local
	OpSelect             // Args[0].Field
	OpIndex              // Args[0][Args[1]]
	OpHas                // Args[0] is present
	OpNot
	OpAnd
	OpOr
	OpCond
	OpEq
	OpNe
	OpCompare // Name: < <= > >=
	OpIn
	OpArith // Name: + - * / %
	OpNeg
	OpCall    // Name, Calls
	OpList    // Args
	OpMap     // Args: keys and values alternate
	OpRecord  // Names[i]: Args[i]; selections are resolved when checked
	OpMacro   // Name, Args[0] is the range, Locals, Args[1:] the bodies
	OpOrValue // Args[0], or Args[1] where that is absent
	OpLet     // Locals[0] is Args[0] in Args[1], which is absent when Args[0] is
	OpShare   // Locals[0] is Args[0], which may be absent, in Args[1]
)

// Node is a checked expression. Nodes are not changed once made.
type Node struct {
	Op   Op
	Type *types.Type
	// Span is the smallest piece of source that a diagnostic should show.
	Span  source.Span
	Name  string
	Value any
	Var   *Var
	Field *types.Field
	Args  []*Node
	Names []string
	// Locals are the variables that a macro or let binds.
	Locals []*Local
	// Calls are the overloads that the arguments allow (OpCall).
	Calls []*overload
	// Method says that Args[0] is the receiver (OpCall).
	Method bool
	// Constants are the values that the expression can have, when these
	// are known to the compiler; nil otherwise.
	Constants []any
}

// Local is a variable bound inside an expression.
type Local struct {
	Name string
	Type *types.Type
	// Nullable says that its value may be null.
	Nullable bool
	// Optional says that it is bound to an optional.
	Optional bool
	// BuiltIn says that a value of unknown type may be a part of an object of a
	// kind of Kubernetes; see mayBeBuiltIn.
	BuiltIn bool
	// Constants are its possible values, when the compiler knows them.
	Constants []any
}

// Var is a name that an expression can read.
type Var struct {
	Name string
	Type *types.Type
	// Nullable says that the value may be null, as oldObject is on CREATE.
	Nullable bool
	// Optional says that Code is an optional, as a variable of the policy
	// is whose expression can be absent.
	Optional bool
	// Code is what the name is in CEL.
	Code *code.Expr
	// Constant is its value when HasConstant.
	Constant    any
	HasConstant bool
	// Members makes the name a namespace: `variables`, `params`. What says
	// what a member is called in diagnostics.
	Members map[string]*Var
	What    string
	// Absent makes the name absent, as `object` is when the old object of
	// an object is judged on its own.
	Absent bool
}

// Function is a function of a Library, inlined where it is called.
type Function struct {
	Name   string
	Params []Param
	// Returns is nil where the type is what the body has.
	Returns *types.Type
	Body    *Parsed
	// Trusted marks the shipped library: its patterns are put together at
	// run time from escaped parts, and always compile.
	Trusted bool
}

// Param is a parameter of a Function.
type Param struct {
	Name string
	Type *types.Type
}

// Scope is what an expression is checked in.
type Scope struct {
	Target    target.Version
	Env       *cel.Env
	Vars      map[string]*Var
	Functions map[string]*Function
}

// With returns a copy of the scope with further variables.
func (s *Scope) With(vars ...*Var) *Scope {
	out := *s
	out.Vars = make(map[string]*Var, len(s.Vars)+len(vars))
	for name, v := range s.Vars {
		out.Vars[name] = v
	}
	for _, v := range vars {
		out.Vars[v.Name] = v
	}
	return &out
}

func bad(at source.Span) *Node { return &Node{Op: OpBad, Type: types.DynType, Span: at} }

// Walk calls visit for n and every node below it.
func (n *Node) Walk(visit func(*Node)) {
	visit(n)
	for _, a := range n.Args {
		a.Walk(visit)
	}
}

// Bad reports whether a part of the expression was reported as an error.
func (n *Node) Bad() bool {
	found := false
	n.Walk(func(m *Node) { found = found || m.Op == OpBad })
	return found
}

// Reads reports whether the expression reads the variable of that name.
func (n *Node) Reads(name string) bool {
	found := false
	n.Walk(func(m *Node) { found = found || m.Op == OpVar && m.Var.Name == name })
	return found
}

// atom reports whether a call is a boolean atom: false when an operand is
// absent. Calls that hand on a value (first, bool, max, …) are not.
func (n *Node) atom() bool {
	if n.Type.Kind != types.Bool {
		return false
	}
	switch n.Name {
	case "bool", "min", "max", "first", "last":
		return false
	}
	return true
}

// handsOnNull reports whether a call may return null: an element of its list.
func (n *Node) handsOnNull() bool {
	return (n.Name == "first" || n.Name == "last") && (n.Args[0].Type.NullElem || n.Type.Kind == types.Dyn)
}

// inOptional reports whether a chain of selections starts from a name that is
// an optional in CEL: what is selected from one is an optional, too.
func (n *Node) inOptional() bool {
	switch n.Op {
	case OpVar:
		return n.Var.Optional
	case OpLocal:
		return n.Locals[0].Optional
	case OpSelect, OpIndex:
		return n.Args[0].inOptional()
	}
	return false
}

// path returns the expression as people write it when it is a chain of
// selections, such as container.securityContext.privileged; "" otherwise.
func (n *Node) path() string {
	switch n.Op {
	case OpVar:
		return n.Var.Name
	case OpLocal:
		return n.Locals[0].Name
	case OpSelect:
		if p := n.Args[0].path(); p != "" {
			return p + "." + n.Name
		}
	case OpIndex:
		if p := n.Args[0].path(); p != "" && n.Args[1].Op == OpLit {
			return p + "[" + code.Lit(n.Args[1].Value).String() + "]"
		}
	}
	return ""
}

// NotNode negates a condition.
func NotNode(n *Node) *Node {
	return &Node{Op: OpNot, Type: types.BoolType, Span: n.Span, Args: []*Node{n}}
}

// AndNode joins conditions.
func AndNode(ns ...*Node) *Node {
	if len(ns) == 1 {
		return ns[0]
	}
	return &Node{Op: OpAnd, Type: types.BoolType, Span: ns[0].Span, Args: ns}
}
