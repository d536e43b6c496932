package oracle

import (
	"github.com/policyc/policyc/compiler/types"
)

// anyList is a list of anything.
func (g *generator) anyList(d int) *Expr {
	return g.or(kindIs(types.List), func(int) *Expr { return g.list(g.elemType(), d) })
}

func listOf(elem *types.Type) func(*types.Type) bool {
	return func(t *types.Type) bool {
		return t.Kind == types.List && t.Elem.Kind == elem.Kind && (elem.Kind != types.List || t.Elem.Elem.Kind == elem.Elem.Kind)
	}
}

// list makes a list of a type of elements.
func (g *generator) list(elem *types.Type, d int) *Expr {
	if d <= 0 {
		return g.or(listOf(elem), func(int) *Expr { return g.listLiteral(elem, 0) })
	}
	d--
	again := func(d int) *Expr { return g.list(elem, d) }
	as := func(name string, from *Expr, args ...*Expr) *Expr {
		return method(name, from.Type, append([]*Expr{from}, args...)...)
	}
	switch g.Intn(19) {
	case 0, 1, 2:
		return g.listLiteral(elem, d)
	case 3, 4:
		a, b := again(d), again(d)
		return named(opArith, "+", joined(a.Type, b.Type), a, b)
	case 5, 6, 7:
		return g.mapMacro(elem, d)
	case 8, 9:
		return g.filter(again(d), d)
	case 10, 11:
		return g.either(again, d)
	case 12:
		if elem.Kind == types.String {
			return g.textList(d)
		}
	case 13:
		if g.has(g.world.lists) {
			from := again(d)
			return as("slice", from, g.integer(d), g.integer(d))
		}
	case 14:
		if g.has(g.world.lists) && (elem.Kind == types.String || elem.Kind == types.Int) {
			return as(pick(g.Rand, "sort", "distinct", "reverse"), again(d))
		}
	case 15:
		if g.has(g.world.lists) {
			inner := node(opList, nil, again(d), again(d))
			inner.Type = types.NewList(joined(inner.Args[0].Type, inner.Args[1].Type))
			if inner.Type.Elem.Kind == types.List && elem.Kind != types.List && elem.Kind != types.Dyn {
				t := *inner.Type.Elem
				return method("flatten", &t, inner)
			}
		}
	case 16:
		if g.has(g.world.comprehensions) {
			return g.transformList(elem, d)
		}
	case 17:
		if g.has(g.world.lists) {
			return g.sortBy(again(d), d)
		}
	case 18:
		if elem.Kind == types.Int && g.has(g.world.lists) {
			return named(opCall, "lists.range", types.NewList(types.IntType), g.integer(d))
		}
	}
	return g.or(listOf(elem), func(int) *Expr { return g.listLiteral(elem, d) })
}

func (g *generator) textList(d int) *Expr {
	l := types.NewList(types.StringType)
	switch g.Intn(3) {
	case 0:
		return method("findAll", l, g.textArg(d), text(pick(g.Rand, patterns...)))
	case 1:
		// The keys of a map; their order is of no meaning, so they are sorted
		// wherever that can be seen.
		m := g.or(kindIs(types.Map), func(int) *Expr { return g.mapping(types.StringType, 0) })
		if m.Type.Key.Kind == types.String && len(m.Args) <= 2 && m.Op == opMap {
			return &Expr{Op: opMacro, Name: "map", Vars: []string{"k"}, Type: l,
				Args: []*Expr{m, {Op: opVar, Name: "k", Type: types.StringType}}}
		}
	}
	return method("split", l, g.textArg(d), g.str(d))
}

func (g *generator) listLiteral(elem *types.Type, d int) *Expr {
	e := node(opList, types.NewList(elem))
	for range g.Intn(4) {
		e.Args = append(e.Args, g.of(elem, d))
	}
	if e.Type.Elem = nothing; len(e.Args) > 0 {
		t := e.Args[0].Type
		for _, a := range e.Args[1:] {
			t = joined(t, a.Type)
		}
		e.Type = types.NewList(t)
		if g.Intn(8) == 0 {
			e.Args = append(e.Args, lit(nil, types.NullType))
		}
	}
	return e
}

// mapping makes a map from text to a type of elements.
func (g *generator) mapping(elem *types.Type, d int) *Expr {
	ok := func(t *types.Type) bool {
		return t.Kind == types.Map && t.Elem.Kind == elem.Kind && t.Key.Kind == types.String
	}
	again := func(d int) *Expr { return g.mapping(elem, d) }
	if d > 0 {
		d--
		switch g.Intn(6) {
		case 0:
			a, b := again(d), again(d)
			return node(opCond, joinedMap(a.Type, b.Type), g.condition(d), a, b)
		case 1:
			return node(opOrValue, nil, again(d), again(d)).as(func(e *Expr) *types.Type { return e.Args[0].Type })
		case 2:
			if g.has(g.world.comprehensions) {
				return g.transformMap(elem, d)
			}
		}
		if g.Intn(2) == 0 {
			if p := g.path(ok); p != nil {
				return p
			}
		}
	}
	e := node(opMap, nil)
	t := types.DynType // of `{}`, which says nothing of its values
	for i, k := range g.Perm(len(keys))[:g.Intn(4)] {
		v := g.of(elem, d)
		if i == 0 {
			t = v.Type
		}
		t = joined(t, v.Type)
		e.Args = append(e.Args, text(keys[k]), v)
	}
	for i := 0; i < len(e.Args); i += 2 {
		if g.Intn(3) == 0 {
			e.Args[i] = g.str(d)
		}
	}
	e.Type = types.NewMap(types.StringType, t)
	return e
}

func joinedMap(a, b *types.Type) *types.Type {
	if types.Equal(a, b) {
		return a
	}
	return types.DynType
}

// as sets the type of an expression by its parts.
func (e *Expr) as(t func(*Expr) *types.Type) *Expr { e.Type = t(e); return e }

// elements makes what a macro goes over, and says what its variables hold.
func (g *generator) elements(d, variables int) (rng *Expr, vars []*types.Type) {
	switch {
	case g.Intn(6) == 0:
		rng = g.or(kindIs(types.Map), g.emptyMap)
	case g.Intn(12) == 0:
		rng = g.or(kindIs(types.Dyn, types.Object), g.emptyMap)
	default:
		rng = g.anyList(d)
	}
	switch rng.Type.Kind {
	case types.List:
		vars = []*types.Type{types.IntType, rng.Type.Elem}
		if variables == 1 {
			return rng, vars[1:]
		}
	case types.Map:
		vars = []*types.Type{rng.Type.Key, rng.Type.Elem}
	case types.Object:
		vars = []*types.Type{types.StringType, types.DynType}
	default:
		vars = []*types.Type{types.DynType, types.DynType}
	}
	return rng, vars[:variables]
}

// macro makes a comprehension over rng, with a condition first where filtered.
func (g *generator) macro(name string, t *types.Type, rng *Expr, vars []*types.Type, d int, bodies ...maker) *Expr {
	e := &Expr{Op: opMacro, Name: name, Type: t, Args: []*Expr{rng}}
	var names []binding
	for i, v := range vars {
		name := g.localName()
		for i == 1 && name == names[0].name {
			name = g.localName()
		}
		e.Vars = append(e.Vars, name)
		names = append(names, binding{name: name, typ: v})
	}
	for _, b := range bodies {
		e.Args = append(e.Args, g.with(b, d, names...))
	}
	return e
}

func (g *generator) quantifier(d int) *Expr {
	variables, name := 1, pick(g.Rand, "all", "exists", "exists", "exists_one")
	if g.has(g.world.comprehensions) && g.Intn(4) == 0 {
		variables, name = 2, pick(g.Rand, "all", "exists", "existsOne")
	}
	rng, vars := g.elements(d, variables)
	return g.macro(name, types.BoolType, rng, vars, d, g.condition)
}

func (g *generator) filter(rng *Expr, d int) *Expr {
	return g.macro("filter", rng.Type, rng, []*types.Type{rng.Type.Elem}, d, g.condition)
}

// mapMacro makes a list of another one. Over a map it would have no order.
func (g *generator) mapMacro(elem *types.Type, d int) *Expr {
	rng := g.anyList(d)
	bodies := []maker{func(d int) *Expr { return g.of(elem, d) }}
	if g.Intn(4) == 0 {
		bodies = []maker{g.condition, bodies[0]}
	}
	e := g.macro("map", nil, rng, []*types.Type{rng.Type.Elem}, d, bodies...)
	return e.as(lastList)
}

func lastList(e *Expr) *types.Type { return types.NewList(e.Args[len(e.Args)-1].Type) }

func (g *generator) transformList(elem *types.Type, d int) *Expr {
	rng := g.anyList(d)
	bodies := []maker{func(d int) *Expr { return g.of(elem, d) }}
	if g.Intn(3) == 0 {
		bodies = []maker{g.condition, bodies[0]}
	}
	return g.macro("transformList", nil, rng, []*types.Type{types.IntType, rng.Type.Elem}, d, bodies...).as(lastList)
}

func (g *generator) transformMap(elem *types.Type, d int) *Expr {
	rng := g.or(kindIs(types.Map), g.emptyMap)
	bodies := []maker{func(d int) *Expr { return g.of(elem, d) }}
	if g.Intn(3) == 0 {
		bodies = []maker{g.condition, bodies[0]}
	}
	e := g.macro("transformMap", nil, rng, []*types.Type{rng.Type.Key, rng.Type.Elem}, d, bodies...)
	return e.as(func(e *Expr) *types.Type { return types.NewMap(rng.Type.Key, e.Args[len(e.Args)-1].Type) })
}

func (g *generator) sortBy(rng *Expr, d int) *Expr {
	by := g.ordered()
	return g.macro("sortBy", rng.Type, rng, []*types.Type{rng.Type.Elem}, d, func(d int) *Expr { return g.of(by, d) })
}
