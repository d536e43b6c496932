package engine

import (
	"fmt"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/policyc/policyc/compiler/ir"
	"github.com/policyc/policyc/runtime/api"
)

func newBundle() *Bundle {
	return &Bundle{
		Bindings:         map[string][]*admissionv1.ValidatingAdmissionPolicyBinding{},
		MutatingBindings: map[string][]*admissionv1.MutatingAdmissionPolicyBinding{},
		Parameters:       map[schema.GroupKind][]*unstructured.Unstructured{},
		Programs:         map[string]*ir.Program{},
		Compiled:         map[string]*api.CompiledPolicy{},
	}
}

// FromCompiled returns CompiledPolicies, which are not changed, as the admission objects and bindings that they stand for.
// One that the API server would not have taken as admission objects is an error: it could be a policy that does nothing.
func FromCompiled(policies []*api.CompiledPolicy) (*Bundle, error) {
	b := newBundle()
	for _, c := range policies {
		if err := b.addCompiled(c); err != nil {
			return nil, fmt.Errorf("CompiledPolicy %s: %w", c.Name, err)
		}
	}
	return b, nil
}

func (b *Bundle) addCompiled(c *api.CompiledPolicy) error {
	if b.Compiled[c.Name] != nil {
		return fmt.Errorf("there are two of that name")
	}
	if err := check(c); err != nil {
		return err
	}
	c = c.DeepCopy()
	b.Compiled[c.Name], b.Programs[c.Name] = c, program(c)
	meta := metav1.ObjectMeta{Name: c.Name, Labels: c.Labels}
	if c.Spec.Mutating != nil {
		p := &admissionv1.MutatingAdmissionPolicy{ObjectMeta: meta, Spec: *c.Spec.Mutating}
		setDefaults(p.Spec.MatchConstraints)
		b.Mutating = append(b.Mutating, p)
		for _, x := range c.Spec.Bindings {
			setDefaults(x.MatchResources)
			b.MutatingBindings[c.Name] = append(b.MutatingBindings[c.Name], &admissionv1.MutatingAdmissionPolicyBinding{
				ObjectMeta: metav1.ObjectMeta{Name: x.Name},
				Spec:       admissionv1.MutatingAdmissionPolicyBindingSpec{PolicyName: c.Name, ParamRef: x.ParamRef, MatchResources: x.MatchResources}})
		}
		return nil
	}
	p := &admissionv1.ValidatingAdmissionPolicy{ObjectMeta: meta, Spec: *c.Spec.Validating}
	setDefaults(p.Spec.MatchConstraints)
	b.Policies = append(b.Policies, p)
	for _, x := range c.Spec.Bindings {
		setDefaults(x.MatchResources)
		b.Bindings[c.Name] = append(b.Bindings[c.Name], &admissionv1.ValidatingAdmissionPolicyBinding{
			ObjectMeta: metav1.ObjectMeta{Name: x.Name},
			Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{PolicyName: c.Name, ParamRef: x.ParamRef, MatchResources: x.MatchResources,
				ValidationActions: x.ValidationActions}})
	}
	return nil
}

// program is what a CompiledPolicy says of its rules.
func program(c *api.CompiledPolicy) *ir.Program {
	out := &ir.Program{Name: c.Name, Webhook: true}
	for _, p := range c.Spec.Policies {
		policy := &ir.Policy{Name: p.Name}
		for _, r := range p.Rules {
			policy.Rules = append(policy.Rules, &ir.Rule{Name: r.Name, Backend: ir.Webhook, Variable: r.Variable})
			if c.Spec.Mutating != nil {
				out.Mutations = append(out.Mutations, ir.Mutation{Policy: p.Name, Rule: r.Name})
			}
		}
		out.Policies = append(out.Policies, policy)
		if c.Spec.Validating != nil {
			out.Validations = append(out.Validations, ir.Validation{Policy: p.Name})
		}
	}
	return out
}

// webhook is the entry that calls for a binding; "" for one that is the API server's own.
func webhook(c *api.CompiledPolicy, binding string) string {
	if c != nil {
		for _, b := range c.Spec.Bindings {
			if b.Name == binding {
				return b.Webhook
			}
		}
	}
	return ""
}

// ForWebhook returns an engine of the bindings that one entry of the webhook configurations calls for: the last element of
// the path that the API server calls.
func (e *Engine) ForWebhook(entry string) *Engine {
	out := *e
	out.policies, out.mutators = nil, nil
	for _, p := range e.policies {
		only := *p
		only.bindings = nil
		for _, b := range p.bindings {
			if webhook(p.compiled, b.object.Name) == entry {
				only.bindings = append(only.bindings, b)
			}
		}
		if len(only.bindings) > 0 {
			out.policies = append(out.policies, &only)
		}
	}
	for _, m := range e.mutators {
		only := *m
		only.bindings = nil
		for _, b := range m.bindings {
			if webhook(m.compiled, b.Name) == entry {
				only.bindings = append(only.bindings, b)
			}
		}
		if len(only.bindings) > 0 {
			out.mutators = append(out.mutators, &only)
		}
	}
	return &out
}
