package engine

import (
	"context"
	"fmt"
	"slices"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/policy/mutating"
)

// Lifecycle is what the API server does to an object around mutation, besides
// mutating it.
type Lifecycle interface {
	// Default fills in defaults, as after every patch.
	Default(object runtime.Object)
	// Fill does what the mutating plugins do that every server runs: before
	// the policies, and again when these have changed something.
	Fill(object runtime.Object, operation admission.Operation)
	// Store does what the storage of a kind does after mutation, and before
	// validation.
	Store(object runtime.Object, operation admission.Operation)
}

// WithLifecycle returns an engine whose mutated objects go on as those of a
// server. Without, they stay as the policies made them.
func (e *Engine) WithLifecycle(l Lifecycle) *Engine {
	out := *e
	out.lifecycle = l
	return &out
}

// Mutates reports whether there is a mutating object.
func (e *Engine) Mutates() bool { return len(e.mutators) > 0 }

// Mutation is what the policies made of an object.
type Mutation struct {
	// Before and After are the object as the policies got and left it; nil
	// when there was nothing to mutate.
	Before, After runtime.Object
	// Request is what validation sees.
	Request *Request
	// Applied are the rules that were evaluated, in order.
	Applied []Applied
	// Failures are evaluations that failed; they deny unless they are ignored.
	Failures []Decision
	// Err is what a client is told when a failure denies: the status that the
	// API server's dispatcher makes of them.
	Err error
}

// Applied is what one rule did to an object.
type Applied struct {
	// Policy and Rule are those of the policy document, Object is the
	// admission object.
	Policy, Rule, Object string
	// Patch is empty when the rule changed nothing.
	Patch []Operation
	// Cost is what the rule spent, in the units of the API server's cost model.
	Cost int64
}

// Changed reports whether a rule changed something.
func (m *Mutation) Changed() bool {
	return slices.ContainsFunc(m.Applied, func(a Applied) bool { return len(a.Patch) > 0 })
}

// recorder hears from the mutations of one request.
type recorder struct {
	*Mutation
	evaluation *evaluation
	remaining  int64
}

func (m *recorder) record(p *patcher, before, after runtime.Object, budget int64, err error) {
	applied := p.applied
	applied.Cost = budget - m.remaining
	if err == nil {
		applied.Patch, err = diffObjects(before, after)
	}
	if err != nil {
		m.Failures = append(m.Failures, Decision{Policy: applied.Policy, Object: applied.Object, Outcome: Failed, Err: err, Message: err.Error(),
			Actions: []admissionv1.ValidationAction{admissionv1.Deny}, Ignored: p.ignored, Cost: applied.Cost})
		return
	}
	// A rule that is applied again, because of others, goes on with its patch.
	i := slices.IndexFunc(m.Applied, func(a Applied) bool { return a.Object == applied.Object && a.Rule == applied.Rule })
	if i < 0 || applied.Rule == "" {
		m.Applied = append(m.Applied, applied)
		return
	}
	m.Applied[i].Patch = append(m.Applied[i].Patch, applied.Patch...)
	m.Applied[i].Cost = max(m.Applied[i].Cost, applied.Cost)
}

// Mutate applies the mutating objects of the bundle with the API server's own
// dispatcher, as often as the server does.
func (e *Engine) Mutate(ctx context.Context, r *Request) (*Mutation, error) {
	out := &Mutation{Request: r}
	object := r.Received
	if object == nil {
		object = r.Object
	}
	if object == nil || len(e.mutators) == 0 || r.Operation == admission.Delete {
		return out, nil
	}
	request := *r
	request.Object, request.Received = object.DeepCopyObject(), nil
	out.Before, out.Request = object, &request
	v, err := e.begin(ctx, &request)
	if err != nil {
		return nil, err
	}
	heard := &recorder{Mutation: out, evaluation: v}
	err = v.mutate(context.WithValue(ctx, recorderKey{}, heard))
	out.Err = err
	if err != nil && !slices.ContainsFunc(out.Failures, func(d Decision) bool { return d.Denies() }) {
		err = v.namespaces.cause(err)
		out.Failures = append(out.Failures, Decision{Outcome: Failed, Err: err, Message: err.Error(), Actions: []admissionv1.ValidationAction{admissionv1.Deny}})
	}
	out.After = request.Object.DeepCopyObject()
	if e.lifecycle != nil {
		e.lifecycle.Store(request.Object, request.Operation)
	}
	return out, nil
}

// mutate runs the mutating objects, and once more when they changed something:
// so does the chain of admission plugins (k8s.io/apiserver/pkg/admission,
// reinvocation.go).
func (v *evaluation) mutate(ctx context.Context) error {
	dispatcher := mutating.NewDispatcher(v.authz, v.namespaces.matcher(), anyType{})
	hooks, interfaces := v.hooks(), v.engine.mutationInterfaces()
	if err := dispatcher.Dispatch(ctx, v.attributes, interfaces, hooks); err != nil || !v.GetReinvocationContext().ShouldReinvoke() {
		return err
	}
	v.GetReinvocationContext().SetIsReinvoke()
	if v.engine.lifecycle != nil {
		v.engine.lifecycle.Fill(v.GetObject(), v.GetOperation())
	}
	return dispatcher.Dispatch(ctx, v.attributes, interfaces, hooks)
}

// hooks are the mutating objects with their parameters.
func (v *evaluation) hooks() []mutating.PolicyHook {
	var out []mutating.PolicyHook
	for _, m := range v.engine.mutators {
		hook := mutating.PolicyHook{Policy: m.object, Bindings: m.bindings, Evaluator: m.evaluator}
		if kind := m.object.Spec.ParamKind; kind != nil {
			if hook.ParamInformer, hook.ParamScope, hook.ConfigurationError = v.paramSource(kind, m.compiled); hook.ConfigurationError != nil {
				hook.ConfigurationError = fmt.Errorf("paramKind: %w", hook.ConfigurationError)
			}
		}
		out = append(out, hook)
	}
	return out
}

// mutationInterfaces are those of the engine, with the lifecycle's defaults.
func (e *Engine) mutationInterfaces() admission.ObjectInterfaces {
	return &admission.RuntimeObjectInterfaces{ObjectCreater: e.objects.GetObjectCreater(), ObjectTyper: e.objects.GetObjectTyper(),
		ObjectDefaulter: defaulter{e.lifecycle}, ObjectConvertor: e.objects.GetObjectConvertor(), EquivalentResourceMapper: e.objects.GetEquivalentResourceMapper()}
}

type defaulter struct{ lifecycle Lifecycle }

func (d defaulter) Default(o runtime.Object) {
	if d.lifecycle != nil {
		d.lifecycle.Default(o)
	}
}

// anyType stands for the schemas that ApplyConfiguration needs, and JSONPatch
// does not.
type anyType struct{}

func (anyType) GetTypeConverter(schema.GroupVersionKind) managedfields.TypeConverter {
	return managedfields.NewDeducedTypeConverter()
}

func (anyType) Run(context.Context) {}
