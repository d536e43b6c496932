package oracle

import (
	"math/rand"
	"slices"

	"github.com/policyc/policyc/compiler/schema"
	"github.com/policyc/policyc/compiler/target"
	"github.com/policyc/policyc/compiler/types"
)

// world is what the expressions of a batch are about: a kind, and a few of its
// fields, so that expressions and objects meet in the same places.
type world struct {
	random *rand.Rand
	target target.Version
	kind   *kind
	names  []binding
	chosen map[string][]string
	// lists and comprehensions say since when there are functions of lists,
	// and macros of two variables.
	lists, comprehensions target.Version
}

// kind is a kind that policies match.
type kind struct {
	ref            string
	group, version string
	resource, kind string
}

// The kinds: of Kubernetes, and those of testdata/crds.yaml.
var kinds = []*kind{
	{ref: "v1/Pod", version: "v1", resource: "pods", kind: "Pod"},
	{ref: "apps/v1/Deployment", group: "apps", version: "v1", resource: "deployments", kind: "Deployment"},
	{ref: "v1/Service", version: "v1", resource: "services", kind: "Service"},
	{ref: "networking.k8s.io/v1/Ingress", group: "networking.k8s.io", version: "v1", resource: "ingresses", kind: "Ingress"},
	{ref: "v1/ConfigMap", version: "v1", resource: "configmaps", kind: "ConfigMap"},
	{ref: "v1/ResourceQuota", version: "v1", resource: "resourcequotas", kind: "ResourceQuota"},
	{ref: "policy/v1/PodDisruptionBudget", group: "policy", version: "v1", resource: "poddisruptionbudgets", kind: "PodDisruptionBudget"},
	{ref: "batch/v1/CronJob", group: "batch", version: "v1", resource: "cronjobs", kind: "CronJob"},
	{ref: "networking.k8s.io/v1/NetworkPolicy", group: "networking.k8s.io", version: "v1", resource: "networkpolicies", kind: "NetworkPolicy"},
	{ref: "example.com/v1/Widget", group: "example.com", version: "v1", resource: "widgets", kind: "Widget"},
	{ref: "example.com/v1/Widget", group: "example.com", version: "v1", resource: "widgets", kind: "Widget"},
	{ref: "example.com/v1/Widget", group: "example.com", version: "v1", resource: "widgets", kind: "Widget"},
	{ref: "example.com/v1/Widget", group: "example.com", version: "v1", resource: "widgets", kind: "Widget"},
	{ref: "example.com/v1/Gadget", group: "example.com", version: "v1", resource: "gadgets", kind: "Gadget"},
}

// fields are the fields of a type that the batch is about.
func (w *world) fields(t *types.Type) []string {
	if chosen, ok := w.chosen[t.Name]; ok {
		return chosen
	}
	names := slices.Clone(t.Fields.Names())
	w.random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	var out []string
	most := 6
	if w.kind.kind == "Widget" { // every field of which is there for a reason
		most = 14
	}
	for _, n := range names {
		// What carries the object is always there.
		if n == "spec" || n == "containers" || len(out) < most {
			out = append(out, n)
		}
	}
	w.chosen[t.Name] = out
	return out
}

// newWorld chooses what the expressions of a batch are about.
func newWorld(random *rand.Rand, s *schema.Set, v target.Version) (*world, error) {
	w := &world{random: random, target: v, kind: pick(random, kinds...), chosen: map[string][]string{}}
	root, err := w.root(s)
	if err != nil {
		return nil, err
	}
	// The later ones are taken more often: what an object holds is less sure
	// than a constant, and more of the lowering is about it.
	for _, p := range parameters {
		w.names = append(w.names, binding{"params." + p.name, p.typ, true})
	}
	w.names = append(w.names, binding{"request", requestType, true}, binding{"namespaceObject", namespaceType, true},
		binding{name: "oldObject", typ: root}, binding{name: "object", typ: root})
	if since, ok := target.FunctionSince("distinct"); ok {
		w.lists = since
	}
	if since, ok := target.MacroSince("transformList", 3, true); ok {
		w.comprehensions = since
	}
	if w.kind.hasPod() {
		pod, containers := podType(s), types.NewList(containerType(s))
		w.names = append(w.names, binding{name: "oldContainers", typ: containers}, binding{name: "oldPod", typ: pod},
			binding{name: "containers", typ: containers}, binding{name: "pod", typ: pod})
	}
	return w, nil
}

// root is the type of the objects of the kind.
func (w *world) root(s *schema.Set) (*types.Type, error) {
	return w.kind.root(s)
}
