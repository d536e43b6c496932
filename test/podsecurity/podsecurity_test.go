package podsecurity

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"k8s.io/pod-security-admission/api"
)

var load = sync.OnceValues(func() (*oracle, error) { return newOracle("../../policies/pod-security") })

func loadOracle(t *testing.T) *oracle {
	t.Helper()
	o, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestChecks asserts that each check of upstream has rules, in the policy of
// its level, and that there are no others.
func TestChecks(t *testing.T) {
	o := loadOracle(t)
	checked := map[string]bool{}
	for _, c := range o.upstream.checks {
		want := baseline
		if c.Level == api.LevelRestricted {
			want = restricted
		}
		if len(rules[c.ID]) == 0 {
			t.Errorf("check %s has no rule", c.ID)
		}
		for _, rule := range rules[c.ID] {
			checked[rule] = true
			if have := o.policyOf(rule); have != want {
				t.Errorf("rule %s of check %s is in policy %q, not %s", rule, c.ID, have, want)
			}
		}
	}
	for _, program := range o.programs {
		for _, p := range program.Policies {
			for _, r := range p.Rules {
				if !checked[r.Name] {
					t.Errorf("%s: rule %s belongs to no check of upstream", r.Position, r.Name)
				}
			}
		}
	}
}

// TestFixtures sends the pods that upstream ships through every kind.
func TestFixtures(t *testing.T) {
	o := loadOracle(t)
	version, fixtures, err := readFixtures()
	if err != nil {
		t.Fatal(err)
	}
	failing := map[string]bool{}
	evaluations := 0
	for _, f := range fixtures {
		want := o.upstream.evaluate(f.pod)
		if have := map[string]bool{"baseline": want.baseline, "restricted": want.restricted}[f.level]; have != f.pass {
			t.Errorf("%s: upstream's evaluator says %v", f.name, have)
		}
		if !f.pass {
			failing[f.check] = true
		}
		for _, w := range slices.Concat([]workload{pods}, workloads) {
			evaluations++
			trial := trial{pod: f.pod, workload: &w}
			if difference, _ := o.compare(trial); difference != "" {
				t.Errorf("%s: %s", f.name, o.explain(trial))
			}
		}
	}
	for _, c := range o.upstream.checks {
		if !failing[strings.ToLower(string(c.ID))] {
			t.Errorf("no fixture violates %s: is the path of the fixtures still right? There are some for %v", c.ID,
				slices.Sorted(maps.Keys(failing)))
		}
	}
	t.Logf("%d fixtures of %s, %d evaluations, as pods and as %d kinds of workloads", len(fixtures), version, evaluations, len(workloads))
}
