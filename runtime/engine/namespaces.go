package engine

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apiserver/pkg/admission/plugin/policy/matching"
	"k8s.io/client-go/kubernetes"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
)

// namespaces is the lister of one request. In a Cluster the namespace of the request exists, since the API server refuses
// the request otherwise; any other Reader knows better.
type namespaces struct {
	ctx     context.Context
	request *Request
	known   map[string]namespaceAnswer
}

type namespaceAnswer struct {
	namespace *corev1.Namespace
	err       error
}

func newNamespaces(ctx context.Context, r *Request) namespaces {
	return namespaces{ctx, r, map[string]namespaceAnswer{}}
}

// matcher is the API server's, over the namespaces.
func (n namespaces) matcher() *matching.Matcher { return matching.NewMatcher(n, storage{}) }

func (n namespaces) Get(name string) (*corev1.Namespace, error) {
	answer, ok := n.known[name]
	if !ok {
		answer.namespace, answer.err = n.read(name)
		n.known[name] = answer
	}
	if unread := (*readError)(nil); errors.As(answer.err, &unread) {
		// The cause is for later: to the API server's matcher, the error of a client is the end of a request.
		return nil, errors.New(unread.Error())
	}
	return answer.namespace, answer.err
}

// cause is why a namespace could not be read, where that is what became of a request, or else the error itself.
func (n namespaces) cause(err error) error {
	for _, answer := range n.known {
		if unread := (*readError)(nil); errors.As(answer.err, &unread) {
			return unread
		}
	}
	return err
}

func (n namespaces) read(name string) (*corev1.Namespace, error) {
	ns, err := n.request.reader().Namespace(n.ctx, name)
	switch {
	case err == nil:
		return ns, nil
	case !apierrors.IsNotFound(err):
		return nil, &readError{"namespace " + name, err}
	case !n.request.offline():
		return nil, apierrors.NewNotFound(corev1.Resource("namespaces"), name)
	}
	if old, ok := n.request.OldObject.(*corev1.Namespace); ok && old.Name == name {
		return withName(old), nil
	}
	if name == n.request.Namespace {
		return withName(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}), nil
	}
	return nil, err
}

// List is for interface's sake: matching gets namespaces by name.
func (namespaces) List(labels.Selector) ([]*corev1.Namespace, error) { return nil, nil }

// storage is the client that the API server's matcher asks for a namespace that its lister does not have. It has none
// either: the Reader has been asked.
type (
	storage           struct{ kubernetes.Interface }
	storageCore       struct{ corev1client.CoreV1Interface }
	storageNamespaces struct {
		corev1client.NamespaceInterface
	}
)

func (storage) CoreV1() corev1client.CoreV1Interface            { return storageCore{} }
func (storageCore) Namespaces() corev1client.NamespaceInterface { return storageNamespaces{} }

func (storageNamespaces) Get(_ context.Context, name string, _ metav1.GetOptions) (*corev1.Namespace, error) {
	return nil, apierrors.NewNotFound(corev1.Resource("namespaces"), name)
}
