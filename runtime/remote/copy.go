package remote

import (
	"fmt"
	"maps"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/policyc/policyc/compiler/code"
)

// ruleMessage begins the message of the validations that only tell a rule's name.
const ruleMessage = "policyc:rule:"

// policyCopy makes the copy of a unit's policy object.
func (r *run) policyCopy(u *unit) *admissionv1.ValidatingAdmissionPolicy {
	w := &rewriter{group: r.group}
	if u.scratch {
		w.names = map[string]string{}
		for _, ns := range r.plan.namespaces {
			w.names[ns.name] = ns.real
		}
	}
	spec := u.object.Spec.DeepCopy()
	spec.MatchConditions = r.conditions(u, w, spec.MatchConditions)
	for i := range spec.Variables {
		spec.Variables[i].Expression = rewritten(w, u.program.Variables[i].Code, spec.Variables[i].Expression)
	}
	program, own := u.program.Validations[u.index], spec.Validations[u.index]
	own.Expression = rewritten(w, program.Code, own.Expression)
	if program.MessageCode != nil {
		own.MessageExpression = rewritten(w, program.MessageCode, own.MessageExpression)
	}
	spec.Validations = []admissionv1.Validation{own}
	for _, rule := range u.program.Policies[u.index].Rules {
		spec.Validations = append(spec.Validations, admissionv1.Validation{
			// What rules found counts only where the policy objects, which it does not to what was there before.
			Expression: "(" + own.Expression + ") || size(variables." + rule.Variable + ") == 0", Message: ruleMessage + rule.Name})
	}
	if spec.ParamKind != nil {
		spec.ParamKind.APIVersion = r.paramGroup() + "/" + spec.ParamKind.APIVersion[strings.Index(spec.ParamKind.APIVersion, "/")+1:]
	}
	if u.scratch {
		r.confine(spec.MatchConstraints)
	}
	return &admissionv1.ValidatingAdmissionPolicy{TypeMeta: typeMeta("ValidatingAdmissionPolicy"),
		ObjectMeta: r.meta(u.name, map[string]string{originAnnotation: u.object.Name + " " + u.binding.Name}), Spec: *spec}
}

// conditions are those of the original behind one that asks for the group. The API server evaluates all of them; each asks
// again, so that a request of somebody else costs next to nothing and cannot make them fail.
func (r *run) conditions(u *unit, w *rewriter, original []admissionv1.MatchCondition) []admissionv1.MatchCondition {
	ours := fmt.Sprintf("has(request.userInfo.groups) && '%s' in request.userInfo.groups", u.group)
	out := []admissionv1.MatchCondition{{Name: "policyc-test", Expression: ours}}
	for i, c := range original {
		c.Expression = "!(" + ours + ") || (" + rewritten(w, u.program.Conditions[i].Code, c.Expression) + ")"
		out = append(out, c)
	}
	return out
}

// rewritten is the text of an expression for the run: as it was where nothing is to be changed.
func rewritten(w *rewriter, e *code.Expr, text string) string {
	if out := w.expr(e).String(); out != e.String() {
		return out
	}
	return text
}

// confine limits a match to namespaced kinds in the run's namespaces, and lets it select by the real names.
func (r *run) confine(m *admissionv1.MatchResources) {
	namespaced := admissionv1.NamespacedScope
	for i := range m.ResourceRules {
		m.ResourceRules[i].Scope = &namespaced
	}
	selector := byRealName(m.NamespaceSelector)
	if selector == nil {
		selector = &metav1.LabelSelector{}
	}
	selector.MatchExpressions = append(selector.MatchExpressions,
		metav1.LabelSelectorRequirement{Key: runLabel, Operator: metav1.LabelSelectorOpIn, Values: []string{r.id}})
	m.NamespaceSelector = selector
}

// byRealName selects namespaces by the label that has their real name.
func byRealName(s *metav1.LabelSelector) *metav1.LabelSelector {
	if s == nil {
		return nil
	}
	out := s.DeepCopy()
	if name, ok := out.MatchLabels[corev1.LabelMetadataName]; ok {
		out.MatchLabels = maps.Clone(out.MatchLabels)
		delete(out.MatchLabels, corev1.LabelMetadataName)
		out.MatchLabels[namespaceLabel] = name
	}
	for i := range out.MatchExpressions {
		if out.MatchExpressions[i].Key == corev1.LabelMetadataName {
			out.MatchExpressions[i].Key = namespaceLabel
		}
	}
	return out
}

// bindingCopies are the two bindings of a copy. One cannot both deny and warn.
func (r *run) bindingCopies(u *unit) []*admissionv1.ValidatingAdmissionPolicyBinding {
	var out []*admissionv1.ValidatingAdmissionPolicyBinding
	for _, action := range []admissionv1.ValidationAction{admissionv1.Deny, admissionv1.Warn} {
		spec := u.binding.Spec.DeepCopy()
		spec.PolicyName = u.name
		spec.ValidationActions = []admissionv1.ValidationAction{action}
		if spec.MatchResources != nil && u.scratch {
			spec.MatchResources.NamespaceSelector = byRealName(spec.MatchResources.NamespaceSelector)
		}
		if spec.ParamRef != nil && spec.ParamRef.Name != "" {
			spec.ParamRef.Name = r.paramName(u.variant, spec.ParamRef.Name)
		}
		out = append(out, &admissionv1.ValidatingAdmissionPolicyBinding{TypeMeta: typeMeta("ValidatingAdmissionPolicyBinding"),
			ObjectMeta: r.meta(u.name+"-"+strings.ToLower(string(action)), nil), Spec: *spec})
	}
	return out
}

func typeMeta(kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: admissionv1.SchemeGroupVersion.String(), Kind: kind}
}
