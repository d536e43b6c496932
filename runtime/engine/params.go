package engine

import (
	"context"
	"encoding/json"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission/plugin/policy/generic"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"

	"github.com/policyc/policyc/runtime/api"
)

// params are the parameter objects that a binding is evaluated with: one nil
// when the policy takes none, and none at all when parameterNotFoundAction is
// Allow and there is no object.
func (v *evaluation) params(p *policy, b *admissionv1.ValidatingAdmissionPolicyBinding) ([]runtime.Object, error) {
	kind := p.object.Spec.ParamKind
	if kind == nil {
		return []runtime.Object{nil}, nil
	}
	source, scope, err := v.paramSource(kind, p.compiled)
	if err != nil {
		return nil, err
	}
	return generic.CollectParams(kind, source, scope, b.Spec.ParamRef, v.GetNamespace(), nil, nil)
}

// paramSource holds the objects of a kind. They are read from a live cluster, where the compiler has said what their
// resource is; elsewhere they are those of the bundle, of which the request's cluster replaces those with the same name.
func (v *evaluation) paramSource(kind *admissionv1.ParamKind, compiled *api.CompiledPolicy) (informers.GenericInformer, meta.RESTScope, error) {
	group, err := schema.ParseGroupVersion(kind.APIVersion)
	if err != nil {
		return nil, nil, err
	}
	if compiled != nil && compiled.Spec.ParamResource != nil && !v.request.offline() {
		resource := *compiled.Spec.ParamResource
		scope := meta.RESTScopeRoot
		if resource.Namespaced {
			scope = meta.RESTScopeNamespace
		}
		return source{lister: liveParams{v.ctx, v.reads, Query{Resource: resource}}}, scope, nil
	}
	lister, scope := v.givenParams(schema.GroupKind{Group: group.Group, Kind: kind.Kind})
	return source{lister: lister}, scope, nil
}

func (v *evaluation) givenParams(kind schema.GroupKind) (cache.GenericLister, meta.RESTScope) {
	index := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	// The CRDs that policyc writes are cluster-scoped.
	scope := meta.RESTScopeRoot
	add := func(o runtime.Object) {
		if m, err := meta.Accessor(o); err == nil && m.GetNamespace() != "" {
			scope = meta.RESTScopeNamespace
		}
		_ = index.Add(o)
	}
	for _, o := range v.engine.parameters[kind] {
		add(o)
	}
	if c, _ := v.request.reader().(*Cluster); c != nil {
		for _, o := range c.objects[kind] {
			add(o)
		}
	}
	return cache.NewGenericLister(index, schema.GroupResource{Group: kind.Group, Resource: kind.Kind}), scope
}

// source is an informer that has synced and does not change.
type source struct {
	cache.SharedIndexInformer
	lister cache.GenericLister
}

func (s source) Informer() cache.SharedIndexInformer { return s }
func (s source) Lister() cache.GenericLister         { return s.lister }
func (source) HasSynced() bool                       { return true }

// liveParams lists the parameter objects of a live cluster.
type liveParams struct {
	ctx   context.Context
	reads *reads
	query Query
}

func (l liveParams) ByNamespace(namespace string) cache.GenericNamespaceLister {
	l.query.Namespaces = []string{namespace}
	return l
}

func (l liveParams) List(selector labels.Selector) ([]runtime.Object, error) {
	l.query.Selector = selector
	return l.read()
}

// Get asks the API server for an object that is not in the cache, as the API server does with parameters: they are
// created a moment before the binding that names them.
func (l liveParams) Get(name string) (runtime.Object, error) {
	l.query.Names = []string{name}
	for _, l.query.Strong = range []bool{false, true} {
		if found, err := l.read(); err != nil || len(found) > 0 {
			return first(found), err
		}
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{Group: l.query.Resource.Group, Resource: l.query.Resource.Plural}, name)
}

func (l liveParams) read() ([]runtime.Object, error) {
	list, err := l.reads.list(l.ctx, l.query)
	var out []runtime.Object
	for _, o := range list {
		out = append(out, &unstructured.Unstructured{Object: o.(map[string]any)})
	}
	return out, err
}

func first(list []runtime.Object) runtime.Object {
	if len(list) == 0 {
		return nil
	}
	return list[0]
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
