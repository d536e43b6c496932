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
// Policies with lookups are compiled to all that a cluster runs, read back from
// the files, and judged by the runtime's engine over a cluster of random objects.
// Where the API server makes a lookup itself, the policy is compiled a second time
// so that it makes none: both must agree with the interpreter.
//
//	found: {kind: Widget, name: "${object.spec.name}"}    over widgets a and b, and no name
//	→ interpreter: the list is empty; compiled: names [?object.spec.?name], of which none is asked for
//
// A disagreement is printed with its seed, policy, compiled CEL, request and both
// results, after everything that it does not need has been left out of it.
package oracle
