// Package engine evaluates a compiled bundle against an admission request, with the API server's own packages: its CEL
// environment, its matching, its validator. It knows no HTTP and no client, so that `policyc test`, the audit and the
// webhook all decide with it what the API server decides. What policies read of a cluster comes from a Reader: the caches
// of the webhook, or the objects of a test case (Cluster).
//
//	bundle: disallow-latest-tag; request: CREATE of a pod whose container c has the image nginx:latest
//	→ Decision{Policy: disallow-latest-tag, Outcome: Violation, Actions: [Deny],
//	  Violations: [{explicit-tag, "container c: image nginx:latest names no version"}], …}
package engine
