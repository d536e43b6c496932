package manager

import (
	"cmp"
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/policyc/policyc/runtime/api"
	"github.com/policyc/policyc/runtime/engine"
)

// byName is the field that every informer is indexed by.
const byName = "metadata.name"

// reader is the engine.Reader over informers' caches and the API server.
type reader struct {
	// cached waits until an informer has synced, as long as the context lasts, and fails when there is none: an empty list
	// would be an answer. Its objects are shared.
	cached client.Reader
	live   client.Reader
	// readable is an error when waiting is in vain.
	readable func(api.LookupResource) (bool, error)
}

// Namespace asks the API server for what is not in the cache: a namespace and what is created in it come in one breath.
func (r *reader) Namespace(ctx context.Context, name string) (*corev1.Namespace, error) {
	o := objectOf(namespaceKind)
	err := r.cached.Get(ctx, client.ObjectKey{Name: name}, o)
	if apierrors.IsNotFound(err) {
		o = objectOf(namespaceKind)
		err = r.live.Get(ctx, client.ObjectKey{Name: name}, o)
	}
	if err != nil {
		return nil, err
	}
	ns := &corev1.Namespace{}
	return ns, runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, ns)
}

// List reads as little as the query allows: one object by its key, those of a name or of a namespace by an index.
func (r *reader) List(ctx context.Context, q engine.Query) ([]map[string]any, error) {
	from := r.cached
	if q.Strong {
		from = r.live
	} else if _, err := r.readable(q.Resource); err != nil {
		return nil, err // at once: a request that waits for nothing holds the place of another
	}
	var found []unstructured.Unstructured
	var err error
	switch {
	case q.Namespaces != nil && !q.Resource.Namespaced:
		return nil, nil // what is in no namespace is in none of these
	case q.Names != nil && (q.Namespaces != nil || !q.Resource.Namespaced):
		found, err = get(ctx, from, q)
	default:
		found, err = list(ctx, from, q)
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b unstructured.Unstructured) int {
		return cmp.Or(cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
	})
	out := make([]map[string]any, len(found))
	for i := range found {
		if q.Strong {
			found[i].SetManagedFields(nil) // as those of the cache, which are stripped
		}
		out[i] = found[i].Object
	}
	return out, nil
}

// get reads objects whose keys are known.
func get(ctx context.Context, from client.Reader, q engine.Query) ([]unstructured.Unstructured, error) {
	namespaces := q.Namespaces
	if !q.Resource.Namespaced {
		namespaces = []string{""}
	}
	var found []unstructured.Unstructured
	for _, namespace := range namespaces {
		for _, name := range q.Names {
			o := objectOf(q.Resource.GroupVersionKind())
			err := from.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, o)
			switch {
			case apierrors.IsNotFound(err):
			case err != nil:
				return nil, err
			case q.Selector == nil || q.Selector.Matches(labels.Set(o.GetLabels())):
				found = append(found, *o)
			}
		}
	}
	return found, nil
}

// list reads the objects of names, of namespaces, or all.
func list(ctx context.Context, from client.Reader, q engine.Query) ([]unstructured.Unstructured, error) {
	var common []client.ListOption
	if q.Selector != nil {
		common = append(common, client.MatchingLabelsSelector{Selector: q.Selector})
	}
	var each []client.ListOption
	switch {
	case q.Names != nil:
		for _, name := range q.Names {
			each = append(each, client.MatchingFields{byName: name})
		}
	case q.Namespaces != nil:
		for _, namespace := range q.Namespaces {
			each = append(each, client.InNamespace(namespace))
		}
	default:
		each = append(each, client.InNamespace(""))
	}
	var found []unstructured.Unstructured
	for _, one := range each {
		page := &unstructured.UnstructuredList{}
		kind := q.Resource.GroupVersionKind()
		kind.Kind += "List"
		page.SetGroupVersionKind(kind)
		if err := from.List(ctx, page, append(common, one)...); err != nil {
			return nil, err
		}
		found = append(found, page.Items...)
	}
	return found, nil
}
