package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	celgo "github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types/traits"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/validation/path"
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
	return v.reads.list(v.ctx, q)
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
	list = slices.DeleteFunc(list, func(s string) bool { return s == "" || len(path.IsValidPathSegmentName(s)) > 0 })
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

// specOf is the spec of a parameter object; nil when there is no object.
func specOf(param runtime.Object) (any, error) {
	if param == nil {
		return nil, nil
	}
	if u, ok := param.(*unstructured.Unstructured); ok {
		return u.Object["spec"], nil
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(param)
	return content["spec"], err
}

// lookedUp is what expressions of an object with lookups see as params. CEL reads the objects where they are: to the API
// server's adapter an unstructured.Unstructured is something that it must write as JSON and read back, at every
// evaluation, and this is something that says what it is (structured-merge-diff's value.UnstructuredConverter).
type lookedUp struct{ unstructured.Unstructured }

func newParams(spec any, lists map[string]any) *lookedUp {
	content := map[string]any{"apiVersion": api.GroupVersion.String(), "kind": "Lookups", "lookups": lists}
	if spec != nil {
		content["spec"] = spec
	}
	return &lookedUp{unstructured.Unstructured{Object: content}}
}

// ToUnstructured returns the content itself.
func (p *lookedUp) ToUnstructured() any { return p.Object }

// MarshalJSON returns the same as JSON.
func (p *lookedUp) MarshalJSON() ([]byte, error) { return json.Marshal(p.Object) }
