package engine

import (
	"errors"
	"fmt"
	"slices"

	celgo "github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types/traits"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/validate/content"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/cel"

	"github.com/policyc/policyc/runtime/api"
)

// lookups are those of an object, ready to run.
type lookups struct {
	list []api.Lookup
	// evaluator has the expressions of all of them, in the order of texts.
	evaluator cel.ConditionEvaluator
}

// texts are the expressions of a lookup; "" stands for one that is not given.
func texts(l api.Lookup) []string {
	out := []string{l.Namespaces, l.Names}
	for _, r := range l.Labels {
		out = append(out, r.Values)
	}
	return out
}

func hasLookups(c *api.CompiledPolicy) bool { return c != nil && len(c.Spec.Lookups) > 0 }

// compileLookups returns nil when there are none.
func compileLookups(c *api.CompiledPolicy, compile func([]cel.ExpressionAccessor) cel.ConditionEvaluator) (*lookups, error) {
	if !hasLookups(c) {
		return nil, nil
	}
	var all []cel.ExpressionAccessor
	for _, l := range c.Spec.Lookups {
		var own []cel.ExpressionAccessor
		for _, text := range texts(l) {
			// The API server's compiler takes nil as the place of no expression.
			var expression cel.ExpressionAccessor
			if text != "" {
				expression = stringList(text)
			}
			own = append(own, expression)
		}
		if err := firstError("lookup "+l.Name, compile(own)); err != nil {
			return nil, err
		}
		all = append(all, own...)
	}
	// One evaluation of all, in which a variable is computed once.
	return &lookups{c.Spec.Lookups, compile(all)}, nil
}

// stringList is an expression that yields a list of strings. What reads an object is dynamically typed.
type stringList string

func (e stringList) GetExpression() string { return string(e) }
func (e stringList) ReturnTypes() []*celgo.Type {
	return []*celgo.Type{celgo.ListType(celgo.StringType), celgo.ListType(celgo.DynType), celgo.DynType}
}

// matched is a request as a policy has matched it, with its objects in the version that the policy is about.
type matched struct {
	resource  schema.GroupVersionResource
	versioned *admission.VersionedAttributes
	namespace *corev1.Namespace
}

// evaluate gives a request to one of the API server's evaluators.
func (v *evaluation) evaluate(e cel.ConditionEvaluator, at matched, params runtime.Object, budget int64) ([]cel.EvaluationResult, int64, error) {
	request := cel.CreateAdmissionRequest(at.versioned.Attributes, metav1.GroupVersionResource(at.resource), metav1.GroupVersionKind(at.versioned.VersionedKind))
	return e.ForInput(v.ctx, at.versioned, request, cel.OptionalVariableBindings{VersionedParams: params, Authorizer: v.authz},
		cel.CreateNamespaceObject(at.namespace), budget)
}

// lookUp returns what expressions see as params, and what is left of the budget. Without lookups that is the parameter
// object, or nil.
func (v *evaluation) lookUp(l *lookups, at matched, param runtime.Object, budget int64) (runtime.Object, int64, error) {
	if l == nil {
		return param, budget, nil
	}
	results, remaining, err := v.evaluate(l.evaluator, at, param, budget)
	if err != nil {
		return nil, 0, fmt.Errorf("lookups: %w", err)
	}
	lists := make(map[string]any, len(l.list))
	for _, one := range l.list {
		n := len(texts(one))
		objects, err := v.find(one, results[:n])
		if err != nil {
			return nil, remaining, fmt.Errorf("lookup %s: %w", one.Name, err)
		}
		lists[one.Name], results = objects, results[n:]
	}
	spec, err := specOf(param)
	return newParams(spec, lists), remaining, err
}

// find evaluates one lookup.
func (v *evaluation) find(l api.Lookup, results []cel.EvaluationResult) ([]any, error) {
	q := Query{Resource: l.Resource, Strong: l.Consistency == api.Strong, Selector: labels.Everything()}
	var err error
	if q.Namespaces, err = names(l.Namespaces, results[0]); err != nil {
		return nil, fmt.Errorf("namespaces: %w", err)
	}
	if q.Names, err = names(l.Names, results[1]); err != nil {
		return nil, fmt.Errorf("names: %w", err)
	}
	empty := q.Namespaces != nil && len(q.Namespaces) == 0 || q.Names != nil && len(q.Names) == 0
	for i, requirement := range l.Labels {
		selected, possible, err := requirementOf(requirement, results[2+i])
		if err != nil {
			return nil, fmt.Errorf("label %s: %w", requirement.Key, err)
		}
		if selected != nil {
			q.Selector = q.Selector.Add(*selected)
		}
		empty = empty || !possible
	}
	if empty {
		return []any{}, nil
	}
	return v.list(q)
}

// mostKeys is how many objects a Reader is asked for by name at once. Each may be a request to the API server, and whoever
// sends an object decides how many names stand in it.
const mostKeys = 100

// list reads all objects where there are more names, or more namespaces, and takes out those that are asked for.
func (v *evaluation) list(q Query) ([]any, error) {
	wide := q
	if len(q.Namespaces) > mostKeys {
		wide.Namespaces = nil
	}
	if len(q.Names)*max(len(wide.Namespaces), 1) > mostKeys {
		wide.Names = nil
	}
	found, err := v.reads.list(v.ctx, wide)
	if err != nil || len(wide.Namespaces) == len(q.Namespaces) && len(wide.Names) == len(q.Names) {
		return found, err
	}
	out := []any{}
	for _, o := range found {
		u := unstructured.Unstructured{Object: o.(map[string]any)}
		if has(q.Namespaces, u.GetNamespace()) && has(q.Names, u.GetName()) {
			out = append(out, o)
		}
	}
	return out, nil
}

// has reports whether a name is in a sorted list; nil is all.
func has(sorted []string, name string) bool {
	if sorted == nil {
		return true
	}
	_, found := slices.BinarySearch(sorted, name)
	return found
}

// names are what an expression yields, sorted, without what no object can be called: a client would take "" for all
// namespaces, and refuse a slash. Nil is all, when there is no expression.
func names(expression string, result cel.EvaluationResult) ([]string, error) {
	if expression == "" {
		return nil, nil
	}
	list, err := stringsOf(result)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(s string) bool { return s == "" || len(content.IsPathSegmentName(s)) > 0 })
	slices.Sort(list)
	return slices.Compact(list), nil
}

// requirementOf is a requirement with its values. No object has a label with a value that is none: In takes it for no
// value, and so does NotIn. It is nil when it is always true; possible is false when it never is.
func requirementOf(r api.LabelRequirement, result cel.EvaluationResult) (out *labels.Requirement, possible bool, err error) {
	var values []string
	if r.Values != "" {
		if values, err = stringsOf(result); err != nil {
			return nil, false, err
		}
		values = slices.DeleteFunc(values, func(s string) bool { return len(validation.IsValidLabelValue(s)) > 0 })
		if len(values) == 0 {
			return nil, r.Operator == metav1.LabelSelectorOpNotIn, nil
		}
	}
	out, err = labels.NewRequirement(r.Key, operators[r.Operator], values)
	return out, true, err
}

var operators = map[metav1.LabelSelectorOperator]selection.Operator{
	metav1.LabelSelectorOpIn: selection.In, metav1.LabelSelectorOpNotIn: selection.NotIn,
	metav1.LabelSelectorOpExists: selection.Exists, metav1.LabelSelectorOpDoesNotExist: selection.DoesNotExist,
}

// stringsOf is never nil.
func stringsOf(r cel.EvaluationResult) ([]string, error) {
	if r.Error != nil {
		return nil, r.Error
	}
	list, ok := r.EvalResult.(traits.Lister)
	if !ok {
		return nil, errors.New("the expression yields no list")
	}
	out := []string{}
	for it := list.Iterator(); it.HasNext().Value() == true; {
		s, ok := it.Next().Value().(string)
		if !ok {
			return nil, errors.New("the expression yields a list of something else than strings")
		}
		out = append(out, s)
	}
	return out, nil
}
