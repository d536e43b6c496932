package oracle

import (
	"slices"

	"github.com/policyc/policyc/compiler/types"
)

// smallerLookups are policies without a lookup, or with less said of it.
func (p *policy) smallerLookups(i int) []*policy {
	var out []*policy
	change := func(edit func(*lookup)) {
		l, q := *p.lookups[i], *p
		edit(&l)
		q.lookups = slices.Clone(p.lookups)
		q.lookups[i] = &l
		out = append(out, &q)
	}
	l := p.lookups[i]
	if len(p.lookups) > 1 {
		q := *p
		q.lookups = slices.Delete(slices.Clone(p.lookups), i, i+1)
		out = append(out, &q)
	}
	if l.Namespace != nil {
		change(func(l *lookup) { l.Namespace = nil })
	}
	if l.ObjectName != nil {
		change(func(l *lookup) { l.ObjectName = nil })
	}
	for j := range l.Labels {
		change(func(l *lookup) { l.Labels = slices.Delete(slices.Clone(l.Labels), j, j+1) })
	}
	for _, smaller := range l.Namespace.smaller() {
		change(func(l *lookup) { l.Namespace = smaller })
	}
	for _, smaller := range l.ObjectName.smaller() {
		change(func(l *lookup) { l.ObjectName = smaller })
	}
	return out
}

// smaller are patterns with less in one of their expressions.
func (p pattern) smaller() []pattern {
	var out []pattern
	for i, e := range p {
		for _, s := range smaller(e) {
			q := slices.Clone(p)
			q[i] = s
			out = append(out, q)
		}
		if len(p) > 1 {
			out = append(out, slices.Delete(slices.Clone(p), i, i+1))
		}
	}
	return out
}

// lessOthers are clusters that lack an object, or a part of one. Namespaces
// stay as they are: the request's own is there whatever the cluster is.
func (in *input) lessOthers() [][]map[string]any {
	var out [][]map[string]any
	for i, other := range in.Others {
		if other["kind"] == "Namespace" {
			continue
		}
		out = append(out, slices.Delete(slices.Clone(in.Others), i, i+1))
	}
	for i, other := range in.Others {
		for _, less := range lessOf(other, types.DynType) {
			// Every object has a name.
			if less := less.(map[string]any); other["kind"] != "Namespace" && metaText(less, "name") != "" {
				others := slices.Clone(in.Others)
				others[i] = less
				out = append(out, others)
			}
		}
	}
	return out
}
