package oracle

import (
	"strings"

	"github.com/policyc/policyc/compiler/types"
)

func (g *generator) literal(t *types.Type) *Expr {
	switch t.Kind {
	case types.Int:
		return integer(pick(g.Rand, ints...))
	case types.Double:
		return lit(pick(g.Rand, doubles...), t)
	case types.Bool:
		return lit(g.Intn(2) == 0, t)
	}
	return text(pick(g.Rand, words...))
}

// leaf is a literal, or mostly a path to a value of the kinds.
func (g *generator) leaf(t *types.Type, kinds ...types.Kind) maker {
	return func(int) *Expr {
		if g.Intn(4) == 0 {
			return g.literal(t)
		}
		return g.or(kindIs(append(kinds, t.Kind)...), func(int) *Expr { return g.literal(t) })
	}
}

func method(name string, t *types.Type, args ...*Expr) *Expr {
	return named(opMethod, name, t, args...)
}

func (g *generator) integer(d int) *Expr {
	leaf := g.leaf(types.IntType)
	if d <= 0 {
		return leaf(d)
	}
	d--
	intOf := func(m *Expr) *Expr { m.Type = types.IntType; return m }
	switch max(0, g.Intn(24)-3) {
	case 0, 1:
		return named(opArith, pick(g.Rand, "+", "-", "*", "/", "/", "%", "%"), types.IntType, g.integer(d),
			g.choose(d, g.integer, g.integer, g.iorstr))
	case 2:
		other := g.choose(d, g.dyn, g.iorstr)
		return named(opArith, pick(g.Rand, "+", "-", "*", "/", "%"), types.IntType, g.integer(d), other)
	case 3, 4:
		return g.size(d)
	case 5, 6:
		return intOf(named(opCall, "int", nil, g.choose(d, g.str, g.str, g.double, g.dyn, g.iorstr, g.timestamp)))
	case 7, 8:
		return g.either(g.integer, d)
	case 9:
		return node(opIndex, types.IntType, g.list(types.IntType, d), g.integer(0))
	case 10:
		return method(pick(g.Rand, "indexOf", "lastIndexOf"), types.IntType, g.str(d), g.str(d))
	case 11:
		return method("asInteger", types.IntType, g.measure(d))
	case 12:
		return method("compareTo", types.IntType, g.measure(d), g.quantity(d))
	case 13:
		return method(pick(g.Rand, "getFullYear", "getMonth", "getDate", "getDayOfWeek", "getHours", "getSeconds"), types.IntType,
			g.or(kindIs(types.Time), g.timestamp))
	case 14:
		return method(pick(g.Rand, "getHours", "getSeconds"), types.IntType, g.or(kindIs(types.DurationText), g.duration))
	case 15:
		return method("family", types.IntType, g.ip(d))
	case 16:
		return method("prefixLength", types.IntType, g.cidr(d))
	case 17:
		return method(pick(g.Rand, "min", "max", "sum"), types.IntType, g.members(types.IntType, min(d, g.Intn(2))))
	case 18:
		elem := pick(g.Rand, types.StringType, types.IntType)
		return method(pick(g.Rand, "indexOf", "lastIndexOf"), types.IntType, g.list(elem, d), g.of(elem, d))
	case 19:
		return node(opNegate, types.IntType, g.integer(d))
	case 20:
		return method(pick(g.Rand, "indexOf", "lastIndexOf"), types.IntType, g.str(d), g.str(d), g.integer(d))
	}
	return leaf(d)
}

// members is a list that says what its elements are, which `[]` does not.
func (g *generator) members(elem *types.Type, d int) *Expr {
	if l := g.list(elem, d); l.Type.Elem != nothing {
		return l
	}
	return node(opList, types.NewList(elem), g.literal(elem))
}

func (g *generator) size(d int) *Expr {
	of := g.choose(d, g.str, g.dyn, g.anyList, g.anyList, func(d int) *Expr { return g.or(kindIs(types.Map, types.Object), g.emptyMap) })
	if g.Intn(2) == 0 {
		return method("size", types.IntType, of)
	}
	return named(opCall, "size", types.IntType, of)
}

// num is a number.
func (g *generator) num(d int) *Expr { return g.choose(d, g.integer, g.integer, g.double) }

// iorstr is an int-or-string, when the object has one.
func (g *generator) iorstr(int) *Expr { return g.or(kindIs(types.IntOrString), g.integer) }

func (g *generator) double(d int) *Expr {
	leaf := g.leaf(types.DoubleType)
	if d <= 0 {
		return leaf(d)
	}
	d--
	switch g.Intn(9) {
	case 0, 1:
		return named(opArith, pick(g.Rand, "+", "-", "*", "/"), types.DoubleType, g.double(d), g.choose(d, g.double, g.double, g.dyn))
	case 2, 3:
		return named(opCall, "double", types.DoubleType, g.choose(d, g.str, g.integer, g.dyn, g.double))
	case 4:
		return g.either(g.double, d)
	case 5:
		return method("asApproximateFloat", types.DoubleType, g.measure(d))
	case 6:
		return method(pick(g.Rand, "min", "max", "sum"), types.DoubleType, g.members(types.DoubleType, d))
	case 7:
		if amount := g.path(kindIs(types.Quantity)); amount != nil {
			return named(opCall, pick(g.Rand, "cpu", "memory"), types.DoubleType, amount)
		}
	}
	return leaf(d)
}

// textArg is what may stand where a function takes text.
func (g *generator) textArg(d int) *Expr {
	switch g.Intn(10) {
	case 0:
		return g.dyn(d)
	case 1:
		return g.or(kindIs(types.IntOrString, types.Quantity), g.str)
	}
	return g.str(d)
}

func (g *generator) str(d int) *Expr {
	leaf := g.leaf(types.StringType)
	if g.Intn(8) == 0 {
		leaf = g.leaf(types.StringType, types.Time, types.DurationText, types.Base64)
	}
	if d <= 0 {
		return leaf(d)
	}
	d--
	of := func(name string, args ...*Expr) *Expr { return method(name, types.StringType, args...) }
	switch g.Intn(19) {
	case 0, 1:
		return named(opArith, "+", types.StringType, g.str(d), g.choose(d, g.str, g.str, g.dyn))
	case 2:
		return of(pick(g.Rand, "lowerAscii", "upperAscii", "trim"), g.textArg(d))
	case 3:
		if g.Intn(2) == 0 {
			return of("substring", g.textArg(d), g.integer(d), g.integer(d))
		}
		return of("substring", g.textArg(d), g.integer(d))
	case 4:
		return of("charAt", g.textArg(d), g.integer(d))
	case 5:
		return of("replace", g.textArg(d), g.str(d), g.str(d))
	case 6:
		if g.Intn(2) == 0 {
			return of("join", g.list(types.StringType, d))
		}
		return of("join", g.list(types.StringType, d), g.str(d))
	case 7, 8:
		arg := g.choose(d, g.integer, g.double, g.boolean, g.timestamp, g.duration, g.str, g.dyn, g.iorstr, g.iorstr, g.ip, g.cidr)
		return named(opCall, "string", types.StringType, arg)
	case 9, 10, 11:
		return g.either(g.str, d)
	case 12:
		return node(opIndex, types.StringType, g.members(types.StringType, d), g.integer(d))
	case 13:
		return of("find", g.textArg(d), text(pick(g.Rand, patterns...)))
	case 14:
		return of(pick(g.Rand, "getScheme", "getHost", "getHostname", "getPort", "getEscapedPath"), g.url(d))
	case 15:
		return of(pick(g.Rand, "min", "max"), g.members(types.StringType, d))
	case 16:
		image := named(opCall, "image", types.DynType, g.imageText(d))
		return named(opSelect, pick(g.Rand, "registry", "repository", "name", "tag", "digest"), types.StringType, image)
	case 17:
		return g.format(d)
	}
	return leaf(d)
}

// imageText is text that may be a reference to an image.
func (g *generator) imageText(d int) *Expr {
	return g.choose(d, g.str, func(int) *Expr { return text(pick(g.Rand, images...)) })
}

// format is `text`.format([…]) of what every version writes alike.
func (g *generator) format(d int) *Expr {
	e := method("format", types.StringType, text(""))
	var verbs []string
	for range g.Intn(3) {
		verbs, e.Args = append(verbs, pick(g.Rand, "%s", "a%s", "%s:")), append(e.Args, g.choose(d, g.str, g.integer, g.boolean))
	}
	e.Args[0] = text(strings.Join(verbs, " "))
	return e
}

// dyn is a value of which the schema says nothing.
func (g *generator) dyn(d int) *Expr {
	if d > 0 && g.Intn(5) == 0 {
		d--
		switch g.Intn(4) {
		case 0:
			return g.either(g.dyn, d)
		case 1:
			return named(opArith, pick(g.Rand, "+", "-", "*", "/", "%"), types.DynType, g.openValue(d), g.openValue(d))
		case 2:
			return node(opIndex, types.DynType, g.list(types.DynType, d), g.integer(d))
		}
		return node(opNegate, types.DynType, g.openValue(d))
	}
	return g.openValue(d)
}

// openValue is a path into what the schema leaves open; where a kind has no
// such place, a member of a list of anything is one.
func (g *generator) openValue(d int) *Expr {
	return g.or(kindIs(types.Dyn), func(int) *Expr {
		members := node(opList, types.NewList(types.DynType), g.literal(types.StringType), g.literal(types.IntType), g.literal(types.BoolType))
		return node(opIndex, types.DynType, members, integer(int64(g.Intn(4))))
	})
}

func (g *generator) timeText(int) *Expr { return text(pick(g.Rand, timeTexts...)) }

func (g *generator) durationText(int) *Expr { return text(pick(g.Rand, durationTexts...)) }

func (g *generator) timestamp(d int) *Expr {
	if d > 0 {
		d--
		switch g.Intn(4) {
		case 0:
			return named(opArith, pick(g.Rand, "+", "-"), types.TimestampType, g.or(kindIs(types.Time), g.timestamp), g.duration(d))
		case 1:
			return g.either(g.timestamp, d)
		}
	}
	return named(opCall, "timestamp", types.TimestampType, g.choose(d, g.str, g.timeText))
}

func (g *generator) duration(d int) *Expr {
	if d > 0 {
		d--
		switch g.Intn(5) {
		case 0:
			return named(opArith, pick(g.Rand, "+", "-"), types.DurationType, g.duration(d), g.or(kindIs(types.DurationText), g.duration))
		case 1:
			return g.either(g.duration, d)
		case 2:
			return named(opArith, "-", types.DurationType, g.timestamp(d), g.or(kindIs(types.Time), g.timestamp))
		}
	}
	return named(opCall, "duration", types.DurationType, g.choose(d, g.str, g.durationText))
}

// measure is a quantity in the schema, or one that is made of text.
func (g *generator) measure(d int) *Expr { return g.or(kindIs(types.Quantity), g.quantity) }

// measured is what a quantity compares with.
func (g *generator) measured(d int) *Expr {
	return g.choose(d, func(int) *Expr { return text(pick(g.Rand, quantityTexts...)) }, g.integer, g.str, g.iorstr, g.measure, g.quantity)
}

func (g *generator) quantity(d int) *Expr {
	if d > 0 {
		d--
		switch g.Intn(5) {
		case 0:
			return method(pick(g.Rand, "add", "sub"), quantityType, g.quantity(d), g.quantity(d))
		case 1:
			return g.either(g.quantity, d)
		}
	}
	arg := g.choose(d, g.str, g.dyn, func(int) *Expr { return text(pick(g.Rand, quantityTexts...)) }, func(int) *Expr {
		return g.or(kindIs(types.Quantity), g.str)
	})
	return named(opCall, "quantity", quantityType, arg)
}

func (g *generator) ip(d int) *Expr {
	if d > 0 {
		d--
		switch g.Intn(5) {
		case 0:
			return method("ip", ipType, g.cidr(d))
		case 1:
			return g.either(g.ip, d)
		}
	}
	return named(opCall, "ip", ipType, g.textArg(d))
}

func (g *generator) cidr(d int) *Expr {
	if d > 0 {
		d--
		switch g.Intn(5) {
		case 0:
			return method("masked", cidrType, g.cidr(d))
		case 1:
			return g.either(g.cidr, d)
		}
	}
	return named(opCall, "cidr", cidrType, g.textArg(d))
}

func (g *generator) url(d int) *Expr { return named(opCall, "url", urlType, g.textArg(d)) }
