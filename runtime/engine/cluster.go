package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

// Cluster is a Reader of objects that are given. In it, the namespace of a request exists even when it is not among them.
type Cluster struct {
	namespaces map[string]*corev1.Namespace
	objects    map[schema.GroupKind][]runtime.Object
	// plain has the objects of a kind as JSON has them, sorted.
	plain map[schema.GroupKind]func() ([]*unstructured.Unstructured, error)
}

// NewCluster returns a cluster of these objects, which do not change any more. Namespaces get the label
// kubernetes.io/metadata.name, as the API server gives it to them.
func NewCluster(objects ...runtime.Object) *Cluster {
	c := &Cluster{namespaces: map[string]*corev1.Namespace{}, objects: map[schema.GroupKind][]runtime.Object{},
		plain: map[schema.GroupKind]func() ([]*unstructured.Unstructured, error){}}
	for _, o := range objects {
		if ns, ok := o.(*corev1.Namespace); ok {
			c.namespaces[ns.Name] = withName(ns)
			continue
		}
		kind := kindOf(o).GroupKind()
		c.objects[kind] = append(c.objects[kind], o)
	}
	for _, ns := range c.namespaces {
		kind := schema.GroupKind{Kind: "Namespace"}
		c.objects[kind] = append(c.objects[kind], ns)
	}
	for kind, list := range c.objects {
		c.plain[kind] = sync.OnceValues(func() ([]*unstructured.Unstructured, error) { return plainObjects(list) })
	}
	return c
}

func withName(ns *corev1.Namespace) *corev1.Namespace {
	if ns.Labels[corev1.LabelMetadataName] == ns.Name {
		return ns
	}
	ns = ns.DeepCopy()
	if ns.Labels == nil {
		ns.Labels = map[string]string{}
	}
	ns.Labels[corev1.LabelMetadataName] = ns.Name
	return ns
}

// kindOf is the kind that an object says, or that its Go type has.
func kindOf(o runtime.Object) schema.GroupVersionKind {
	kind := o.GetObjectKind().GroupVersionKind()
	if kind.Kind == "" {
		if kinds, _, err := scheme.Scheme.ObjectKinds(o); err == nil && len(kinds) > 0 {
			return kinds[0]
		}
	}
	return kind
}

// plainObjects converts objects to what a server returns for them, and sorts them. Of two with one name the last counts.
func plainObjects(list []runtime.Object) ([]*unstructured.Unstructured, error) {
	type name struct{ namespace, name string }
	byName := map[name]*unstructured.Unstructured{}
	for _, o := range list {
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
		if err != nil {
			return nil, err
		}
		u := &unstructured.Unstructured{Object: content}
		u.SetGroupVersionKind(kindOf(o))
		byName[name{u.GetNamespace(), u.GetName()}] = u
	}
	out := make([]*unstructured.Unstructured, 0, len(byName))
	for _, u := range byName {
		out = append(out, u)
	}
	slices.SortFunc(out, func(a, b *unstructured.Unstructured) int {
		return cmp.Or(cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
	})
	return out, nil
}

// Namespace implements Reader.
func (c *Cluster) Namespace(_ context.Context, name string) (*corev1.Namespace, error) {
	if c != nil && c.namespaces[name] != nil {
		return c.namespaces[name], nil
	}
	return nil, apierrors.NewNotFound(corev1.Resource("namespaces"), name)
}

// List implements Reader. Objects must be of the version that is asked for, since only the API server can convert them;
// those of other than built-in kinds differ in their apiVersion alone.
func (c *Cluster) List(_ context.Context, q Query) ([]map[string]any, error) {
	wanted := q.Resource.GroupVersionKind()
	if c == nil || c.plain[wanted.GroupKind()] == nil {
		return nil, nil
	}
	all, err := c.plain[wanted.GroupKind()]()
	if err != nil {
		return nil, err
	}
	var out []map[string]any
	for _, o := range all {
		if q.Namespaces != nil && !slices.Contains(q.Namespaces, o.GetNamespace()) || q.Names != nil && !slices.Contains(q.Names, o.GetName()) ||
			q.Selector != nil && !q.Selector.Matches(labels.Set(o.GetLabels())) {
			continue
		}
		if o.GroupVersionKind() != wanted {
			if scheme.Scheme.Recognizes(wanted) {
				return nil, fmt.Errorf("the API server would convert %s %s to %s: write it in that version", o.GetKind(), o.GetName(), wanted.GroupVersion())
			}
			o = o.DeepCopy()
			o.SetGroupVersionKind(wanted)
		}
		out = append(out, o.Object)
	}
	return out, nil
}
