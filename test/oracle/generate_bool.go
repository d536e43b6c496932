package oracle

import (
	"github.com/policyc/policyc/compiler/types"
)

// condition makes what may stand where a condition is needed: a value of
// unknown type may, too.
func (g *generator) condition(d int) *Expr {
	if g.Intn(12) == 0 {
		return g.dyn(d)
	}
	return g.boolean(d)
}

func (g *generator) boolean(d int) *Expr {
	if d <= 0 {
		return g.or(kindIs(types.Bool), func(int) *Expr { return lit(g.Intn(2) == 0, types.BoolType) })
	}
	d--
	makers := []maker{g.logic, g.logic, g.logic, g.equality, g.equality, g.equality, g.equality, g.comparison, g.comparison,
		g.comparison, g.membership, g.membership, g.presence, g.quantifier, g.quantifier, g.quantifier, g.textTest, g.textTest,
		g.valueTest, g.listTest, func(d int) *Expr { return g.either(g.boolean, d) }}
	return g.choose(d, makers...)
}

func (g *generator) logic(d int) *Expr {
	switch g.Intn(4) {
	case 0, 1:
		return node(opNot, types.BoolType, g.condition(d))
	case 2:
		return node(opAnd, types.BoolType, g.condition(d), g.condition(d))
	}
	return node(opOr, types.BoolType, g.condition(d), g.condition(d))
}

func (g *generator) presence(d int) *Expr {
	if g.Intn(3) == 0 {
		return named(opEqual, pick(g.Rand, "==", "!="), types.BoolType, g.any(d), lit(nil, types.NullType))
	}
	e := node(opHas, types.BoolType, g.any(d))
	if g.Intn(4) == 0 {
		e.Value = asOptional
	}
	return e
}

// pair makes two operands that compare.
func (g *generator) pair(d int, ordered bool) (a, b *Expr) {
	same := func(m maker) (*Expr, *Expr) { return m(d), m(d) }
	n := 13
	if ordered {
		n = 9
	}
	switch g.Intn(n) {
	case 0, 1:
		return same(g.str)
	case 2:
		return same(g.num)
	case 3:
		return g.measure(d), g.measured(d)
	case 4:
		if t := g.path(kindIs(types.Time)); t != nil {
			return t, g.choose(d, g.timestamp, g.timeText)
		}
		return same(g.timestamp)
	case 5:
		if t := g.path(kindIs(types.DurationText)); t != nil {
			return t, g.choose(d, g.duration, g.durationText)
		}
		return same(g.duration)
	case 6:
		return g.or(kindIs(types.IntOrString), g.integer), g.choose(d, g.integer, g.integer, g.iorstr)
	case 7:
		return g.dyn(d), g.choose(d, g.str, g.integer, g.num, g.dyn, g.iorstr)
	case 8:
		return same(g.boolean)
	case 9:
		elem := g.elemType()
		return g.list(elem, d), g.list(elem, d)
	case 10:
		return g.or(kindIs(types.Object, types.Map), g.emptyMap), g.choose(d, g.emptyMap, func(d int) *Expr {
			return g.or(kindIs(types.Object, types.Map), g.emptyMap)
		}, func(d int) *Expr { return g.mapping(g.elemType(), d) })
	case 11:
		return g.dyn(d), g.any(d)
	}
	t := pick(g.Rand, ipType, cidrType, quantityType, types.TimestampType, types.DurationType)
	return g.of(t, d), g.of(t, d)
}

func (g *generator) emptyMap(int) *Expr {
	return node(opMap, types.NewMap(types.DynType, types.DynType))
}

func (g *generator) equality(d int) *Expr {
	a, b := g.pair(d, false)
	if g.world.kind.builtIn() {
		for i := 0; i < 20 && unlike(a.Type, b.Type); i++ {
			a, b = g.pair(d, false)
		}
		if unlike(a.Type, b.Type) {
			b = lit(nil, types.NullType)
		}
	}
	if g.Intn(4) == 0 {
		a, b = b, a
	}
	return named(opEqual, pick(g.Rand, "==", "!="), types.BoolType, a, b)
}

// unlike reports whether values can be built-in objects of two Go types: for the
// API server these are different even where both are empty, which no one who
// sees only their JSON can say.
func unlike(a, b *types.Type) bool {
	switch {
	case a.Kind == types.Dyn || b.Kind == types.Dyn:
		other := a
		if a.Kind == types.Dyn {
			other = b
		}
		return other.Kind == types.Object || other.Kind == types.Dyn
	case a.Kind != b.Kind:
		return false
	case a.Kind == types.Object:
		return a.Name != b.Name
	case a.Kind == types.List || a.Kind == types.Map:
		return unlike(a.Elem, b.Elem)
	}
	return false
}

func (g *generator) comparison(d int) *Expr {
	a, b := g.pair(d, true)
	if g.Intn(4) == 0 {
		a, b = b, a
	}
	return named(opCompare, pick(g.Rand, "<", "<=", ">", ">="), types.BoolType, a, b)
}

func (g *generator) membership(d int) *Expr {
	in := func(x, set *Expr) *Expr { return node(opIn, types.BoolType, x, set) }
	switch g.Intn(9) {
	case 0:
		key := g.choose(d, g.str, func(int) *Expr { return text(pick(g.Rand, keys...)) })
		return in(key, g.or(kindIs(types.Map), g.emptyMap))
	case 1:
		return in(g.num(d), g.list(pick(g.Rand, types.IntType, types.DoubleType), d))
	case 2:
		return in(g.any(d), g.dyn(d))
	case 3:
		return in(g.dyn(d), g.list(g.elemType(), d))
	case 4:
		return in(g.or(kindIs(types.IntOrString), g.str), g.list(types.StringType, d))
	case 5:
		if o := g.path(kindIs(types.Object)); o != nil {
			key := text(pick(g.Rand, append(g.world.fields(o.Type), "nosuch")...))
			return in(key, o)
		}
	case 7:
		holed := func(t *types.Type) bool { return t.Kind == types.Map && (t.NullElem || t.Elem.Kind == types.Dyn) }
		return in(text(pick(g.Rand, keys...)), g.or(holed, g.emptyMap))
	case 6:
		return in(g.list(types.StringType, d), g.list(types.NewList(types.StringType), d))
	}
	return in(g.str(d), g.list(types.StringType, d))
}

func (g *generator) textTest(d int) *Expr {
	test := func(op Op, name string, args ...*Expr) *Expr { return named(op, name, types.BoolType, args...) }
	switch g.Intn(9) {
	case 0:
		return test(opMethod, "matches", g.textArg(d), text(pick(g.Rand, patterns...)))
	case 1:
		return test(opCall, "glob", g.str(d), g.choose(d, g.str, func(int) *Expr {
			return text(pick(g.Rand, "*", "a*", "*b", "a?", "", "*.*", "1*", `\\E*`))
		}))
	case 2:
		return test(opCall, pick(g.Rand, "isQuantity", "isURL", "isIP", "isCIDR"), g.textArg(d))
	case 3:
		return test(opCall, "bool", g.textArg(d))
	case 4:
		return test(opCall, "ip.isCanonical", g.str(d))
	case 5:
		return test(opCall, "isImage", g.imageText(d))
	}
	return test(opMethod, pick(g.Rand, "startsWith", "endsWith", "contains"), g.textArg(d), g.textArg(d))
}

func (g *generator) valueTest(d int) *Expr {
	test := func(name string, args ...*Expr) *Expr { return named(opMethod, name, types.BoolType, args...) }
	switch g.Intn(6) {
	case 0:
		return test(pick(g.Rand, "isGreaterThan", "isLessThan"), g.measure(d), g.quantity(d))
	case 1:
		return test("isInteger", g.measure(d))
	case 2:
		return test(pick(g.Rand, "isLoopback", "isGlobalUnicast", "isUnspecified"), g.ip(d))
	case 3:
		return test("containsIP", g.cidr(d), g.choose(d, g.ip, g.str))
	case 4:
		return test("containsCIDR", g.cidr(d), g.choose(d, g.cidr, g.str))
	}
	return named(opEqual, pick(g.Rand, "==", "!="), types.BoolType, named(opCall, "type", types.TypeType, g.dyn(d)),
		lit(pick(g.Rand, typeName("string"), "int", "double", "bool", "list", "map"), types.TypeType))
}

func (g *generator) listTest(d int) *Expr {
	if g.Intn(2) == 0 {
		return named(opMethod, "isSorted", types.BoolType, g.list(pick(g.Rand, g.ordered(), types.DynType), d))
	}
	elem := pick(g.Rand, types.StringType, types.IntType, types.DynType)
	return named(opCall, pick(g.Rand, "sets.contains", "sets.intersects", "sets.equivalent"), types.BoolType, g.list(elem, d), g.list(elem, d))
}

// ordered is an element type that functions of lists can sort.
func (g *generator) ordered() *types.Type {
	return pick(g.Rand, types.StringType, types.IntType, types.DoubleType, types.BoolType)
}
