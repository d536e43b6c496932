package engine

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/policyc/policyc/runtime/api"
)

// Reader is what policies may read of a cluster besides the request. It serves several goroutines at once.
type Reader interface {
	// Namespace returns a namespace; the error is one of apierrors.IsNotFound when there is none.
	Namespace(ctx context.Context, name string) (*corev1.Namespace, error)
	// List returns objects as JSON has them, with integers as int64, sorted by namespace and name. They are shared, and
	// nobody changes them.
	List(ctx context.Context, q Query) ([]map[string]any, error)
}

// Query selects objects: those that satisfy all that is given.
type Query struct {
	Resource api.LookupResource
	// Namespaces and Names are sorted and hold what can be a name; nil is all.
	Namespaces, Names []string
	// Selector is nil when labels do not matter.
	Selector labels.Selector
	// Strong asks the API server, and no cache.
	Strong bool
}

// resource names the resource of a query for people.
func (q Query) resource() string {
	if q.Resource.Group == "" {
		return q.Resource.Plural
	}
	return q.Resource.Plural + "." + q.Resource.Group
}

// readError is that a Reader failed. It says what was read, which a client may know; the cause is for logs.
type readError struct {
	what  string
	cause error
}

func (e *readError) Error() string { return "cannot read " + e.what }
func (e *readError) Unwrap() error { return e.cause }

// reads is what one request has read. What is asked again, by another binding or for a second parameter object, is not
// read again, so that all of them see the same objects.
type reads struct {
	reader Reader
	lists  map[string]list
}

type list struct {
	objects []any
	err     error
}

func (r *reads) list(ctx context.Context, q Query) ([]any, error) {
	key := fmt.Sprintf("%+v %q %q %v %t", q.Resource, q.Namespaces, q.Names, q.Selector, q.Strong)
	if known, ok := r.lists[key]; ok {
		return known.objects, known.err
	}
	found, err := r.reader.List(ctx, q)
	out := list{objects: make([]any, len(found))}
	for i, o := range found {
		out.objects[i] = o
	}
	if err != nil {
		out = list{err: &readError{q.resource(), err}}
	}
	r.lists[key] = out
	return out.objects, out.err
}
