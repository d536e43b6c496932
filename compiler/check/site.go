package check

import (
	"slices"
	"strconv"
	"strings"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/expr"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/compiler/types"
)

// treeBuilder puts the paths of one rule together.
type treeBuilder struct {
	*checker
	mutation *Mutation
	// root is the first word of the paths: that of the first one decides.
	root  string
	paths []*path
	// prefix are the steps of the list that forEach goes through.
	prefix []step
	items  int
	// reads are the expressions of values that `set` writes, by their path.
	reads []setValue
}

type setValue struct {
	path source.Text
	node *expr.Node
}

// forEach reads `x in <list>`: the list is all containers, or a path.
func (t *treeBuilder) forEach(f *syntax.ForEach) bool {
	name := f.Variable
	if _, taken := t.scope.Vars[name.Value]; taken {
		t.report.Errorf(diag.DuplicateName, name.Span, "`%s` is already the name of something else here", name.Value).
			Helpf("choose another name for the variable")
		return false
	}
	p, ok := parsePath(f.List, t.report)
	if !ok {
		return false
	}
	if p.root.Value == containersVariable && len(p.steps) == 0 {
		return t.eachContainer(p.root.Span, name.Value)
	}
	typ, ok := t.rootType(p)
	if !ok || !resolvePath(p, typ, t.report) {
		return false
	}
	if len(p.steps) > 0 {
		typ = p.steps[len(p.steps)-1].typ
	}
	switch {
	case typ.Kind != types.List:
		t.report.Errorf(diag.WrongType, f.List.Span, "forEach needs a list, but this is %s", typ)
		return false
	case slices.ContainsFunc(p.steps, step.every):
		t.report.Errorf(diag.InvalidPath, f.List.Span, "forEach goes through one list").
			Helpf("write `[*]` in the paths of the rule")
		return false
	case slices.ContainsFunc(p.steps, func(s step) bool { return s.name == "ephemeralContainers" }):
		t.report.Errorf(diag.InvalidPath, f.List.Span, "ephemeral containers are changed together with all others").
			Helpf("write `forEach: %s in containers`", name.Value)
		return false
	}
	each := &Each{List: t.synthetic(f.List.Value), Local: &expr.Local{Name: name.Value, Type: typ.Elem, Nullable: typ.NullElem}}
	for _, s := range p.steps {
		each.Pointer += s.pointer()
	}
	t.prefix = p.steps
	t.mutation.Pod, t.mutation.Each = p.root.Value == podVariable, each
	t.start(name.Value, typ.Elem)
	return true
}

// eachContainer makes the tree that of a container.
func (t *treeBuilder) eachContainer(at source.Span, name string) bool {
	pod := t.out.Roots.pod
	if pod == nil {
		t.report.Errorf(diag.UnknownName, at, "the matched kinds have no `containers`").
			Helpf("match `Workload`, or write the path of a list")
		return false
	}
	t.mutation.Pod = true
	open := t.out.Roots.podVar(podVariable, false).Type.Fields.Field("spec").Type.Fields.Field("containers").Type.NullElem
	t.mutation.Each = &Each{Containers: true, Local: &expr.Local{Name: name, Type: pod.container, Nullable: open}}
	t.start(name, pod.container)
	return true
}

func (t *treeBuilder) start(root string, typ *types.Type) {
	t.root = root
	t.mutation.Tree = &Site{policyCEL: root, typ: typ, Locals: t.mutation.Locals()}
}

// rootType is the type of what a path starts from.
func (t *treeBuilder) rootType(p *path) (*types.Type, bool) {
	roots := t.out.Roots
	switch name := p.root.Value; {
	case name == "object":
		return roots.object, true
	case name == podVariable && roots.pod != nil:
		return roots.podVar(podVariable, false).Type, true
	}
	names := []string{"object"}
	if roots.pod != nil {
		names = append(names, podVariable, containersVariable)
	}
	d := t.report.Errorf(diag.InvalidPath, p.root.Span, "a path does not start with `%s`", p.root.Value).
		Notef("here it starts with %s, or the forEach variable", quoted(names))
	if near, ok := diag.Suggest(p.root.Value, names); ok {
		d.Helpf("did you mean `%s`?", near)
	}
	return nil, false
}

func quoted(names []string) string { return "`" + strings.Join(names, "`, `") + "`" }

// part reads one of default, set, remove and append.
func (t *treeBuilder) part(part syntax.Entry) {
	kind := ChangeKind(part.Key.Value)
	for _, e := range part.Value.Entries {
		t.change(kind, e.Key, e.Value)
	}
	for _, item := range part.Value.Items { // remove
		t.change(kind, item.Text, syntax.Value{})
	}
}

// change adds one path and what is done there.
func (t *treeBuilder) change(kind ChangeKind, text source.Text, value syntax.Value) {
	p, ok := parsePath(text, t.report)
	if !ok || !t.sameRoot(p) {
		return
	}
	if !t.changeable(p) || !resolvePath(p, t.mutation.Tree.typ, t.report) {
		return
	}
	site, ok := t.site(p)
	if !ok {
		return
	}
	if site.Change != nil || len(site.Fields) > 0 || site.Items != nil {
		t.overlap(p)
		return
	}
	t.paths = append(t.paths, p)
	site.Change = t.changeOf(kind, site, p, value)
}

func (t *treeBuilder) overlap(p *path) {
	t.report.Errorf(diag.InvalidPath, p.text.Span, "`%s` is part of another path of the rule", p.text).
		Helpf("write a rule of its own: rules are applied in order")
}

// sameRoot starts the tree with the first path, and holds others against it.
func (t *treeBuilder) sameRoot(p *path) bool {
	if t.mutation.Tree == nil {
		if p.root.Value == containersVariable && len(p.steps) > 0 && p.steps[0].every() {
			if !t.eachContainer(p.root.Span, "container") {
				return false
			}
			t.root = containersVariable
		} else {
			typ, ok := t.rootType(p)
			if !ok {
				return false
			}
			t.mutation.Pod = p.root.Value == podVariable
			t.start(p.root.Value, typ)
		}
	}
	if p.root.Value != t.root {
		d := t.report.Errorf(diag.InvalidPath, p.root.Span, "the path starts with `%s`, and others of the rule with `%s`", p.root, t.root)
		d.Helpf("write a rule of its own for it")
		return false
	}
	if t.root == containersVariable {
		if len(p.steps) == 0 || !p.steps[0].every() {
			t.report.Errorf(diag.InvalidPath, p.text.Span, "`containers` are several lists").Helpf("write `containers[*]`")
			return false
		}
		p.steps = p.steps[1:]
	}
	if len(p.steps) == 0 {
		t.report.Errorf(diag.InvalidPath, p.text.Span, "`%s` is no part of an object", p.text).Helpf(pathForms)
		return false
	}
	return true
}

// changeable reports paths that no request may set.
func (t *treeBuilder) changeable(p *path) bool {
	first := p.steps[0].name
	meta := first == "metadata" && (t.root == "object" || t.root == podVariable)
	at := p.text.Span
	switch {
	case p.steps[len(p.steps)-1].every():
		t.report.Errorf(diag.InvalidPath, at, "the path ends with the elements of a list").Helpf("name a field of them, or use append")
	case t.root == "object" && slices.Contains([]string{"apiVersion", "kind", "status"}, first):
		t.report.Errorf(diag.InvalidPath, at, "a request cannot change `%s`", first)
	case meta && (len(p.steps) < 2 || !settableMeta[p.steps[1].name]):
		t.report.Errorf(diag.InvalidPath, at, "of the metadata, a mutation can change labels, annotations, finalizers and ownerReferences")
	case t.out.Policy.Match.Any && !meta:
		t.report.Errorf(diag.InvalidPath, at, "of every kind, a mutation can change the metadata only").Helpf("match the kinds that have `%s`", first)
	case t.root == podVariable && len(p.steps) > 1 && p.steps[1].name == "ephemeralContainers":
		t.report.Errorf(diag.InvalidPath, at, "ephemeral containers are changed together with all others").Helpf("write `containers[*]`")
	default:
		return true
	}
	return false
}

var settableMeta = map[string]bool{"labels": true, "annotations": true, "finalizers": true, "ownerReferences": true}

// site finds the place of a path in the tree, and makes what is missing.
func (t *treeBuilder) site(p *path) (*Site, bool) {
	at := t.mutation.Tree
	for _, s := range p.steps {
		if at.Change != nil {
			t.overlap(p)
			return nil, false
		}
		if s.every() {
			at = t.elements(at, s)
			continue
		}
		i := slices.IndexFunc(at.Fields, func(o *Site) bool { return o.Pointer == s.pointer() })
		if i < 0 {
			next := &Site{Pointer: s.pointer(), Locals: at.Locals, policyCEL: at.policyCEL + s.policyCEL(), typ: s.typ}
			next.Present = t.local("has("+next.policyCEL+")", next.Locals)
			at.Fields = append(at.Fields, next)
			i = len(at.Fields) - 1
		}
		at = at.Fields[i]
	}
	return at, true
}

// elements is the tree of the elements of a list.
func (t *treeBuilder) elements(at *Site, s step) *Site {
	if at.Items == nil {
		local := &expr.Local{Name: t.freshLocal(), Type: s.typ, Nullable: at.typ.NullElem}
		at.Items = &Items{List: t.local(at.policyCEL, at.Locals), Local: local,
			Tree: &Site{policyCEL: local.Name, typ: s.typ, Locals: append(slices.Clip(at.Locals), local)}}
	}
	return at.Items.Tree
}

func (t *treeBuilder) freshLocal() string {
	for {
		t.items++
		name := "item"
		if t.items > 1 {
			name += strconv.Itoa(t.items)
		}
		each := t.mutation.Each
		if _, taken := t.scope.Vars[name]; !taken && (each == nil || each.Local.Name != name) {
			return name
		}
	}
}

// local types policy CEL that this package wrote, in which paths are.
func (c *checker) local(text string, locals []*expr.Local) *expr.Node {
	r := diag.NewReport()
	n := expr.CheckLocal(expr.Parse(source.Synthetic(text), r), c.scope, r, false, locals...)
	if r.HasErrors() {
		c.report.Errorf(diag.Internal, c.policy.Span, "generated expression %q: %s", text, r.Sorted()[0].Message)
	}
	return n
}
