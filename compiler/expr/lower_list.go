package expr

import (
	"slices"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/types"
)

// collection lowers an expression to a list, or a map, that is empty when the
// expression is absent.
func (l *lowerer) collection(n *Node, list bool) *code.Expr {
	empty := code.List(nil, nil)
	name := "list"
	if !list {
		empty, name = code.Map(nil, nil), "map"
	}
	if n.Op == OpAbsent {
		return empty
	}
	t := l.term(n)
	switch {
	case t.x == code.None:
		return empty
	case n.Type.Kind == types.Dyn:
		return l.ofType(t, empty, name)
	case t.total():
		return t.x
	}
	return code.Method(l.opt(t), "orValue", empty)
}

// ofType reads a value of unknown type as one of the named types, or else as
// the empty value.
func (l *lowerer) ofType(t term, empty *code.Expr, names ...string) *code.Expr {
	is := func(x *code.Expr) *code.Expr {
		tests := make([]*code.Expr, len(names))
		for i, name := range names {
			tests[i] = typeIs(x, name)
		}
		return code.Or(tests...)
	}
	if !t.optional && t.x.Simple() {
		return code.Cond(is(t.x), t.x, empty)
	}
	if !t.optional {
		t.x = code.Some(t.x)
	}
	name := l.fresh(t.hint)
	defer l.release(name)
	v := code.Ident(name)
	return code.Method(bound(t.x, "optMap", v, code.Cond(is(v), v, code.Call("dyn", empty)), t.typ), "orValue", empty)
}

// iterated lowers what a macro ranges over.
func (l *lowerer) iterated(n *Node) *code.Expr {
	switch n.Type.Kind {
	case types.List:
		return l.collection(n, true)
	case types.Map:
		return l.collection(n, false)
	case types.Object:
		t := l.term(n)
		if t.total() {
			return code.Call("dyn", t.x)
		}
		return code.Method(dynOptional(l.opt(t), t), "orValue", code.Map(nil, nil))
	}
	if n.Op == OpAbsent {
		return code.List(nil, nil)
	}
	return l.ofType(l.term(n), code.List(nil, nil), "list", "map")
}

// enter binds the variables of a macro; leave ends their scope.
func (l *lowerer) enter(n *Node) (vars []*code.Expr, leave func()) {
	var names []string
	for _, local := range n.Locals {
		name := l.fresh(local.Name)
		l.names[local] = name
		names = append(names, name)
		vars = append(vars, code.Ident(name))
	}
	return vars, func() {
		for _, name := range names {
			l.release(name)
		}
	}
}

// pinAll is pin for the variables of a macro.
func pinAll(body *code.Expr, vars []*code.Expr, rng *code.Expr, locals []*Local) *code.Expr {
	for i, v := range vars {
		body = pin(body, v, rng, locals[i].Type)
	}
	return body
}

func isEmpty(rng *code.Expr) bool {
	return (rng.Kind == code.KindList || rng.Kind == code.KindMap) && len(rng.Args) == 0
}

func macroCall(rng *code.Expr, name string, vars []*code.Expr, bodies ...*code.Expr) *code.Expr {
	return code.Method(rng, name, append(append([]*code.Expr{}, vars...), bodies...)...)
}

// predicate lowers all, exists and exists_one.
func (l *lowerer) predicate(n *Node) *code.Expr {
	rng := l.iterated(n.Args[0])
	vars, leave := l.enter(n)
	defer leave()
	body := l.cond(n.Args[1])
	body = pinAll(body, vars, rng, n.Locals)
	switch {
	case isEmpty(rng):
		return code.Lit(n.Name == "all")
	case n.Name == "all" && body.IsLit(true):
		return code.True
	case n.Name == "exists" && body.IsLit(false):
		return code.False
	}
	return macroCall(rng, n.Name, vars, body)
}

// collectionMacro lowers the macros whose result is a list or map. A result
// that is absent for an element is left out.
func (l *lowerer) collectionMacro(n *Node) term {
	rng := l.iterated(n.Args[0])
	vars, leave := l.enter(n)
	defer leave()
	out := term{typ: n.Type, hint: "items"}
	last := n.Args[len(n.Args)-1]
	switch {
	case isEmpty(rng) && n.Type.Kind == types.Map:
		out.x = code.Map(nil, nil)
		return out
	case isEmpty(rng) && n.Type.Kind == types.List:
		// CEL would have to guess the type of the elements.
		out.x = code.List(nil, nil)
		return out
	case n.Name == "filter":
		out.x = macroCall(rng, "filter", vars, pinAll(l.cond(last), vars, rng, n.Locals))
		return out
	}
	when := code.True
	if len(n.Args) == 3 {
		when = l.cond(n.Args[1])
	}
	value, present := l.presentResult(n, last)
	when = pinAll(code.And(when, present), vars, rng, n.Locals)
	value = pinAll(value, vars, rng, n.Locals)
	switch {
	case n.Name == "sortBy" && !when.IsLit(true):
		out.x = macroCall(macroCall(rng, "filter", vars, when), "sortBy", vars, value)
	case when.IsLit(true):
		out.x = macroCall(rng, n.Name, vars, value)
	default:
		out.x = macroCall(rng, n.Name, vars, when, value)
	}
	return out
}

// presentResult is presentValue for the result of a macro.
func (l *lowerer) presentResult(n, result *Node) (value, present *code.Expr) {
	if n.Name == "transformMapEntry" {
		return l.presentEntry(result)
	}
	value, present = l.presentValue(result)
	if n.Name == "sortBy" {
		value = exact(value, result.Type)
	}
	return value, present
}

// presentValue lowers an expression to a value and the condition under which
// it can be read.
func (l *lowerer) presentValue(n *Node) (value, present *code.Expr) {
	t := l.term(n)
	switch {
	case t.total():
		return t.x, code.True
	case !t.optional && t.x.Simple():
		return t.x, notNull(t.x, t.typ)
	}
	o := l.opt(t)
	if plain, depth, ok := o.Plain(); ok && depth > 0 && !n.inOptional() {
		if depth == 1 && plain.Kind == code.KindSelect {
			return plain, code.Call("has", plain)
		}
		return plain, code.Method(o, "hasValue")
	}
	return code.Method(o, "value"), code.Method(o, "hasValue")
}

// presentEntry is presentValue for the map literal of transformMapEntry.
func (l *lowerer) presentEntry(n *Node) (value, present *code.Expr) {
	present = code.True
	var parts []*code.Expr
	for _, a := range n.Args {
		v, p := l.presentValue(a)
		parts, present = append(parts, v), code.And(present, p)
	}
	return code.Map(parts, nil), present
}

// listLiteral lowers [a, b]: absent elements are left out.
func (l *lowerer) listLiteral(n *Node) term {
	var items []*code.Expr
	var optional []bool
	members := slices.DeleteFunc(slices.Clone(n.Args), func(a *Node) bool { return a.Op == OpAbsent })
	literal := alike(members)
	for _, a := range members {
		x, opt := l.member(a, literal)
		items, optional = append(items, x), append(optional, opt)
	}
	return term{x: code.List(items, optional), typ: n.Type, hint: "items"}
}

// member lowers an element of a literal: a value, or an optional. Literals
// must hold elements of one type (cel.HomogeneousAggregateLiterals), and to
// the API server everything that comes out of an object is dyn.
func (l *lowerer) member(a *Node, literal bool) (x *code.Expr, optional bool) {
	t := l.term(a)
	switch {
	case literal:
		return t.x, false
	case t.total():
		return agree(t.x, types.TypeType, types.NullType), false
	}
	return dynOptional(l.opt(t), term{typ: types.StringType}), true
}

// alike reports whether the members of a literal are constants of one type.
func alike(members []*Node) bool {
	for _, m := range members {
		if m.Op != OpLit || !types.Equal(m.Type, members[0].Type) {
			return false
		}
	}
	return true
}

// mapLiteral lowers {k: v}: entries without a value are left out. A literal
// with an absent key is absent.
func (l *lowerer) mapLiteral(n *Node) term {
	if n.Op == OpRecord {
		var args []*Node
		for i, name := range n.Names {
			args = append(args, litNode(name, types.StringType, n.Span), n.Args[i])
		}
		record := *n
		record.Op, record.Args = OpMap, args
		n = &record
	}
	var keys []term
	var keyNodes, values []*Node
	for i := 0; i < len(n.Args); i += 2 {
		if n.Args[i+1].Op == OpAbsent {
			continue
		}
		keys = append(keys, l.lazy(n.Args[i]))
		keyNodes = append(keyNodes, n.Args[i])
		values = append(values, n.Args[i+1])
	}
	return l.apply(keys, n.Type, "entries", func(ks []*code.Expr) result {
		var entries []*code.Expr
		var optional []bool
		guard := code.True
		for i, v := range values {
			x, opt := l.member(v, alike(values))
			key := exact(ks[i], keyNodes[i].Type)
			guard = code.And(guard, keyGuard(ks[i], keyNodes[i].Type))
			if !alike(keyNodes) {
				key = agree(key, types.TypeType, types.NullType)
			}
			entries, optional = append(entries, key, x), append(optional, opt)
		}
		return result{guard: guard, x: code.Map(entries, optional)}
	})
}

// keyGuard tests a value of unknown type for one that can be a key.
func keyGuard(key *code.Expr, t *types.Type) *code.Expr {
	if t.Kind != types.Dyn && t.Kind != types.IntOrString {
		return code.True
	}
	return code.Or(typeIs(key, "string"), typeIs(key, "int"), typeIs(key, "bool"))
}
