package engine

import (
	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission/plugin/policy/generic"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
)

// params are the parameter objects that a binding is evaluated with: one nil
// when the policy takes none, and none at all when parameterNotFoundAction is
// Allow and there is no object.
func (v *evaluation) params(p *policy, b *admissionv1.ValidatingAdmissionPolicyBinding) ([]runtime.Object, error) {
	kind := p.object.Spec.ParamKind
	if kind == nil {
		return []runtime.Object{nil}, nil
	}
	group, err := schema.ParseGroupVersion(kind.APIVersion)
	if err != nil {
		return nil, err
	}
	source, scope := v.paramSource(schema.GroupKind{Group: group.Group, Kind: kind.Kind})
	return generic.CollectParams(kind, source, scope, b.Spec.ParamRef, v.GetNamespace(), nil, nil)
}

// paramSource holds the objects of a kind: those of the request's cluster,
// which replace those of the bundle with the same name.
func (v *evaluation) paramSource(kind schema.GroupKind) (informers.GenericInformer, meta.RESTScope) {
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
	if v.request.Cluster != nil {
		for _, o := range v.request.Cluster.parameters[kind] {
			add(o)
		}
	}
	return source{lister: cache.NewGenericLister(index, schema.GroupResource{Group: kind.Group, Resource: kind.Kind})}, scope
}

// source is an informer that has synced and does not change.
type source struct {
	cache.SharedIndexInformer
	lister cache.GenericLister
}

func (s source) Informer() cache.SharedIndexInformer { return s }
func (s source) Lister() cache.GenericLister         { return s.lister }
func (source) HasSynced() bool                       { return true }
