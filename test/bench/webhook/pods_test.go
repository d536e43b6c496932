package webhook

import (
	"slices"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/policyc/policyc/compiler/ir"
	"github.com/policyc/policyc/runtime/api"
)

type (
	policy  = admissionv1.ValidatingAdmissionPolicy
	binding = admissionv1.ValidatingAdmissionPolicyBinding
)

func matchesPods(p *policy) bool {
	return p.Spec.ParamKind == nil && slices.ContainsFunc(p.Spec.MatchConstraints.ResourceRules, func(r admissionv1.NamedRuleWithOperations) bool {
		return slices.Contains(r.Resources, "pods")
	})
}

// wrap makes a native policy one of the webhook.
func wrap(p *policy, bindings []*binding, name string, program *ir.Program) *api.CompiledPolicy {
	out := &api.CompiledPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: api.CompiledPolicySpec{Validating: p.Spec.DeepCopy()}}
	for _, d := range program.Policies {
		source := api.PolicySource{Name: d.Name}
		for _, r := range d.Rules {
			source.Rules = append(source.Rules, api.RuleSource{Name: r.Name, Variable: r.Variable})
		}
		out.Spec.Policies = append(out.Spec.Policies, source)
	}
	for _, x := range bindings {
		out.Spec.Bindings = append(out.Spec.Bindings, api.Binding{Name: x.Name, Webhook: "e", ValidationActions: x.Spec.ValidationActions, MatchResources: x.Spec.MatchResources})
	}
	return out
}
