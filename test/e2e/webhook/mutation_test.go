//go:build e2e

package webhook_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/policyc/policyc/runtime/engine"
	"github.com/policyc/policyc/test/apiserver"
	"github.com/policyc/policyc/test/e2e/client"
)

// mutating are the folders of policies that mutate: what is shipped, every form that there is, and mutations with lookups.
var mutating = []string{root + "/policies/mutation", "../testdata/mutation", "testdata/mutating"}

// mutated is what became of the object of a case: an object, or a denial.
type mutated struct {
	verdict
	object object
	lines  []string // what is different from the object without policies
}

// TestMutation sends every case of the mutating policies without its policy, with it as a MutatingAdmissionPolicy where the
// server has them, and through the webhook. What the webhook makes of the object is what the server makes of it, object for
// object, and what is different from the object without policies is what is different offline.
func TestMutation(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		var all []*group
		for _, folder := range mutating {
			all = append(all, groups(t, read(t, []string{folder}), options(s.version, "webhook"))...)
		}
		s.begin(t, all)
		prepared := map[*group][]*asked{}
		for _, g := range all {
			for _, c := range g.cases {
				a := s.ask(t, g, c)
				if s.store(t, a) {
					s.sendBare(t, a)
					prepared[g] = append(prepared[g], a)
				}
			}
		}
		for _, g := range all {
			t.Run(g.name, func(t *testing.T) { s.mutateAll(t, g, prepared[g]) })
		}
	})
}

// sendBare asks what the server makes of a case without policies.
func (s *server) sendBare(t *testing.T, a *asked) {
	t.Helper()
	r := client.Do(t, s.Server, a.request(t, s.complete(t, a)))
	if r.Status >= 300 {
		t.Logf("%s: the server itself refuses: %s", a, summary(r))
		return
	}
	a.before = a.ownObject(t, r.Body)
}

func (s *server) mutateAll(t *testing.T, g *group, list []*asked) {
	native := map[*asked]mutated{}
	if s.hasMutatingPolicies() && g.isNative(t, s.version) {
		other := *g
		other.options = options(s.version, "native")
		s.install(t, &other)
		for _, a := range list {
			native[a] = s.mutate(t, a)
		}
	}
	s.install(t, g)
	s.catchUp(t, g.lookups)
	for _, a := range list {
		if field := lost("", a.ownObject(t, client.Encode(t, a.Object)), a.before); a.before != nil && field != "" {
			t.Logf("%s: Kubernetes %s has no %s", a, s.version, field)
			continue
		}
		offline := g.offlineMutation(t, a)
		got := s.mutate(t, a)
		r := row{policy: g.name, what: a.Name, native: none, webhook: got.String(), offline: offline.String()}
		if a.before != nil { // else the server refuses it as it is, and there is nothing to compare a patch with
			r.note = got.mutationDiffers(offline)
		}
		if by, ok := native[a]; ok {
			r.native = by.String()
			if r.note == "" {
				r.note = by.objectDiffers(got)
			}
		}
		s.table.add(t, r)
		s.again(t, a, got)
	}
}

// lost is the path of a field that the server dropped, since its version does not have it; "" when there is none.
func lost(at string, sent, have any) string {
	switch sent := sent.(type) {
	case map[string]any:
		there, _ := have.(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(sent)) {
			value, found := there[key]
			if !found && sent[key] != nil {
				return at + "/" + key
			}
			if field := lost(at+"/"+key, sent[key], value); field != "" {
				return field
			}
		}
	case []any:
		there, _ := have.([]any)
		for i := range min(len(sent), len(there)) {
			if field := lost(fmt.Sprintf("%s/%d", at, i), sent[i], there[i]); field != "" {
				return field
			}
		}
	}
	return ""
}

// isNative reports whether the server could run the mutations itself: they look nothing up.
func (g *group) isNative(t *testing.T, version string) bool {
	dir := build(t, g.docs, options(version, "native"))
	files, err := filepath.Glob(filepath.Join(dir, "native", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if content, err := os.ReadFile(file); err != nil || strings.Contains(string(content), "kind: MutatingAdmissionPolicy\n") {
			return err == nil
		}
	}
	return false
}

// mutate sends a case as a dry run.
func (s *server) mutate(t *testing.T, a *asked) mutated {
	t.Helper()
	return s.mutated(t, a, client.Do(t, s.Server, a.request(t, s.complete(t, a))))
}

func (s *server) mutated(t *testing.T, a *asked, r apiserver.Response) mutated {
	t.Helper()
	m := mutated{verdict: s.verdictOf(t, a, r)}
	m.verdict.rename(a.own)
	if r.Status < 300 {
		m.object = a.ownObject(t, r.Body)
		m.lines = client.Changes(a.before, m.object)
	}
	return m
}

// again asserts that what was mutated stays as it is when it is sent once more.
func (s *server) again(t *testing.T, a *asked, got mutated) {
	t.Helper()
	if got.object == nil {
		return
	}
	if got.object["kind"] == "Job" {
		return // its selector has its uid, which is drawn anew
	}
	r := client.Do(t, s.Server, a.request(t, got.object))
	if r.Status >= 300 {
		t.Errorf("%s, sent again: status %d: %s", a, r.Status, client.Brief(r.Body))
		return
	}
	if patch := client.Changes(got.object, a.ownObject(t, r.Body)); len(patch) > 0 {
		t.Errorf("%s: not idempotent: %q", a, patch)
	}
}

// offlineMutation is what the engine makes of a case.
func (g *group) offlineMutation(t *testing.T, a *asked) mutated {
	t.Helper()
	out := mutated{verdict: g.offlineVerdict(t, a.Case)}
	m, err := g.offline.Mutate(t.Context(), a.Request)
	if err != nil {
		t.Fatalf("%s: %v", a, err)
	}
	before, err := engine.Plain(a.Request.Object)
	if err != nil {
		t.Fatal(err)
	}
	after, err := engine.Plain(m.Request.Object)
	if err != nil {
		t.Fatal(err)
	}
	out.object = after
	out.lines = client.Changes(before, after)
	return out
}

// mutationDiffers says how what a server did is not what is done offline; "" when it is.
func (m mutated) mutationDiffers(offline mutated) string {
	if d := m.differs(offline.verdict); d != "" || m.refused || len(m.denials) > 0 {
		return d
	}
	if fmt.Sprint(m.lines) != fmt.Sprint(offline.lines) {
		return fmt.Sprintf("the patch\n  %s\nis offline\n  %s", strings.Join(m.lines, "\n  "), strings.Join(offline.lines, "\n  "))
	}
	return ""
}

// objectDiffers compares what the server's own policies made of an object with what the webhook made of it.
func (m mutated) objectDiffers(webhook mutated) string {
	if (m.object == nil) != (webhook.object == nil) || m.refused != webhook.refused {
		return fmt.Sprintf("natively %v, by the webhook %v", m, webhook)
	}
	if m.object == nil {
		return m.differs(webhook.plain())
	}
	if patch := client.Changes(m.object, webhook.object); len(patch) > 0 {
		return fmt.Sprintf("the webhook's object is not the server's: %q", patch)
	}
	return ""
}

// String is what happened, in the table: patch(3), deny[there].
func (m mutated) String() string {
	if m.refused || len(m.denials) > 0 || len(m.lines) == 0 {
		return m.verdict.String()
	}
	text := fmt.Sprintf("patch(%d)", len(m.lines))
	if v := m.verdict.String(); v != "admit" {
		text += " " + v
	}
	return text
}
