package webhook

import (
	"slices"

	admissionv1 "k8s.io/api/admissionregistration/v1"
)

type (
	policy  = admissionv1.ValidatingAdmissionPolicy
	binding = admissionv1.ValidatingAdmissionPolicyBinding
)

func matchesPods(p *policy) bool {
	return slices.ContainsFunc(p.Spec.MatchConstraints.ResourceRules, func(r admissionv1.NamedRuleWithOperations) bool {
		return slices.Contains(r.Resources, "pods")
	})
}
