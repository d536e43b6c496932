package engine

import (
	"context"
	"fmt"
	"slices"

	celtypes "github.com/google/cel-go/common/types"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
)

// Inspector evaluates expressions beside those of an admission object, which
// see what these see, variables included.
type Inspector struct {
	engine    *Engine
	policy    *policy
	evaluator cel.ConditionEvaluator
}

// Inspect compiles expressions for the object of that name.
func (e *Engine) Inspect(object string, expressions []string) (*Inspector, error) {
	for _, p := range e.policies {
		if p.object.Name != object {
			continue
		}
		var list []cel.ExpressionAccessor
		for _, x := range expressions {
			list = append(list, anything(x))
		}
		i := &Inspector{engine: e, policy: p, evaluator: p.extra(list)}
		return i, firstError("expression", i.evaluator)
	}
	return nil, fmt.Errorf("there is no policy object %q", object)
}

// Evaluate returns the values of the expressions for a request, as JSON would
// have them, with an error in the place of one that fails: a list for each
// parameter object with which the object applies, or one where it takes none.
// There are none when the object or all of its bindings do not match.
func (i *Inspector) Evaluate(ctx context.Context, r *Request) ([][]any, error) {
	v, err := i.engine.begin(ctx, r)
	if err != nil {
		return nil, err
	}
	matches, resource, kind, err := v.matches(i.policy.match)
	if err != nil || !matches {
		return nil, err
	}
	params, _, err := v.matchingParams(i.policy)
	if err != nil || len(params) == 0 {
		return nil, err
	}
	versioned, err := v.versioned(i.policy, kind)
	if err != nil {
		return nil, err
	}
	namespace, err := v.namespace()
	if err != nil {
		return nil, err
	}
	at := matched{resource, versioned, namespace}
	var out [][]any
	for _, param := range params {
		if v.falseCondition(i.policy, param) != "" {
			continue
		}
		looked, _, err := v.lookUp(i.policy.lookups, at, param, celconfig.RuntimeCELCostBudget)
		if err != nil {
			return nil, err
		}
		results, _, err := v.evaluate(i.evaluator, at, looked, celconfig.RuntimeCELCostBudget)
		if err != nil {
			return nil, err
		}
		values := make([]any, len(results))
		for j, result := range results {
			if values[j] = any(result.Error); result.Error == nil {
				values[j] = plain(result.EvalResult)
			}
		}
		out = append(out, values)
	}
	return out, nil
}

// matchingParams are the parameter objects of the bindings that match, each
// once. Bound is false when no binding matches.
func (v *evaluation) matchingParams(p *policy) (params []runtime.Object, bound bool, err error) {
	for _, b := range p.bindings {
		if matches, err := v.matchesBinding(b); err != nil || !matches {
			continue
		}
		bound = true
		list, err := v.params(p, b.object)
		if err != nil {
			return nil, true, err
		}
		for _, param := range list {
			if !slices.Contains(params, param) {
				params = append(params, param)
			}
		}
	}
	return params, bound, nil
}

// Mismatch is why an object does not apply to a request. Its zero value says
// that it does.
type Mismatch struct {
	Text string
	// Condition says that the match and a binding hold, and only a match
	// condition does not.
	Condition bool
}

// WhyNot says why the object of that name does not apply to a request.
func (e *Engine) WhyNot(ctx context.Context, r *Request, object string) Mismatch {
	v, err := e.begin(ctx, r)
	if err != nil {
		return Mismatch{Text: err.Error()}
	}
	for _, p := range e.policies {
		if p.object.Name == object {
			return v.whyNot(p)
		}
	}
	return Mismatch{Text: "there is no policy object " + object}
}

func (v *evaluation) whyNot(p *policy) Mismatch {
	matches, _, _, err := v.matches(p.match)
	switch {
	case err != nil:
		return Mismatch{Text: err.Error()}
	case !matches:
		return Mismatch{Text: v.mismatch(p)}
	}
	params, bound, err := v.matchingParams(p)
	switch {
	case err != nil:
		return Mismatch{Text: err.Error()}
	case !bound:
		return Mismatch{Text: fmt.Sprintf("none of its environments matches namespace %s", v.GetNamespace())}
	case len(params) == 0:
		return Mismatch{Text: "its parameter object does not exist"}
	}
	var text string
	for _, param := range params {
		if text = v.falseCondition(p, param); text == "" {
			break
		}
	}
	return Mismatch{Text: text, Condition: text != ""}
}

// mismatch goes through what a match consists of, adding a part at a time: the
// first that makes it fail is the cause.
func (v *evaluation) mismatch(p *policy) string {
	for _, step := range []struct {
		keep func(*admissionv1.MatchResources)
		why  string
	}{
		{func(m *admissionv1.MatchResources) {
			m.ExcludeResourceRules, m.NamespaceSelector, m.ObjectSelector = nil, &metav1.LabelSelector{}, &metav1.LabelSelector{}
		}, fmt.Sprintf("it does not match %s of %s", v.GetOperation(), v.resourceName())},
		{func(m *admissionv1.MatchResources) {
			m.NamespaceSelector, m.ObjectSelector = &metav1.LabelSelector{}, &metav1.LabelSelector{}
		}, fmt.Sprintf("it excludes %s", v.resourceName())},
		{func(m *admissionv1.MatchResources) { m.ObjectSelector = &metav1.LabelSelector{} },
			fmt.Sprintf("it does not match namespace %s (%s)", v.GetNamespace(), metav1.FormatLabelSelector(p.object.Spec.MatchConstraints.NamespaceSelector))},
	} {
		relaxed := p.object.DeepCopy()
		step.keep(relaxed.Spec.MatchConstraints)
		matches, _, _, err := v.matches(newCriteria(relaxed.Spec.MatchConstraints))
		if err != nil {
			return err.Error()
		}
		if !matches {
			return step.why
		}
	}
	return fmt.Sprintf("it does not match the labels of the object (%s)", metav1.FormatLabelSelector(p.object.Spec.MatchConstraints.ObjectSelector))
}

func (v *evaluation) resourceName() string {
	name := v.GetResource().GroupResource().String()
	if sub := v.GetSubresource(); sub != "" {
		name += "/" + sub
	}
	return name
}

// falseCondition names the match condition that does not hold.
func (v *evaluation) falseCondition(p *policy, param runtime.Object) string {
	versioned, err := v.versioned(p, v.GetKind())
	if err != nil {
		return err.Error()
	}
	request := cel.CreateAdmissionRequest(versioned.Attributes, metav1.GroupVersionResource(v.GetResource()), metav1.GroupVersionKind(v.GetKind()))
	results, _, err := p.conditions.ForInput(v.ctx, versioned, request, cel.OptionalVariableBindings{VersionedParams: param, Authorizer: v.authz}, nil, celconfig.RuntimeCELCostBudgetMatchConditions)
	if err != nil {
		return err.Error()
	}
	for i, r := range results {
		if r.EvalResult == celtypes.False {
			c := p.object.Spec.MatchConditions[i]
			return fmt.Sprintf("its condition %s does not hold: %s", c.Name, c.Expression)
		}
	}
	return ""
}
