// Package oracle holds the reference interpreter of policy CEL, written from
// section 4 of the design and docs/language.md, not from the compiler; and
// compares it with what the compiler makes: random policies over random
// objects, compiled for every version of Kubernetes, run with the API server's
// own CEL environment and evaluator.
//
//	deny: object.spec.port < 3        the tree of the expression, which prints as policy CEL
//	{spec: {port: "a"}}               an object that the schema admits
//	→ interpreter: absent, so false; compiled: type(port) == int && port < 3, so false: they agree
//
// A disagreement is printed with its seed, policy, compiled CEL, request and both
// results, after everything that it does not need has been left out of it.
package oracle
