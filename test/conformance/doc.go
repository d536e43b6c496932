// Package conformance runs the cases of PolicyTests through the API server's
// own admission code, without a server: the objects that policyc emits are
// decoded, compiled, matched and evaluated by the packages that kube-apiserver
// is built from (k8s.io/apiserver/pkg/admission/plugin/policy).
//
//	policies/*.yaml → compiler → generated YAML → Install → Engine
//	policies/*_test.yaml → cases.Load → Case ─────────────────┴→ Verdict
//
// What it does not do is the part of an API server around admission: it fills
// in no defaults, and admits objects that validation would refuse.
package conformance
