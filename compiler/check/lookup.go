package check

import (
	"slices"
	"strings"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/expr"
	"github.com/policyc/policyc/compiler/resolve"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/compiler/types"
)

// Lookup is a typed lookup. Its expressions are lists of strings, in which
// what is absent is left out.
//
//	namespace: "${object.metadata.name}" → Namespaces [?object.metadata.?name]
type Lookup struct {
	*resolve.Lookup
	// Var is how expressions read the list.
	Var *expr.Var
	// Namespaces and Names are nil where nothing is said.
	Namespaces, Names *code.Expr
	Labels            []Requirement
}

// Requirement is a requirement on labels.
type Requirement struct {
	Key, Operator string
	// Values is nil for Exists and DoesNotExist. Constants are the values
	// where none is computed.
	Values    *code.Expr
	Constants []string
}

// lookupPrefix is what lookups are read below.
const lookupPrefix = "params.lookups."

// declareLookups declares the lists that the policy's lookups read.
func (c *checker) declareLookups() []*expr.Var {
	var vars []*expr.Var
	for _, l := range c.policy.Lookups {
		root, err := c.project.Schemas.Root(l.Kind)
		if err != nil {
			c.report.Errorf(diag.Internal, l.Span, "%v", err)
			root = types.DynType
		}
		v := &expr.Var{Name: l.Name.Value, Type: types.NewList(root), Code: code.Ident(lookupPrefix + l.Name.Value)}
		vars = append(vars, v)
		c.out.Lookups = append(c.out.Lookups, &Lookup{Lookup: l, Var: v})
		c.out.readers[v.Code.Name] = []string{l.Name.Value}
	}
	return vars
}

// checkLookups types what lookups select by. They see the request and the
// policy's variables, but not one another.
func (c *checker) checkLookups() {
	for _, l := range c.out.Lookups {
		l.Namespaces = c.selected(l.Namespace)
		l.Names = c.selected(l.ObjectName)
		if l.Lookup.Labels == nil {
			continue
		}
		for _, e := range l.Lookup.Labels.Labels {
			if text, ok := e.Value.Data.(string); ok {
				l.Labels = append(l.Labels, c.requirement(e.Key.Value, "In", []syntax.Value{e.Value}, []string{text}))
			}
		}
		for _, e := range l.Lookup.Labels.Expressions {
			var values []syntax.Value
			var texts []string
			for _, v := range e.Values {
				values, texts = append(values, asValue(v)), append(texts, v.Value)
			}
			l.Labels = append(l.Labels, c.requirement(e.Key.Value, e.Operator.Value, values, texts))
		}
	}
}

func (c *checker) requirement(key, operator string, values []syntax.Value, texts []string) Requirement {
	out := Requirement{Key: key, Operator: operator}
	if len(values) == 0 {
		return out
	}
	out.Values = c.strings(values)
	if !slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(s, "${") }) {
		out.Constants = texts
	}
	return out
}

// selected is the list of the one text that a lookup selects by; nil when it
// was not written.
func (c *checker) selected(text source.Text) *code.Expr {
	if text.IsZero() {
		return nil
	}
	return c.strings([]syntax.Value{asValue(text)})
}

func asValue(t source.Text) syntax.Value {
	return syntax.Value{Data: t.Value, Span: t.Span, Text: t}
}

// strings is a list of texts with `${expr}`.
func (c *checker) strings(values []syntax.Value) *code.Expr {
	r := &valueReader{checker: c}
	var items []Value
	for _, v := range values {
		items = append(items, r.value(v, types.StringType))
	}
	for _, n := range r.nodes {
		if len(c.nodeReads(n)) > 0 {
			c.report.Errorf(diag.NotExpressible, n.Span, "a lookup cannot select by what another one found").
				Helpf("select by the request, and compare in the rule")
		}
	}
	return textList(items)
}

// textList is a list of texts. Elements are of one type to the API server's
// compiler, for which what comes out of an object has none; and cel-go's check
// of literals fails on `[?l[?0]]`, since it asks every optional element for the
// type in it (cel/validator.go, v0.29.2).
//
//	[object.spec.?tags[?0], 'a'] → [?object.spec.?tags[?0].optMap(given, dyn(given)), dyn('a')]
func textList(values []Value) *code.Expr {
	if len(values) == 1 {
		x := values[0]
		if _, _, plain := x.Code.Plain(); !x.Optional || plain && x.Code.Kind == code.KindSelect || x.Code.Name == "optMap" {
			return code.List([]*code.Expr{x.Code}, []bool{x.Optional})
		}
	}
	return listOf(values)
}

// nodeReads returns the names of the lookups that an expression reads, through
// the policy's variables as well; sorted.
func (c *checker) nodeReads(nodes ...*expr.Node) []string {
	var out []string
	for _, n := range nodes {
		if n == nil {
			continue
		}
		n.Walk(func(m *expr.Node) {
			if m.Op == expr.OpVar && m.Var.Code != nil {
				out = append(out, c.out.readers[m.Var.Code.Name]...)
			}
		})
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// LookupsIn returns the names of the lookups that lowered code reads, through
// the policy's variables as well; sorted.
func (p *Policy) LookupsIn(x *code.Expr) []string {
	var out []string
	if x != nil {
		x.Walk(func(e *code.Expr) {
			if e.Kind == code.KindIdent {
				out = append(out, p.readers[e.Name]...)
			}
		})
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// refuseLookups reports a condition that reads a lookup: it decides whether
// the webhook is called at all.
func (c *checker) refuseLookups(n *expr.Node) {
	if reads := c.nodeReads(n); len(reads) > 0 {
		c.report.Errorf(diag.NotExpressible, n.Span, "a condition cannot read the lookup `%s`", reads[0]).
			Notef("conditions hold before anything is looked up").
			Helpf("write it as the `when` of a rule")
	}
}
