package engine

import (
	"context"
	"errors"
	"fmt"

	celtypes "github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/traits"
	admissionrequestv1 "k8s.io/api/admission/v1"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/mutating"
	"k8s.io/apiserver/pkg/admission/plugin/policy/mutating/patch"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	"k8s.io/apiserver/pkg/cel/environment"

	"github.com/policyc/policyc/compiler/ir"
	"github.com/policyc/policyc/runtime/api"
)

// mutator is a MutatingAdmissionPolicy, ready to run.
type mutator struct {
	object    *admissionv1.MutatingAdmissionPolicy
	bindings  []*admissionv1.MutatingAdmissionPolicyBinding
	compiled  *api.CompiledPolicy
	evaluator mutating.PolicyEvaluator
	// policies are the names of the policy documents in the object.
	policies []string
}

// compileMutator makes an object ready, as the API server does when it has
// read it (mutating.compilePolicy, which is not exported).
func compileMutator(p *admissionv1.MutatingAdmissionPolicy, program *ir.Program, compiled *api.CompiledPolicy) (*mutator, error) {
	const mode = environment.StoredExpressions
	compiler, err := cel.NewCompositedCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
	if err != nil {
		return nil, err
	}
	seen := withAuthorizer
	seen.HasParams = p.Spec.ParamKind != nil
	before := seen
	seen.HasParams = seen.HasParams || hasLookups(compiled)
	if err := storeVariables(compiler, p.Spec.Variables, seen); err != nil {
		return nil, err
	}
	out := &mutator{object: p, compiled: compiled, evaluator: mutating.PolicyEvaluator{CompositedCompiler: compiler}}
	if len(p.Spec.MatchConditions) > 0 {
		filter := compiler.CompileCondition(accessors(p.Spec.MatchConditions), before, mode)
		if err := firstError("match condition", filter); err != nil {
			return nil, err
		}
		out.evaluator.Matcher = matchconditions.NewMatcher(filter, p.Spec.FailurePolicy, "policy", "validate", p.Name)
	}
	looked, err := compileLookups(compiled, func(list []cel.ExpressionAccessor) cel.ConditionEvaluator {
		return compiler.CompileCondition(list, before, mode)
	})
	if err != nil {
		return nil, err
	}
	seen.HasPatchTypes = true
	if program != nil && len(program.Mutations) != len(p.Spec.Mutations) {
		return nil, fmt.Errorf("the object has %d mutations and its program %d", len(p.Spec.Mutations), len(program.Mutations))
	}
	for i, m := range p.Spec.Mutations {
		if m.JSONPatch == nil {
			return nil, fmt.Errorf("mutation %d is no JSONPatch", i)
		}
		evaluator := compiler.CompileMutatingEvaluator(&patch.JSONPatchCondition{Expression: m.JSONPatch.Expression}, seen, mode)
		if errs := evaluator.CompilationErrors(); len(errs) > 0 {
			return nil, fmt.Errorf("mutation %d: %w", i, errs[0])
		}
		watched := &patcher{Patcher: patch.NewJSONPatcher(meteredPatch{evaluator}), lookups: looked, applied: Applied{Object: p.Name, Policy: p.Labels["policyc.dev/policy"]},
			ignored: p.Spec.FailurePolicy != nil && *p.Spec.FailurePolicy == admissionv1.Ignore}
		if program != nil {
			watched.applied.Policy, watched.applied.Rule = program.Mutations[i].Policy, program.Mutations[i].Rule
		}
		out.policies = append(out.policies, watched.applied.Policy)
		out.evaluator.Mutators = append(out.evaluator.Mutators, watched)
	}
	return out, nil
}

// patcher tells the recorder of the context what one mutation did, which the
// API server's dispatcher does not.
type patcher struct {
	patch.Patcher
	lookups *lookups
	applied Applied
	ignored bool
}

type recorderKey struct{}

func (p *patcher) Patch(ctx context.Context, r patch.Request, budget int64) (runtime.Object, error) {
	to, ok := ctx.Value(recorderKey{}).(*recorder)
	if !ok {
		return nil, errors.New("a patch outside of Mutate")
	}
	before := r.VersionedAttributes.VersionedObject.Object()
	at := matched{r.MatchedResource, r.VersionedAttributes, r.Namespace}
	params, left, err := to.evaluation.lookUp(p.lookups, at, r.OptionalVariables.VersionedParams, budget)
	if to.remaining = left; err != nil {
		to.record(p, before, nil, budget, err)
		// The dispatcher takes the error of a client for the end of the whole request, whatever the failure policy.
		return nil, errors.New(err.Error())
	}
	r.OptionalVariables.VersionedParams = params
	after, err := p.Patcher.Patch(ctx, r, left)
	if errors.Is(err, errNothing) {
		after, err = r.VersionedAttributes.VersionedObject.Object(), nil
	}
	to.record(p, before, after, budget, err)
	return after, err
}

// meteredPatch tells the recorder what an evaluation left of its budget. The
// context stays as it is: the API server finds its variables by its type.
type meteredPatch struct{ cel.MutatingEvaluator }

func (m meteredPatch) ForInput(ctx context.Context, attributes *admission.VersionedAttributes, request *admissionrequestv1.AdmissionRequest,
	bindings cel.OptionalVariableBindings, namespace *corev1.Namespace, budget int64) (cel.EvaluationResult, int64, error) {
	result, remaining, err := m.MutatingEvaluator.ForInput(ctx, attributes, request, bindings, namespace, budget)
	if to, ok := ctx.Value(recorderKey{}).(*recorder); ok {
		to.remaining = max(remaining, 0)
	}
	if list, ok := result.EvalResult.(traits.Lister); ok && err == nil && result.Error == nil && list.Size() == celtypes.IntZero {
		return result, remaining, errNothing
	}
	return result, remaining, err
}

// errNothing is that a patch is empty. It spares the object a trip through JSON,
// which is what most mutations would cost: they find nothing to do.
var errNothing = errors.New("nothing to patch")
