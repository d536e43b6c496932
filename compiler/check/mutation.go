package check

import (
	"slices"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/expr"
	"github.com/policyc/policyc/compiler/resolve"
	"github.com/policyc/policyc/compiler/schema"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/compiler/types"
)

// Mutation is a typed mutate rule. Its paths are a tree, so that what several
// of them need is created once.
//
//	forEach: container in containers
//	default: {container.securityContext.runAsNonRoot: true, container.securityContext.privileged: false}
//	→ Each containers; Tree ─ securityContext ┬ runAsNonRoot: default true
//	                                          └ privileged: default false
type Mutation struct {
	Name string
	Span source.Span
	When *expr.Node
	// Lifted are the conditions of exceptions for this rule.
	Lifted []Condition
	// May holds where the API server lets a request change what the rule
	// changes; nil is everywhere.
	May *expr.Node
	// Pod says that paths start at the pod, and not at the object.
	Pod bool
	// Each is what the tree is applied to one by one; nil for the object or pod.
	Each *Each
	Tree *Site
}

// Each is a list whose elements are changed.
type Each struct {
	// Containers says that the elements are containers of all kinds.
	// Ephemeral says that those include ephemeral ones.
	Containers, Ephemeral bool
	// List and Pointer are the list in other cases.
	List    *expr.Node
	Pointer string
	Local   *expr.Local
}

// Locals are the variables that surround the conditions and values.
func (m *Mutation) Locals() []*expr.Local {
	if m.Each == nil {
		return nil
	}
	return []*expr.Local{m.Each.Local}
}

// Site is a place in an object that a mutation changes, or that leads to one.
type Site struct {
	// Pointer is the last step of the JSON pointer, such as /securityContext.
	Pointer string
	// Present is true when something stands there; nil where paths start.
	Present *expr.Node
	// Locals are the variables that Present sees.
	Locals []*expr.Local
	Fields []*Site
	// Items is set when a path goes on with `[*]`.
	Items  *Items
	Change *Change

	policyCEL string
	typ       *types.Type
}

// Items are the elements of the list at a site.
type Items struct {
	List  *expr.Node
	Local *expr.Local
	Tree  *Site
}

// mutated is the policy as its mutations see it: pods/resize takes nothing but
// resources, which the API server checks against the pod's class.
func mutated(p *resolve.Policy) *resolve.Policy {
	out, match := *p, *p.Match
	match.Kinds = slices.DeleteFunc(slices.Clone(match.Kinds), func(k *schema.Kind) bool {
		return k.Subresource == "resize" || k.Subresource == ephemeralSubresource && !reachesEphemeral(p)
	})
	match.MetadataOnly = match.Any
	out.Match = &match
	return &out
}

const ephemeralSubresource = "ephemeralcontainers"

// reachesEphemeral reports whether a rule is about all containers: a request
// for pods/ephemeralcontainers changes nothing else.
func reachesEphemeral(p *resolve.Policy) bool {
	return slices.ContainsFunc(p.Policy.Rules, func(d *syntax.Rule) bool {
		if d.Mutate == nil {
			return false
		}
		if d.ForEach != nil {
			return d.ForEach.List.Value == containersVariable
		}
		for _, part := range d.Mutate.Entries {
			for _, t := range pathsOf(part.Value) {
				if len(t.Value) > len(containersVariable) && t.Value[:len(containersVariable)] == containersVariable {
					return true
				}
			}
		}
		return false
	})
}

// pathsOf returns the paths of a part of `mutate`: a map, or a list of paths.
func pathsOf(v syntax.Value) []source.Text {
	var out []source.Text
	for _, e := range v.Entries {
		out = append(out, e.Key)
	}
	for _, item := range v.Items {
		out = append(out, item.Text)
	}
	return out
}

func (c *checker) checkMutations() {
	for _, op := range c.policy.Match.Operations {
		if op == "DELETE" || op == "CONNECT" {
			c.report.Errorf(diag.InvalidMatch, c.policy.Policy.Match.Span, "a mutation cannot change the object of %s", op).
				Helpf("match CREATE and UPDATE, and write a policy of its own for the rules on %s", op)
		}
	}
	onlyMutates := true
	for _, d := range c.policy.Policy.Rules {
		onlyMutates = onlyMutates && d.Mutate != nil
	}
	for _, e := range c.policy.Environments {
		if onlyMutates && !slices.Contains(e.Actions, "deny") {
			c.report.Errorf(diag.InvalidMatch, e.Span, "a mutation can neither warn nor audit").
				Helpf("`deny` switches it on; leave the environment out, or add a rule that requires the result").
				Notef("a policy that also has deny or require rules mutates only where its action is deny")
		}
	}
	for _, d := range c.policy.Policy.Rules {
		if d.Mutate == nil {
			continue
		}
		if m := c.checkMutation(d); m != nil {
			c.out.Mutations = append(c.out.Mutations, m)
		}
	}
}

func (c *checker) checkMutation(d *syntax.Rule) *Mutation {
	before := c.report.Len()
	m := &Mutation{Name: d.Name.Value, Span: d.Name.Span}
	for _, at := range []source.Span{d.Message.Span, d.Ratchet.Span, d.Absent.Span} {
		if !at.IsZero() {
			c.report.Errorf(diag.RuleAction, at, "a rule that mutates says nothing: it has neither message nor ratchet nor absent").
				Helpf("leave it out, or add a rule that requires the result")
		}
	}
	t := &treeBuilder{checker: c, mutation: m}
	if d.ForEach != nil && !t.forEach(d.ForEach) {
		return nil
	}
	for _, part := range d.Mutate.Entries {
		t.part(part)
	}
	if c.report.ErrorsSince(before) {
		return nil
	}
	if !d.When.IsZero() {
		m.When = expr.CheckLocal(expr.Parse(d.When, c.report), c.scope, c.report, true, m.Locals()...)
	}
	for _, e := range c.policy.Exceptions {
		if slices.Contains(e.Rules, m.Name) {
			m.Lifted = append(m.Lifted, c.exceptionCondition(e))
		}
	}
	m.May = c.synthetic(t.mayChange())
	t.lintValues(d)
	if c.report.ErrorsSince(before) {
		return nil
	}
	return m
}
