// Package cases reads the cases of PolicyTest documents, so that every engine runs the same ones: the API server's
// packages offline, a real API server, the webhook.
//
//   - name: unknown registry
//     request: {namespace: production}
//     object: {apiVersion: v1, kind: Pod, …}
//     expect: {deny: [trusted-registry]}
//
// becomes a Case with Operation CREATE, Resource v1 pods, and Expect.Deny
// [allowed-registries/trusted-registry]. What cannot be a case is reported with its position.
package cases
