package client

import (
	"maps"
	"net/url"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/policyc/policyc/runtime/engine"
)

// clusterScoped are the kinds of these tests that are in no namespace.
var clusterScoped = map[string]bool{"Namespace": true, "Node": true, "ClusterRole": true, "PersistentVolume": true, "ClusterRoleBinding": true}

// Namespaced reports whether an object is in a namespace.
func Namespaced(o Object) bool { return !clusterScoped[o["kind"].(string)] }

// Collection is the path of the objects of a kind, in a namespace if they are in one.
func Collection(o Object, namespace string) string {
	version, kind := o["apiVersion"].(string), o["kind"].(string)
	path := "/api/" + version
	if strings.Contains(version, "/") {
		path = "/apis/" + version
	}
	if Namespaced(o) {
		path += "/namespaces/" + namespace
	}
	return path + "/" + Plural(kind)
}

// Path is the path of an object.
func Path(o Object, namespace string) string {
	return Collection(o, namespace) + "/" + url.PathEscape(Name(o))
}

// Plural returns the name of a kind's resource, as the API server forms it for the kinds of these tests.
func Plural(kind string) string {
	many, _ := meta.UnsafeGuessKindToResource(schema.GroupVersionKind{Kind: kind})
	return many.Resource
}

// Name is the name of an object, "" when it has none.
func Name(o Object) string { return metadata(o, "name") }

// Namespace is the namespace that an object says it is in.
func Namespace(o Object) string { return metadata(o, "namespace") }

func metadata(o Object, field string) string {
	m, _ := o["metadata"].(Object)
	s, _ := m[field].(string)
	return s
}

// Own is an object without what the server counts and measures.
func Own(o Object) Object {
	out := maps.Clone(o)
	meta, _ := o["metadata"].(Object)
	meta = maps.Clone(meta)
	for _, field := range []string{"uid", "creationTimestamp", "managedFields", "resourceVersion", "generation"} {
		delete(meta, field)
	}
	out["metadata"] = meta
	return out
}

// Changes are the operations that lead from one object to another, without what the server counts and what it draws by lot.
func Changes(before, after Object) []string { return Lines(engine.Diff(Own(before), Own(after))) }

// Lines are operations as text.
func Lines(patch []engine.Operation) []string {
	var out []string
	for _, o := range patch {
		out = append(out, randomEnd.ReplaceAllString(o.String(), "kube-api-access-xxxxx"))
	}
	return out
}

// randomEnd is the name of the volume that a Pod's token is in.
var randomEnd = regexp.MustCompile(`kube-api-access-[a-z0-9]{5}`)
