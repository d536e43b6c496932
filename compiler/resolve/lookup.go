package resolve

import (
	"slices"
	"strings"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/schema"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/syntax"
)

// Lookup is a lookup whose kind is bound.
type Lookup struct {
	*syntax.Lookup
	Kind *schema.Kind
	// Strong says that the API server is asked for each request.
	Strong bool
}

// resolveLookups binds the kinds of a policy's lookups.
func (p *Project) resolveLookups(d *syntax.Policy, r *diag.Report) []*Lookup {
	var out []*Lookup
	for _, l := range d.Lookups {
		kind := p.lookupKind(l.Kind, r)
		if kind == nil {
			continue
		}
		if !l.Namespace.IsZero() && !kind.Namespaced {
			r.Errorf(diag.InvalidMatch, l.Namespace.Span, "%s objects live in no namespace", kind).Helpf("leave `namespace` out")
		}
		checkComputedLabels(l.Labels, r)
		out = append(out, &Lookup{Lookup: l, Kind: kind, Strong: l.Consistency.Value == "strong"})
	}
	return out
}

// lookupKind resolves the one kind that a lookup reads; nil after an error.
func (p *Project) lookupKind(ref source.Text, r *diag.Report) *schema.Kind {
	if ref.Value == "*" || ref.Value == WorkloadAlias {
		r.Errorf(diag.UnknownKind, ref.Span, "a lookup reads one kind, and `%s` stands for several", ref.Value).
			Helpf("write a lookup for each kind")
		return nil
	}
	kind, err := p.Schemas.Resolve(ref.Value)
	if err != nil {
		reportKind(ref, err, r)
		return nil
	}
	if kind.Subresource != "" || !slices.Contains(kind.Verbs, "list") {
		r.Errorf(diag.UnknownKind, ref.Span, "%s cannot be listed", kind).Helpf("read the main resource, `%s`", kind.ParentKind)
		return nil
	}
	return kind
}

// checkComputedLabels checks the requirements of a lookup, of which values may
// be computed: those are text that no label need be.
func checkComputedLabels(s *syntax.Selector, r *diag.Report) {
	if s == nil {
		return
	}
	constant := func(value string) string {
		if strings.Contains(value, "${") {
			return ""
		}
		return value
	}
	for _, e := range s.Labels {
		if value, ok := labelValue(e, r); ok {
			checkLabel(e.Key, constant(value), e.Value.Span, r)
		}
	}
	for _, e := range s.Expressions {
		checkLabel(e.Key, "", e.Span, r)
		for _, v := range e.Values {
			checkLabel(e.Key, constant(v.Value), v.Span, r)
		}
	}
}
