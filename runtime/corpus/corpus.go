// Package corpus reads Kubernetes manifests as the requests that would create their objects, to see what policies say of
// them.
//
//	manifests/web.yaml: a Deployment web in the namespace shop, and the Namespace shop with labels
//	→ CREATE of Deployment shop/web, in a cluster where shop has these labels; and CREATE of the Namespace
package corpus

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	kube "k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"

	"github.com/policyc/policyc/compiler/schema"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/runtime/engine"
	"github.com/policyc/policyc/runtime/object"
)

// Object is one object of a corpus.
type Object struct {
	// Name is file#Kind/namespace/name.
	Name string
	// Request creates the object; nil when Err says why there is none.
	Request *engine.Request
	Err     error
}

// Options are what is known of kinds.
type Options struct {
	// Schemas know which resource a kind is; the first that does is asked.
	Schemas []*schema.Set
	// CRDs are files of CustomResourceDefinitions.
	CRDs []syntax.Input
}

// requester is who creates the objects of a corpus.
const requester = "policyc:corpus"

// Read returns the objects of the files, in their order. Documents that are
// no objects, and those for kustomize and policyc, are passed over; what
// cannot be read is an Object with an Err.
func Read(files []syntax.Input, o Options) []Object {
	var definitions []map[string]any
	for _, f := range o.CRDs {
		// What is wrong with them was said when the project was resolved.
		all, _ := decode(f.Data)
		definitions = append(definitions, all...)
	}
	r := &reader{kinds: kindsOf(o.Schemas), preparer: object.NewPreparer(definitions...), seen: map[string]int{}}
	var found []manifest
	for _, f := range files {
		all, err := decode(f.Data)
		for _, m := range all {
			found = append(found, manifest{f.Path, m})
		}
		if err != nil {
			r.objects = append(r.objects, Object{Name: f.Path, Err: err})
		}
	}
	cluster := engine.NewCluster(r.namespaces(found)...)
	for _, m := range found {
		r.read(m, cluster)
	}
	return r.objects
}

// manifest is an object as its file has it.
type manifest struct {
	file   string
	object map[string]any
}

// decode returns the objects of a file; those of a List one by one. After an
// error the rest of the file is not read.
func decode(data []byte) ([]map[string]any, error) {
	var out []map[string]any
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for n := 1; ; n++ {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, fmt.Errorf("document %d: %w", n, err)
		}
		var value any
		if err := utilyaml.Unmarshal(document, &value); err != nil {
			return out, fmt.Errorf("document %d: %s", n, oneLine(err.Error()))
		}
		if o, ok := value.(map[string]any); ok {
			out = append(out, flatten(o)...)
		}
	}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// flatten takes Lists apart, and leaves out what is no object of a cluster.
func flatten(o map[string]any) []map[string]any {
	apiVersion, _ := o["apiVersion"].(string)
	kind, _ := o["kind"].(string)
	items, isList := o["items"].([]any)
	switch {
	case apiVersion == "" || kind == "" || apiVersion == syntax.APIVersion || strings.HasPrefix(apiVersion, "kustomize.config.k8s.io/"):
		return nil
	case !isList || !strings.HasSuffix(kind, "List"):
		return []map[string]any{o}
	}
	var out []map[string]any
	for _, item := range items {
		if o, ok := item.(map[string]any); ok {
			out = append(out, flatten(typed(o, apiVersion, kind))...)
		}
	}
	return out
}

// typed gives an item of a PodList the kind that it may leave out there.
func typed(o map[string]any, apiVersion, list string) map[string]any {
	if o["apiVersion"] != nil || o["kind"] != nil || list == "List" {
		return o
	}
	o = maps.Clone(o)
	o["apiVersion"], o["kind"] = apiVersion, strings.TrimSuffix(list, "List")
	return o
}

type reader struct {
	kinds    map[kube.GroupVersionKind]*schema.Kind
	preparer *object.Preparer
	seen     map[string]int
	objects  []Object
}

// kindsOf maps kinds to their main resources.
func kindsOf(sets []*schema.Set) map[kube.GroupVersionKind]*schema.Kind {
	kinds := map[kube.GroupVersionKind]*schema.Kind{}
	for _, set := range sets {
		for _, k := range set.Kinds() {
			gvk := kube.GroupVersionKind{Group: k.Group, Version: k.Version, Kind: k.Kind}
			if k.Subresource == "" && kinds[gvk] == nil {
				kinds[gvk] = k
			}
		}
	}
	return kinds
}

// namespaces returns the Namespaces among the manifests. One that is wrong is
// reported where it is read as an object.
func (r *reader) namespaces(all []manifest) []runtime.Object {
	var out []runtime.Object
	for _, m := range all {
		if m.object["kind"] == "Namespace" && m.object["apiVersion"] == "v1" {
			if o, err := r.preparer.Prepare(m.object, admission.Update); err == nil {
				out = append(out, o)
			}
		}
	}
	return out
}

func (r *reader) read(m manifest, cluster *engine.Cluster) {
	o := &unstructured.Unstructured{Object: m.object}
	namespace, _, _ := unstructured.NestedString(m.object, "metadata", "namespace")
	name, _, _ := unstructured.NestedString(m.object, "metadata", "name")
	gvk := o.GroupVersionKind()
	k := r.kinds[gvk]
	if namespace == "" && k != nil && k.Namespaced {
		namespace = corev1.NamespaceDefault
	}
	request, err := r.request(m.object, gvk, k, namespace, name)
	if request != nil {
		request.Cluster = cluster
	}
	r.objects = append(r.objects, Object{Name: r.unique(label(m.file, gvk.Kind, namespace, name)), Request: request, Err: err})
}

func label(file, kind, namespace, name string) string {
	parts := []string{kind}
	if namespace != "" {
		parts = append(parts, namespace)
	}
	if name == "" {
		name = "(no name)"
	}
	return file + "#" + strings.Join(append(parts, name), "/")
}

// unique numbers the second and further objects of a name.
func (r *reader) unique(name string) string {
	r.seen[name]++
	if n := r.seen[name]; n > 1 {
		return fmt.Sprintf("%s (%d)", name, n)
	}
	return name
}

func (r *reader) request(o map[string]any, gvk kube.GroupVersionKind, k *schema.Kind, namespace, name string) (*engine.Request, error) {
	if k == nil {
		return nil, fmt.Errorf("unknown kind %s of %s: list its CRD under `crds` of the project", gvk.Kind, gvk.GroupVersion())
	}
	prepared, err := r.preparer.Prepare(o, admission.Create)
	if err != nil {
		return nil, errors.New(oneLine(err.Error()))
	}
	if m, err := meta.Accessor(prepared); err == nil && k.Namespaced {
		m.SetNamespace(namespace)
	}
	if gvk.GroupKind() == (kube.GroupKind{Kind: "Namespace"}) {
		namespace = name
	}
	return &engine.Request{
		Operation: admission.Create, Kind: gvk, Namespace: namespace, Name: name, Object: prepared,
		Resource: kube.GroupVersionResource{Group: k.ResourceGroup, Version: k.ResourceVersion, Resource: k.Resource},
		User:     &user.DefaultInfo{Name: requester, Groups: []string{user.AllAuthenticated}},
	}, nil
}
