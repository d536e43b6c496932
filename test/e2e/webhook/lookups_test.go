//go:build e2e

package webhook_test

import (
	"testing"

	"github.com/policyc/policyc/runtime/suite"
)

// crossObject are the folders of policies that look other objects up: what is shipped, and every form that there is.
var crossObject = []string{root + "/policies/networking", root + "/policies/workloads", "testdata/fixtures"}

// TestLookups asks every case of every policy that looks other objects up. They exist, and the verdict is the one offline.
func TestLookups(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		all := groups(t, read(t, crossObject), options(s.version, "webhook"))
		s.begin(t, all)
		prepared := map[*group][]*asked{}
		for _, g := range all {
			if g.wide() {
				g.spare()
				continue
			}
			for _, c := range g.cases {
				a := s.ask(t, g, c)
				if s.store(t, a) {
					prepared[g] = append(prepared[g], a)
				}
			}
		}
		for _, g := range all {
			t.Run(g.name, func(t *testing.T) {
				s.install(t, g)
				if g.wide() {
					for _, c := range g.cases {
						a := s.ask(t, g, c)
						if s.store(t, a) {
							s.catchUp(t, g.lookups)
							s.judge(t, a)
						}
						s.discard(t, a)
					}
					return
				}
				s.catchUp(t, g.lookups)
				for _, a := range prepared[g] {
					s.judge(t, a)
				}
			})
		}
	})
}

// judge asks a case, and compares its verdict with the one offline, and that with what the case expects.
func (s *server) judge(t *testing.T, a *asked) {
	t.Helper()
	offline := a.group.offlineVerdict(t, a.Case)
	got := s.send(t, a)
	s.table.add(t, row{a.group.name, a.Name, none, got.String(), offline.String(), got.differs(offline)})
	full := a.group.variant.Evaluate(t.Context(), a.Case)
	if len(full.Errors) > 0 {
		return // they are no verdict that a case can expect
	}
	if differences := suite.Compare(a.Expect, full); len(differences) > 0 {
		t.Errorf("%s: offline, %s", a, differences[0].Text)
	}
}
