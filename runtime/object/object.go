// Package object prepares objects as the API server holds them when admission runs: decoded into the Go type of their
// kind, nulls dropped, defaults applied, and with what the server itself fills in on CREATE.
//
//	apiVersion: v1                       *corev1.Pod with
//	kind: Pod                              spec.containers[0].imagePullPolicy: Always
//	metadata: {name: web, labels: null}    spec.containers[0].ports[0].protocol: TCP
//	spec:                                  spec.restartPolicy: Always
//	  containers:                          spec.serviceAccountName: default
//	  - name: app                          spec.tolerations: […not-ready…, …unreachable…]
//	    image: nginx                       status.phase: Pending
//	    ports: [{containerPort: 80}]       and no labels
//
// Validating admission runs late: after decoding and defaults, after mutating admission, and after what the storage of a
// kind does on CREATE (status cleared, generation set). All that is the same in every cluster is imitated; what is not is
// listed in docs/testing.md and excused by name in the end-to-end test that compares this package with real servers.
package object

import (
	"fmt"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/client-go/kubernetes/scheme"
)

// Preparer prepares objects of the kinds of Kubernetes and of the given CRDs. It is safe for concurrent use.
type Preparer struct {
	defaults *defaulter
	fields   *sync.Map // reflect.Type of a struct → map of its JSON fields
	custom   map[schema.GroupVersionKind]*customKind
}

// NewPreparer takes CustomResourceDefinitions as they are in YAML. One that cannot be read is reported by Prepare, for an
// object of its kind.
func NewPreparer(crds ...map[string]any) *Preparer {
	return &Preparer{defaults: newDefaulter(), fields: &sync.Map{}, custom: customKinds(crds)}
}

// Prepare returns the object as validating admission would see it: of a kind built into Kubernetes as its type in
// k8s.io/client-go/kubernetes/scheme, of another kind as *unstructured.Unstructured. The object is one as YAML or JSON
// decodes into, and is not changed. What does not fit the kind's schema is an Errors.
//
// On CREATE the server ignores the status and fills in fields; for every other operation the object is taken as one that
// is or was stored, and only defaults are applied. Who asks sets metadata.namespace, which is in the request.
func (p *Preparer) Prepare(object map[string]any, operation admission.Operation) (runtime.Object, error) {
	o, err := p.Receive(object, operation)
	if err == nil {
		p.Store(o, operation)
	}
	return o, err
}

// Receive is Prepare for mutating admission: the object before what its storage does.
func (p *Preparer) Receive(object map[string]any, operation admission.Operation) (runtime.Object, error) {
	o, err := p.decoded(object, operation)
	if err == nil {
		p.Fill(o, operation)
	}
	return o, err
}

// Default applies defaults again, to what was changed since.
func (p *Preparer) Default(o runtime.Object) {
	if u, ok := o.(*unstructured.Unstructured); ok {
		if custom := p.custom[u.GroupVersionKind()]; custom != nil && custom.schema != nil && custom.err == nil {
			// What does not fit the schema is for the server's validation.
			(&shaper{fields: p.fields}).object(custom.schema, u.Object, nil, true)
		}
		return
	}
	p.defaults.apply(o)
}

// Fill does what the mutating plugins do that every server runs.
func (p *Preparer) Fill(o runtime.Object, operation admission.Operation) {
	if _, custom := o.(*unstructured.Unstructured); !custom && operation == admission.Create {
		fillByPlugins(o)
	}
}

// Store does what the storage of a kind does on CREATE, between mutation and validation.
func (p *Preparer) Store(o runtime.Object, operation admission.Operation) {
	if operation != admission.Create {
		return
	}
	if u, ok := o.(*unstructured.Unstructured); ok {
		p.storeCustom(u)
		return
	}
	clearStatus(o)
	fillOnCreate(o)
}

func (p *Preparer) decoded(object map[string]any, operation admission.Operation) (runtime.Object, error) {
	kind := (&unstructured.Unstructured{Object: object}).GroupVersionKind()
	if err := identify(object, kind); err != nil {
		return nil, err
	}
	typed, err := scheme.Scheme.New(kind)
	switch {
	case err == nil:
		return p.builtIn(object, typed, operation)
	case scheme.Scheme.IsGroupRegistered(kind.Group):
		return nil, Errors{{Path{"kind"}, fmt.Sprintf("Kubernetes has no kind %s in %s", kind.Kind, kind.GroupVersion())}}
	}
	return p.customObject(object, kind, operation)
}

// identify asserts that there is an apiVersion and a kind.
func identify(object map[string]any, kind schema.GroupVersionKind) error {
	var errs Errors
	if version, _ := object["apiVersion"].(string); version == "" {
		errs = append(errs, &Error{Path{"apiVersion"}, "want an apiVersion, as v1 or apps/v1"})
	}
	if kind.Kind == "" {
		errs = append(errs, &Error{Path{"kind"}, "want a kind, as Pod"})
	}
	return errs.orNil()
}

func (p *Preparer) builtIn(object map[string]any, typed runtime.Object, operation admission.Operation) (runtime.Object, error) {
	if err := p.decode(object, typed); err != nil {
		return nil, err
	}
	p.defaults.apply(typed)
	convert(typed)
	if operation == admission.Create {
		nameGenerated(typed)
	}
	return typed, nil
}

// metaOf is nil for objects without metadata, as PodExecOptions.
func metaOf(o runtime.Object) metav1.Object {
	if with, ok := o.(metav1.Object); ok {
		return with
	}
	if with, ok := o.(metav1.ObjectMetaAccessor); ok {
		return with.GetObjectMeta()
	}
	return nil
}
