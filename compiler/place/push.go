package place

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/policyc/policyc/compiler/check"
	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/expr"
)

// Pushed is a lookup that the API server makes itself: the paramKind of the
// policy is the kind of the lookup, and the policy is evaluated once for every
// object that the binding's paramRef names.
//
//	require: quotas.all(q, has(q.spec.hard))        → for every quota: has(params.spec.hard)
//	require: quotas.exists(q, has(q.spec.hard))     → the same, where the lookup is of one name and there
//	                                                  must be such an object
type Pushed struct {
	Lookup *check.Lookup
	// Violated is the condition of a violation by Local, the object that is the
	// parameter; nil when there is none beyond being absent.
	Violated *expr.Node
	Local    *expr.Local
	// Negate says that Violated must be negated.
	Negate bool
	// Name is the object's; Selector is set where there is none.
	Name     string
	Selector *metav1.LabelSelector
	// Required says that a request is denied where there is no object.
	Required bool
}

func (p *Pushed) why() string {
	if p.Required {
		return "it needs the " + p.Lookup.Kind.Kind + " `" + p.Name + "` of the request's namespace, which the API server looks up itself, as the policy's parameter"
	}
	return "it is about every " + p.Lookup.Kind.Kind + " of `" + p.Lookup.Name.Value + "`, in the request's namespace, which the API server looks up itself, as the policy's parameters"
}

// push returns how the API server itself makes the lookup of a rule; nil when
// it cannot, or not with the same outcome:
//   - a binding's paramRef names objects in the namespace of the request, by a
//     constant name or a constant selector
//   - the policy is evaluated for each object alone, so that neither forEach nor
//     the message can be about all of them, and an audit annotation would repeat
//     the violation
//   - a missing object denies before any condition was evaluated, and cannot
//     warn or be ignored
func push(p *check.Policy, r *check.Rule) *Pushed {
	if len(r.Reads) != 1 || r.MessageReads || r.Now.Local != nil || p.ParameterObject.Value {
		return nil
	}
	i := slices.IndexFunc(p.Lookups, func(l *check.Lookup) bool { return l.Name.Value == r.Reads[0] })
	out := &Pushed{Lookup: p.Lookups[i]}
	if out.Lookup.Strong || r.Now.When != nil && len(p.LookupsIn(expr.Condition(r.Now.When))) > 0 || !out.reference() || check.MatchesClusterScoped(p.Match) || audits(p) {
		return nil
	}
	if !out.condition(r.Now) || out.Violated != nil && len(p.LookupsIn(expr.Condition(out.Violated, out.Local))) > 0 {
		return nil
	}
	if out.Required && (!failsClosed(p) || len(p.Conditions)+len(p.Guards)+len(r.Lifted) > 0 || r.Now.When != nil) {
		return nil
	}
	return out
}

// reference reads what the paramRef is to be.
func (p *Pushed) reference() bool {
	if p.Lookup.Namespaces == nil || !ofRequest(p.Lookup.Namespaces) {
		return false
	}
	if p.Lookup.Names != nil {
		p.Name, _ = p.Lookup.Names.Args[0].Value.(string)
		return p.Lookup.Names.Args[0].Kind == code.KindLit && p.Name != "" && len(p.Lookup.Labels) == 0
	}
	p.Selector = &metav1.LabelSelector{}
	for _, l := range p.Lookup.Labels {
		if l.Values != nil && l.Constants == nil {
			return false
		}
		p.Selector.MatchExpressions = append(p.Selector.MatchExpressions,
			metav1.LabelSelectorRequirement{Key: l.Key, Operator: metav1.LabelSelectorOperator(l.Operator), Values: l.Constants})
	}
	return true
}

// ofRequest reports whether a list is of nothing but the namespace of the
// request.
func ofRequest(list *code.Expr) bool {
	text := list.Args[0].String()
	return text == "request.?namespace" || text == "object.metadata.?namespace"
}

func audits(p *check.Policy) bool {
	for _, e := range p.Environments {
		if slices.Contains(e.Actions, "audit") {
			return true
		}
	}
	return false
}

func failsClosed(p *check.Policy) bool {
	for _, e := range p.Environments {
		if !slices.Equal(e.Actions, []string{"deny"}) {
			return false
		}
	}
	return p.FailurePolicy.Value != "Ignore"
}

// condition reads the condition of a rule as one about a single object.
func (p *Pushed) condition(j *check.Judgement) bool {
	n, violatedWhen := j.Violated, !j.Negate
	for n.Op == expr.OpNot {
		n, violatedWhen = n.Args[0], !violatedWhen
	}
	switch {
	case p.isMacro(n, "exists") && violatedWhen:
		// deny: others.exists(x, bad)
		p.Violated, p.Local = n.Args[1], n.Locals[0]
	case p.isMacro(n, "all") && !violatedWhen:
		// require: others.all(x, good)
		p.Violated, p.Local, p.Negate = n.Args[1], n.Locals[0], true
	case p.isMacro(n, "exists") && p.Name != "":
		// require: one.exists(x, good)
		p.Violated, p.Local, p.Negate, p.Required = n.Args[1], n.Locals[0], true, true
	case p.isPresence(n) && !violatedWhen && p.Name != "":
		// require: one.size() > 0
		p.Required = true
		return true
	default:
		return false
	}
	return true
}

// isMacro reports whether an expression is the macro over the lookup, with one
// variable.
func (p *Pushed) isMacro(n *expr.Node, name string) bool {
	return n.Op == expr.OpMacro && n.Name == name && len(n.Locals) == 1 && p.isLookup(n.Args[0])
}

func (p *Pushed) isLookup(n *expr.Node) bool { return n.Op == expr.OpVar && n.Var == p.Lookup.Var }

// isPresence reports whether an expression says that the lookup found
// something: size(one) > 0, one != [], size(one) == 1, size(one) >= 1.
func (p *Pushed) isPresence(n *expr.Node) bool {
	if len(n.Args) != 2 {
		return false
	}
	a, b := n.Args[0], n.Args[1]
	size := a.Op == expr.OpCall && a.Name == "size" && len(a.Args) == 1 && p.isLookup(a.Args[0]) && b.Op == expr.OpLit
	switch n.Op {
	case expr.OpCompare:
		return size && (n.Name == ">" && b.Value == int64(0) || n.Name == ">=" && b.Value == int64(1))
	case expr.OpEq:
		return size && b.Value == int64(1)
	case expr.OpNe:
		return size && b.Value == int64(0) || p.isLookup(a) && b.Op == expr.OpList && len(b.Args) == 0
	}
	return false
}
