package api

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is policyc.dev/v1alpha1.
var GroupVersion = schema.GroupVersion{Group: "policyc.dev", Version: "v1alpha1"}

// AddToScheme makes the kinds known to a scheme.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion, &CompiledPolicy{}, &CompiledPolicyList{})
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}
