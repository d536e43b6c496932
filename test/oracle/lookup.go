package oracle

import (
	"cmp"
	"slices"
	"strings"
)

// lookup is a lookup of a policy: a list of the objects of one kind.
type lookup struct {
	Name string
	Kind *kind
	// Namespace and ObjectName are nil where nothing is said.
	Namespace, ObjectName pattern
	Labels                []requirement
	Strong                bool
}

// pattern is text with `${}`: literals stand for themselves.
//
//	a-${object.spec.name}
type pattern []*Expr

// requirement is one on a label.
type requirement struct {
	Key, Operator string
	Values        []pattern
}

// source is the text as a policy has it.
func (p pattern) source() string {
	var b strings.Builder
	for _, e := range p {
		if s, ok := e.Value.(string); ok && e.Op == opLit {
			b.WriteString(strings.ReplaceAll(s, "${", "$${"))
			continue
		}
		b.WriteString("${" + e.String() + "}")
	}
	return quote(b.String())
}

// value is the text in a request; nil when a part of it is absent, or when an
// expression that is all of it turns out to be something else than text.
func (p pattern) value(s *scope) (any, error) {
	out := ""
	for _, e := range p {
		v, err := Interpret(e, s)
		if err != nil || v == nil {
			return nil, err
		}
		if len(p) > 1 {
			v = styles[0].printed(v, e.Type)
		}
		text, ok := v.(string)
		if !ok {
			return nil, nil
		}
		out += text
	}
	return out, nil
}

// source is the lookup as a line of YAML.
func (l *lookup) source() string {
	fields := []string{"kind: " + l.Kind.ref}
	if l.Namespace != nil {
		fields = append(fields, "namespace: "+l.Namespace.source())
	}
	if l.ObjectName != nil {
		fields = append(fields, "name: "+l.ObjectName.source())
	}
	if len(l.Labels) > 0 {
		var texts []string
		for _, r := range l.Labels {
			texts = append(texts, r.source())
		}
		fields = append(fields, "labels: {matchExpressions: ["+strings.Join(texts, ", ")+"]}")
	}
	if len(l.Labels) == 1 && l.Labels[0].Operator == "In" && len(l.Labels[0].Values) == 1 {
		fields[len(fields)-1] = "labels: {" + quote(l.Labels[0].Key) + ": " + l.Labels[0].Values[0].source() + "}"
	}
	if l.Strong {
		fields = append(fields, "consistency: strong")
	}
	return "    " + l.Name + ": {" + strings.Join(fields, ", ") + "}"
}

func (r requirement) source() string {
	out := "{key: " + quote(r.Key) + ", operator: " + r.Operator
	if len(r.Values) > 0 {
		var texts []string
		for _, v := range r.Values {
			texts = append(texts, v.source())
		}
		out += ", values: [" + strings.Join(texts, ", ") + "]"
	}
	return out + "}"
}

// find is what the lookup finds among objects: those of its kind of which all
// that is said holds, by namespace and name.
func (l *lookup) find(objects []map[string]any, s *scope) ([]any, error) {
	var found []map[string]any
	for _, o := range objects {
		if o["kind"] != l.Kind.kind || o["apiVersion"] != l.Kind.apiVersion() {
			continue
		}
		meta, _ := o["metadata"].(map[string]any)
		ok, err := l.selects(meta, s)
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, o)
		}
	}
	slices.SortFunc(found, func(a, b map[string]any) int {
		return cmp.Or(cmp.Compare(metaText(a, "namespace"), metaText(b, "namespace")), cmp.Compare(metaText(a, "name"), metaText(b, "name")))
	})
	out := []any{}
	for _, o := range found {
		out = append(out, fromJSON(o))
	}
	return out, nil
}

func metaText(o map[string]any, field string) string {
	meta, _ := o["metadata"].(map[string]any)
	text, _ := meta[field].(string)
	return text
}

// selects holds an object against what is said. It asks all of it, so that an
// overflow is one whatever there is.
func (l *lookup) selects(meta map[string]any, s *scope) (bool, error) {
	out := true
	for field, p := range map[string]pattern{"namespace": l.Namespace, "name": l.ObjectName} {
		if p == nil {
			continue
		}
		v, err := p.value(s)
		if err != nil {
			return false, err
		}
		out = out && v != nil && meta[field] == v
	}
	labels, _ := meta["labels"].(map[string]any)
	for _, r := range l.Labels {
		ok, err := r.holds(labels, s)
		if err != nil {
			return false, err
		}
		out = out && ok
	}
	return out, nil
}

// holds is what Kubernetes means by a requirement: NotIn holds where there is
// no such label. Values that are absent are left out.
func (r requirement) holds(labels map[string]any, s *scope) (bool, error) {
	var values []any
	for _, p := range r.Values {
		v, err := p.value(s)
		if err != nil {
			return false, err
		}
		if v != nil {
			values = append(values, v)
		}
	}
	have, there := labels[r.Key]
	switch r.Operator {
	case "In":
		return there && slices.Contains(values, have), nil
	case "NotIn":
		return !there || !slices.Contains(values, have), nil
	case "Exists":
		return there, nil
	}
	return !there, nil
}

// lookUp adds what the lookups find to a scope.
func (p *policy) lookUp(in *input, s *scope) (*scope, error) {
	out := s
	for _, l := range p.lookups {
		// Nothing is the same error as something: an expression is evaluated
		// once for the lookup, not for each object.
		if _, err := l.selects(map[string]any{}, s); err != nil {
			return nil, err
		}
		found, err := l.find(in.Others, s)
		if err != nil {
			return nil, err
		}
		out = out.with(l.Name, found)
	}
	return out, nil
}

// reads reports whether expressions read lookups, through variables as well. A
// local variable of the same name is taken for one: that is no harm.
func (p *policy) reads(list ...*Expr) bool {
	out := false
	for _, e := range list {
		if e == nil {
			continue
		}
		e.walk(func(part *Expr) {
			if part.Op != opVar {
				return
			}
			if slices.ContainsFunc(p.lookups, func(l *lookup) bool { return l.Name == part.Name }) {
				out = true
			}
			for _, v := range p.variables {
				if "variables."+v.Name == part.Name && p.reads(v.Value) {
					out = true
				}
			}
		})
	}
	return out
}

// readsLookups reports whether a rule does.
func (p *policy) readsLookups(r *rule) bool {
	return p.reads(append([]*Expr{r.List, r.When, r.Condition}, r.Message...)...)
}

func (k *kind) apiVersion() string {
	if k.group == "" {
		return k.version
	}
	return k.group + "/" + k.version
}
