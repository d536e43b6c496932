package conformance

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/client-go/kubernetes/scheme"
	listersv1 "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/policyc/policyc/test/conformance/cases"
)

// request is a case in the terms of the admission chain.
type request struct {
	admission.Attributes
	namespaces listersv1.NamespaceLister
	// annotations are the audit annotations that admission made.
	annotations map[string]string
}

// AddAnnotation keeps what Attributes would only show to the audit log.
func (r *request) AddAnnotation(key, value string) error {
	r.annotations[key] = value
	return nil
}

func newRequest(c *cases.Case) (*request, error) {
	object, err := typed(c.Object)
	if err != nil {
		return nil, fmt.Errorf("object: %w", err)
	}
	old, err := typed(c.OldObject)
	if err != nil {
		return nil, fmt.Errorf("oldObject: %w", err)
	}
	namespaces, err := namespaceLister(c, old)
	if err != nil {
		return nil, err
	}
	name := c.User
	if name == "" {
		name = "policyc:test"
	}
	who := &user.DefaultInfo{Name: name, Groups: append([]string{user.AllAuthenticated}, c.Groups...)}
	kind := schema.GroupVersionKind(c.Kind)
	resource := schema.GroupVersionResource{Group: c.Resource.Group, Version: c.Resource.Version, Resource: c.Resource.Name}
	attributes := admission.NewAttributesRecord(object, old, kind, c.Namespace, c.ObjectName, resource, c.Subresource,
		admission.Operation(c.Operation), options(c.Operation), false, who)
	return &request{Attributes: attributes, namespaces: namespaces, annotations: map[string]string{}}, nil
}

// typed returns an object as the API server holds it: of the Go type of its
// kind, in which a zero cannot be told from absence, or as it is for kinds
// that Kubernetes does not know. Nil gives a nil interface.
func typed(o map[string]any) (runtime.Object, error) {
	if o == nil {
		return nil, nil
	}
	u := &unstructured.Unstructured{Object: o}
	kind := u.GroupVersionKind()
	out, err := scheme.Scheme.New(kind)
	if runtime.IsNotRegisteredError(err) {
		return u, nil
	}
	if err != nil {
		return nil, err
	}
	const strict = true
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(o, out, strict); err != nil {
		return nil, err
	}
	out.GetObjectKind().SetGroupVersionKind(kind)
	return out, nil
}

func options(operation string) runtime.Object {
	switch operation {
	case "CREATE":
		return &metav1.CreateOptions{TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "CreateOptions"}}
	case "UPDATE":
		return &metav1.UpdateOptions{TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "UpdateOptions"}}
	case "DELETE":
		return &metav1.DeleteOptions{TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "DeleteOptions"}}
	}
	return nil
}

// namespaceLister has the namespaces of the cluster, that of the request, and
// the one that is deleted.
func namespaceLister(c *cases.Case, old runtime.Object) (listersv1.NamespaceLister, error) {
	index := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{})
	for _, o := range c.Cluster {
		if o["kind"] != "Namespace" {
			continue
		}
		ns, err := typed(o)
		if err != nil {
			return nil, fmt.Errorf("cluster: %w", err)
		}
		if ns, ok := ns.(*corev1.Namespace); ok {
			ns.Labels = withName(ns.Labels, ns.Name)
			_ = index.Add(ns)
		}
	}
	if c.NamespaceLabels != nil {
		_ = index.Add(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: c.Namespace, Labels: c.NamespaceLabels}})
	}
	if ns, ok := old.(*corev1.Namespace); ok {
		_ = index.Add(ns)
	}
	return listersv1.NewNamespaceLister(index), nil
}

// withName adds the label that the API server gives every namespace.
func withName(labels map[string]string, name string) map[string]string {
	if labels == nil {
		labels = map[string]string{}
	}
	labels[corev1.LabelMetadataName] = name
	return labels
}
