package engine

import (
	"fmt"
	"reflect"
	"slices"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/policyc/policyc/runtime/api"
)

// Engine evaluates requests against the policies of a bundle. It does not
// change, and serves several goroutines at once.
type Engine struct {
	policies   []*policy
	mutators   []*mutator
	lifecycle  Lifecycle
	parameters map[schema.GroupKind][]*unstructured.Unstructured
	objects    admission.ObjectInterfaces
}

// New compiles a bundle. An expression that the API server would not compile
// is an error that names the object.
func New(b *Bundle) (*Engine, error) {
	e := &Engine{parameters: b.Parameters, objects: objectInterfaces(runtime.NewEquivalentResourceRegistry())}
	for _, object := range b.Policies {
		p, err := newPolicy(b, object)
		if err != nil {
			return nil, err
		}
		e.policies = append(e.policies, p)
	}
	for _, object := range b.Mutating {
		m, err := compileMutator(object, b.Programs[object.Name], b.Compiled[object.Name])
		if err != nil {
			return nil, fmt.Errorf("policy object %s: %w", object.Name, err)
		}
		m.bindings = b.MutatingBindings[object.Name]
		e.mutators = append(e.mutators, m)
	}
	return e, nil
}

func newPolicy(b *Bundle, object *admissionv1.ValidatingAdmissionPolicy) (*policy, error) {
	p, err := compile(object, b.Programs[object.Name], b.Compiled[object.Name])
	if err != nil {
		return nil, fmt.Errorf("policy object %s: %w", object.Name, err)
	}
	p.place(object, b.Bindings[object.Name])
	return p, nil
}

// Replace returns an engine in which the objects of the bundle, with their
// bindings, stand for those of the same name. Only they are compiled, and only
// where their expressions differ. Lookups stay when the bundle has none.
func (e *Engine) Replace(b *Bundle) (*Engine, error) {
	out := *e
	out.policies = slices.Clone(e.policies)
	for _, object := range b.Policies {
		i := slices.IndexFunc(out.policies, func(p *policy) bool { return p.object.Name == object.Name })
		if i < 0 {
			return nil, fmt.Errorf("there is no policy object %q", object.Name)
		}
		p := *out.policies[i]
		source := b.Compiled[object.Name]
		if source == nil {
			source = p.compiled
		}
		if !sameExpressions(p.object, object) || !sameLookups(p.compiled, source) {
			changed, err := compile(object, b.Programs[object.Name], source)
			if err != nil {
				return nil, fmt.Errorf("policy object %s: %w", object.Name, err)
			}
			p = *changed
		}
		p.compiled = source
		p.place(object, b.Bindings[object.Name])
		out.policies[i] = &p
	}
	return &out, nil
}

// sameExpressions reports whether two objects evaluate the same when they match.
func sameExpressions(a, b *admissionv1.ValidatingAdmissionPolicy) bool {
	one, two := a.Spec, b.Spec
	one.MatchConstraints, two.MatchConstraints = nil, nil
	return reflect.DeepEqual(one, two)
}

func sameLookups(a, b *api.CompiledPolicy) bool {
	return !hasLookups(a) && !hasLookups(b) || a != nil && b != nil && reflect.DeepEqual(a.Spec.Lookups, b.Spec.Lookups)
}

// place says what a policy matches, and who enforces it.
func (p *policy) place(object *admissionv1.ValidatingAdmissionPolicy, bindings []*admissionv1.ValidatingAdmissionPolicyBinding) {
	p.object, p.match, p.bindings = object, newCriteria(object.Spec.MatchConstraints), nil
	for _, o := range bindings {
		p.bindings = append(p.bindings, binding{o, newCriteria(o.Spec.MatchResources)})
	}
}

// WithEquivalents returns an engine that knows which resources are the same
// objects under other versions, for matchPolicy Equivalent.
func (e *Engine) WithEquivalents(m runtime.EquivalentResourceMapper) *Engine {
	out := *e
	out.objects = objectInterfaces(m)
	return &out
}

// For returns an engine of only those objects that hold one of the policies.
func (e *Engine) For(policies ...string) *Engine {
	out := *e
	out.policies = nil
	for _, p := range e.policies {
		if slices.ContainsFunc(p.members, func(m member) bool { return slices.Contains(policies, m.name) }) {
			out.policies = append(out.policies, p)
		}
	}
	out.mutators = nil
	for _, m := range e.mutators {
		if slices.ContainsFunc(m.policies, func(name string) bool { return slices.Contains(policies, name) }) {
			out.mutators = append(out.mutators, m)
		}
	}
	return &out
}

func objectInterfaces(m runtime.EquivalentResourceMapper) admission.ObjectInterfaces {
	return &admission.RuntimeObjectInterfaces{ObjectCreater: creater{}, ObjectTyper: scheme.Scheme, ObjectDefaulter: scheme.Scheme,
		ObjectConvertor: converter{}, EquivalentResourceMapper: m}
}
