// Package manager keeps the companion webhook going in a cluster: which programs serve, what lookups read, certificates,
// readiness, the end. Requests are answered by package webhook, which it hands a Source and a Reader.
//
//	CompiledPolicy tags, generation 2: "variables.tgs" → generation 1 decides on; status Ready=False, reason CompileFailed,
//	"policy object tags: … undeclared reference 'tgs'", servedGeneration 1; an Event; policyc_compile_failures_total 1
//
// Every replica does the same work and serves; only status and events are for the leader. To lose the lease therefore costs
// nothing, and no replica ends of it: an end would take the last good programs with it, which are in memory only.
//
// A read walks through it in this order: run.go (what is there), policies.go (the watch), programs.go and entries.go (what serves),
// reader.go and informers.go (what lookups read), keeper.go and inject.go (certificates), ready.go, leader.go, uninstall.go.
package manager
