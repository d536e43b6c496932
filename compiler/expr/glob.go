package expr

import (
	"regexp"
	"slices"
	"strings"

	"github.com/google/cel-go/common/ast"

	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/types"
)

// GlobPattern returns the pattern of text that matches one of the globs: * is
// any text, ? one character.
func GlobPattern(globs ...string) string {
	alternatives := make([]string, len(globs))
	for i, g := range globs {
		p := regexp.QuoteMeta(g)
		alternatives[i] = strings.ReplaceAll(strings.ReplaceAll(p, `\*`, ".*"), `\?`, ".")
	}
	if len(alternatives) == 1 {
		return "(?s)^" + alternatives[0] + "$"
	}
	return "(?s)^(" + strings.Join(alternatives, "|") + ")$"
}

// constantGlob types glob(text, pattern) with a constant pattern.
func (c *checker) constantGlob(text, pattern *Node, at source.Span) *Node {
	s, ok := pattern.Value.(string)
	if !ok || text.Op == OpBad {
		return c.wrongTypes(at, "glob", text, pattern)
	}
	decl := c.scope.Env.Functions()["matches"]
	n := &Node{Op: OpCall, Name: "matches", Method: true, Type: types.BoolType, Span: at,
		Args: []*Node{text, litNode(GlobPattern(s), types.StringType, at)}}
	for _, d := range decl.OverloadDecls() {
		if o, ok := matchOverload(d, []*types.Type{text.Type, types.StringType}); ok && d.IsMemberFunction() {
			n.Calls = []*overload{o}
		}
	}
	if n.Calls == nil {
		return c.wrongTypes(at, "glob", text, pattern)
	}
	return n
}

// maxUnrolled bounds how many times a body is written out.
const maxUnrolled = 64

// unroll writes out `[a, b].exists(p, glob(x, p))` as a disjunction when the
// list is known, so that each pattern is a constant; nil when there is no use.
func (c *checker) unroll(name string, rng *Node, args []ast.Expr, at source.Span) *Node {
	if name != "exists" && name != "all" || len(args) != 2 || args[0].Kind() != ast.IdentKind {
		return nil
	}
	variable := args[0].AsIdent()
	items := listConstants(rng)
	if rng.Constants == nil || len(rng.Constants) != 1 || len(items) > maxUnrolled || !globs(args[1], variable) {
		return nil
	}
	n := &Node{Op: OpOr, Type: types.BoolType, Span: at}
	if name == "all" {
		n.Op = OpAnd
	}
	outer := c.bound
	defer func() { c.bound = outer }()
	for _, item := range items {
		s, ok := item.(string)
		if !ok {
			return nil
		}
		c.bound = map[string]*Node{}
		for k, v := range outer {
			c.bound[k] = v
		}
		c.bound[variable] = litNode(s, types.StringType, at)
		n.Args = append(n.Args, c.condition(args[1]))
	}
	return n
}

// globs reports whether an expression uses a variable as the pattern of glob.
func globs(e ast.Expr, variable string) bool {
	found := false
	ast.PostOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != "glob" {
			return
		}
		args := e.AsCall().Args()
		found = found || slices.ContainsFunc(args, func(a ast.Expr) bool {
			return a.Kind() == ast.IdentKind && a.AsIdent() == variable
		})
	}))
	return found
}
