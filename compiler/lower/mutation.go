package lower

import (
	"slices"

	"github.com/policyc/policyc/compiler/check"
	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/expr"
	"github.com/policyc/policyc/compiler/ir"
	"github.com/policyc/policyc/compiler/place"
)

// MutationSuffix tells the mutating object of a policy from the other one.
const MutationSuffix = "-mutation"

// Mutations returns the program of the mutations of a checked policy; nil when
// none of its environments switches them on.
func Mutations(p *check.Policy) *ir.Program {
	l := &lowerer{policy: p, taken: map[string]bool{}}
	l.program = &ir.Program{
		Name:          programName(p) + MutationSuffix,
		Policies:      []*ir.Policy{l.describe()},
		Match:         lowerMatch(p),
		FailurePolicy: failurePolicy(p),
		Params:        paramKind(p),
		SharesParams:  place.Validates(p.Policy.Policy),
	}
	l.program.Bindings = mutatingBindings(p, l.program)
	if l.program.Bindings == nil {
		return nil
	}
	for _, c := range p.Conditions {
		l.program.Conditions = append(l.program.Conditions,
			ir.Condition{Name: c.Name, Code: asBool(expr.Condition(c.Node)), Source: position(c.Source)})
	}
	l.program.Conditions = joinConditions(l.program.Conditions)
	l.reserve()
	var reads []string
	for _, m := range p.Mutations {
		x := l.mutation(m)
		reads = append(reads, p.LookupsIn(x)...)
		l.program.Mutations = append(l.program.Mutations, ir.Mutation{Policy: p.Name.Value, Rule: m.Name, Code: x, Source: position(m.Span)})
	}
	slices.Sort(reads)
	backend, why := place.Mutation(p.Project, slices.Compact(reads))
	for _, m := range p.Mutations {
		l.program.Policies[0].Rules = append(l.program.Policies[0].Rules,
			&ir.Rule{Name: m.Name, Position: position(m.Span), Backend: backend, Why: why})
	}
	l.program.Webhook = backend == ir.Webhook
	l.lookups()
	l.prelude()
	// The API server itself evaluates conditions, wherever the rest runs.
	nameConditionTargets(l.program, p.Project.Target)
	return l.program
}

// mutatingBindings are those of the environments that deny: what only warns or
// audits leaves objects as they are.
func mutatingBindings(p *check.Policy, program *ir.Program) []ir.Binding {
	var out []ir.Binding
	for _, b := range bindings(p, program, MutationSuffix) {
		if !slices.Contains(b.Actions, "Deny") {
			continue
		}
		b.Actions = []string{"Mutate"}
		out = append(out, b)
	}
	return out
}

var nothing = code.List(nil, nil)

// mutation returns the list of what a rule changes.
//
//	forEach: container in containers
//	default: {container.securityContext.privileged: false}
//
// becomes, with what is missing created before what stands in it,
//
//	variables.containerLists.map(containerList,
//	  variables.pod.spec[containerList].transformList(containerIndex, container,
//	    (has(container.securityContext) ? [] : [JSONPatch{op: 'add', …, value: {}}])
//	    + (container.?securityContext.?privileged.hasValue() ? [] : [JSONPatch{op: 'add', …, value: false}])
//	  ).flatten()
//	).flatten()
func (l *lowerer) mutation(m *check.Mutation) *code.Expr {
	guards := []*code.Expr{}
	if m.May != nil {
		guards = append(guards, l.mayChange(m))
	}
	for _, g := range l.policy.Guards {
		guards = append(guards, expr.Condition(g.Node))
	}
	for _, e := range m.Lifted {
		guards = append(guards, code.Not(expr.Condition(e.Node)))
	}
	when := code.True
	if m.When != nil {
		when = expr.Condition(m.When, m.Locals()...)
	}
	at := l.start(m)
	switch each := m.Each; {
	case each == nil:
		guards = append(guards, when)
		return code.Cond(code.And(guards...), joinLists(siteChanges(m.Tree, at)), nothing)
	case each.Containers:
		return code.Cond(code.And(guards...), l.eachContainer(m, at, when), nothing)
	default:
		at = at.then(code.Lit(each.Pointer))
		return code.Cond(code.And(guards...), eachElement(expr.List(each.List), each.Local, at, when, m.Tree), nothing)
	}
}

// mayChange reads the variable that says whether the API server lets a request
// change what a rule changes; rules that change the same have the same one.
func (l *lowerer) mayChange(m *check.Mutation) *code.Expr {
	x := expr.Condition(m.May)
	for _, v := range l.program.Variables {
		if v.Code.String() == x.String() {
			return code.Ident("variables." + v.Name)
		}
	}
	name := l.name("may-change")
	l.program.Variables = append(l.program.Variables, ir.Variable{Name: name, Code: x, Source: position(m.Span)})
	return code.Ident("variables." + name)
}

// start is the pointer of what paths start from.
func (l *lowerer) start(m *check.Mutation) pointer {
	if !m.Pod || l.policy.Roots.PodIsObject() {
		return nil
	}
	return pointer{code.Ident("variables." + check.PodPathVariable)}
}

// eachContainer goes through the lists of containers.
func (l *lowerer) eachContainer(m *check.Mutation, at pointer, when *code.Expr) *code.Expr {
	local := m.Each.Local.Name
	list := code.Ident("containerList")
	if local == list.Name {
		list = code.Ident("containerList2")
	}
	if m.Each.Ephemeral {
		name := code.Method(code.OptSelect(code.Ident(local), "name"), "orValue", code.Lit(""))
		when = code.And(code.Not(code.Binary("in", name, code.Ident("variables."+check.DebuggedVariable))), when)
	}
	spec := l.policy.Roots.PodValue()
	items := code.Index(code.Select(spec, "spec"), list)
	if l.policy.Roots.PodIsOptional(false) {
		items = code.Method(code.OptIndex(code.OptSelect(spec, "spec"), list), "orValue", nothing)
	}
	at = at.then(code.Lit("/spec/"), list)
	lists := code.Ident("variables." + check.ContainerListsVariable)
	return code.Method(code.Method(lists, "map", list, eachElement(items, m.Each.Local, at, when, m.Tree)), "flatten")
}

// eachElement applies a tree to the elements of a list. Nothing can be set in
// an element that is null.
func eachElement(items *code.Expr, local *expr.Local, at pointer, when *code.Expr, tree *check.Site) *code.Expr {
	index, element := code.Ident(local.Name+"Index"), code.Ident(local.Name)
	changes := joinLists(siteChanges(tree, at.then(code.Lit("/"), code.Call("string", index))))
	if local.Nullable {
		when = code.And(code.Binary("!=", code.Call("dyn", element), code.Null), when)
	}
	args := []*code.Expr{index, element}
	if !when.IsLit(true) {
		args = append(args, when)
	}
	return code.Method(code.Method(items, "transformList", append(args, changes)...), "flatten")
}

func joinLists(lists []*code.Expr) *code.Expr {
	var out *code.Expr
	for _, x := range lists {
		switch {
		case x == nothing:
		case out == nil:
			out = x
		default:
			out = code.Binary("+", out, x)
		}
	}
	return out
}

// pointer is a JSON pointer of text and expressions.
type pointer []*code.Expr

func (p pointer) then(more ...*code.Expr) pointer { return append(slices.Clip(p), more...) }

// code joins the parts of the pointer, literals at once.
func (p pointer) code() *code.Expr {
	var out *code.Expr
	text := ""
	add := func(x *code.Expr) {
		if out == nil {
			out = x
			return
		}
		out = code.Binary("+", out, x)
	}
	for _, part := range p {
		if s, ok := part.Value.(string); ok && part.Kind == code.KindLit {
			text += s
			continue
		}
		if text != "" {
			add(code.Lit(text))
			text = ""
		}
		add(part)
	}
	if text != "" {
		add(code.Lit(text))
	}
	return out
}

func patch(op string, at pointer, value *code.Expr) *code.Expr {
	entries := []*code.Expr{code.Lit("op"), code.Lit(op), code.Lit("path"), at.code()}
	if value != nil {
		entries = append(entries, code.Lit("value"), value)
	}
	return code.Message("JSONPatch", entries...)
}

func one(x *code.Expr) *code.Expr { return code.List([]*code.Expr{x}, nil) }

// containerLists are the fields of a pod's spec that list containers and are
// there.
func (l *lowerer) containerLists(bool) *code.Expr {
	text := func(names ...string) *code.Expr {
		var items []*code.Expr
		for _, n := range names {
			items = append(items, code.Lit(n))
		}
		return code.List(items, nil)
	}
	lists := text("containers", "initContainers")
	if slices.ContainsFunc(l.policy.Mutations, func(m *check.Mutation) bool { return m.Each != nil && m.Each.Ephemeral }) {
		lists = code.Cond(ofEphemeral, text("ephemeralContainers"), lists)
	}
	name := code.Ident("containerList")
	found := code.Method(code.OptIndex(code.OptSelect(l.policy.Roots.PodValue(), "spec"), name), "orValue", code.Null)
	return code.Method(lists, "filter", name, code.Binary("!=", found, code.Null))
}

// ofEphemeral holds for requests that add an ephemeral container.
var ofEphemeral = code.Eq(code.Method(code.OptSelect(code.Ident("request"), "subResource"), "orValue", code.Lit("")), code.Lit("ephemeralcontainers"))

// debugged are the names of the ephemeral containers that were there before.
func (l *lowerer) debugged(bool) *code.Expr {
	old := code.Method(code.OptSelect(code.Select(code.Ident("oldObject"), "spec"), "ephemeralContainers"), "orValue", nothing)
	container := code.Ident("container")
	return code.Cond(ofEphemeral, code.Method(old, "map", container, code.Select(container, "name")), nothing)
}
