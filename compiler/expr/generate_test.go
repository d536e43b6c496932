package expr

import (
	"fmt"
	"math/rand"
	"strings"

	"github.com/policyc/policyc/compiler/types"
)

// generator writes random expressions of policy CEL over thingType. What it
// writes is mostly well-typed; the checker says what is not.
type generator struct {
	*rand.Rand
	// core leaves out what the small evaluator does not know.
	core   bool
	locals []*Local
}

func (g *generator) pick(options ...string) string { return options[g.Intn(len(options))] }

// path walks from a root to a value for which ok says yes; "" when it does
// not come across one.
func (g *generator) path(ok func(*types.Type) bool) string {
	for range 40 {
		text, t := "object", thingType
		if n := g.Intn(10); n < 2 {
			text = "oldObject"
		} else if n < 7 && len(g.locals) > 0 {
			l := g.locals[g.Intn(len(g.locals))]
			text, t = l.Name, l.Type
		} else if n < 8 {
			text, t = "any", types.DynType
		}
		for range 5 {
			if ok(t) && (g.Intn(3) > 0 || t.Kind == types.Dyn) {
				return text
			}
			next, nt := g.step(text, t)
			if next == "" {
				break
			}
			text, t = next, nt
		}
		if ok(t) {
			return text
		}
	}
	return ""
}

// step goes one selection or index down.
func (g *generator) step(text string, t *types.Type) (string, *types.Type) {
	key := g.pick("a", "b", "env", "a-b", "in", "x")
	switch t.Kind {
	case types.Object:
		names := t.Fields.Names()
		name := names[g.Intn(len(names))]
		elem := t.Fields.Field(name).Type
		if t.Open && g.Intn(2) == 0 {
			name, elem = key, types.DynType
		}
		return selectText(text, name), elem
	case types.Map:
		if g.Intn(4) == 0 {
			return text + "[" + g.str(0) + "]", t.Elem
		}
		return selectText(text, key), t.Elem
	case types.List:
		if g.Intn(4) == 0 {
			return text + "[" + g.integer(0) + "]", t.Elem
		}
		return fmt.Sprintf("%s[%d]", text, g.Intn(3)-g.Intn(2)), t.Elem
	case types.Dyn:
		switch g.Intn(5) {
		case 0:
			return fmt.Sprintf("%s[%d]", text, g.Intn(2)), t
		case 1:
			return text + "[" + g.dyn(0) + "]", t
		}
		return selectText(text, key), t
	}
	return "", nil
}

func selectText(text, name string) string {
	if strings.Contains(name, "-") || name == "in" {
		return text + "['" + name + "']"
	}
	return text + "." + name
}

func kindIs(kinds ...types.Kind) func(*types.Type) bool {
	return func(t *types.Type) bool {
		for _, k := range kinds {
			if t.Kind == k {
				return true
			}
		}
		return false
	}
}

func listOf(elem func(*types.Type) bool) func(*types.Type) bool {
	return func(t *types.Type) bool { return t.Kind == types.List && elem(t.Elem) }
}

// or returns a path of that kind, or else the fallback.
func (g *generator) or(ok func(*types.Type) bool, fallback string) string {
	if p := g.path(ok); p != "" {
		return p
	}
	return fallback
}

func (g *generator) bool(depth int) string {
	leaf := func() string { return g.or(kindIs(types.Bool), g.pick("true", "false")) }
	if depth <= 0 {
		return leaf()
	}
	d := depth - 1
	n := 17
	if !g.core {
		n = 27
	}
	switch g.Intn(n) {
	case 0:
		return leaf()
	case 1:
		return "!(" + g.bool(d) + ")"
	case 2:
		return "(" + g.bool(d) + " && " + g.bool(d) + ")"
	case 3:
		return "(" + g.bool(d) + " || " + g.bool(d) + ")"
	case 4:
		return "(" + g.bool(d) + " ? " + g.bool(d) + " : " + g.bool(d) + ")"
	case 5, 6, 7:
		return g.equality(d)
	case 8:
		return g.any(d) + g.pick(" == null", " != null")
	case 9, 10:
		return g.comparison(d)
	case 11:
		return g.membership(d)
	case 12:
		return "has(" + g.any(d) + ")"
	case 13, 14:
		return g.macro(g.pick("all", "exists", "exists_one"), g.anyList(d), d, g.bool)
	case 15:
		return g.or(kindIs(types.Bool), "object.flag") + ".orValue(" + g.bool(d) + ")"
	case 16:
		return g.str(d) + ".startsWith(" + g.str(d) + ")"
	case 17:
		return g.str(d) + "." + g.pick("endsWith", "contains") + "(" + g.str(d) + ")"
	case 18:
		return g.str(d) + ".matches(" + g.pick("'^a'", "'b?$'", `r'\d+'`) + ")"
	case 19:
		return g.mapLike() + g.pick(".exists", ".all") + "(k, " + g.withLocal("k", types.StringType, d, g.bool) + ")"
	case 20:
		return "sets." + g.pick("contains", "intersects", "equivalent") + "(" + g.strings(d) + ", " + g.strings(d) + ")"
	case 21:
		return g.pick(g.strings(d), g.ints(d), g.doubles(d)) + ".isSorted()"
	case 22:
		return "type(" + g.dyn(d) + ") == " + g.pick("string", "int", "list", "map", "bool", "null_type", "double")
	case 23:
		return g.pick("isQuantity", "isURL", "isIP", "isCIDR", "bool", "isSemver") + "(" + g.str(d) + ")"
	case 24:
		return g.pick("ip("+g.str(d)+").family() == 4", "cidr("+g.str(d)+").containsIP("+g.str(d)+")",
			"url("+g.str(d)+").getHost() == 'a'", "semver("+g.str(d)+").major() > 1", "quantity("+g.str(d)+").isGreaterThan(quantity("+g.str(d)+"))",
			"cidr("+g.str(d)+").containsCIDR("+g.str(d)+")", "ip.isCanonical("+g.str(d)+")")
	case 25:
		return g.bool2(d)
	default:
		return g.dyn(d)
	}
}

// bool2 uses the macros with two variables.
func (g *generator) bool2(d int) string {
	return g.mapLike() + g.pick(".exists", ".all", ".existsOne") + "(k, v, " +
		g.withLocal("k", types.StringType, d, func(d int) string {
			return g.withLocal("v", types.StringType, d, g.bool)
		}) + ")"
}

func (g *generator) mapLike() string {
	return g.or(kindIs(types.Map), "object.labels")
}

func (g *generator) withLocal(name string, t *types.Type, d int, body func(int) string) string {
	g.locals = append(g.locals, &Local{Name: name, Type: t})
	text := body(d)
	g.locals = g.locals[:len(g.locals)-1]
	return text
}

func (g *generator) macro(name string, rng typedText, d int, body func(int) string) string {
	// Names are used again on purpose, and are those that the lowering gives.
	local := g.pick("x", "y", "item", "value", "items", "name", "flag")
	return rng.text + "." + name + "(" + local + ", " + g.withLocal(local, rng.typ.Elem, d, body) + ")"
}

type typedText struct {
	text string
	typ  *types.Type
}

func (g *generator) anyList(d int) typedText {
	var found *types.Type
	pick := func(t *types.Type) bool {
		if t.Kind == types.List {
			found = t
			return true
		}
		return false
	}
	if g.Intn(5) > 0 {
		if p := g.path(pick); p != "" {
			return typedText{p, found}
		}
	}
	switch g.Intn(3) {
	case 0:
		return typedText{g.ints(d), types.NewList(types.IntType)}
	case 1:
		return typedText{g.strings(d), types.NewList(types.StringType)}
	}
	return typedText{"object.subs", types.NewList(subType)}
}

func (g *generator) equality(d int) string {
	op := g.pick(" == ", " != ")
	switch g.Intn(9) {
	case 0:
		return g.str(d) + op + g.str(d)
	case 1:
		return g.integer(d) + op + g.number(d)
	case 2:
		return "(" + g.bool(d) + ")" + op + "(" + g.bool(d) + ")"
	case 3:
		return g.strings(d) + op + g.strings(d)
	case 4:
		return g.dyn(d) + op + g.any(d)
	case 5:
		return g.or(kindIs(types.Object), "object.sub") + op + g.or(kindIs(types.Object), "object.must")
	case 6:
		if !g.core {
			return g.quantity(d) + op + g.quantity(d)
		}
	case 7:
		if !g.core {
			return g.pick(g.time(d)+op+g.time(d), g.duration(d)+op+g.duration(d))
		}
	}
	return g.intOrString(d) + op + g.pick(g.integer(d), g.str(d), g.intOrString(d))
}

func (g *generator) comparison(d int) string {
	op := g.pick(" < ", " <= ", " > ", " >= ")
	switch g.Intn(7) {
	case 0:
		return g.str(d) + op + g.str(d)
	case 1:
		return g.integer(d) + op + g.number(d)
	case 2:
		return g.dyn(d) + op + g.pick(g.dyn(d), g.integer(d), g.str(d))
	case 3:
		return g.intOrString(d) + op + g.pick(g.integer(d), g.str(d))
	case 4:
		if !g.core {
			return g.quantity(d) + op + g.quantity(d)
		}
	case 5:
		if !g.core {
			return g.pick(g.time(d)+op+g.time(d), g.duration(d)+op+g.duration(d))
		}
	}
	return g.number(d) + op + g.number(d)
}

func (g *generator) membership(d int) string {
	switch g.Intn(6) {
	case 0:
		return g.str(d) + " in " + g.mapLike()
	case 1:
		return g.integer(d) + " in " + g.ints(d)
	case 2:
		return g.any(d) + " in " + g.dyn(d)
	case 3:
		return g.dyn(d) + " in " + g.pick(g.strings(d), g.or(kindIs(types.Map), "object.labels"))
	case 4:
		return g.intOrString(d) + " in " + g.pick(g.strings(d), g.ints(d), g.dyn(d), "object.ports")
	}
	return g.str(d) + " in " + g.strings(d)
}

func (g *generator) integer(depth int) string {
	leaf := func() string {
		if g.Intn(3) == 0 {
			return g.pick("0", "1", "2", "-1", "3", "7")
		}
		return g.or(kindIs(types.Int), "object.cnt")
	}
	if depth <= 0 {
		return leaf()
	}
	d := depth - 1
	n := 9
	if !g.core {
		n = 16
	}
	switch g.Intn(n) {
	case 0:
		return "(" + g.integer(d) + g.pick(" + ", " - ", " * ", " / ", " % ") + g.integer(d) + ")"
	case 1:
		return "size(" + g.pick(g.str(d), g.anyList(d).text, g.mapLike(), g.dyn(d)) + ")"
	case 2:
		return "int(" + g.str(d) + ")"
	case 3:
		return g.or(kindIs(types.Int), "object.cnt") + ".orValue(" + g.integer(d) + ")"
	case 4:
		return "(" + g.bool(d) + " ? " + g.integer(d) + " : " + g.integer(d) + ")"
	case 5:
		return g.ints(d) + "[" + g.integer(d) + "]"
	case 6:
		return g.anyList(d).text + ".size()"
	case 7:
		return "int(" + g.pick(g.number(d), g.dyn(d), g.intOrString(d)) + ")"
	case 9:
		return g.str(d) + "." + g.pick("indexOf", "lastIndexOf") + "(" + g.str(d) + g.pick("", ", "+g.integer(d)) + ")"
	case 10:
		return g.ints(d) + "." + g.pick("sum", "min", "max") + "()"
	case 11:
		return g.pick(g.strings(d)+".indexOf("+g.str(d)+")", g.ints(d)+".lastIndexOf("+g.number(d)+")")
	case 12:
		return g.time(d) + "." + g.pick("getFullYear()", "getDayOfWeek('+02:00')", "getHours()", "getDate()")
	case 13:
		return "quantity(" + g.quantity(d) + ").asInteger()"
	case 14:
		return "-" + g.or(kindIs(types.Int), "object.cnt")
	case 15:
		return "(" + g.intOrString(d) + g.pick(" + ", " / ", " * ") + "2)"
	}
	return leaf()
}

func (g *generator) number(depth int) string {
	if g.Intn(2) == 0 {
		return g.integer(depth)
	}
	return g.double(depth)
}

func (g *generator) double(depth int) string {
	leaf := g.or(kindIs(types.Double), "1.5")
	if depth <= 0 {
		return leaf
	}
	d := depth - 1
	switch g.Intn(6) {
	case 0:
		return "(" + g.double(d) + g.pick(" + ", " - ", " * ", " / ") + g.double(d) + ")"
	case 1:
		return "double(" + g.pick(g.str(d), g.integer(d)) + ")"
	case 2:
		return g.pick("0.0", "0.1", "1e21", "-2.5")
	case 3:
		if !g.core {
			return g.doubles(d) + "." + g.pick("sum", "min", "max") + "()"
		}
	}
	return leaf
}

func (g *generator) str(depth int) string {
	leaf := func() string {
		if g.Intn(3) == 0 {
			return g.pick("''", "'a'", "'env'", "'a/b'", `'q"\'\\ \n'`, "'10'", "'1Gi'", "'10.0.0.1'", "'10.0.0.0/8'", "'https://a'", "'1.2.3'", "'é😀'")
		}
		return g.or(kindIs(types.String), "object.opt")
	}
	if depth <= 0 {
		return leaf()
	}
	d := depth - 1
	n := 6
	if !g.core {
		n = 17
	}
	switch g.Intn(n) {
	case 0:
		return "(" + g.str(d) + " + " + g.str(d) + ")"
	case 1:
		return g.or(kindIs(types.String), "object.opt") + ".orValue(" + g.str(d) + ")"
	case 2:
		return "(" + g.bool(d) + " ? " + g.str(d) + " : " + g.str(d) + ")"
	case 3:
		return g.strings(d) + "[" + g.integer(d) + "]"
	case 6:
		return "string(" + g.pick(g.integer(d), g.double(d), g.bool(d), g.dyn(d), g.intOrString(d), g.time(d), g.quantity(d), g.str(d), "object.b64") + ")"
	case 7:
		return g.str(d) + "." + g.pick("lowerAscii", "upperAscii", "trim") + "()"
	case 8:
		return g.str(d) + ".replace(" + g.str(d) + ", " + g.str(d) + g.pick("", ", "+g.integer(d)) + ")"
	case 9:
		return g.str(d) + ".substring(" + g.integer(d) + g.pick("", ", "+g.integer(d)) + ")"
	case 10:
		return g.str(d) + ".charAt(" + g.integer(d) + ")"
	case 11:
		return g.strings(d) + ".join(" + g.pick("", g.str(d)) + ")"
	case 12:
		return "'%s-%s'.format([" + g.any(d) + ", " + g.any(d) + "])"
	case 13:
		return g.strings(d) + "." + g.pick("min", "max") + "()"
	case 14:
		return g.dyn(d) + "." + g.pick("trim()", "charAt(1)", "replace('a', 'b')")
	case 15:
		return g.str(d) + ".find(" + g.pick("'a.'", `r'\d+'`) + ")"
	case 16:
		return g.strings(d) + g.pick(".first()", ".last()")
	}
	return leaf()
}

func (g *generator) strings(depth int) string {
	leaf := func() string {
		return g.or(listOf(kindIs(types.String)), g.pick("params.words", "params.none", "['a', 'b']"))
	}
	if depth <= 0 {
		return leaf()
	}
	d := depth - 1
	n := 6
	if !g.core {
		n = 14
	}
	switch g.Intn(n) {
	case 0:
		return "[" + g.str(d) + ", " + g.str(d) + "]"
	case 1:
		return "(" + g.strings(d) + " + " + g.strings(d) + ")"
	case 2:
		return g.macro("map", g.anyList(d), d, g.str)
	case 3:
		return g.macro("filter", typedText{g.strings(d), types.NewList(types.StringType)}, d, g.bool)
	case 4:
		return g.or(listOf(kindIs(types.String)), "object.tags") + ".orValue(" + g.strings(d) + ")"
	case 6:
		return g.str(d) + ".split(" + g.str(d) + g.pick("", ", "+g.integer(d)) + ")"
	case 7:
		return g.mapLike() + ".map(k, " + g.withLocal("k", types.StringType, d, g.str) + ")"
	case 8:
		return g.str(d) + ".findAll('a.'" + g.pick("", ", "+g.integer(d)) + ")"
	case 9:
		return g.strings(d) + g.pick(".sort()", ".distinct()", ".reverse()", ".slice("+g.integer(d)+", "+g.integer(d)+")")
	case 10:
		l := g.anyList(d)
		return l.text + ".map(x, " + g.withLocal("x", l.typ.Elem, d, g.bool) + ", " + g.withLocal("x", l.typ.Elem, d, g.str) + ")"
	case 11:
		return "object.subs.sortBy(s, " + g.withLocal("s", subType, d, g.str) + ").map(s, s.name)"
	case 12:
		return g.mapLike() + ".transformList(k, v, " + g.withLocal("k", types.StringType, d, g.str) + ")"
	case 13:
		return g.mapLike() + ".transformMap(k, v, " + g.withLocal("k", types.StringType, d, g.str) + ").map(k, k)"
	}
	return leaf()
}

func (g *generator) ints(depth int) string {
	leaf := func() string { return g.or(listOf(kindIs(types.Int)), g.pick("[1, 2]", "object.nums")) }
	if depth <= 0 {
		return leaf()
	}
	d := depth - 1
	n := 4
	if !g.core {
		n = 7
	}
	switch g.Intn(n) {
	case 0:
		return "[" + g.integer(d) + ", " + g.integer(d) + "]"
	case 1:
		return g.macro("map", g.anyList(d), d, g.integer)
	case 2:
		return g.macro("filter", typedText{leaf(), types.NewList(types.IntType)}, d, g.bool)
	case 4:
		return "lists.range(" + g.integer(d) + ")"
	case 5:
		return "object.matrix.flatten()"
	case 6:
		return g.ints(d) + g.pick(".sort()", ".distinct()", ".slice(0, "+g.integer(d)+")", ".sortBy(i, -i)")
	}
	return leaf()
}

func (g *generator) doubles(int) string {
	return g.or(listOf(kindIs(types.Double)), g.pick("[1.5, 2.5]", "object.dbls", "object.ldbls"))
}

func (g *generator) quantity(depth int) string {
	if g.Intn(3) == 0 {
		return g.pick("'1Gi'", "'500m'", "2", g.str(depth))
	}
	return g.or(kindIs(types.Quantity), "object.mem")
}

func (g *generator) time(int) string {
	return g.pick("object.at", "object.at", "oldObject.at", "timestamp('2026-01-01T00:00:00Z')", "timestamp(object.opt)", "(object.at + duration('1h'))")
}

func (g *generator) duration(int) string {
	return g.pick("object.wait", "duration('30s')", "duration(object.opt)", "(object.at - oldObject.at)", "object.wait + object.wait")
}

func (g *generator) intOrString(int) string {
	return g.or(kindIs(types.IntOrString), "object.port")
}

func (g *generator) dyn(depth int) string {
	if depth > 0 && g.Intn(5) == 0 {
		d := depth - 1
		if g.core {
			return "(" + g.bool(d) + " ? " + g.any(d) + " : " + g.any(d) + ")"
		}
		return g.pick("("+g.dyn(d)+" + "+g.pick(g.dyn(d), g.integer(d), g.str(d), g.strings(d))+")", "-"+g.dyn(0),
			g.dyn(d)+".orValue("+g.any(d)+")", "("+g.bool(d)+" ? "+g.any(d)+" : "+g.any(d)+")",
			"("+g.dyn(d)+g.pick(" - ", " * ", " / ", " % ")+g.dyn(d)+")", "any.anys.sum()", "any.max()", "object.anys.min()")
	}
	return g.or(kindIs(types.Dyn), "any")
}

// any writes an expression of any type.
func (g *generator) any(depth int) string {
	switch g.Intn(9) {
	case 0:
		return g.integer(depth)
	case 1:
		return g.str(depth)
	case 2:
		return g.dyn(depth)
	case 3:
		return g.strings(depth)
	case 4:
		return "(" + g.bool(depth) + ")"
	case 5:
		return g.double(depth)
	}
	return g.or(func(*types.Type) bool { return true }, "object.opt")
}

// value returns a random value that the schema of a type allows.
func (g *generator) value(t *types.Type, depth int) any {
	switch t.Kind {
	case types.Bool:
		return g.Intn(2) == 0
	case types.Int:
		if t.Loose && g.Intn(2) == 0 {
			return float64(g.Intn(4))
		}
		return int64(g.Intn(6) - 2)
	case types.Double:
		if t.Loose && g.Intn(2) == 0 {
			return int64(g.Intn(4))
		}
		return []float64{0, 0.1, 1, -2.5, 1e21, 3}[g.Intn(6)]
	case types.String:
		return g.pick("", "a", "b", "env", "a/b", "ab", "10", "1Gi", "10.0.0.1", "2026-01-01T00:00:00Z", "30s", "é😀x", "x'\"\\\n")
	case types.Quantity:
		return g.pick("1Gi", "500m", "2", "0", "1024Mi")
	case types.IntOrString:
		if t.Loose && g.Intn(4) == 0 {
			return 80.0
		}
		return []any{int64(80), int64(0), "http", "80%", "1Gi"}[g.Intn(5)]
	case types.Time:
		return g.pick("2026-01-01T00:00:00Z", "2025-06-01T10:00:00Z", "0001-01-01T00:00:00Z", "0000-01-01T00:00:00Z")
	case types.DurationText:
		return g.pick("30s", "1h0m0s")
	case types.Base64:
		return g.pick("", "YQ==")
	case types.List:
		return g.listValue(t, depth)
	case types.Map:
		out := map[string]any{}
		for range g.Intn(3) {
			out[g.pick("a", "b", "env", "a-b", "in")] = g.element(t, depth)
		}
		return out
	case types.Object:
		return g.objectValue(t, depth)
	}
	return g.dynValue(depth)
}

func (g *generator) listValue(t *types.Type, depth int) any {
	out := []any{}
	for range g.Intn(3) {
		out = append(out, g.element(t, depth))
	}
	return out
}

func (g *generator) element(t *types.Type, depth int) any {
	if t.NullElem && g.Intn(3) == 0 {
		return nil
	}
	return g.value(t.Elem, depth-1)
}

func (g *generator) objectValue(t *types.Type, depth int) any {
	out := map[string]any{}
	for _, name := range t.Fields.Names() {
		f := t.Fields.Field(name)
		if !f.Required && (depth <= 0 || g.Intn(3) == 0) {
			continue
		}
		if f.Nullable && g.Intn(4) == 0 {
			out[name] = nil
			continue
		}
		out[name] = g.value(f.Type, depth-1)
	}
	if t.Open {
		out[g.pick("a", "b", "x")] = g.dynValue(depth - 1)
	}
	return out
}

func (g *generator) dynValue(depth int) any {
	n := 9
	if depth <= 0 {
		n = 6
	}
	switch g.Intn(n) {
	case 0:
		return nil
	case 1:
		return g.Intn(2) == 0
	case 2:
		return int64(g.Intn(4) - 1)
	case 3:
		return []float64{0, 1, 1.5, 1e30}[g.Intn(4)]
	case 4, 5:
		return g.value(types.StringType, 0)
	case 6:
		return g.listValue(&types.Type{Kind: types.List, Elem: types.DynType}, depth)
	}
	return g.value(mapOf(types.DynType), depth)
}
