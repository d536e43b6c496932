package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/cel-go/common/types/traits"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/policy/matching"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

// evaluation is one request on its way through the policies.
type evaluation struct {
	ctx     context.Context
	engine  *Engine
	request *Request
	attributes
	matcher *matching.Matcher
	authz   authorizer.UnconditionalAuthorizer
	// namespaces and reads are what the request has seen of its cluster.
	namespaces namespaces
	reads      *reads
	// versions are the request's objects as each matched kind has them.
	versions  map[version]*admission.VersionedAttributes
	decisions []Decision
}

type attributes = admission.Attributes

// Evaluate returns a decision for every policy and binding that match the
// request, in the order of the bundle. What cannot be evaluated is a decision,
// too: Failed. The error is set when the request itself cannot be made.
func (e *Engine) Evaluate(ctx context.Context, r *Request) ([]Decision, error) {
	v, err := e.begin(ctx, r)
	if err != nil {
		return nil, err
	}
	for _, p := range e.policies {
		v.policy(p)
	}
	return v.decisions, nil
}

func (e *Engine) begin(ctx context.Context, r *Request) (*evaluation, error) {
	if r.Object == nil && r.OldObject == nil && r.Operation != admission.Connect {
		return nil, errors.New("a request without an object")
	}
	if r.converted() {
		e = e.WithEquivalents(equivalent{r})
	}
	v := &evaluation{ctx: ctx, engine: e, request: r, attributes: r.attributes(), authz: r.Authorizer,
		namespaces: newNamespaces(ctx, r), reads: &reads{r.reader(), map[string]list{}},
		versions: map[version]*admission.VersionedAttributes{}}
	v.matcher = v.namespaces.matcher()
	if v.authz == nil {
		v.authz = nobody{}
	}
	return v, nil
}

// policy evaluates one object, binding by binding, as the API server's
// dispatcher does (k8s.io/apiserver/pkg/admission/plugin/policy/validating).
func (v *evaluation) policy(p *policy) {
	matches, resource, kind, err := v.matches(p.match)
	if err != nil {
		v.fail(p, nil, fmt.Errorf("failed to configure policy: %w", v.namespaces.cause(err)))
		return
	}
	if !matches {
		return
	}
	for _, b := range p.bindings {
		matches, err := v.matchesBinding(b)
		if err != nil {
			v.fail(p, b.object, fmt.Errorf("failed to configure binding: %w", v.namespaces.cause(err)))
			continue
		}
		if matches {
			v.binding(p, b.object, resource, kind)
		}
	}
}

// binding evaluates an object through a binding that matches.
func (v *evaluation) binding(p *policy, b *admissionv1.ValidatingAdmissionPolicyBinding, resource schema.GroupVersionResource, kind schema.GroupVersionKind) {
	params, err := v.params(p, b)
	if err != nil {
		v.fail(p, b, fmt.Errorf("failed to configure binding: %w", err))
		v.blame(p)
		return
	}
	if len(params) == 0 {
		return
	}
	versioned, err := v.versioned(p, kind)
	if err != nil {
		v.fail(p, b, fmt.Errorf("failed to convert object version: %w", err))
		return
	}
	namespace, err := v.namespace()
	if err != nil {
		v.fail(p, b, v.namespaces.cause(err))
		return
	}
	for _, param := range params {
		v.validate(p, b, matched{resource, versioned, namespace}, param)
	}
}

// validate evaluates an object with one parameter object, or nil.
func (v *evaluation) validate(p *policy, b *admissionv1.ValidatingAdmissionPolicyBinding, at matched, param runtime.Object) {
	if p.matcher != nil {
		match := p.matcher.Match(v.ctx, at.versioned, param, v.authz)
		if match.Error != nil {
			v.failed(p, b, match.Error, 0)
			return
		}
		if !match.Matches {
			return
		}
	}
	params, budget, err := v.lookUp(p.lookups, at, param, celconfig.RuntimeCELCostBudget)
	if err != nil {
		v.failed(p, b, err, celconfig.RuntimeCELCostBudget-budget)
		return
	}
	spent := &meter{remaining: budget}
	result := p.validator.Validate(withMeter(v.ctx, spent), at.resource, at.versioned, params, at.namespace, budget, v.authz)
	for i, d := range result.Decisions {
		out := Decision{Object: p.object.Name, Binding: b.Name, Actions: b.Spec.ValidationActions, Validation: i, Message: d.Message, Reason: d.Reason,
			Cost: celconfig.RuntimeCELCostBudget - spent.remaining, Outcome: Admitted}
		// An error that ends the evaluation is one decision for all.
		if len(result.Decisions) == len(p.members) {
			out.Policy = p.members[i].name
		}
		switch {
		case d.Evaluation == validating.EvalError:
			out.Outcome, out.Err, out.Ignored = Failed, errors.New(d.Message), d.Action == validating.ActionAdmit
		case d.Action == validating.ActionDeny:
			out.Outcome = Violated
			if out.Violations, err = v.violations(p.members[i], at, params); err != nil {
				out.Outcome, out.Err = Failed, err
			}
		}
		v.decisions = append(v.decisions, out)
	}
}

// violations asks each rule of a policy what it found.
func (v *evaluation) violations(m member, at matched, params runtime.Object) ([]Violation, error) {
	if m.violations == nil {
		return nil, nil
	}
	results, _, err := v.evaluate(m.violations, at, params, celconfig.RuntimeCELCostBudget)
	if err != nil {
		return nil, err
	}
	var out []Violation
	for i, r := range results {
		if r.Error != nil {
			return nil, r.Error
		}
		list, ok := r.EvalResult.(traits.Lister)
		if !ok {
			return nil, fmt.Errorf("rule %s: its variable is %s, no list", m.rules[i], r.EvalResult.Type().TypeName())
		}
		for it := list.Iterator(); it.HasNext().Value() == true; {
			text, _ := it.Next().Value().(string)
			out = append(out, Violation{Rule: m.rules[i], Message: strings.TrimPrefix(text, "["+m.rules[i]+"] ")})
		}
	}
	return out, nil
}

// namespace is what namespaceObject shows: null for cluster-scoped objects and
// for namespaces themselves.
func (v *evaluation) namespace() (*corev1.Namespace, error) {
	name := v.GetNamespace()
	if kind := v.GetKind(); kind.Kind == "Namespace" && kind.Version == "v1" && kind.Group == "" {
		name = ""
	}
	if name == "" {
		return nil, nil
	}
	return v.namespaces.Get(name)
}

// fail adds what the API server makes of a configuration it cannot use: a
// denial, whatever the binding's actions, unless the failure policy is Ignore.
func (v *evaluation) fail(p *policy, b *admissionv1.ValidatingAdmissionPolicyBinding, err error) {
	d := Decision{Object: p.object.Name, Outcome: Failed, Err: err, Message: err.Error(), Actions: []admissionv1.ValidationAction{admissionv1.Deny},
		Ignored: p.object.Spec.FailurePolicy != nil && *p.object.Spec.FailurePolicy == admissionv1.Ignore}
	if b != nil {
		d.Binding = b.Name
	}
	if len(p.members) == 1 {
		d.Policy = p.members[0].name
	}
	v.decisions = append(v.decisions, d)
}

// failed adds what the API server makes of an evaluation error: the actions of
// the binding, unless the failure policy is Ignore.
func (v *evaluation) failed(p *policy, b *admissionv1.ValidatingAdmissionPolicyBinding, err error, cost int64) {
	v.fail(p, b, err)
	d := &v.decisions[len(v.decisions)-1]
	d.Actions, d.Cost = b.Spec.ValidationActions, cost
}

// blame makes a violation of the last decision where an object is missing that
// a rule requires: the compiler has made it the parameter of the policy.
func (v *evaluation) blame(p *policy) {
	if !p.required {
		return
	}
	d := &v.decisions[len(v.decisions)-1]
	d.Outcome, d.Err = Violated, nil
	for _, rule := range p.members[0].rules {
		d.Violations = append(d.Violations, Violation{Rule: rule, Message: d.Message})
	}
}

// nobody allows nobody anything.
type nobody struct{}

func (nobody) Authorize(context.Context, authorizer.Attributes) (authorizer.Decision, string, error) {
	return authorizer.DecisionNoOpinion, "", nil
}
