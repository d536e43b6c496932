package oracle

import (
	"regexp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/policyc/policyc/compiler/schema"
	"github.com/policyc/policyc/compiler/types"
	"github.com/policyc/policyc/runtime/engine"
)

// request makes a request that the policy is about, and a cluster.
func (o *objects) request(p *policy, s *schema.Set) (*input, error) {
	root, err := p.world.kind.root(s)
	if err != nil {
		return nil, err
	}
	in := o.input(root)
	for !slices.Contains(p.on(), in.Operation) {
		in = o.input(root)
	}
	in.Missing, in.Namespace = nil, pick(o.Rand, "a", "a", "b", "env", "a-b")
	if in.DryRun == nil {
		in.DryRun = new(bool)
	}
	labels := map[string]string{"kubernetes.io/metadata.name": in.Namespace}
	for k, v := range in.NamespaceLabels {
		labels[k] = v
	}
	in.NamespaceLabels = labels
	for _, object := range []map[string]any{in.Object, in.OldObject} {
		if object != nil {
			o.name(object, in.Namespace, in.Name)
		}
	}
	if err := in.settle(); err != nil {
		return in, err
	}
	sought, err := p.scope(in)
	if err != nil {
		sought = nil // an overflow: whatever there is, the request is not compared
	}
	for _, l := range p.lookups {
		root, err := l.Kind.root(s)
		if err != nil {
			return nil, err
		}
		for range o.Intn(5) {
			in.add(o.other(l, root, sought))
		}
	}
	if slices.ContainsFunc(p.lookups, func(l *lookup) bool { return l.Kind == namespaceKind }) {
		in.add(asJSON(aNamespace(in.Namespace, in.NamespaceLabels)))
	}
	return in, nil
}

// name gives an object the name and namespace of its request, as the API server
// makes sure of.
func (o *objects) name(object map[string]any, namespace, name string) {
	meta, ok := object["metadata"].(map[string]any)
	if !ok {
		meta = map[string]any{}
		object["metadata"] = meta
	}
	delete(meta, "name")
	if meta["namespace"] = namespace; name != "" {
		meta["name"] = name
	}
}

// other makes an object of a cluster: what a lookup seeks, or not quite.
func (o *objects) other(l *lookup, root *types.Type, sought *scope) map[string]any {
	k := l.Kind
	o.typed = k.builtIn()
	object := o.object(root, 7).(map[string]any)
	object["kind"], object["apiVersion"] = k.kind, k.apiVersion()
	either := func(p pattern, valid *regexp.Regexp, others []string) string {
		v, _ := p.value(sought)
		if text, ok := v.(string); ok && p != nil && valid.MatchString(text) && o.Intn(3) > 0 {
			return text
		}
		return pick(o.Rand, others...)
	}
	name := either(l.ObjectName, validName, otherNames)
	o.name(object, either(l.Namespace, validName, namespaces), name)
	labels := map[string]any{}
	for range o.Intn(3) {
		labels[pick(o.Rand, labelKeys...)] = pick(o.Rand, labelValues...)
	}
	for _, r := range l.Labels {
		if len(r.Values) > 0 && o.Intn(2) == 0 {
			labels[r.Key] = either(pick(o.Rand, r.Values...), validLabel, labelValues)
		}
	}
	meta := object["metadata"].(map[string]any)
	if k == namespaceKind {
		labels["kubernetes.io/metadata.name"] = name
		meta["labels"] = labels
		return asJSON(aNamespace(name, labelsOf(object)))
	}
	if meta["labels"] = labels; len(labels) == 0 {
		delete(meta, "labels")
	}
	return object
}

// What objects can be called and labelled.
var (
	validName  = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$`)
	validLabel = regexp.MustCompile(`^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$`)
)

// add adds an object; one of its name is replaced.
func (in *input) add(object map[string]any) {
	in.Others = slices.DeleteFunc(in.Others, func(o map[string]any) bool {
		return o["kind"] == object["kind"] && metaText(o, "name") == metaText(object, "name") && metaText(o, "namespace") == metaText(object, "namespace")
	})
	in.Others = append(in.Others, object)
}

// cluster is what else there is, with the namespace of the request.
func (in *input) cluster() *engine.Cluster {
	list := []runtime.Object{in.namespaceObject()}
	for _, o := range in.Others {
		if o["kind"] == "Namespace" {
			if name := metaText(o, "name"); name != in.Namespace {
				list = append(list, aNamespace(name, labelsOf(o)))
			}
			continue
		}
		list = append(list, &unstructured.Unstructured{Object: o})
	}
	return engine.NewCluster(list...)
}

func labelsOf(o map[string]any) map[string]string {
	return (&unstructured.Unstructured{Object: o}).GetLabels()
}

func aNamespace(name string, labels map[string]string) *corev1.Namespace {
	return &corev1.Namespace{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}, ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
}
