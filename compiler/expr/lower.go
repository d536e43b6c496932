package expr

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/types"
)

// lowerer turns checked expressions into CEL.
type lowerer struct {
	// names are the variables of enclosing macros: what a Local is called.
	names map[*Local]string
	// taken are names that cannot be given to a new variable.
	taken map[string]bool
	// holes counts the places that join has left open.
	holes int
}

// predeclared are names that mean something in every expression, and CEL's
// reserved words: no variable is called so.
var predeclared = map[string]bool{
	"object": true, "oldObject": true, "request": true, "params": true, "authorizer": true,
	"namespaceObject": true, "variables": true, "optional": true, "type": true, "size": true,
	"namespace": true, "in": true, "true": true, "false": true, "null": true, "package": true,
	"as": true, "break": true, "const": true, "continue": true, "else": true, "for": true,
	"function": true, "if": true, "import": true, "let": true, "loop": true, "return": true,
	"var": true, "void": true, "while": true, "list": true, "map": true, "string": true, "int": true,
	"bool": true, "bytes": true, "double": true, "uint": true, "dyn": true, "ip": true, "cidr": true,
	"url": true, "quantity": true, "format": true, "semver": true, "sets": true, "lists": true,
	"has": true, "duration": true, "timestamp": true, "math": true, "strings": true, "null_type": true,
}

// newLowerer returns a lowerer for n, whose variables keep their names.
func newLowerer(n *Node) *lowerer {
	l := &lowerer{names: map[*Local]string{}, taken: map[string]bool{}}
	n.Walk(func(m *Node) {
		if m.Op != OpVar {
			return
		}
		m.Var.Code.Walk(func(x *code.Expr) {
			if x.Kind == code.KindIdent {
				root, _, _ := strings.Cut(x.Name, ".")
				l.taken[root] = true
			}
		})
	})
	return l
}

// Condition lowers a checked condition to a CEL bool that is never an error:
// an absent operand of a boolean atom makes the atom false.
func Condition(n *Node, locals ...*Local) *code.Expr {
	l := newLowerer(n)
	l.free(locals)
	return l.cond(n)
}

// free declares the variables that surround an expression: the caller writes
// the macro that binds them under their own names.
func (l *lowerer) free(locals []*Local) {
	for _, local := range locals {
		l.names[local] = local.Name
		l.taken[local.Name] = true
	}
}

// List lowers a checked list expression to a CEL list, empty when absent.
func List(n *Node, locals ...*Local) *code.Expr {
	l := newLowerer(n)
	l.free(locals)
	return l.collection(n, true)
}

// Value lowers a checked expression to a CEL value. When optional is
// returned, it is an optional, without a value when the expression is absent.
func Value(n *Node, locals ...*Local) (x *code.Expr, optional bool) {
	l := newLowerer(n)
	l.free(locals)
	t := l.term(n)
	if t.total() {
		return t.x, false
	}
	return l.opt(t), true
}

// fresh returns an unused name like hint and reserves it.
func (l *lowerer) fresh(hint string) string {
	hint = identifierPart(hint)
	name := hint
	for i := 2; l.taken[name] || predeclared[name]; i++ {
		name = hint + strconv.Itoa(i)
	}
	l.taken[name] = true
	return name
}

func (l *lowerer) release(name string) { delete(l.taken, name) }

var notIdentifier = regexp.MustCompile(`[^A-Za-z0-9_]+`)

func identifierPart(hint string) string {
	hint = notIdentifier.ReplaceAllString(hint, "")
	if hint == "" || hint[0] >= '0' && hint[0] <= '9' {
		return "value"
	}
	return strings.ToLower(hint[:1]) + hint[1:]
}

// cond lowers a condition to a total CEL bool.
func (l *lowerer) cond(n *Node) *code.Expr {
	switch n.Op {
	case OpAbsent:
		return code.False
	case OpNot:
		return code.Not(l.cond(n.Args[0]))
	case OpAnd, OpOr:
		parts := make([]*code.Expr, len(n.Args))
		for i, a := range n.Args {
			parts[i] = l.cond(a)
		}
		if n.Op == OpAnd {
			return code.And(parts...)
		}
		return code.Or(parts...)
	case OpEq:
		return l.equal(n.Args[0], n.Args[1])
	case OpNe:
		return code.Not(l.equal(n.Args[0], n.Args[1]))
	case OpCompare:
		return l.compare(n)
	case OpIn:
		return l.in(n)
	case OpHas:
		return l.has(n.Args[0])
	case OpShare:
		if n.Type.Kind == types.Bool {
			return l.shareCondition(n)
		}
	case OpMacro:
		if n.Type.Kind == types.Bool {
			return l.predicate(n)
		}
	case OpCall:
		if n.atom() {
			return l.truth(l.arguments(n), func(v []*code.Expr) result { return l.callResult(n, v) })
		}
	case OpCond:
		if n.Args[1].Type.Kind == types.Bool && n.Args[2].Type.Kind == types.Bool {
			return code.Cond(l.cond(n.Args[0]), l.cond(n.Args[1]), l.cond(n.Args[2]))
		}
	}
	if mayBeBuiltIn(n) {
		return l.equal(&Node{Op: OpLit, Type: types.BoolType, Value: true}, n)
	}
	return l.readBool(l.term(n))
}

// readBool reads a value as a condition: false when it is absent or no bool.
func (l *lowerer) readBool(t term) *code.Expr {
	switch {
	case t.typ.Kind == types.Bool && t.total():
		return t.x
	case t.typ.Kind == types.Bool && !t.nullable:
		return code.Method(t.x, "orValue", code.False)
	case t.optional:
		return code.Eq(t.x, code.Some(code.True))
	}
	return code.Eq(code.Call("dyn", t.x), code.True)
}

// has lowers a test for presence.
func (l *lowerer) has(n *Node) *code.Expr {
	if n.Op == OpSelect && !mayBeNull(n.Field) && n.Field.Name != "" {
		if x := l.term(n.Args[0]); !x.optional && (x.total() || x.typ.Kind == types.Object || x.typ.Kind == types.Map) {
			if n.Field.Required && x.total() {
				return code.True
			}
			if s := l.root(n, x.x); s.Kind == code.KindSelect || s.Kind == code.KindIdent {
				field := code.Select(s, n.Name)
				if field.Kind == code.KindSelect && n.Args[0].Type.Kind == types.Object {
					return code.Call("has", field)
				}
			}
		}
	}
	t := l.term(n)
	switch {
	case t.total():
		return code.True
	case !t.nullable:
		return code.Method(t.x, "hasValue")
	case !t.optional:
		return notNull(t.x, t.typ)
	case t.typ.Kind == types.Dyn:
		return code.Binary("!=", code.Method(t.x, "orValue", code.Null), code.Null)
	}
	return l.truth([]term{t}, func([]*code.Expr) result { return result{x: code.True} })
}

// term lowers an expression to a value, which may be absent.
func (l *lowerer) term(n *Node) term { return l.force(l.lazy(n)) }

// lazy is term for an operand of truth or apply.
func (l *lowerer) lazy(n *Node) term {
	switch n.Op {
	case OpBad:
		panic("an expression with errors is lowered")
	case OpAbsent:
		return term{x: code.None, optional: true, typ: types.NullType, hint: "none"}
	case OpLit:
		return term{x: code.Lit(n.Value), typ: n.Type, hint: "value"}
	case OpTypeName:
		return term{x: code.Ident(n.Name), typ: n.Type, hint: "type"}
	case OpVar:
		return term{x: n.Var.Code, optional: n.Var.Optional, nullable: n.Var.Nullable, typ: n.Type, hint: n.Var.Name}
	case OpLocal:
		local := n.Locals[0]
		name, ok := l.names[local]
		if !ok {
			name = local.Name
		}
		return term{x: code.Ident(name), nullable: local.Nullable, optional: local.Optional, typ: n.Type, hint: local.Name}
	case OpSelect:
		return l.selection(n)
	case OpIndex:
		return l.index(n)
	case OpCond:
		if n.Type.Kind != types.Bool || l.isValue(n) {
			return l.conditional(n)
		}
	case OpOrValue:
		return l.orValue(n)
	case OpArith:
		return l.arithmetic(n)
	case OpNeg:
		return l.apply([]term{l.lazy(n.Args[0])}, n.Type, "value", func(v []*code.Expr) result {
			if n.Type.Kind == types.Dyn {
				isInt := code.Eq(code.Call("type", v[0]), code.Ident("int"))
				isDouble := code.Eq(code.Call("type", v[0]), code.Ident("double"))
				return result{guard: code.Or(isInt, isDouble), x: code.Neg(v[0])}
			}
			return result{x: code.Neg(exact(v[0], n.Args[0].Type))}
		})
	case OpList:
		return l.listLiteral(n)
	case OpMap, OpRecord:
		return l.mapLiteral(n)
	case OpLet:
		return l.let(n)
	case OpShare:
		if n.Type.Kind != types.Bool {
			return l.shareValue(n)
		}
	case OpMacro:
		if n.Type.Kind != types.Bool {
			return l.collectionMacro(n)
		}
	case OpCall:
		if !n.atom() {
			t := l.apply(l.arguments(n), n.Type, n.Name, func(v []*code.Expr) result { return l.callResult(n, v) })
			t.nullable = n.handsOnNull()
			return t
		}
	}
	return term{x: l.cond(n), typ: types.BoolType, hint: "value"}
}

// isValue reports whether a conditional of type bool has a branch that can be
// absent, so that it is a value and not a formula.
func (l *lowerer) isValue(n *Node) bool {
	for _, a := range n.Args[1:] {
		switch a.Op {
		case OpSelect, OpIndex, OpAbsent, OpOrValue, OpVar, OpLocal, OpLet, OpCond:
			return true
		case OpCall:
			if !a.atom() {
				return true
			}
		}
	}
	return false
}

// root wraps what a selection starts from in dyn() where the API server's type
// checker would not find the field: the matched kinds differ, only later
// versions have it, the schema says nothing of it, or its name needs brackets.
func (l *lowerer) root(n *Node, x *code.Expr) *code.Expr {
	if n.Args[0].Type.Kind != types.Object {
		return x
	}
	declared := n.Args[0].Type.Fields.Field(n.Name) != nil
	if declared && len(n.Field.MissingIn) == 0 && !n.Field.Newer && !untyped(n.Field.Type) && code.IsIdentifier(n.Name) {
		return x
	}
	return dynRoot(x)
}

// untyped reports whether SchemaDeclType (k8s.io/apiserver/pkg/cel/common)
// leaves out fields of the type.
func untyped(t *types.Type) bool {
	switch t.Kind {
	case types.Dyn:
		return true
	case types.List, types.Map:
		return untyped(t.Elem)
	}
	return false
}

// dynRoot makes the value that a chain of selections starts from a dyn.
func dynRoot(x *code.Expr) *code.Expr {
	if isDyn(x) {
		return x
	}
	if x.Kind == code.KindSelect || x.Kind == code.KindIndex {
		out := *x
		out.Args = append([]*code.Expr{dynRoot(x.Args[0])}, x.Args[1:]...)
		return &out
	}
	return code.Call("dyn", x)
}

func isDyn(x *code.Expr) bool { return x.Kind == code.KindCall && x.Name == "dyn" }

func (l *lowerer) selection(n *Node) term {
	if n.Args[0].Type.Kind == types.Dyn {
		return l.openSelection(n)
	}
	x := l.term(n.Args[0])
	out := term{typ: n.Type, hint: n.Name}
	if n.Field.Required && !mayBeNull(n.Field) && x.total() {
		out.x = code.Select(l.root(n, x.x), n.Name)
		return out
	}
	// `.?` of null is none.
	out.optional, out.nullable = true, mayBeNull(n.Field)
	out.x = code.OptSelect(l.root(n, x.x), n.Name)
	return out
}

// openSelection lowers a selection from a value of which the schema says
// nothing: `.?f` of a list is an error, of everything else it is none.
func (l *lowerer) openSelection(n *Node) term {
	r := l.apply([]term{l.lazy(n.Args[0])}, n.Type, n.Name, func(v []*code.Expr) result {
		return result{guard: typeIs(v[0], "map"), x: code.OptSelect(v[0], n.Name), optional: true}
	})
	r.nullable = true
	return r
}

// mayBeNull reports whether a field that is present may be null.
func mayBeNull(f *types.Field) bool { return f.Nullable || f.Type.Kind == types.Dyn }

func (l *lowerer) index(n *Node) term {
	x, i := l.lazy(n.Args[0]), l.term(n.Args[1])
	out := term{typ: n.Type, hint: "item", nullable: n.Field.Nullable}
	have := n.Args[0].Type.Kind
	known := n.Args[1].Type.Kind != types.Dyn && n.Args[1].Type.Kind != types.IntOrString
	if n.Args[1].Type.Loose && i.total() {
		i.x = exact(i.x, n.Args[1].Type)
	}
	if have != types.Dyn && known && i.total() {
		x = l.force(x)
		if isEmpty(x.x) { // CEL would have to guess the type of the elements.
			return term{x: code.None, optional: true, typ: n.Type, hint: "item"}
		}
		out.x, out.optional = code.OptIndex(x.x, i.x), true
		return out
	}
	r := l.apply([]term{x, i}, n.Type, "item", func(v []*code.Expr) result {
		isType := func(e *code.Expr, name string) *code.Expr { return code.Eq(code.Call("type", e), code.Ident(name)) }
		var guards []*code.Expr
		mapLike := []*code.Expr{isType(v[0], "map"), isType(v[1], "string")}
		listLike := []*code.Expr{isType(v[0], "list"), isType(v[1], "int")}
		switch {
		case known && n.Args[1].Type.Text():
			mapLike = mapLike[:1]
		case known:
			listLike, mapLike = listLike[:1], nil
		}
		if have == types.List {
			listLike, mapLike = listLike[1:], nil
		} else if have == types.Map || have == types.Object {
			mapLike, listLike = mapLike[1:], nil
		}
		if known && n.Args[1].Type.Text() {
			listLike = nil
		}
		if mapLike != nil {
			guards = append(guards, code.And(mapLike...))
		}
		if listLike != nil {
			guards = append(guards, code.And(listLike...))
		}
		key := v[1]
		if !i.total() {
			key = exact(key, n.Args[1].Type)
		}
		return result{guard: code.Or(guards...), x: code.OptIndex(v[0], key), optional: true}
	})
	r.nullable = out.nullable
	return r
}

func (l *lowerer) conditional(n *Node) term {
	a, b := l.term(n.Args[1]), l.term(n.Args[2])
	mixed := !agreeing(a.typ, b.typ) || n.Type.Kind == types.Dyn && !(a.typ.Kind == types.Dyn && b.typ.Kind == types.Dyn)
	out := term{typ: n.Type, hint: "value"}
	if a.total() && b.total() {
		x, y := a.x, b.x
		if mixed {
			x, y = code.Call("dyn", x), code.Call("dyn", y)
		}
		out.x = code.Cond(l.cond(n.Args[0]), x, y)
		return out
	}
	x, y := l.opt(a), l.opt(b)
	if mixed {
		x, y = dynOptional(x, a), dynOptional(y, b)
	}
	out.x, out.optional = code.Cond(l.cond(n.Args[0]), x, y), true
	return out
}

// dynOptional makes an optional one of unknown type, for the branches of a
// conditional to agree.
func dynOptional(x *code.Expr, t term) *code.Expr {
	if t.typ.Kind == types.Null || t.typ.Kind == types.Dyn {
		return x
	}
	if x.Kind == code.KindCall && x.Method && x.Name == "of" {
		return code.Some(code.Call("dyn", x.Args[1]))
	}
	if _, _, ok := x.Plain(); ok && x.Kind == code.KindSelect {
		return dynRoot(x)
	}
	v := code.Ident("present")
	return bound(x, "optMap", v, code.Call("dyn", v), t.typ)
}

func (l *lowerer) orValue(n *Node) term {
	a, b := l.term(n.Args[0]), l.term(n.Args[1])
	out := term{typ: n.Type, hint: a.hint}
	if a.total() {
		return a
	}
	if n.Type.Kind == types.Dyn || !agreeing(a.typ, b.typ) {
		// CEL must not take the type of one for that of both.
		if a.typ.Kind != types.Dyn {
			a = term{x: dynOptional(l.opt(a), a), optional: true, typ: types.DynType, hint: a.hint}
		}
		switch {
		case b.typ.Kind == types.Dyn:
		case b.total():
			b.x = code.Call("dyn", b.x)
		default:
			b = term{x: dynOptional(l.opt(b), b), optional: true, typ: types.DynType, hint: b.hint}
		}
	}
	if b.total() {
		out.x = code.Method(l.opt(a), "orValue", b.x)
		return out
	}
	out.x, out.optional = code.Method(l.opt(a), "or", l.opt(b)), true
	return out
}

func (l *lowerer) let(n *Node) term {
	value := l.term(n.Args[0])
	local := n.Locals[0]
	value.hint = local.Name
	var inner term
	t := l.force(l.apply([]term{value}, n.Type, "value", func(v []*code.Expr) result {
		if v[0].Kind == code.KindIdent {
			l.names[local] = v[0].Name
			inner = l.term(n.Args[1])
			return result{x: inner.x, optional: inner.optional}
		}
		// A total value: bind it once.
		name := l.fresh(local.Name)
		defer l.release(name)
		l.names[local] = name
		inner = l.term(n.Args[1])
		bind := "optMap"
		if inner.optional {
			bind = "optFlatMap"
		}
		if inner.x == code.None {
			return result{x: code.None, optional: true}
		}
		return result{x: code.Method(code.Some(v[0]), bind, code.Ident(name), inner.x), optional: true}
	}))
	t.nullable = inner.nullable
	return t
}
