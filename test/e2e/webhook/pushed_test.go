//go:build e2e

package webhook_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/policyc/policyc/runtime/cases"
	"github.com/policyc/policyc/runtime/suite"
)

// pushedFolder has policies whose lookups the API server makes itself. strongly is an edit after which the webhook makes them.
const pushedFolder = "testdata/pushed"

var strongly = []string{"kind: ResourceQuota, namespace: \"${", "kind: ResourceQuota, consistency: strong, namespace: \"${"}

// TestPushed asks the cases of lookups that the API server makes as paramKind, and then again through the webhook: one verdict.
func TestPushed(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		pushed := groups(t, read(t, []string{pushedFolder}), options(s.version, "webhook"))
		looked := groups(t, read(t, []string{pushedFolder}, strongly...), options(s.version, "webhook"))
		s.begin(t, pushed)
		for i, g := range pushed {
			if len(g.lookups) > 0 || len(looked[i].lookups) == 0 {
				t.Fatalf("%s has the lookups %v, and strongly %v", g.name, g.lookups, looked[i].lookups)
			}
			t.Run(g.name, func(t *testing.T) { s.judgeBoth(t, g, looked[i]) })
		}
	})
}

func (s *server) judgeBoth(t *testing.T, pushed, looked *group) {
	var list []*asked
	for _, c := range pushed.cases {
		a := s.ask(t, pushed, c)
		s.store(t, a)
		list = append(list, a)
	}
	s.install(t, pushed)
	native := make([]verdict, len(list))
	for i, a := range list {
		native[i] = s.sendSynced(t, a)
	}
	s.install(t, looked)
	for i, a := range list {
		offline := looked.offlineVerdict(t, looked.cases[i])
		got := s.send(t, a)
		note := native[i].differs(pushed.offlineVerdict(t, a.Case))
		if note == "" {
			note = got.differs(offline)
		}
		if note == "" {
			note = native[i].contradicts(got)
		}
		s.table.add(t, row{pushed.name, a.Name, native[i].String(), got.String(), offline.String(), note})
		if differences := suite.Compare(a.Expect, pushed.variant.Evaluate(t.Context(), a.Case)); len(differences) > 0 {
			t.Errorf("%s: offline, %s", a, differences[0].Text)
		}
	}
}

// sendSynced is send, once the API server has begun to watch the parameters.
func (s *server) sendSynced(t *testing.T, a *asked) verdict {
	t.Helper()
	for begin := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		v := s.send(t, a)
		if len(v.denials) == 0 || !strings.Contains(v.denials[0].Message, "not yet synced") || time.Since(begin) > limit {
			return v
		}
	}
}

// missing is what the API server says itself of a parameter that is not there, in place of the rule's message.
const missing = "no params found for policy binding"

// contradicts says how the API server's verdict is another one than the webhook's, which may know of more rules.
func (v verdict) contradicts(webhook verdict) string {
	if len(v.denials) != len(webhook.denials) || len(v.warned) != len(webhook.warned) {
		return fmt.Sprintf("natively %v, by the webhook %v", v, webhook)
	}
	for i, d := range v.denials {
		for _, rule := range cases.Violations("", d.Message) {
			if !slices.Contains(cases.Violations("", webhook.denials[i].Message), rule) {
				return fmt.Sprintf("natively %v, by the webhook %v", v, webhook)
			}
		}
		if len(cases.Violations("", d.Message)) == 0 && !strings.Contains(d.Message, missing) {
			return "natively " + d.Message
		}
	}
	return ""
}
