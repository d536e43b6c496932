package oracle

import (
	"fmt"
	"math/rand"
	"slices"

	"github.com/policyc/policyc/compiler/schema"
	"github.com/policyc/policyc/compiler/target"
	"github.com/policyc/policyc/compiler/types"
)

// namespaceKind is the one cluster-scoped kind that lookups read.
var namespaceKind = &kind{ref: "v1/Namespace", version: "v1", resource: "namespaces", kind: "Namespace"}

// What lookups and the objects that they find are made of, and what neither
// finds: no name, no label, several namespaces at once.
var (
	otherNames  = []string{"a", "b", "ab", "a-b", "env", "x", "1", "007", "nginx", "1.5", "aba", "true"}
	namespaces  = []string{"a", "b", "env", "a-b"}
	labelKeys   = []string{"a", "b", "env", "a-b", "kubernetes.io/name"}
	labelValues = []string{"", "a", "b", "ab", "1", "true", "1.5", "env"}
	oddTexts    = []string{" ", ".", "..", "-", "a b", "/", "a/b", "a,b", "A", "é", "*", "${", "' ", "a."}
)

// lookupPolicy makes a random policy with lookups.
func (o *Oracle) lookupPolicy(random *rand.Rand, lowest target.Version) (*policy, error) {
	w, err := newWorld(random, o.schemas[lowest], lowest)
	if err != nil {
		return nil, err
	}
	g := &generator{Rand: random, world: w, names: w.names}
	// The API server makes few lookups itself: half of the policies are of what it does.
	simple := random.Intn(2) == 0
	p := &policy{world: w, enforce: pick(random, "deny", "deny", "deny", "deny", "warn", "audit"),
		failurePolicy: pick(random, "Fail", "Fail", "Fail", "Ignore"), parameterObject: random.Intn(8) == 0,
		operations: pick(random, []string{"CREATE", "UPDATE", "DELETE"}, []string{"CREATE", "UPDATE"}, []string{"CREATE"}, []string{"DELETE"})}
	if simple {
		p.failurePolicy, p.parameterObject = "Fail", false
	}
	o.variable(p, g, lowest)
	plain := slices.Clone(g.names)
	for i := range 1 + random.Intn(3) {
		p.lookups = append(p.lookups, o.lookupOf(g, lowest, []string{"found", "others", "near"}[i], simple))
	}
	for _, l := range p.lookups {
		root, err := l.Kind.root(o.schemas[lowest])
		if err != nil {
			return nil, err
		}
		g.names = append(g.names, binding{name: l.Name, typ: types.NewList(root)})
	}
	o.variable(p, g, lowest)
	for i := range o.Size.Rules {
		name := fmt.Sprintf("r%d", i)
		r := o.rule(g, lowest, name)
		if i%2 == 0 {
			r = o.about(g, plain, p, lowest, name)
		}
		if p.readsLookups(r) {
			r.Ratchet = false
		}
		p.rules = append(p.rules, r)
	}
	g.names = plain
	if !simple && random.Intn(2) == 0 || random.Intn(6) == 0 {
		p.conditional(random, func() *Expr { return o.known(lowest, func() *Expr { return g.condition(2) }) })
	}
	return p, nil
}

// lookupOf makes a lookup of some kind: also of that which the policy matches.
func (o *Oracle) lookupOf(g *generator, lowest target.Version, name string, simple bool) *lookup {
	k := pick(g.Rand, append(slices.Clone(kinds), namespaceKind, g.world.kind)...)
	l := o.lookup(g, lowest, k)
	for i := 0; simple && !l.simple() && i < 20; i++ {
		l = o.lookup(g, lowest, k)
	}
	l.Name = name
	return l
}

// variable adds a variable to a policy, or none.
func (o *Oracle) variable(p *policy, g *generator, lowest target.Version) {
	if g.Intn(2) == 0 {
		return
	}
	v := &variable{Name: fmt.Sprintf("v%d", len(p.variables))}
	v.Value = o.known(lowest, func() *Expr { return g.any(2) })
	p.variables = append(p.variables, v)
	g.names = append(g.names, binding{name: "variables." + v.Name, typ: v.Value.Type})
}

// lookup makes a random lookup of a kind: often one in the namespace of the
// request, which the API server can make itself.
func (o *Oracle) lookup(g *generator, lowest target.Version, k *kind) *lookup {
	l := &lookup{Kind: k, Strong: g.Intn(8) == 0}
	constants := g.Intn(2) == 0
	text := func(texts []string) pattern {
		if constants {
			return pattern{text(pick(g.Rand, texts...))}
		}
		return o.pattern(g, lowest, texts)
	}
	if k != namespaceKind && g.Intn(5) > 0 {
		l.Namespace = text(namespaces)
		if g.Intn(3) > 0 {
			l.Namespace = pattern{o.namespaceOf(g)}
		}
	}
	if g.Intn(2) == 0 {
		l.ObjectName = text(otherNames)
		if g.Intn(2) == 0 {
			return l
		}
	}
	for range g.Intn(3) {
		r := requirement{Key: pick(g.Rand, labelKeys...), Operator: pick(g.Rand, "In", "In", "NotIn", "NotIn", "Exists", "DoesNotExist")}
		if slices.ContainsFunc(l.Labels, func(other requirement) bool { return other.Key == r.Key }) {
			continue
		}
		if r.Operator == "In" || r.Operator == "NotIn" {
			for range 1 + g.Intn(3)*g.Intn(2) {
				r.Values = append(r.Values, text(labelValues))
			}
		}
		l.Labels = append(l.Labels, r)
	}
	return l
}

// simple reports whether the API server may make the lookup itself.
func (l *lookup) simple() bool {
	constant := func(p pattern) bool { return len(p) == 1 && p[0].Op == opLit }
	for _, r := range l.Labels {
		if slices.ContainsFunc(r.Values, func(p pattern) bool { return !constant(p) }) {
			return false
		}
	}
	return !l.Strong && len(l.Namespace) == 1 && l.Namespace[0].Op != opLit &&
		(l.ObjectName == nil || constant(l.ObjectName) && l.Labels == nil)
}

// namespaceOf is the namespace of the request, as policies say it.
func (o *Oracle) namespaceOf(g *generator) *Expr {
	of := func(name string, fields ...string) *Expr {
		i := slices.IndexFunc(g.names, func(b binding) bool { return b.name == name })
		e := &Expr{Op: opVar, Name: name, Type: g.names[i].typ}
		for _, f := range fields {
			e = named(opSelect, f, e.Type.Fields.Field(f).Type, e)
		}
		return e
	}
	switch g.Intn(5) {
	case 0:
		return of("object", "metadata", "namespace")
	case 1:
		return of("namespaceObject", "metadata", "name")
	}
	return of("request", "namespace")
}

// pattern makes text with `${}` in every way.
func (o *Oracle) pattern(g *generator, lowest target.Version, texts []string) pattern {
	alone := func() *Expr {
		return o.known(lowest, func() *Expr {
			for {
				if e := g.choose(g.Intn(3), g.str, g.str, g.str, g.dyn); e.Type.Text() || e.Type.Kind == types.Dyn {
					return e
				}
			}
		})
	}
	part := func() *Expr {
		return o.known(lowest, func() *Expr { return g.choose(g.Intn(3), g.str, g.str, g.integer, g.boolean, g.iorstr, g.ip) })
	}
	constant := func() *Expr { return text(pick(g.Rand, append(slices.Clone(oddTexts), texts...)...)) }
	var out pattern
	switch g.Intn(8) {
	case 0:
		return pattern{text(pick(g.Rand, texts...))}
	case 1:
		out = pattern{constant(), part()}
	case 2:
		out = pattern{part(), constant()}
	case 3:
		out = pattern{part(), part()}
	case 4:
		out = pattern{part(), constant(), part()}
	default:
		out = pattern{alone()}
	}
	if slices.ContainsFunc(out, func(e *Expr) bool { return e.Op != opLit }) {
		return out
	}
	return pattern{text(pick(g.Rand, texts...))} // the checker has no odd ones
}

// about makes a rule of the forms that the API server can look up itself, and
// of those that look like them.
func (o *Oracle) about(g *generator, plain []binding, p *policy, lowest target.Version, name string) *rule {
	outer := g.names
	defer func() { g.names = outer }()
	l := pick(g.Rand, p.lookups...)
	i := slices.IndexFunc(outer, func(b binding) bool { return b.name == l.Name })
	list := &Expr{Op: opVar, Name: l.Name, Type: outer[i].typ}
	if g.Intn(8) > 0 {
		g.names = plain
	}
	r := &rule{Name: name, Deny: g.Intn(2) == 0}
	if g.Intn(6) == 0 {
		r.When = o.known(lowest, func() *Expr { return g.condition(2) })
	}
	r.Message = []*Expr{o.known(lowest, func() *Expr {
		for {
			if e := g.any(2); printable(e.Type) {
				return e
			}
		}
	})}
	r.Condition = o.known(lowest, func() *Expr { return g.overAll(list) })
	if (r.Condition.Name == "all") == r.Deny && g.Intn(2) == 0 {
		r.Deny = !r.Deny
	}
	if g.Intn(5) == 0 {
		r.Condition = node(opNot, types.BoolType, r.Condition)
	}
	return r
}

// overAll is a condition on what a lookup finds.
func (g *generator) overAll(list *Expr) *Expr {
	size := named(opCall, "size", types.IntType, list)
	switch g.Intn(10) {
	case 0:
		return named(opCompare, pick(g.Rand, ">", ">", "<", ">=", "<="), types.BoolType, size, integer(int64(g.Intn(3))))
	case 1:
		return named(opEqual, pick(g.Rand, "==", "!="), types.BoolType, size, integer(int64(g.Intn(3))))
	case 2:
		return named(opEqual, pick(g.Rand, "==", "!="), types.BoolType, list, node(opList, types.NewList(nothing)))
	}
	name := pick(g.Rand, "all", "all", "exists", "exists", "exists_one")
	return g.macro(name, types.BoolType, list, []*types.Type{list.Type.Elem}, 1+g.Intn(2), g.meeting)
}

// meeting is a condition that holds the innermost variable against what else
// there is, or any condition.
func (g *generator) meeting(d int) *Expr {
	all := g.names
	defer func() { g.names = all }()
	if g.Intn(3) == 0 {
		g.names = append(slices.Clip(all), all[len(all)-1])
		return g.condition(d)
	}
	g.names = all[len(all)-1:]
	one := g.path(anyType)
	g.names = all
	if one == nil {
		return g.condition(d)
	}
	if g.Intn(4) == 0 {
		return node(opHas, types.BoolType, one)
	}
	same := func(t *types.Type) bool { return t.Kind == one.Type.Kind && t.Name == one.Type.Name }
	other := g.or(same, func(d int) *Expr { return g.of(one.Type, d) })
	if g.Intn(3) == 0 {
		return named(opCompare, pick(g.Rand, "<", "<=", ">", ">="), types.BoolType, one, other).orEqual()
	}
	return named(opEqual, pick(g.Rand, "==", "!="), types.BoolType, one, other)
}

// orEqual makes a comparison of what has no order one that asks for equality.
func (e *Expr) orEqual() *Expr {
	if !kindIs(types.String, types.Int, types.Double)(e.Args[0].Type) || !kindIs(types.String, types.Int, types.Double)(e.Args[1].Type) {
		e.Op, e.Name = opEqual, "=="
	}
	return e
}

// root is the type of the objects of a kind.
func (k *kind) root(s *schema.Set) (*types.Type, error) {
	known, ok := s.Lookup(k.group, k.version, k.resource, "")
	if !ok {
		return nil, fmt.Errorf("no kind %s", k.ref)
	}
	return s.Root(known)
}
