package oracle

import (
	"math/rand"
	"slices"

	"github.com/policyc/policyc/compiler/target"
	"github.com/policyc/policyc/compiler/types"
)

// generator makes random expressions that are well-typed in a world.
type generator struct {
	*rand.Rand
	world *world
	// names are what an expression can read, the innermost last.
	names []binding
	// functions are those of the policy's library.
	functions []*function
	// walking says that a path is being made: an index in it is a name, or a
	// constant, but no path again.
	walking bool
}

// binding is a name and its type.
type binding struct {
	name string
	typ  *types.Type
	// plain is what hardly anything can be wrong with, such as a parameter.
	plain bool
}

// The types of values that only expressions have.
var (
	quantityType = types.NewOpaque("kubernetes.Quantity")
	ipType       = types.NewOpaque("net.IP")
	cidrType     = types.NewOpaque("net.CIDR")
	urlType      = types.NewOpaque("kubernetes.URL")
)

// maker makes an expression; d is how deep it may be.
type maker func(d int) *Expr

// choose takes one of the makers.
func (g *generator) choose(d int, makers ...maker) *Expr { return makers[g.Intn(len(makers))](d) }

func pick[T any](g *rand.Rand, options ...T) T { return options[g.Intn(len(options))] }

// has reports whether the target has a function or macro since that version.
func (g *generator) has(since target.Version) bool { return g.world.target >= since }

// with makes an expression in which names are bound.
func (g *generator) with(make maker, d int, names ...binding) *Expr {
	outer := len(g.names)
	g.names = append(g.names, names...)
	e := make(d)
	g.names = g.names[:outer]
	return e
}

// visible are the names that no inner one hides.
func (g *generator) visible() []binding {
	var out []binding
	for i := len(g.names) - 1; i >= 0; i-- {
		if !slices.ContainsFunc(out, func(b binding) bool { return b.name == g.names[i].name }) {
			out = append(out, g.names[i])
		}
	}
	return out
}

// path walks from a name to a value of which ok holds; nil when it comes across
// none. Inner names come first in visible, and are taken more often; plain ones
// only now and then, since they have a value of most types right at hand.
func (g *generator) path(ok func(*types.Type) bool) *Expr {
	names := g.visible()
	if len(names) == 0 {
		return nil
	}
	if g.walking {
		for _, b := range names {
			if ok(b.typ) && g.Intn(2) == 0 {
				return &Expr{Op: opVar, Name: b.name, Type: b.typ}
			}
		}
		return nil
	}
	g.walking = true
	// The request has more in it than the interpreter is shown.
	whole := ok
	ok = func(t *types.Type) bool {
		return whole(t) && t.Name != requestType.Name && t.Name != "userInfo" && t.Name != "requestKind"
	}
	defer func() { g.walking = false }()
	if g.Intn(2) == 0 {
		if e := g.direct(names, ok); e != nil {
			return e
		}
	}
	rich := slices.DeleteFunc(slices.Clone(names), func(b binding) bool { return b.plain })
	for i := range 60 {
		from := rich
		if i >= 45 || len(rich) == 0 || g.Intn(4) == 0 {
			from = names
		}
		b := from[min(g.Intn(len(from)), g.Intn(len(from)))]
		e := &Expr{Op: opVar, Name: b.name, Type: b.typ}
		for range 7 {
			if ok(e.Type) && g.Intn(3) > 0 {
				return e
			}
			next := g.step(e)
			if next == nil {
				break
			}
			e = next
		}
		if ok(e.Type) {
			return e
		}
	}
	return nil
}

// direct selects one of the fields of the object's spec: a walk would come by
// each of them too seldom. It is nil when none is ok.
func (g *generator) direct(names []binding, ok func(*types.Type) bool) *Expr {
	name := pick(g.Rand, "object", "object", "oldObject")
	i := slices.IndexFunc(names, func(b binding) bool { return b.name == name && b.typ.Kind == types.Object })
	if i < 0 {
		return nil
	}
	spec := names[i].typ.Fields.Field("spec")
	if spec == nil || spec.Type.Kind != types.Object {
		return nil
	}
	var fits []string
	for _, f := range g.world.fields(spec.Type) {
		if ok(spec.Type.Fields.Field(f).Type) {
			fits = append(fits, f)
		}
	}
	if len(fits) == 0 {
		return nil
	}
	f := pick(g.Rand, fits...)
	object := &Expr{Op: opVar, Name: name, Type: names[i].typ}
	return named(opSelect, f, spec.Type.Fields.Field(f).Type, named(opSelect, "spec", spec.Type, object))
}

// step goes one selection or index down.
func (g *generator) step(e *Expr) *Expr {
	t := e.Type
	switch t.Kind {
	case types.Object:
		names := g.world.fields(t)
		if t.Open && g.Intn(4) == 0 || len(names) == 0 {
			if !t.Open {
				return nil
			}
			return named(opSelect, g.openKey(t), types.DynType, e)
		}
		name := pick(g.Rand, names...)
		if g.Intn(2) == 0 && slices.Contains(names, "spec") {
			name = "spec"
		}
		out := named(opSelect, name, t.Fields.Field(name).Type, e)
		if g.Intn(20) == 0 && selection(name)[0] == '.' {
			out.Value = asOptional
		}
		return out
	case types.Map:
		if t.Key.Kind != types.String {
			return nil
		}
		if g.Intn(5) == 0 {
			return node(opIndex, t.Elem, e, g.str(0))
		}
		return named(opSelect, pick(g.Rand, keys...), t.Elem, e)
	case types.List:
		if g.Intn(5) == 0 {
			return node(opIndex, t.Elem, e, g.integer(0))
		}
		return node(opIndex, t.Elem, e, integer(int64(g.Intn(4)-1)))
	case types.Dyn:
		switch g.Intn(6) {
		case 0:
			return node(opIndex, types.DynType, e, integer(int64(g.Intn(3)-1)))
		case 1:
			return node(opIndex, types.DynType, e, g.choose(0, g.str, g.integer, g.dyn))
		}
		return named(opSelect, pick(g.Rand, keys...), types.DynType, e)
	}
	return nil
}

// openKey is a key that the schema does not know.
func (g *generator) openKey(t *types.Type) string {
	for {
		if k := pick(g.Rand, keys...); t.Fields.Field(k) == nil {
			return k
		}
	}
}

// kindIs tests for one of the kinds.
func kindIs(kinds ...types.Kind) func(*types.Type) bool {
	return func(t *types.Type) bool { return slices.Contains(kinds, t.Kind) }
}

func anyType(*types.Type) bool { return true }

// or is a path to a value of these kinds, or what fallback makes.
func (g *generator) or(ok func(*types.Type) bool, fallback maker) *Expr {
	if p := g.path(ok); p != nil {
		return p
	}
	return fallback(0)
}

// of makes an expression of a type.
func (g *generator) of(t *types.Type, d int) *Expr {
	if d > 0 && g.Intn(12) == 0 {
		if e := g.functionCall(t, d-1); e != nil {
			return e
		}
	}
	switch t.Kind {
	case types.Bool:
		return g.boolean(d)
	case types.Int:
		return g.integer(d)
	case types.Double:
		return g.double(d)
	case types.String:
		return g.str(d)
	case types.Timestamp:
		return g.timestamp(d)
	case types.Duration:
		return g.duration(d)
	case types.List:
		return g.list(t.Elem, d)
	case types.Map:
		return g.mapping(t.Elem, d)
	case types.Opaque:
		switch t.Name {
		case quantityType.Name:
			return g.quantity(d)
		case ipType.Name:
			return g.ip(d)
		case cidrType.Name:
			return g.cidr(d)
		}
		return g.url(d)
	}
	return g.dyn(d)
}

// any makes an expression of some type; mostly what an object holds.
func (g *generator) any(d int) *Expr {
	if d <= 0 || g.Intn(2) == 0 {
		return g.or(anyType, g.str)
	}
	return g.of(g.someType(), d)
}

// someType is a type that values of expressions have.
func (g *generator) someType() *types.Type {
	return pick(g.Rand, types.BoolType, types.IntType, types.StringType, types.StringType, types.DoubleType, types.DynType,
		types.NewList(g.elemType()), types.NewMap(types.StringType, g.elemType()), types.TimestampType, types.DurationType,
		quantityType, ipType, cidrType)
}

func (g *generator) elemType() *types.Type {
	return pick(g.Rand, types.StringType, types.StringType, types.IntType, types.DoubleType, types.BoolType, types.DynType,
		types.NewList(types.StringType))
}

// either makes what every type can be: a choice, or a value with a stand-in.
func (g *generator) either(make maker, d int) *Expr {
	a, b := make(d), make(d)
	t := joined(a.Type, b.Type)
	switch g.Intn(4) {
	case 0:
		return node(opOrValue, t, a, b)
	case 1:
		v := g.any(d)
		name := g.localName()
		body := g.with(make, d, binding{name: name, typ: v.Type})
		return &Expr{Op: opLet, Vars: []string{name}, Args: []*Expr{v, body}, Type: body.Type}
	}
	return node(opCond, t, g.condition(d), a, b)
}

// nothing is the type of the elements of `[]`, which fits any list.
var nothing = &types.Type{Kind: types.Dyn}

// joined is the type of what is one or the other.
func joined(a, b *types.Type) *types.Type {
	switch {
	case types.Equal(a, b) && a.Elem != nothing:
		return a
	case a.Text() && b.Text():
		return types.StringType
	case a.Kind == b.Kind && (a.Kind == types.Int || a.Kind == types.Double):
		return &types.Type{Kind: a.Kind, Loose: true}
	case a.Kind == types.List && a.Elem == nothing && b.Kind == types.List:
		return b
	case b.Kind == types.List && b.Elem == nothing && a.Kind == types.List:
		return a
	case a.Kind == types.List && b.Kind == types.List:
		return &types.Type{Kind: types.List, Elem: joined(a.Elem, b.Elem), NullElem: a.NullElem || b.NullElem}
	}
	return types.DynType
}

// localName is the name of a local variable. Names come again on purpose, and
// are those that the lowering gives.
func (g *generator) localName() string {
	return pick(g.Rand, "x", "y", "k", "v", "item", "value", "name", "items", "image", "spec", "e")
}
