package suite

import (
	"k8s.io/apimachinery/pkg/runtime"
	kube "k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/policyc/policyc/compiler/schema"
)

// Equivalents says which resources are versions of one another, as the API
// server knows of what it serves.
func Equivalents(kinds []*schema.Kind) runtime.EquivalentResourceMapper {
	m := runtime.NewEquivalentResourceRegistryWithIdentity(identity)
	for _, k := range kinds {
		m.RegisterKindFor(kube.GroupVersionResource{Group: k.ResourceGroup, Version: k.ResourceVersion, Resource: k.Resource}, k.Subresource,
			kube.GroupVersionKind{Group: k.Group, Version: k.Version, Kind: k.Kind})
	}
	return m
}

// identity is the place where the API server stores a resource. Of the groups
// that are served, only those of events share one (seen on 1.37).
func identity(r kube.GroupResource) string {
	if r.Group == "events.k8s.io" {
		r.Group = ""
	}
	return r.String()
}
