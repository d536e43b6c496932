package emit

import (
	"fmt"

	"github.com/policyc/policyc/compiler/ir"
)

// LookedUp is what a program reads of the cluster by the name of a lookup.
type LookedUp struct{ Name, What string }

// LookedUpBy returns what a program reads of the cluster.
//
//	ingresses: Ingress objects in all namespaces, from a cache
func LookedUpBy(p *ir.Program) []LookedUp {
	var out []LookedUp
	for _, l := range p.Lookups {
		out = append(out, LookedUp{l.Name, selected(l)})
	}
	if p.Pushed != nil {
		out = append(out, LookedUp{p.Pushed.Lookup, pushed(p.Pushed)})
	}
	return out
}

// pushed says which objects become the parameters of a policy.
func pushed(p *ir.Pushed) string {
	what := "every " + p.Resource.Kind
	if p.Name != "" {
		what = p.Resource.Kind + " `" + p.Name + "`"
	} else {
		for _, e := range p.Selector.MatchExpressions {
			what += ", label " + requirement(e)
		}
	}
	return what + " in the namespace of the request, as paramKind"
}

// selected says which objects a lookup lists.
func selected(l ir.Lookup) string {
	out := l.Resource.Kind + " objects"
	if l.Names != nil {
		out += fmt.Sprintf(" named `%s`", l.Names)
	}
	switch {
	case l.Namespaces != nil:
		out += fmt.Sprintf(" in `%s`", l.Namespaces)
	case l.Resource.Namespaced:
		out += " in all namespaces"
	}
	for _, q := range l.Labels {
		out += fmt.Sprintf(", label `%s` %s", q.Key, q.Operator)
		if q.Values != nil {
			out += fmt.Sprintf(" `%s`", q.Values)
		}
	}
	if l.Strong {
		return out + ", asked of the API server"
	}
	return out + ", from a cache"
}
