// Package podsecurity compares the policies pod-security-baseline and
// pod-security-restricted with what they are written after: the evaluator of
// the API server's own Pod Security admission (k8s.io/pod-security-admission).
//
//	fixtures of the module ─ mutate ─► pod ─┬─► upstream's checks ──────────────────────────┐
//	                                        └─ wrap ─► Pod, Deployment, … ─► runtime/engine ─┴─► equal
//
// They are compared check by check and level by level, so that two mistakes
// cannot make up for one another. A difference is shrunk to the fields that
// it takes, and printed with both verdicts.
//
// The pods are a mutation of Go values, guided by their types: a field that
// Kubernetes adds to a security context is varied without a change here.
//
//	go test ./test/podsecurity                         # the fixtures and 5,000 random pods
//	PODSECURITY_PODS=200000 go test ./test/podsecurity # what `make podsecurity` does
package podsecurity
