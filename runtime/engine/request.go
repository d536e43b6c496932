package engine

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

// Request is a request as admission sees it.
type Request struct {
	Operation   admission.Operation
	Resource    schema.GroupVersionResource
	Subresource string
	// Kind is that of Object, which for a subresource may differ from that
	// of Resource (autoscaling/v1 Scale, v1 PodExecOptions).
	Kind schema.GroupVersionKind
	// RequestKind and RequestResource are what the client sent, where matchPolicy
	// Equivalent made the objects Kind and Resource; empty when they are the same.
	RequestKind     schema.GroupVersionKind
	RequestResource schema.GroupVersionResource
	// Namespace is "" for cluster-scoped objects, and for a Namespace its
	// own name. Name is set even where the API server generates it, which
	// it does before admission.
	Namespace, Name string
	// Object and OldObject are nil where the operation has none. They must
	// say their kind, and are not changed.
	Object, OldObject runtime.Object
	// Received is Object as mutating admission gets it, before what storage
	// does; nil when that is the same.
	Received runtime.Object
	User     user.Info
	DryRun   bool
	// Options are those of the client, such as CreateOptions; nil when it asks
	// for nothing special.
	Options runtime.Object
	// Cluster is what else exists; nil is nothing.
	Cluster Reader
	// Authorizer answers `authorizer.…`; nil allows nobody anything.
	Authorizer authorizer.UnconditionalAuthorizer
}

// reader is never nil.
func (r *Request) reader() Reader {
	if r.Cluster == nil {
		return (*Cluster)(nil)
	}
	return r.Cluster
}

// offline reports whether the cluster is one of given objects.
func (r *Request) offline() bool {
	_, ok := r.reader().(*Cluster)
	return ok
}

// attributes are the request in the terms of the admission chain.
func (r *Request) attributes() admission.Attributes {
	who := r.User
	if who == nil {
		who = &user.DefaultInfo{}
	}
	kind, resource, asked := r.Kind, r.Resource, r.Options
	if r.converted() {
		kind, resource = r.RequestKind, r.RequestResource
	}
	if asked == nil {
		asked = options(r.Operation)
	}
	return admission.NewAttributesRecord(r.Object, r.OldObject, kind, r.Namespace, r.Name, resource, r.Subresource,
		r.Operation, asked, r.DryRun, who)
}

// converted reports whether the objects are in another version than the client sent.
func (r *Request) converted() bool {
	return !r.RequestResource.Empty() && r.RequestResource != r.Resource
}

// equivalent knows one thing: what the resource of a converted request became.
type equivalent struct{ request *Request }

func (e equivalent) EquivalentResourcesFor(schema.GroupVersionResource, string) []schema.GroupVersionResource {
	return []schema.GroupVersionResource{e.request.Resource}
}

func (e equivalent) KindFor(schema.GroupVersionResource, string) schema.GroupVersionKind {
	return e.request.Kind
}

// options are the options that a client sends when it asks for nothing special.
func options(operation admission.Operation) runtime.Object {
	meta := func(kind string) metav1.TypeMeta { return metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: kind} }
	switch operation {
	case admission.Create:
		return &metav1.CreateOptions{TypeMeta: meta("CreateOptions")}
	case admission.Update:
		return &metav1.UpdateOptions{TypeMeta: meta("UpdateOptions")}
	case admission.Delete:
		return &metav1.DeleteOptions{TypeMeta: meta("DeleteOptions")}
	}
	return nil
}
