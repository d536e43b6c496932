// Package suite runs the cases of PolicyTests with the engine and says what came of them.
//
//	case: pod with the image evil.io/x; expect: {deny: [trusted-registry]}
//	→ Result{Verdict: {Deny: [allowed-registries/trusted-registry], …}, Differences: none}
package suite
