package expr

import (
	"slices"
	"strings"

	"github.com/google/cel-go/common/ast"
	celtypes "github.com/google/cel-go/common/types"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/types"
)

// checker checks one expression. It goes on after an error: what it could not
// check is an OpBad, about which nothing more is said.
type checker struct {
	scope  *Scope
	parsed *Parsed
	report *diag.Report
	locals []*Local
	// bound are the parameters of the function being inlined.
	bound map[string]*Node
	// calls are the functions being inlined, outermost first.
	calls []string
	// at overrides positions inside an inlined function body.
	at *source.Span
	// presence counts the has() and orValue() around what is checked: a
	// field that only some kinds have is no surprise there.
	presence int
	// shares are the values that the expression around what is checked
	// computes once: fields of what library functions return.
	shares []*Node
	// trusted is set inside functions of the shipped library.
	trusted bool
}

// Check types an expression. It always returns a node; when something was
// reported, the node is Bad.
func Check(p *Parsed, scope *Scope, r *diag.Report) *Node {
	if p == nil {
		return bad(source.Span{})
	}
	c := &checker{scope: scope, parsed: p, report: r}
	return c.shared(func() *Node { return c.check(p.ast.Expr()) })
}

// CheckCondition types an expression that must be a condition.
func CheckCondition(p *Parsed, scope *Scope, r *diag.Report) *Node {
	n := Check(p, scope, r)
	if n.Op != OpBad && n.Type.Kind != types.Bool && n.Type.Kind != types.Dyn {
		r.Errorf(diag.WrongType, n.Span, "a condition is needed, but this is %s", n.Type).
			Helpf("compare it with something, or write `has(…)` to ask whether it is present")
		return bad(n.Span)
	}
	return n
}

// CheckLocal types an expression in which further names are bound, as a
// rule's forEach binds its variable.
func CheckLocal(p *Parsed, scope *Scope, r *diag.Report, condition bool, locals ...*Local) *Node {
	if p == nil {
		return bad(source.Span{})
	}
	c := &checker{scope: scope, parsed: p, report: r, locals: locals}
	n := c.shared(func() *Node { return c.check(p.ast.Expr()) })
	if condition && n.Op != OpBad && n.Type.Kind != types.Bool && n.Type.Kind != types.Dyn {
		r.Errorf(diag.WrongType, n.Span, "a condition is needed, but this is %s", n.Type).
			Helpf("compare it with something, or write `has(…)` to ask whether it is present")
		return bad(n.Span)
	}
	return n
}

func (c *checker) span(e ast.Expr) source.Span {
	if c.at != nil {
		return *c.at
	}
	return c.parsed.span(e)
}

func (c *checker) check(e ast.Expr) *Node {
	at := c.span(e)
	switch e.Kind() {
	case ast.LiteralKind:
		return c.literal(e, at)
	case ast.IdentKind:
		return c.ident(e.AsIdent(), at)
	case ast.SelectKind:
		sel := e.AsSelect()
		if n := c.qualified(e, at); n != nil {
			return n
		}
		return c.selectField(c.check(sel.Operand()), sel.FieldName(), at)
	case ast.CallKind:
		return c.call(e, at)
	case ast.ListKind:
		return c.list(e, at)
	case ast.MapKind:
		return c.mapLiteral(e, at)
	}
	c.report.Errorf(diag.InvalidCEL, at, "messages cannot be made in policies")
	return bad(at)
}

func (c *checker) literal(e ast.Expr, at source.Span) *Node {
	switch v := e.AsLiteral().(type) {
	case celtypes.Null:
		return &Node{Op: OpAbsent, Type: types.NullType, Span: at}
	case celtypes.Bool:
		return litNode(bool(v), types.BoolType, at)
	case celtypes.Int:
		return litNode(int64(v), types.IntType, at)
	case celtypes.Uint:
		return litNode(uint64(v), types.UintType, at)
	case celtypes.Double:
		return litNode(float64(v), types.DoubleType, at)
	case celtypes.String:
		return litNode(string(v), types.StringType, at)
	case celtypes.Bytes:
		return litNode([]byte(v), types.BytesType, at)
	}
	return bad(at)
}

func litNode(v any, t *types.Type, at source.Span) *Node {
	return &Node{Op: OpLit, Value: v, Type: t, Span: at, Constants: []any{v}}
}

var typeNames = map[string]bool{"bool": true, "int": true, "uint": true, "double": true, "string": true,
	"bytes": true, "list": true, "map": true, "null_type": true}

func (c *checker) ident(name string, at source.Span) *Node {
	for i := len(c.locals) - 1; i >= 0; i-- {
		if l := c.locals[i]; l.Name == name {
			return &Node{Op: OpLocal, Locals: []*Local{l}, Type: l.Type, Span: at, Constants: l.Constants}
		}
	}
	if n, ok := c.bound[name]; ok {
		return n
	}
	if v, ok := c.scope.Vars[name]; ok {
		if v.Members != nil {
			c.report.Errorf(diag.WrongType, at, "`%s` is no value: write `%s.name`", name, name)
			return bad(at)
		}
		return c.varNode(v, at)
	}
	if typeNames[name] {
		return &Node{Op: OpTypeName, Name: name, Type: types.TypeType, Span: at}
	}
	d := c.report.Errorf(diag.UnknownName, at, "unknown name `%s`", name)
	names := c.names()
	if v, ok := c.scope.Vars["variables"]; ok && v.Members[name] != nil {
		d.Helpf("a variable of the policy is read as `variables.%s`", name)
	} else if v, ok := c.scope.Vars["params"]; ok && v.Members[name] != nil {
		d.Helpf("a parameter is read as `params.%s`", name)
	} else if s, ok := other[name]; ok {
		d.Helpf("write `%s`", s)
	} else if s, ok := diag.Suggest(name, names); ok {
		d.Helpf("did you mean `%s`?", s)
	} else if len(names) > 0 {
		d.Notef("names that are known here: %s", quoteAll(names))
	}
	return bad(at)
}

func (c *checker) names() []string {
	seen := map[string]bool{}
	var out []string
	add := func(n string) {
		if !seen[n] {
			seen[n] = true
			out = append(out, n)
		}
	}
	for _, l := range c.locals {
		add(l.Name)
	}
	for n := range c.bound {
		add(n)
	}
	for n := range c.scope.Vars {
		add(n)
	}
	slices.Sort(out)
	return out
}

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = "`" + n + "`"
	}
	return strings.Join(quoted, ", ")
}

func (c *checker) varNode(v *Var, at source.Span) *Node {
	if v.Absent {
		return &Node{Op: OpAbsent, Type: v.Type, Span: at}
	}
	n := &Node{Op: OpVar, Var: v, Type: v.Type, Span: at}
	if v.HasConstant {
		n.Constants = constants(v.Constant)
	}
	return n
}

// constants lists what a compile-time value can be: of a list, the node's
// Constants are its one value; elements are taken apart by element.
func constants(v any) []any { return []any{v} }

// qualified resolves `variables.x`, `params.x` and dotted names such as
// `authorizer.requestResource`; nil when e is an ordinary selection.
func (c *checker) qualified(e ast.Expr, at source.Span) *Node {
	sel := e.AsSelect()
	if sel.Operand().Kind() != ast.IdentKind {
		return nil
	}
	root, field := sel.Operand().AsIdent(), sel.FieldName()
	for _, l := range c.locals {
		if l.Name == root {
			return nil
		}
	}
	if _, ok := c.bound[root]; ok {
		return nil
	}
	if v, ok := c.scope.Vars[root+"."+field]; ok {
		return c.varNode(v, at)
	}
	v, ok := c.scope.Vars[root]
	if !ok || v.Members == nil {
		return nil
	}
	if m, ok := v.Members[field]; ok {
		return c.varNode(m, at)
	}
	names := make([]string, 0, len(v.Members))
	for n := range v.Members {
		names = append(names, n)
	}
	slices.Sort(names)
	d := c.report.Errorf(diag.UnknownName, at, "unknown %s `%s`", v.What, field)
	if len(names) == 0 {
		d.Notef("this policy has no %ss", v.What)
	} else {
		d.Notef("%ss of this policy: %s", v.What, quoteAll(names))
	}
	if s, ok := diag.Suggest(field, names); ok {
		d.Helpf("did you mean `%s`?", s)
	}
	return bad(at)
}

// selectField types x.field, for written and for sub-selections alike.
func (c *checker) selectField(x *Node, field string, at source.Span) *Node {
	switch {
	case x.Op == OpBad:
		return bad(at)
	case x.Op == OpRecord:
		for i, n := range x.Names {
			if n == field {
				return c.share(x.Name+"."+field, field, x.Args[i])
			}
		}
		c.unknownField(field, x.Names, "the result of this function", at)
		return bad(at)
	case x.Op == OpAbsent:
		if x.Type.Kind != types.Object && x.Type.Kind != types.Map {
			return &Node{Op: OpAbsent, Type: types.DynType, Span: at}
		}
	}
	n := &Node{Op: OpSelect, Name: field, Args: []*Node{x}, Span: at}
	switch x.Type.Kind {
	case types.Dyn:
		n.Type = types.DynType
		n.Field = &types.Field{Name: field, Type: types.DynType, Nullable: true}
	case types.Map:
		n.Type = x.Type.Elem
		n.Field = &types.Field{Name: field, Type: n.Type, Nullable: x.Type.NullElem || n.Type.Kind == types.Dyn}
		n.Constants = member(x, field)
	case types.Object:
		f := x.Type.Fields.Field(field)
		if f == nil {
			if x.Type.Open {
				n.Type = types.DynType
				n.Field = &types.Field{Name: field, Type: types.DynType, Nullable: true}
				break
			}
			c.unknownField(field, x.Type.Fields.Names(), x.Type.String(), at)
			return bad(at)
		}
		n.Field, n.Type = f, f.Type
		if len(f.MissingIn) > 0 && c.presence == 0 && c.at == nil {
			c.report.Warnf(diag.PartialField, at, "only some of the matched kinds have the field `%s`; it is absent on %s",
				field, strings.Join(f.MissingIn, ", ")).
				Helpf("write `has(…)` or `.orValue(…)` to say what absence means, or match fewer kinds")
		}
	default:
		d := c.report.Errorf(diag.WrongType, at, "%s has no fields, so no `%s`", x.Type, field)
		if x.Type.Kind == types.List {
			d.Helpf("ask about the elements: `.exists(x, x.%s …)` or `.all(x, x.%s …)`, or use forEach", field, field)
		} else if p := x.path(); strings.Contains(p, "labels.") || strings.Contains(p, "annotations.") {
			d.Helpf("a key with dots stands in brackets: `labels['app.kubernetes.io/name']`")
		}
		return bad(at)
	}
	if x.Op == OpAbsent {
		return &Node{Op: OpAbsent, Type: n.Type, Span: at}
	}
	return n
}

// member returns the constant a map has at a key.
func member(x *Node, key string) []any {
	if len(x.Constants) != 1 {
		return nil
	}
	if m, ok := x.Constants[0].(map[string]any); ok {
		if v, ok := m[key]; ok {
			return []any{v}
		}
	}
	return nil
}

func (c *checker) unknownField(field string, names []string, on string, at source.Span) {
	d := c.report.Errorf(diag.UnknownField, at, "no field %q on %s", field, on)
	if s, ok := diag.Suggest(field, names); ok {
		d.Labelf("did you mean %q?", s)
	} else if len(names) > 0 && len(names) <= 24 {
		d.Notef("fields: %s", quoteAll(names))
	}
}

func (c *checker) list(e ast.Expr, at source.Span) *Node {
	l := e.AsList()
	n := &Node{Op: OpList, Span: at}
	elem := types.DynType
	allConstant := true
	var values []any
	for i, item := range l.Elements() {
		a := c.check(item)
		n.Args = append(n.Args, a)
		if a.Op == OpAbsent {
			continue
		}
		elem = join(elem, a.Type, i == 0 || elem == types.DynType && onlyAbsent(n.Args[:i]))
		if a.Op == OpLit {
			values = append(values, a.Value)
		} else {
			allConstant = false
		}
	}
	if onlyAbsent(n.Args) {
		elem = nothing
	}
	if mixed(elem, n.Args...) {
		return c.wrongTypes(at, "[…, …]", n.Args...)
	}
	n.Type = types.NewList(elem)
	if allConstant {
		if values == nil {
			values = []any{}
		}
		n.Constants = []any{values}
	}
	return n
}

// nothing is the element type of `[]`, which fits any list.
var nothing = &types.Type{Kind: types.Dyn}

func onlyAbsent(ns []*Node) bool {
	return !slices.ContainsFunc(ns, func(n *Node) bool { return n.Op != OpAbsent })
}

// join returns the type of a collection that holds both; first says that
// there is no old one.
func join(old, t *types.Type, first bool) *types.Type {
	switch {
	case first || types.Equal(old, t) && old.Elem != nothing:
		return t
	case old.Text() && t.Text():
		return types.StringType
	case old.Kind == t.Kind && numeric(old):
		return &types.Type{Kind: old.Kind, Loose: true}
	case old.Kind == types.List && t.Kind == types.List:
		switch {
		case old.Elem == nothing:
			return t
		case t.Elem == nothing:
			return old
		}
		return &types.Type{Kind: types.List, Elem: join(old.Elem, t.Elem, false), NullElem: old.NullElem || t.NullElem}
	}
	return types.DynType
}

func (c *checker) mapLiteral(e ast.Expr, at source.Span) *Node {
	n := &Node{Op: OpMap, Span: at}
	key, elem := types.DynType, types.DynType
	first, allConstant := true, true
	constant := map[string]any{}
	for _, entry := range e.AsMap().Entries() {
		me := entry.AsMapEntry()
		k, v := c.check(me.Key()), c.check(me.Value())
		n.Args = append(n.Args, k, v)
		if !isKey(k.Type) {
			return c.wrongTypes(k.Span, "{key: …}", k)
		}
		if v.Op == OpAbsent {
			continue
		}
		key, elem = join(key, k.Type, first), join(elem, v.Type, first)
		first = false
		if s, ok := k.Value.(string); ok && v.Op == OpLit {
			constant[s] = v.Value
		} else {
			allConstant = false
		}
	}
	n.Type = types.NewMap(key, elem)
	for i := 1; i < len(n.Args); i += 2 {
		if mixed(elem, n.Args[i]) {
			return c.wrongTypes(n.Args[i].Span, "{key: …}", n.Args[i])
		}
	}
	if allConstant {
		n.Constants = []any{constant}
	}
	if len(n.Args) > 0 && c.at != nil && c.recordable(n) {
		return c.record(n)
	}
	return n
}

// isKey reports whether CEL takes values of the type for keys of a map.
func isKey(t *types.Type) bool {
	switch t.Kind {
	case types.Bool, types.Int, types.Uint, types.Dyn, types.IntOrString:
		return true
	}
	return t.Text()
}

// recordable reports whether a map literal in a library function is a record:
// text keys, so that `.field` of it is resolved at compile time.
func (c *checker) recordable(n *Node) bool {
	for i := 0; i < len(n.Args); i += 2 {
		if _, ok := n.Args[i].Value.(string); !ok {
			return false
		}
	}
	return true
}

func (c *checker) record(n *Node) *Node {
	r := &Node{Op: OpRecord, Type: n.Type, Span: n.Span}
	for i := 0; i < len(n.Args); i += 2 {
		r.Names = append(r.Names, n.Args[i].Value.(string))
		r.Args = append(r.Args, n.Args[i+1])
	}
	return r
}

func (c *checker) wrongTypes(at source.Span, op string, ns ...*Node) *Node {
	texts := make([]string, 0, len(ns))
	for _, n := range ns {
		if n.Op == OpBad {
			return bad(at)
		}
		texts = append(texts, n.Type.String())
	}
	c.report.Errorf(diag.WrongType, at, "`%s` is not defined for %s", op, strings.Join(texts, " and "))
	return bad(at)
}
