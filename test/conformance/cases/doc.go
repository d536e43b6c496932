// Package cases reads the cases of PolicyTest documents, so that every engine
// runs the same ones: the API server's packages offline, the webhook, a real
// API server.
//
//   - name: unknown registry
//     request: {namespace: production}
//     object: {apiVersion: v1, kind: Pod, …}
//     expect: {deny: [trusted-registry]}
//
// becomes a Case with Operation CREATE, Resource v1 pods, and Expect.Deny
// [allowed-registries/trusted-registry].
package cases
