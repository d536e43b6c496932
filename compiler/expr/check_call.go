package expr

import (
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/decls"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/target"
	"github.com/policyc/policyc/compiler/types"
)

// member types x.f(args): macros, operations on absence, library functions
// with a dotted name, and methods.
func (c *checker) member(e ast.Expr, at source.Span) *Node {
	call := e.AsCall()
	name, args := call.FunctionName(), call.Args()
	if full := qualifiedName(call.Target()); full != "" && !c.known(full) {
		if c.scope.Env.HasFunction(full + "." + name) {
			return c.function(full+"."+name, nil, args, at)
		}
		if full == "optional" {
			return c.optional(name, args, at)
		}
		if since, ok := target.FunctionSince(full + "." + name); ok {
			return c.tooNew(full+"."+name, since, at)
		}
	}
	if isMacro(name, len(args)) {
		return c.macro(name, call.Target(), args, at)
	}
	switch name {
	case "orValue", "or":
		if len(args) == 1 {
			return c.orValue(call.Target(), args[0], at)
		}
	case "hasValue":
		if len(args) == 0 {
			c.presence++
			x := c.check(call.Target())
			c.presence--
			if x.Op == OpBad {
				return x
			}
			return &Node{Op: OpHas, Type: types.BoolType, Span: at, Args: []*Node{x}}
		}
	case "value":
		if len(args) == 0 {
			return c.check(call.Target())
		}
	case "optMap", "optFlatMap":
		if len(args) == 2 && args[0].Kind() == ast.IdentKind {
			return c.let(c.check(call.Target()), args[0].AsIdent(), args[1], at)
		}
	}
	return c.function(name, c.check(call.Target()), args, at)
}

// qualifiedName returns a chain of names such as `lists` or `ip`; "" otherwise.
func qualifiedName(e ast.Expr) string {
	switch e.Kind() {
	case ast.IdentKind:
		return e.AsIdent()
	case ast.SelectKind:
		if root := qualifiedName(e.AsSelect().Operand()); root != "" {
			return root + "." + e.AsSelect().FieldName()
		}
	}
	return ""
}

// known reports whether the first part of a dotted name is a value in scope.
func (c *checker) known(full string) bool {
	root, _, _ := strings.Cut(full, ".")
	return slices.Contains(c.names(), root)
}

func (c *checker) optional(name string, args []ast.Expr, at source.Span) *Node {
	switch {
	case name == "none" && len(args) == 0:
		return &Node{Op: OpAbsent, Type: types.NullType, Span: at}
	case name == "of" && len(args) == 1:
		return c.check(args[0])
	}
	c.report.Errorf(diag.UnknownName, at, "no function `optional.%s` in policies", name).
		Helpf("every value may be absent: use it as it is, with `has(x)` or `x.orValue(y)`")
	return bad(at)
}

func (c *checker) orValue(x, y ast.Expr, at source.Span) *Node {
	c.presence++
	a := c.check(x)
	c.presence--
	b := c.check(y)
	if a.Op == OpBad || b.Op == OpBad {
		return bad(at)
	}
	n := &Node{Op: OpOrValue, Span: at, Args: []*Node{a, b}}
	switch {
	case a.Op == OpAbsent:
		return b
	case b.Op == OpAbsent:
		return a
	case !comparable(a.Type, b.Type) && !(isQuantity(a.Type) && b.Type.Text()):
		c.report.Errorf(diag.WrongType, b.Span, "%s cannot stand in for %s", b.Type, a.Type)
		return bad(at)
	case isObject(a.Type) && isObject(b.Type):
		n.Type = a.Type
	case isQuantity(a.Type) && b.Type.Text():
		if !c.checkLiteral(b, quantityObject) {
			return bad(at)
		}
		n.Type = a.Type
	default:
		n.Type = join(a.Type, b.Type, false)
	}
	return n
}

func (c *checker) let(value *Node, name string, body ast.Expr, at source.Span) *Node {
	if value.Op == OpBad {
		return value
	}
	local, ok := c.bind(name, value.Type, false, value.Constants, at)
	if !ok {
		return bad(at)
	}
	// What is bound is present, whatever its type.
	local.Nullable = false
	b := c.shared(func() *Node { return c.check(body) })
	c.locals = c.locals[:len(c.locals)-1]
	return &Node{Op: OpLet, Type: b.Type, Span: at, Args: []*Node{value, b}, Locals: []*Local{local}}
}

// bind opens the scope of a local variable. The caller closes it.
func (c *checker) bind(name string, t *types.Type, nullable bool, constants []any, at source.Span) (*Local, bool) {
	if _, ok := c.scope.Vars[name]; ok && c.at == nil {
		c.report.Errorf(diag.DuplicateName, at, "`%s` is already the name of something else here", name).
			Helpf("choose another name for the variable")
		return nil, false
	}
	l := &Local{Name: name, Type: t, Nullable: nullable || t.Kind == types.Dyn, Constants: constants}
	c.locals = append(c.locals, l)
	return l, true
}

// function types a call of a CEL function, or of a function of a library.
// receiver is nil for a plain call.
func (c *checker) function(name string, receiver *Node, argExprs []ast.Expr, at source.Span) *Node {
	if f, ok := c.scope.Functions[name]; ok {
		return c.inline(f, receiver, argExprs, at)
	}
	var args []*Node
	if receiver != nil {
		args = append(args, receiver)
	}
	for _, a := range argExprs {
		args = append(args, c.check(a))
	}
	for _, a := range args {
		if a.Op == OpBad {
			return bad(at)
		}
	}
	if name == "dyn" && receiver == nil && len(args) == 1 {
		n := *args[0]
		return &n
	}
	decl, ok := c.scope.Env.Functions()[name]
	if !ok || decl.IsDeclarationDisabled() {
		return c.unknownFunction(name, at)
	}
	n := &Node{Op: OpCall, Name: name, Span: at, Args: args, Method: receiver != nil}
	argTypes := make([]*types.Type, len(args))
	for i, a := range args {
		argTypes[i] = a.Type
		if isNull(a) {
			argTypes[i] = types.DynType
		}
	}
	var candidates []*decls.OverloadDecl
	for _, d := range decl.OverloadDecls() {
		if d.IsMemberFunction() != (receiver != nil) {
			continue
		}
		candidates = append(candidates, d)
		if o, ok := matchOverload(d, argTypes); ok {
			n.Calls = append(n.Calls, o)
		}
	}
	if len(n.Calls) == 0 {
		return c.noOverload(name, decl, candidates, argTypes, receiver != nil, at)
	}
	n.Calls = preferExact(n.Calls, argTypes)
	if len(n.Calls) == 1 && n.Calls[0].id == "bytes_to_string" {
		c.report.Errorf(diag.WrongType, at, "bytes cannot be read as text").
			Notef("bytes that are no UTF-8 are an error in the API server, and CEL has no test for it")
		return bad(at)
	}
	n.Type = n.Calls[0].result
	for _, o := range n.Calls[1:] {
		if !types.Equal(o.result, n.Type) {
			n.Type = types.DynType
		}
	}
	if n.Type.Kind == types.List && slices.ContainsFunc(argTypes, hasNulls) {
		n.Type = &types.Type{Kind: types.List, Elem: n.Type.Elem, NullElem: true}
	}
	if !c.checkConstantArguments(n) {
		return bad(at)
	}
	return n
}

// hasNulls reports whether a list, or a list in it, may hold nulls, which
// functions on lists hand on.
func hasNulls(t *types.Type) bool {
	return t.Kind == types.List && (t.NullElem || hasNulls(t.Elem))
}

// preferExact drops overloads that only fit by reading a value as another
// type when one fits as it is.
func preferExact(calls []*overload, args []*types.Type) []*overload {
	exact := func(o *overload) bool {
		for i, p := range o.params {
			if p.Kind != args[i].Kind && args[i].Kind != types.Dyn && p.Kind != types.Dyn {
				return false
			}
		}
		return true
	}
	var out []*overload
	for _, o := range calls {
		if exact(o) {
			out = append(out, o)
		}
	}
	if len(out) > 0 {
		return out
	}
	return calls
}

func (c *checker) unknownFunction(name string, at source.Span) *Node {
	if since, ok := target.FunctionSince(name); ok {
		return c.tooNew(name, since, at)
	}
	d := c.report.Errorf(diag.UnknownName, at, "unknown function `%s`", name)
	var names []string
	for n := range c.scope.Env.Functions() {
		if isWord(n[0]) && n[0] != '_' {
			names = append(names, n)
		}
	}
	for n := range c.scope.Functions {
		names = append(names, n)
	}
	sort.Strings(names)
	if s, ok := other[name]; ok {
		d.Helpf("write `%s`", s)
	} else if s, ok := diag.Suggest(name, names); ok {
		d.Helpf("did you mean `%s`?", s)
	}
	return bad(at)
}

func (c *checker) tooNew(name string, since target.Version, at source.Span) *Node {
	c.report.Errorf(diag.FunctionTooNew, at, "`%s` is not available on Kubernetes %s", name, c.scope.Target).
		Notef("expressions can use it from %s on: a server takes only what its previous minor could evaluate too", since).
		Helpf("set `kubernetes.minVersion` of the project to %q, or write it otherwise", since)
	return bad(at)
}

func (c *checker) noOverload(name string, decl *decls.FunctionDecl, candidates []*decls.OverloadDecl,
	args []*types.Type, member bool, at source.Span) *Node {
	var texts []string
	for _, a := range args {
		texts = append(texts, a.String())
	}
	if len(candidates) == 0 {
		d := c.report.Errorf(diag.WrongType, at, "`%s` is called in the wrong form", name)
		d.Notef("%s", signatureText(name, decl.OverloadDecls()[0]))
		return bad(at)
	}
	shown := "(" + strings.Join(texts, ", ") + ")"
	if member {
		shown = texts[0] + " with (" + strings.Join(texts[1:], ", ") + ")"
	}
	d := c.report.Errorf(diag.WrongType, at, "`%s` cannot be called on %s", name, shown)
	for i, o := range candidates {
		if i == 6 {
			break
		}
		d.Notef("%s", signatureText(name, o))
	}
	return bad(at)
}

// patternArgument is the index of the argument that is a pattern.
var patternArgument = map[string]int{"matches": 1, "find": 1, "findAll": 1}

// checkConstantArguments checks the arguments that CEL itself would refuse at
// run time if they were wrong: they must be known when compiling.
func (c *checker) checkConstantArguments(n *Node) bool {
	i, ok := patternArgument[n.Name]
	if !ok || len(n.Args) <= i {
		return c.checkFormat(n)
	}
	if c.trusted && n.Args[i].Constants == nil {
		return true
	}
	pattern := n.Args[i]
	if pattern.Constants == nil {
		c.report.Errorf(diag.DynamicPattern, pattern.Span, "the pattern of `%s` must be known when compiling", n.Name).
			Notef("a pattern that does not compile is an error in the API server, on every request").
			Helpf("write it as a constant or a parameter with values in `enforce`; for patterns with `*` use `glob(text, pattern)`")
		return false
	}
	for _, v := range pattern.Constants {
		s, isText := v.(string)
		if !isText {
			continue
		}
		if _, err := regexp.Compile(s); err != nil {
			c.report.Errorf(diag.InvalidLiteral, pattern.Span, "pattern %q does not compile: %s", s,
				strings.TrimPrefix(err.Error(), "error parsing regexp: "))
			return false
		}
	}
	return true
}

// checkFormat checks what format() would refuse at run time.
func (c *checker) checkFormat(n *Node) bool {
	switch {
	case n.Name == "format" && len(n.Args) == 2:
		return c.checkFormatString(n)
	case (n.Name == "getFullYear" || n.Name == "getMonth" || strings.HasPrefix(n.Name, "getDay") ||
		n.Name == "getDate" || n.Name == "getHours" || n.Name == "getMinutes" ||
		n.Name == "getSeconds" || n.Name == "getMilliseconds") && len(n.Args) == 2:
		if s, ok := n.Args[1].Value.(string); !ok || s != "UTC" && !zonePattern.MatchString(s) {
			c.report.Errorf(diag.InvalidLiteral, n.Args[1].Span, "a time zone must be 'UTC' or an offset such as '+02:00'")
			return false
		}
	}
	return true
}

var zonePattern = regexp.MustCompile(`^[+-](0\d|1[0-4]):[0-5]\d$`)

func (c *checker) checkFormatString(n *Node) bool {
	s, ok := n.Args[0].Value.(string)
	list := n.Args[1]
	if !ok || list.Op != OpList {
		c.report.Errorf(diag.DynamicPattern, n.Args[0].Span, "`format` needs a constant text and a list written in place")
		return false
	}
	verbs := 0
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			continue
		}
		i++
		if i < len(s) && s[i] == '%' {
			continue
		}
		if i >= len(s) || s[i] != 's' {
			c.report.Errorf(diag.InvalidLiteral, n.Args[0].Span, "only %%s is supported in `format`").
				Notef("the other verbs are errors at run time for values of another type")
			return false
		}
		verbs++
	}
	for _, a := range list.Args {
		if a.Type.Kind == types.Opaque {
			return c.wrongTypes(a.Span, "%s", a).Op != OpBad
		}
	}
	if verbs != len(list.Args) {
		c.report.Errorf(diag.InvalidLiteral, n.Args[0].Span, "%d verbs for %d values", verbs, len(list.Args))
		return false
	}
	return true
}

// maxInline bounds how deep functions call one another.
const maxInline = 20

// inline types the body of a library function with the arguments in place of
// its parameters.
func (c *checker) inline(f *Function, receiver *Node, argExprs []ast.Expr, at source.Span) *Node {
	var args []*Node
	if receiver != nil {
		args = append(args, receiver)
	}
	for _, a := range argExprs {
		args = append(args, c.check(a))
	}
	if len(args) != len(f.Params) {
		c.report.Errorf(diag.WrongType, at, "`%s` takes %d arguments, not %d", f.Name, len(f.Params), len(args)).
			Notef("%s", f.signature())
		return bad(at)
	}
	if f.Trusted && f.Name == "glob" && args[1].Op == OpLit {
		return c.constantGlob(args[0], args[1], at)
	}
	bound := map[string]*Node{}
	var lets []*Node
	for i, p := range f.Params {
		a := args[i]
		if a.Op == OpBad {
			return bad(at)
		}
		if a.Op != OpAbsent && !assign(p.Type, a.Type, map[string]*types.Type{}) {
			c.report.Errorf(diag.WrongType, a.Span, "`%s` of `%s` is %s, not %s", p.Name, f.Name, p.Type, a.Type)
			return bad(at)
		}
		bound[p.Name] = a
		if f.Trusted && !repeatable(a) {
			// The shipped functions have no result for an absent argument,
			// and read theirs more than once.
			l := &Local{Name: p.Name, Type: a.Type, BuiltIn: mayBeBuiltIn(a)}
			bound[p.Name] = &Node{Op: OpLocal, Locals: []*Local{l}, Type: l.Type, Span: a.Span, Constants: a.Constants}
			lets = append(lets, &Node{Op: OpLet, Span: at, Args: []*Node{a, nil}, Locals: []*Local{l}})
		}
	}
	if slices.Contains(c.calls, f.Name) || len(c.calls) >= maxInline || f.Body == nil {
		// Reported where the library is checked.
		return bad(at)
	}
	inner := &checker{scope: c.scope, parsed: f.Body, report: c.report, locals: nil, bound: bound,
		calls: append(slices.Clone(c.calls), f.Name), at: &at, presence: 1, trusted: f.Trusted}
	scope := *c.scope
	scope.Vars = map[string]*Var{}
	inner.scope = &scope
	body := inner.shared(func() *Node { return inner.check(f.Body.ast.Expr()) })
	for i := len(lets) - 1; i >= 0; i-- {
		body = bindIn(lets[i], body)
	}
	if len(lets) > 0 && body.Type.Kind == types.Bool {
		// A test of an absent value is false.
		body = &Node{Op: OpOrValue, Type: types.BoolType, Span: at, Args: []*Node{body, litNode(false, types.BoolType, at)}}
	}
	if body.Op == OpRecord {
		body.Name = f.Name
	}
	return body
}

// repeatable reports whether an argument can stand several times in the body
// of a function.
func repeatable(n *Node) bool {
	return n.Op == OpLit || n.Op == OpAbsent || n.Op == OpLocal && !n.Locals[0].Nullable && !n.Locals[0].Optional
}

// bindIn completes a let with its body; in a record it goes into each field,
// since fields are selected one by one.
func bindIn(let, body *Node) *Node {
	if body.Op == OpRecord {
		out := *body
		out.Args = make([]*Node, len(body.Args))
		for i, a := range body.Args {
			out.Args[i] = bindIn(let, a)
		}
		return &out
	}
	if body.Op == OpBad || body.Op == OpAbsent {
		return body
	}
	out := *let
	// Locals are bound anew, for a field may stand in several places.
	out.Args = []*Node{let.Args[0], body}
	out.Type = body.Type
	return &out
}

func (f *Function) signature() string {
	var params []string
	for _, p := range f.Params {
		params = append(params, p.Name+" "+p.Type.String())
	}
	return f.Name + "(" + strings.Join(params, ", ") + ")"
}

// CheckFunction checks the body of a library function on its own, with its
// parameters as the declared types.
func CheckFunction(f *Function, scope *Scope, r *diag.Report) *Node {
	if f.Body == nil {
		return bad(source.Span{})
	}
	inner := *scope
	inner.Vars = map[string]*Var{}
	var locals []*Local
	for _, p := range f.Params {
		// A parameter may be absent, as the argument may.
		locals = append(locals, &Local{Name: p.Name, Type: p.Type, Nullable: true, Constants: []any{}})
	}
	c := &checker{scope: &inner, parsed: f.Body, report: r, locals: locals, calls: []string{f.Name}, trusted: f.Trusted}
	n := c.check(f.Body.ast.Expr())
	if n.Op != OpBad && n.Op != OpAbsent && f.Returns != nil && !assign(f.Returns, n.Type, map[string]*types.Type{}) {
		r.Errorf(diag.WrongType, n.Span, "`%s` returns %s, but its body is %s", f.Name, f.Returns, n.Type)
	}
	return n
}

// Callees returns the names of the functions that a function calls.
func (f *Function) Callees(all map[string]*Function) []string {
	var out []string
	if f.Body == nil {
		return nil
	}
	ast.PostOrderVisit(f.Body.ast.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.CallKind {
			if name := e.AsCall().FunctionName(); all[name] != nil && !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}))
	return out
}
