package suite

import (
	kube "k8s.io/apimachinery/pkg/runtime/schema"

	"k8s.io/apimachinery/pkg/runtime"
)

// equivalents tells the engine which resources are versions of one another,
// as the API server knows of what it serves.
func (v *Variant) equivalents() *Variant {
	m := runtime.NewEquivalentResourceRegistry()
	for _, k := range v.Result.Project.Schemas.Kinds() {
		m.RegisterKindFor(kube.GroupVersionResource{Group: k.ResourceGroup, Version: k.ResourceVersion, Resource: k.Resource}, k.Subresource,
			kube.GroupVersionKind{Group: k.Group, Version: k.Version, Kind: k.Kind})
	}
	v.Engine = v.Engine.WithEquivalents(m)
	return v
}
