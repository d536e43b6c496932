// Package code builds and prints the CEL that policyc writes. It knows CEL's
// syntax, not its types.
//
//	And(Method(OptSelect(Ident("c"), "image"), "hasValue"), …) → c.?image.hasValue() && …
package code

import (
	"strings"
)

// Kind is the form of an Expr.
type Kind uint8

// The forms of CEL.
const (
	KindIdent Kind = iota
	KindLit
	KindSelect
	KindIndex
	KindCall
	KindList
	KindMap
	KindMessage
	KindNot
	KindNeg
	KindBinary
	KindAnd
	KindOr
	KindCond
)

// Expr is a CEL expression. Exprs are not changed once made and may be shared.
type Expr struct {
	Kind Kind
	// Name is the identifier, field, function or operator.
	Name string
	// Value is the literal: nil, bool, int64, uint64, float64, string or []byte.
	Value any
	// Method says that Args[0] is the receiver of a call.
	Method bool
	// Optional marks `.?f`, `[?i]` and, in lists and maps, `?entry`.
	Optional bool
	// Args are the operands; the keys and values of a map, and the fields and
	// values of a message, alternate.
	Args []*Expr
	// OptionalArgs[i] marks the i-th element of a list, or entry of a map,
	// as optional (`[?x]`, `{?k: x}`).
	OptionalArgs []bool
}

// True and False are the boolean literals.
var (
	True  = Lit(true)
	False = Lit(false)
	Null  = Lit(nil)
	// None is the optional without a value.
	None = Method(Ident("optional"), "none")
)

// Ident returns a name; dots are allowed in it (`variables.pod`).
func Ident(name string) *Expr { return &Expr{Kind: KindIdent, Name: name} }

// Lit returns a literal: nil, bool, int64, uint64, float64, string, []byte.
func Lit(v any) *Expr { return &Expr{Kind: KindLit, Value: v} }

// Value returns the literal of JSON-shaped data: besides what Lit takes,
// []any and map[string]any (keys sorted).
func Value(v any) *Expr {
	switch v := v.(type) {
	case []any:
		items := make([]*Expr, len(v))
		for i, item := range v {
			items[i] = Value(item)
		}
		return homogeneous(items)
	case map[string]any:
		keys := sortedKeys(v)
		var args []*Expr
		for _, k := range keys {
			args = append(args, Value(v[k]))
		}
		args = homogeneous(args).Args
		var entries []*Expr
		for i, k := range keys {
			entries = append(entries, Lit(k), args[i])
		}
		return Map(entries, nil)
	}
	return Lit(v)
}

// homogeneous wraps the items of a list in dyn() when their types differ: the
// API server refuses mixed literals (cel.HomogeneousAggregateLiterals).
func homogeneous(items []*Expr) *Expr {
	for _, item := range items {
		if literalType(item) != literalType(items[0]) {
			wrapped := make([]*Expr, len(items))
			for i := range items {
				wrapped[i] = Call("dyn", items[i])
			}
			return List(wrapped, nil)
		}
	}
	return List(items, nil)
}

func literalType(e *Expr) string {
	switch e.Kind {
	case KindList:
		if len(e.Args) > 0 {
			return "list " + literalType(e.Args[0])
		}
		return "list"
	case KindMap:
		if len(e.Args) > 1 {
			return "map " + literalType(e.Args[1])
		}
		return "map"
	case KindLit:
		switch e.Value.(type) {
		case nil:
			return "null"
		case bool:
			return "bool"
		case int64:
			return "int"
		case uint64:
			return "uint"
		case float64:
			return "double"
		case string:
			return "string"
		}
	}
	return "other"
}

// Select returns x.field, or x['field'] where the name is no identifier.
func Select(x *Expr, field string) *Expr {
	if !IsIdentifier(field) {
		return Index(x, Lit(field))
	}
	return &Expr{Kind: KindSelect, Name: field, Args: []*Expr{x}}
}

// OptSelect returns x.?field, or x[?'field'] where the name is no identifier.
func OptSelect(x *Expr, field string) *Expr {
	if !IsIdentifier(field) {
		return OptIndex(x, Lit(field))
	}
	return &Expr{Kind: KindSelect, Name: field, Optional: true, Args: []*Expr{x}}
}

// Index returns x[i].
func Index(x, i *Expr) *Expr { return &Expr{Kind: KindIndex, Args: []*Expr{x, i}} }

// OptIndex returns x[?i].
func OptIndex(x, i *Expr) *Expr {
	return &Expr{Kind: KindIndex, Optional: true, Args: []*Expr{x, i}}
}

// Call returns fn(args…).
func Call(fn string, args ...*Expr) *Expr {
	return &Expr{Kind: KindCall, Name: fn, Args: args}
}

// Method returns x.fn(args…).
func Method(x *Expr, fn string, args ...*Expr) *Expr {
	return &Expr{Kind: KindCall, Name: fn, Method: true, Args: append([]*Expr{x}, args...)}
}

// List returns [items…]; optional marks the items that are optionals.
func List(items []*Expr, optional []bool) *Expr {
	return &Expr{Kind: KindList, Args: items, OptionalArgs: optional}
}

// Map returns {k: v, …} of alternating keys and values; optional marks the
// entries whose value is an optional.
func Map(entries []*Expr, optional []bool) *Expr {
	return &Expr{Kind: KindMap, Args: entries, OptionalArgs: optional}
}

// Message returns T{field: value, …} of alternating fields and values; a field
// is a text literal.
func Message(name string, entries ...*Expr) *Expr {
	return &Expr{Kind: KindMessage, Name: name, Args: entries}
}

// Neg returns -x.
func Neg(x *Expr) *Expr { return &Expr{Kind: KindNeg, Args: []*Expr{x}} }

// Binary returns `a op b` for CEL's comparison, arithmetic and `in` operators.
func Binary(op string, a, b *Expr) *Expr {
	return &Expr{Kind: KindBinary, Name: op, Args: []*Expr{a, b}}
}

// Eq returns a == b.
func Eq(a, b *Expr) *Expr { return Binary("==", a, b) }

// Some returns optional.of(x).
func Some(x *Expr) *Expr { return Method(Ident("optional"), "of", x) }

var negated = map[string]string{"==": "!=", "!=": "=="}

// Not returns !x, simplified.
func Not(x *Expr) *Expr {
	switch {
	case x.IsLit(true):
		return False
	case x.IsLit(false):
		return True
	case x.Kind == KindNot:
		return x.Args[0]
	case x.Kind == KindBinary && negated[x.Name] != "":
		return Binary(negated[x.Name], x.Args[0], x.Args[1])
	}
	return &Expr{Kind: KindNot, Args: []*Expr{x}}
}

// And returns the conjunction of xs, flattened, without repetitions.
func And(xs ...*Expr) *Expr { return chain(KindAnd, true, xs) }

// Or returns the disjunction of xs, flattened, without repetitions.
func Or(xs ...*Expr) *Expr { return chain(KindOr, false, xs) }

func chain(kind Kind, neutral bool, xs []*Expr) *Expr {
	var flat []*Expr
	seen := map[string]bool{}
	add := func(x *Expr) {
		if text := x.String(); !seen[text] {
			seen[text] = true
			flat = append(flat, x)
		}
	}
	for _, x := range xs {
		switch {
		case x.IsLit(neutral):
		case x.Kind == kind:
			for _, y := range x.Args {
				add(y)
			}
		default:
			add(x)
		}
	}
	for i, x := range flat {
		if x.IsLit(!neutral) {
			// What stands before it has no effect: CEL has none.
			return flat[i]
		}
	}
	switch len(flat) {
	case 0:
		return Lit(neutral)
	case 1:
		return flat[0]
	}
	return &Expr{Kind: kind, Args: flat}
}

// Cond returns c ? a : b, simplified.
func Cond(c, a, b *Expr) *Expr {
	switch {
	case c.IsLit(true):
		return a
	case c.IsLit(false):
		return b
	case a.IsLit(true) && b.IsLit(false):
		return c
	case a.IsLit(false) && b.IsLit(true):
		return Not(c)
	case a.IsLit(true):
		return Or(c, b)
	case b.IsLit(false):
		return And(c, a)
	}
	return &Expr{Kind: KindCond, Args: []*Expr{c, a, b}}
}

// IsLit reports whether the expression is the literal v.
func (e *Expr) IsLit(v any) bool {
	if e.Kind != KindLit {
		return false
	}
	if _, ok := e.Value.([]byte); ok {
		return false
	}
	return e.Value == v
}

// Simple reports whether repeating the expression costs next to nothing: a
// path of names and constant indexes.
func (e *Expr) Simple() bool {
	switch e.Kind {
	case KindIdent, KindLit:
		return true
	case KindSelect:
		return e.Args[0].Simple()
	case KindIndex:
		return e.Args[0].Simple() && e.Args[1].Simple()
	}
	return false
}

// Mentions reports whether the expression reads the given name, or a name
// below it (`variables.pod` for `variables`).
func (e *Expr) Mentions(name string) bool {
	if e.Kind == KindIdent && (e.Name == name || strings.HasPrefix(e.Name, name+".")) {
		return true
	}
	for _, a := range e.Args {
		if a.Mentions(name) {
			return true
		}
	}
	return false
}

// Walk calls visit for the expression and everything below it.
func (e *Expr) Walk(visit func(*Expr)) {
	visit(e)
	for _, a := range e.Args {
		a.Walk(visit)
	}
}

// Count returns how often the expression reads a name.
func (e *Expr) Count(name string) int {
	n := 0
	e.Walk(func(x *Expr) {
		if x.Kind == KindIdent && x.Name == name {
			n++
		}
	})
	return n
}

// Replace returns the expression with another one in place of a name. Names
// that macros bind must not stand in what is put in.
func (e *Expr) Replace(name string, by *Expr) *Expr {
	if e.Kind == KindIdent && e.Name == name {
		return by
	}
	if e.Count(name) == 0 {
		return e
	}
	out := *e
	out.Args = make([]*Expr, len(e.Args))
	for i, a := range e.Args {
		out.Args[i] = a.Replace(name, by)
	}
	return &out
}

// Plain returns a chain of selections without its question marks, and how
// many it had; ok is false for everything else.
func (e *Expr) Plain() (plain *Expr, depth int, ok bool) {
	if e.Kind == KindIdent {
		return e, 0, true
	}
	if e.Kind != KindSelect && e.Kind != KindIndex {
		return nil, 0, false
	}
	root, depth, ok := e.Args[0].Plain()
	if !ok {
		return nil, 0, false
	}
	out := *e
	out.Optional = false
	out.Args = append([]*Expr{root}, e.Args[1:]...)
	if e.Optional {
		depth++
	}
	return &out, depth, true
}

var keywords = map[string]bool{"in": true, "true": true, "false": true, "null": true}

// IsIdentifier reports whether name can follow a dot in CEL. Reserved words
// such as `namespace` can; keywords cannot.
func IsIdentifier(name string) bool {
	if name == "" || keywords[name] {
		return false
	}
	for i, r := range name {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return true
}
