package mutate

import "fmt"

// Status is what became of a mutant.
type Status string

// The statuses of a mutant.
const (
	// Killed: a case gets another verdict than it expects.
	Killed Status = "killed"
	// Survived: no case noticed.
	Survived Status = "survived"
	// Invalid: the API server would not take it. It does not count.
	Invalid Status = "invalid"
	// Equivalent: proved to decide as before; Mutant.Reason says why. It does
	// not count.
	Equivalent Status = "equivalent"
)

// Mutant is one alteration.
type Mutant struct {
	// Policy is the policy that is altered; several where an object holds
	// several; "" for what all policies of a project share.
	Policy string
	// Rule is "" for what is not part of one rule.
	Rule string
	// Source is file:line; the line of the policy where there is no nearer.
	Source string
	// Part is what holds it: `variable containers`, `match`, `binding prod`.
	Part string
	// Operator says what kind of alteration it is; see Operators.
	Operator string
	// Before and After are the smallest text that differs, CEL mostly.
	Before, After string
	Status        Status
	// KilledBy is the first case that notices, as test/case.
	KilledBy string
	// Reason says why an equivalent mutant is one, or an invalid one is.
	Reason string
}

// String is one line: where, what.
func (m *Mutant) String() string {
	name := m.Policy
	if m.Rule != "" {
		name += "/" + m.Rule
	}
	if name == "" {
		name = "project"
	}
	before, after := m.Difference()
	return fmt.Sprintf("%s: %s: %s: %s: `%s` → `%s`", m.Source, name, m.Part, m.Operator, before, after)
}

// around is how much of what is equal on both sides Difference keeps.
const around = 32

// Difference is Before and After with what is equal at both ends cut short.
//
//	a.?b.orValue(false) && … && c; a.?b.orValue(false) && … && d → … && c; … && d
func (m *Mutant) Difference() (before, after string) {
	a, b := []rune(m.Before), []rune(m.After)
	head, tail := 0, 0
	for head < min(len(a), len(b)) && a[head] == b[head] {
		head++
	}
	for tail < min(len(a), len(b))-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	cut := func(text []rune) string {
		from, to := head-around, len(text)-tail+around
		out := string(text[max(from, 0):min(to, len(text))])
		if from > 0 {
			out = "…" + out
		}
		if to < len(text) {
			out += "…"
		}
		return out
	}
	return cut(a), cut(b)
}

// Report is what came of all mutants, in the order of the policies and of
// their parts.
type Report struct {
	Mutants []Mutant
	// Failing are cases, as test/case, that fail without any alteration: they
	// notice nothing.
	Failing []string
}

// Count is how many mutants have a status.
func (r *Report) Count(s Status) int {
	n := 0
	for _, m := range r.Mutants {
		if m.Status == s {
			n++
		}
	}
	return n
}

// Score is the percentage of valid mutants that were killed: 100 when there
// are none.
func (r *Report) Score() float64 {
	killed, survived := r.Count(Killed), r.Count(Survived)
	if killed+survived == 0 {
		return 100
	}
	return 100 * float64(killed) / float64(killed+survived)
}

// For returns the part of the report that is about one policy.
func (r *Report) For(policy string) *Report {
	out := &Report{Failing: r.Failing}
	for _, m := range r.Mutants {
		if m.Policy == policy {
			out.Mutants = append(out.Mutants, m)
		}
	}
	return out
}

// Policies are the policies with mutants, in order; "" is the project.
func (r *Report) Policies() []string {
	var out []string
	seen := map[string]bool{}
	for _, m := range r.Mutants {
		if !seen[m.Policy] {
			seen[m.Policy] = true
			out = append(out, m.Policy)
		}
	}
	return out
}
