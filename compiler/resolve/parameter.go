package resolve

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/expr"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/compiler/types"
)

// Parameter is a typed parameter of a policy.
type Parameter struct {
	*syntax.Parameter
	Type *types.Type
	// Default is the checked default; HasDefault says that there is one.
	Default    any
	HasDefault bool
	pattern    *regexp.Regexp
}

// Environment is where, how and with which values a policy is enforced.
type Environment struct {
	// Name is "" for `enforce: <action>`.
	Name                       string
	Namespaces, NamespaceGlobs []string
	NamespaceLabels            *metav1.LabelSelector
	// Actions are deny, or warn and audit; sorted.
	Actions []string
	// Values holds a value for every parameter.
	Values map[string]any
	Span   source.Span
}

// Everywhere reports whether the environment is the whole cluster.
func (e *Environment) Everywhere() bool {
	return len(e.Namespaces) == 0 && len(e.NamespaceGlobs) == 0 && e.NamespaceLabels == nil
}

func resolveParameters(d *syntax.Policy, r *diag.Report) []*Parameter {
	var out []*Parameter
	for _, s := range d.Parameters {
		p := &Parameter{Parameter: s}
		t, ok := expr.ParseType(s.Type.Value)
		if !ok {
			at := s.Type.Span
			if s.Type.IsZero() {
				at = s.Name.Span
			}
			r.Errorf(diag.InvalidParameter, at, "unknown type %q", s.Type.Value).
				Helpf("types are string, int, bool, quantity, list(T) and map(T)")
			continue
		}
		p.Type = t
		if !s.Pattern.IsZero() {
			re, err := regexp.Compile(s.Pattern.Value)
			if err != nil {
				r.Errorf(diag.InvalidParameter, s.Pattern.Span, "pattern does not compile: %s",
					strings.TrimPrefix(err.Error(), "error parsing regexp: "))
			}
			p.pattern = re
		}
		if s.Default.Present() {
			p.Default, p.HasDefault = p.check(s.Default, r)
		}
		out = append(out, p)
	}
	return out
}

// check converts a YAML value to the parameter's type and holds it against
// the parameter's bounds.
func (p *Parameter) check(v syntax.Value, r *diag.Report) (any, bool) {
	data, ok := convert(v, p.Type, r)
	if !ok {
		return nil, false
	}
	if len(p.Enum) > 0 && !slices.ContainsFunc(p.Enum, func(e syntax.Value) bool { return fmt.Sprint(e.Data) == fmt.Sprint(data) }) {
		var allowed []string
		for _, e := range p.Enum {
			allowed = append(allowed, fmt.Sprint(e.Data))
		}
		r.Errorf(diag.InvalidParameter, v.Span, "`%s` is none of the allowed values", fmt.Sprint(data)).
			Helpf("allowed are %s", strings.Join(allowed, ", "))
		return nil, false
	}
	if p.pattern != nil && !p.matchesPattern(data) {
		r.Errorf(diag.InvalidParameter, v.Span, "value does not match the pattern %q of `%s`", p.Pattern.Value, p.Name.Value)
		return nil, false
	}
	return data, p.checkBounds(data, v, r)
}

// matchesPattern holds text, and each text in a list, against the pattern.
func (p *Parameter) matchesPattern(data any) bool {
	switch data := data.(type) {
	case string:
		return p.pattern.MatchString(data)
	case []any:
		return !slices.ContainsFunc(data, func(v any) bool { return !p.matchesPattern(v) })
	}
	return true
}

func (p *Parameter) checkBounds(data any, v syntax.Value, r *diag.Report) bool {
	for _, b := range []struct {
		name  string
		bound syntax.Value
		lower bool
	}{
		{"minimum", p.Minimum, true}, {"maximum", p.Maximum, false},
		{"minLength", p.MinLength, true}, {"maxLength", p.MaxLength, false},
		{"minItems", p.MinItems, true}, {"maxItems", p.MaxItems, false},
	} {
		if !b.bound.Present() {
			continue
		}
		limit, ok := number(b.bound.Data)
		have, known := measure(b.name, data)
		if !ok || !known {
			continue
		}
		if b.lower && have < limit || !b.lower && have > limit {
			r.Errorf(diag.InvalidParameter, v.Span, "value is outside of the %s of `%s`, which is %v", b.name, p.Name.Value, b.bound.Data)
			return false
		}
	}
	return true
}

func measure(bound string, data any) (float64, bool) {
	switch data := data.(type) {
	case int64, float64:
		n, _ := number(data)
		return n, strings.HasSuffix(bound, "imum")
	case string:
		if q, err := resource.ParseQuantity(data); err == nil && strings.HasSuffix(bound, "imum") {
			return q.AsApproximateFloat64(), true
		}
		return float64(utf8.RuneCountInString(data)), strings.HasSuffix(bound, "Length")
	case []any:
		return float64(len(data)), strings.HasSuffix(bound, "Items")
	}
	return 0, false
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	case string:
		q, err := resource.ParseQuantity(v)
		return q.AsApproximateFloat64(), err == nil
	}
	return 0, false
}

// convert checks that a YAML value is of a type and returns it in the shape
// that code.Value takes.
func convert(v syntax.Value, t *types.Type, r *diag.Report) (any, bool) {
	wrong := func() (any, bool) {
		r.Errorf(diag.InvalidParameter, v.Span, "a value of type %s is needed", t)
		return nil, false
	}
	switch t.Kind {
	case types.String:
		if s, ok := v.Data.(string); ok {
			return s, true
		}
		return wrong()
	case types.Int:
		if n, ok := v.Data.(int64); ok {
			return n, true
		}
		return wrong()
	case types.Double:
		if n, ok := number(v.Data); ok {
			return n, true
		}
		return wrong()
	case types.Bool:
		if b, ok := v.Data.(bool); ok {
			return b, true
		}
		return wrong()
	case types.Quantity:
		s := fmt.Sprint(v.Data)
		if _, err := resource.ParseQuantity(s); err != nil {
			r.Errorf(diag.InvalidParameter, v.Span, "%q is no quantity", s).Helpf("write for example 500m, 2 or 1Gi")
			return nil, false
		}
		return s, true
	case types.List:
		if _, ok := v.Data.([]any); !ok {
			return wrong()
		}
		out := []any{}
		for _, item := range v.Items {
			x, ok := convert(item, t.Elem, r)
			if !ok {
				return nil, false
			}
			out = append(out, x)
		}
		return out, true
	case types.Map:
		if _, ok := v.Data.(map[string]any); !ok {
			return wrong()
		}
		out := map[string]any{}
		for _, e := range v.Entries {
			x, ok := convert(e.Value, t.Elem, r)
			if !ok {
				return nil, false
			}
			out[e.Key.Value] = x
		}
		return out, true
	}
	return v.Data, true
}

func resolveEnvironments(d *syntax.Policy, params []*Parameter, r *diag.Report) []*Environment {
	if !d.Enforce.Everywhere.IsZero() {
		e := &Environment{Actions: []string{d.Enforce.Everywhere.Value}, Span: d.Enforce.Everywhere.Span}
		e.Values = values(e.Span, nil, params, r)
		return []*Environment{e}
	}
	var out []*Environment
	for _, s := range d.Enforce.Environments {
		e := &Environment{Name: s.Name.Value, Actions: texts(s.Actions), Span: s.Name.Span, NamespaceLabels: selector(s.NamespaceLabels, r)}
		slices.Sort(e.Actions)
		e.Actions = slices.Compact(e.Actions)
		for _, n := range s.Namespaces {
			if strings.ContainsAny(n.Value, "*?") {
				e.NamespaceGlobs = append(e.NamespaceGlobs, n.Value)
			} else if checkNamespace(n, r) {
				e.Namespaces = append(e.Namespaces, n.Value)
			}
		}
		e.Values = values(s.Span, s.Parameters, params, r)
		out = append(out, e)
	}
	return out
}

// values puts together the parameters of an environment.
func values(at source.Span, given []syntax.Entry, params []*Parameter, r *diag.Report) map[string]any {
	out := map[string]any{}
	var names []string
	for _, p := range params {
		names = append(names, p.Name.Value)
		if p.HasDefault {
			out[p.Name.Value] = p.Default
		}
	}
	seen := map[string]bool{}
	for _, e := range given {
		i := slices.Index(names, e.Key.Value)
		if i < 0 {
			diagnostic := r.Errorf(diag.UnknownReference, e.Key.Span, "unknown parameter `%s`", e.Key.Value)
			if s, ok := diag.Suggest(e.Key.Value, names); ok {
				diagnostic.Helpf("did you mean `%s`?", s)
			}
			continue
		}
		seen[e.Key.Value] = true
		if v, ok := params[i].check(e.Value, r); ok {
			out[e.Key.Value] = v
		}
	}
	for _, p := range params {
		if _, ok := out[p.Name.Value]; !ok && !seen[p.Name.Value] && !p.Parameter.Default.Present() {
			r.Errorf(diag.InvalidParameter, at, "no value for the parameter `%s`", p.Name.Value).
				Helpf("write `parameters: {%s: …}` here, or give the parameter a default", p.Name.Value)
		}
	}
	return out
}

// checkReach warns about kinds that no environment of the policy reaches.
func checkReach(p *Policy, r *diag.Report) {
	for _, e := range p.Environments {
		if e.Everywhere() {
			return
		}
	}
	for _, k := range p.Match.Kinds {
		if !k.Namespaced && !isNamespace(k) {
			r.Warnf(diag.NeverEnforced, p.Environments[0].Span, "every environment is limited to namespaces, but %s objects live in none", k).
				Helpf("add an environment without `namespaces` and `namespaceLabels`")
		}
	}
}
