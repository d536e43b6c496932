package mutate

import (
	"fmt"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/policyc/policyc/runtime/api"
)

// The operators on what surrounds the expressions.
const (
	matching    = "match"
	enforcement = "binding"
)

// object is an admission object with its bindings.
type object struct {
	policy   *admissionv1.ValidatingAdmissionPolicy
	bindings []*admissionv1.ValidatingAdmissionPolicyBinding
	// compiled has the lookups; nil for what the API server runs itself.
	compiled *api.CompiledPolicy
}

// edit is an alteration of an object, done in place.
type edit struct {
	part, operator, before, after string
	// namespace is the excluded namespace that is left out, if it is one.
	namespace string
	apply     func(*object)
}

// edits returns the alterations of an object's match, its lookups and its bindings.
func edits(o *object) []edit {
	out := matchEdits("match", o.policy.Spec.MatchConstraints, matching, func(o *object) *admissionv1.MatchResources {
		return o.policy.Spec.MatchConstraints
	})
	if o.compiled != nil {
		for i, l := range o.compiled.Spec.Lookups {
			out = append(out, lookupEdits(i, l)...)
		}
	}
	for i, b := range o.bindings {
		part := "binding " + b.Name
		out = append(out, actionEdits(part, i, b)...)
		if m := b.Spec.MatchResources; m != nil {
			out = append(out, matchEdits(part, m, enforcement, func(o *object) *admissionv1.MatchResources {
				return o.bindings[i].Spec.MatchResources
			})...)
		}
	}
	return out
}

// actionEdits leaves out actions, or takes the next one for the only one.
func actionEdits(part string, i int, b *admissionv1.ValidatingAdmissionPolicyBinding) []edit {
	actions := b.Spec.ValidationActions
	set := func(after []admissionv1.ValidationAction) edit {
		return edit{part: part, operator: enforcement, before: fmt.Sprint(actions), after: fmt.Sprint(after),
			apply: func(o *object) { o.bindings[i].Spec.ValidationActions = after }}
	}
	if len(actions) == 1 {
		next := map[admissionv1.ValidationAction]admissionv1.ValidationAction{
			admissionv1.Deny: admissionv1.Warn, admissionv1.Warn: admissionv1.Audit, admissionv1.Audit: admissionv1.Warn}
		return []edit{set([]admissionv1.ValidationAction{next[actions[0]]})}
	}
	var out []edit
	for j := range actions {
		out = append(out, set(slices.Delete(slices.Clone(actions), j, j+1)))
	}
	return out
}

// matchEdits returns those of a match, which get finds in an object.
func matchEdits(part string, m *admissionv1.MatchResources, operator string, get func(*object) *admissionv1.MatchResources) []edit {
	var out []edit
	for _, list := range []struct {
		name  string
		rules func(*admissionv1.MatchResources) []admissionv1.NamedRuleWithOperations
	}{
		{"", func(m *admissionv1.MatchResources) []admissionv1.NamedRuleWithOperations { return m.ResourceRules }},
		{"excluded ", func(m *admissionv1.MatchResources) []admissionv1.NamedRuleWithOperations {
			return m.ExcludeResourceRules
		}},
	} {
		for i, r := range list.rules(m) {
			out = append(out, ruleEdits(list.name, r, func(o *object) *admissionv1.NamedRuleWithOperations { return &list.rules(get(o))[i] })...)
		}
	}
	out = append(out, selectorEdits("namespace", m.NamespaceSelector, func(o *object) *metav1.LabelSelector { return get(o).NamespaceSelector })...)
	out = append(out, selectorEdits("object", m.ObjectSelector, func(o *object) *metav1.LabelSelector { return get(o).ObjectSelector })...)
	for i := range out {
		out[i].part, out[i].operator = part, operator
	}
	return out
}

// nothing stands for an empty list, which the API server would refuse: no
// request has it.
const nothing = "-"

// ruleEdits leaves out each resource and each operation of a rule. A rule of
// one resource is left out as a whole.
func ruleEdits(name string, r admissionv1.NamedRuleWithOperations, get func(*object) *admissionv1.NamedRuleWithOperations) []edit {
	var out []edit
	group := strings.Join(r.APIGroups, ",")
	for i, resource := range r.Resources {
		out = append(out, edit{before: name + "resource " + strings.TrimSuffix(resource+"."+group, "."), after: "none", apply: func(o *object) {
			rule := get(o)
			if rule.Resources = slices.Delete(slices.Clone(rule.Resources), i, i+1); len(rule.Resources) == 0 {
				rule.Resources = []string{nothing}
			}
		}})
	}
	if len(r.Operations) < 2 {
		return out
	}
	for i, operation := range r.Operations {
		out = append(out, edit{before: fmt.Sprintf("%s%s of %s", name, operation, strings.Join(r.Resources, ", ")), after: "none", apply: func(o *object) {
			rule := get(o)
			rule.Operations = slices.Delete(slices.Clone(rule.Operations), i, i+1)
		}})
	}
	return out
}

// selectorEdits leaves out each requirement of a selector, and each value of
// those with several.
func selectorEdits(name string, s *metav1.LabelSelector, get func(*object) *metav1.LabelSelector) []edit {
	if s == nil {
		return nil
	}
	var out []edit
	for key, v := range s.MatchLabels {
		out = append(out, edit{before: fmt.Sprintf("%s label %s: %s", name, key, v), after: "none", apply: func(o *object) { delete(get(o).MatchLabels, key) }})
	}
	slices.SortFunc(out, func(a, b edit) int { return strings.Compare(a.before, b.before) })
	for i, r := range s.MatchExpressions {
		out = append(out, requirementEdits(name, i, r, get)...)
	}
	return out
}

func requirementEdits(name string, i int, r metav1.LabelSelectorRequirement, get func(*object) *metav1.LabelSelector) []edit {
	text := strings.TrimSpace(fmt.Sprintf("%s label %s %s %s", name, r.Key, r.Operator, strings.Join(r.Values, ", ")))
	var out []edit
	if len(r.Values) > 1 {
		for j, v := range r.Values {
			e := edit{before: v + " in " + text, after: "none", apply: func(o *object) {
				values := &get(o).MatchExpressions[i].Values
				*values = slices.Delete(slices.Clone(*values), j, j+1)
			}}
			if r.Operator == metav1.LabelSelectorOpNotIn {
				e.namespace = v
			}
			out = append(out, e)
		}
	}
	// To leave out a list of exclusions is to leave out each of them.
	if len(r.Values) > 1 && r.Operator == metav1.LabelSelectorOpNotIn {
		return out
	}
	return append(out, edit{before: text, after: "none", apply: func(o *object) {
		s := get(o)
		s.MatchExpressions = slices.Delete(slices.Clone(s.MatchExpressions), i, i+1)
	}})
}
