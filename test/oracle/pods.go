package oracle

import (
	"github.com/policyc/policyc/compiler/schema"
	"github.com/policyc/policyc/compiler/types"
)

// podPaths say where the kinds that carry a pod keep it.
var podPaths = map[string][]string{
	"Pod": {}, "Deployment": {"spec", "template"}, "CronJob": {"spec", "jobTemplate", "spec", "template"},
}

// hasPod reports whether `pod` and `containers` are known for a kind.
func (k *kind) hasPod() bool { return podPaths[k.kind] != nil }

func podType(s *schema.Set) *types.Type {
	spec, _ := s.Type("io.k8s.api.core.v1.PodSpec")
	return types.NewObject("pod", &types.Field{Name: "metadata", Type: s.ObjectMeta(), Required: true},
		&types.Field{Name: "spec", Type: spec, Required: true})
}

func containerType(s *schema.Set) *types.Type {
	app, _ := s.Type("io.k8s.api.core.v1.Container")
	ephemeral, _ := s.Type("io.k8s.api.core.v1.EphemeralContainer")
	return types.Union([]string{"containers", "ephemeral containers"}, []*types.Type{app, ephemeral})
}

// podOf is the pod, or pod template, of an object.
func (k *kind) podOf(object any) any {
	for _, step := range podPaths[k.kind] {
		object = member(object, step)
	}
	return object
}

// containersOf are the app, init and ephemeral containers, in this order.
func containersOf(pod any) any {
	out := []any{}
	spec := member(pod, "spec")
	for _, list := range []string{"containers", "initContainers", "ephemeralContainers"} {
		out = append(out, asList(member(spec, list))...)
	}
	return out
}
