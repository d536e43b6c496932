// Package remote sends the cases of a suite to a real API server, as dry runs, and compares its verdicts with those of the
// engine.
//
//	case: pod with the image evil.io/x in production    ─►  POST /api/v1/namespaces/policyc-test-1f0c-2/pods?dryRun=All
//	                                                        as nobody, in the groups policyc:test:1f0c and policyc:test:1f0c:7
//	◄─ 422 … 'policyc-test-1f0c-7' … denied request: [trusted-registry] …
//	→ Result{Outcome: Compared, Server: {Deny: [allowed-registries/trusted-registry], …}, Differences: none}
//
// The cluster may be in use. What is installed are copies of the policies, under names of the run:
//
//   - The first match condition of a copy asks for a group that only requests of the run have, by impersonation, and the
//     others are not evaluated without it. For namespaced kinds a copy matches nothing outside of the run's namespaces
//     besides, which is what makes it harmless where a parameter cannot be read: that fails before match conditions.
//   - The namespaces of cases are scratch namespaces. Selectors see their real names in a label; expressions that read a
//     namespace's name get it mapped back. What cannot be mapped is skipped, with the reason: a verdict is never guessed.
//   - Objects that a case changes or deletes are stored for that case, without the group, and only of kinds that nothing
//     acts on; no Pod can start in a scratch namespace, since a policy of the run refuses all without a scheduling gate.
//   - The users of cases get their rights through the run's group: the verbs and resources of the cases, in the scratch
//     namespaces, and cluster-wide only for kinds that are in no namespace.
//   - All of it has the label policyc.dev/test-run, and is deleted at the end, however the run ends. A later run deletes
//     what one left behind that was killed.
//
// A copy has one binding that denies and one that warns, whatever the action of the original: a client sees no audit entry.
// The denial tells status, reason and message, and warnings of further validations tell which rules are violated.
package remote
