// Package api holds the kinds that the runtime serves: CompiledPolicy, which `policyc build` writes to generated/webhook/
// for what the API server cannot evaluate itself.
//
//	policies/networking/unique-ingress-host.yaml → CompiledPolicy unique-ingress-host, with the spec of the
//	ValidatingAdmissionPolicy that it would be, the lookups that it reads, and its bindings
//
// +kubebuilder:object:generate=true
// +groupName=policyc.dev
// +versionName=v1alpha1
package api

//go:generate go run sigs.k8s.io/controller-tools/cmd/controller-gen@v0.23.0 object paths=. crd output:crd:dir=../chart/files
