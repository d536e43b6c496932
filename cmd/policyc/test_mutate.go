package main

import "github.com/policyc/policyc/runtime/mutate"

// mutants prints the alterations that no case noticed, a line for each policy,
// and the score.
func (p *testPrinter) mutants(r *mutate.Report) {
	for i := range r.Mutants {
		if m := &r.Mutants[i]; m.Status == mutate.Survived {
			p.mutant(m)
		}
	}
	width := len("policy")
	for _, name := range r.Policies() {
		width = max(width, len(subject(name)))
	}
	p.linef("\n%-*s  killed  survived  equivalent  score", width, "policy")
	for _, name := range r.Policies() {
		part := r.For(name)
		p.linef("%-*s  %6d  %8d  %10d  %s", width, subject(name), part.Count(mutate.Killed), part.Count(mutate.Survived),
			part.Count(mutate.Equivalent), percent(part.Score()))
	}
	for _, id := range r.Failing {
		p.linef("%s", p.paint(red, id+" fails without any alteration, and was left out"))
	}
	killed, survived := r.Count(mutate.Killed), r.Count(mutate.Survived)
	p.linef("cases notice %s of %d alterations; %d more make no difference, %d do not compile\n", percent(r.Score()), killed+survived,
		r.Count(mutate.Equivalent), r.Count(mutate.Invalid))
}

// mutant prints an alteration that no case noticed.
//
//	policies/latest.yaml:19: disallow-latest-tag/explicit-tag: no case notices that, in variable explicitTag,
//	    `tag != 'latest'`
//	    becomes `tag == 'latest'` (comparison)
func (p *testPrinter) mutant(m *mutate.Mutant) {
	name := subject(m.Policy)
	if m.Rule != "" {
		name += "/" + m.Rule
	}
	at := ""
	if m.Source != "" {
		at = m.Source + ": "
	}
	before, after := m.Difference()
	p.linef("%s%s: %s, in %s,", at, name, p.paint(red, "no case notices that"), m.Part)
	p.linef("    `%s`", before)
	p.linef("    becomes `%s` %s", after, p.paint(dim, "("+m.Operator+")"))
}

// subject names what a mutant belongs to: what no policy says alone is the
// project's.
func subject(policy string) string {
	if policy == "" {
		return "(project)"
	}
	return policy
}
