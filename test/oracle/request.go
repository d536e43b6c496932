package oracle

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand"
	"slices"

	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/client-go/kubernetes/scheme"
	kjson "sigs.k8s.io/json"

	"github.com/policyc/policyc/compiler/types"
)

// fieldsOf is a type with fields that may all be absent.
func fieldsOf(name string, fields map[string]*types.Type) *types.Type {
	t := make([]*types.Field, 0, len(fields))
	for _, n := range slices.Sorted(maps.Keys(fields)) {
		t = append(t, &types.Field{Name: n, Type: fields[n]})
	}
	return types.NewObject(name, t...)
}

// What the expressions read of a request, and of its namespace.
var (
	textList    = types.NewList(types.StringType)
	textMap     = types.NewMap(types.StringType, types.StringType)
	requestType = fieldsOf("request", map[string]*types.Type{
		"operation": types.StringType, "namespace": types.StringType, "name": types.StringType, "dryRun": types.BoolType,
		"kind":     fieldsOf("requestKind", map[string]*types.Type{"group": types.StringType, "kind": types.StringType}),
		"userInfo": fieldsOf("userInfo", map[string]*types.Type{"username": types.StringType, "groups": textList}),
	})
	namespaceType = fieldsOf("namespaceObject", map[string]*types.Type{
		"metadata": fieldsOf("namespaceMetadata", map[string]*types.Type{
			"name": types.StringType, "labels": textMap, "annotations": textMap, "finalizers": textList}),
	})
)

// input is one request. Objects are JSON as the API server has decoded it.
type input struct {
	Operation, Namespace, Name, User string
	Groups                           []string
	DryRun                           *bool
	// NamespaceLabels are those of the namespace; without a namespace there is no namespaceObject.
	NamespaceLabels   map[string]string
	Object, OldObject map[string]any
	// Missing are the parameters that an object of parameters lacks.
	Missing []string
	// Typed says that the objects are of Go types, as those of the kinds of
	// Kubernetes are in an API server.
	Typed bool
	// Others are what else there is in the cluster.
	Others []map[string]any `json:",omitempty"`
	kind   *kind
	// before says that the old object is judged on its own, for ratchet: there
	// is nothing before it.
	before bool
}

// describe fills in who asks for what, and where.
func (in *input) describe(r *rand.Rand) {
	in.Name, in.Namespace = pick(r, "", "a", "b", "a-b"), pick(r, "a", "a", "env", "a-b", "")
	in.User = pick(r, "", "a", "b", "system:serviceaccount:a:b")
	in.Groups = pick(r, nil, []string{"a", "env"}, []string{"b"}, []string{"system:authenticated", "a"})
	for _, p := range parameters {
		if r.Intn(8) == 0 {
			in.Missing = append(in.Missing, p.name)
		}
	}
	if yes := r.Intn(2) == 0; r.Intn(3) > 0 {
		in.DryRun = &yes
	}
	if in.Namespace != "" {
		in.NamespaceLabels = pick(r, nil, map[string]string{"a": "b", "env": "1"}, map[string]string{"env": "a", "kubernetes.io/name": "a"})
	}
}

// settle reads the objects as their Go types have them: what such a type does
// not write is not there for anybody.
func (in *input) settle() error {
	if !in.Typed {
		return nil
	}
	for _, o := range []*map[string]any{&in.Object, &in.OldObject} {
		if *o == nil {
			continue
		}
		made, err := in.kind.decode(*o)
		if err != nil {
			return err
		}
		*o = asJSON(made)
	}
	return nil
}

// decode makes the Go object of JSON.
func (k *kind) decode(object map[string]any) (runtime.Object, error) {
	made, err := scheme.Scheme.New(schema.GroupVersionKind{Group: k.group, Version: k.version, Kind: k.kind})
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	return made, kjson.UnmarshalCaseSensitivePreserveInts(text, made)
}

// builtIn reports whether the kind is one of Kubernetes.
func (k *kind) builtIn() bool { return k.group != "example.com" }

// asJSON is what a Go value is as JSON, with integers as int64.
func asJSON(v any) map[string]any {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("no JSON: %v", err))
	}
	var out map[string]any
	if err := kjson.UnmarshalCaseSensitivePreserveInts(text, &out); err != nil {
		panic(fmt.Sprintf("no JSON: %v", err))
	}
	return out
}

// parameters is the object that parameters are in.
func (in *input) parameters() runtime.Object {
	spec := map[string]any{}
	for _, p := range parameters {
		if !slices.Contains(in.Missing, p.name) {
			spec[p.name] = toJSON(p.value)
		}
	}
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "params.policyc.dev/v1", "kind": "PParams",
		"metadata": map[string]any{"name": "p"}, "spec": spec}}
}

// request is the request in the API server's terms.
func (in *input) request() *admissionv1.AdmissionRequest {
	return &admissionv1.AdmissionRequest{Operation: admissionv1.Operation(in.Operation), Namespace: in.Namespace, Name: in.Name,
		Kind: metav1.GroupVersionKind{Group: in.kind.group, Version: in.kind.version, Kind: in.kind.kind}, DryRun: in.DryRun,
		UserInfo: authenticationv1.UserInfo{Username: in.User, Groups: in.Groups}}
}

// namespaceObject is the namespace of the request; nil of an object without one.
func (in *input) namespaceObject() *corev1.Namespace {
	if in.Namespace == "" {
		return nil
	}
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: in.Namespace, Labels: in.NamespaceLabels}}
}

// attributes are the objects in the API server's terms.
func (in *input) attributes() *admission.VersionedAttributes {
	return &admission.VersionedAttributes{VersionedObject: in.lazy(in.Object), VersionedOldObject: in.lazy(in.OldObject)}
}

func (in *input) lazy(object map[string]any) admission.LazyObject {
	if object == nil {
		return admission.LazyObject{}
	}
	if in.Typed {
		made, err := in.kind.decode(object)
		if err != nil {
			panic(err) // settle decoded it before
		}
		return admission.NewLazyObject(made)
	}
	return admission.NewLazyObject(&unstructured.Unstructured{Object: object})
}
