package webhook

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/policyc/policyc/runtime/engine"
)

var update = flag.Bool("update", false, "rewrite the golden responses")

// goldenPolicies have one policy for each way to answer.
var goldenPolicies = tags("bans", "  reason: Forbidden\n  enforce: deny") + tags("warns", "  enforce: warn") + tags("audits", "  enforce: [{name: all, action: [warn, audit]}]") +
	tags("denies-too", "  enforce: deny") + `apiVersion: policyc.dev/v1alpha1
kind: Policy
metadata: {name: who}
spec:
  match: {kinds: [Pod], operations: [CREATE, UPDATE, DELETE]}
  rules:
  - name: alice
    deny: request.userInfo.username == 'mallory' || 'root' in request.userInfo.groups
    message: "${request.userInfo.username} on ${request.operation} by ${request.options.fieldManager} of ${request.name} in ${request.namespace}, dry ${request.dryRun}"
  enforce: deny
---
` + labels

// TestGolden sends the reviews in testdata, and compares the responses.
func TestGolden(t *testing.T) {
	s := serve(t, goldenPolicies, Options{})
	inputs, err := filepath.Glob("testdata/*.review.json")
	if err != nil || len(inputs) == 0 {
		t.Fatal(inputs, err)
	}
	for _, file := range inputs {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		path, _, _ := strings.Cut(filepath.Base(file), "-")
		w := s.send(post("/"+path+"/e?timeout=10s", string(body)))
		var have bytes.Buffer
		if err := json.Indent(&have, w.Body.Bytes(), "", "  "); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		have.WriteByte('\n')
		golden := strings.TrimSuffix(file, ".review.json") + ".response.json"
		if *update {
			if err := os.WriteFile(golden, have.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, _ := os.ReadFile(golden)
		if have.String() != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", file, have.String(), want)
		}
	}
}

// broken makes every validation of a bundle fail to evaluate.
func broken(b *engine.Bundle) *engine.Bundle {
	for _, p := range b.Policies {
		for i := range p.Spec.Validations {
			p.Spec.Validations[i].Expression = "object.spec.nothing == 1"
		}
	}
	b.Programs = nil
	return b
}

func TestFailurePolicy(t *testing.T) {
	for _, c := range []struct {
		policy, enforce string
		allowed         bool
		warnings        int
		counted         string
	}{
		{"Fail", "deny", false, 0, "action=Deny,policy=tags,result=failed,rule="},
		{"Ignore", "deny", true, 0, "action=Deny,policy=tags,result=ignored,rule="},
		// The API server, too, only warns of an error where the binding only warns.
		{"Fail", "warn", true, 1, "action=Warn,policy=tags,result=failed,rule="},
	} {
		b := broken(compile(t, tags("tags", "  failurePolicy: "+c.policy+"\n  enforce: "+c.enforce)))
		s := serveWith(entries{"e": newEngine(t, b)}, nil, Options{})
		r := s.decide(t, "/validate/e", pod("1", "a:1"))
		if r.Allowed != c.allowed || len(r.Warnings) != c.warnings || s.counters(t, "policyc_decisions_total")[c.counted] != 1 {
			t.Errorf("%+v: %+v %v", c, r, s.counters(t, "policyc_decisions_total"))
		}
		if !c.allowed && (r.Result.Code != 422 || r.Result.Reason != "Invalid" || !strings.Contains(r.Result.Message, "no such key: nothing")) {
			t.Errorf("%+v", r.Result)
		}
	}
}

func TestDecisionMetrics(t *testing.T) {
	s := serve(t, tags("tags", "  enforce: deny"), Options{})
	s.decide(t, "/validate/e", pod("1", "a:latest"))
	s.decide(t, "/validate/e", pod("2", "a:1"))
	have := s.counters(t, "policyc_decisions_total")
	if len(have) != 2 || have["action=Deny,policy=tags,result=violated,rule=tag"] != 1 || have["action=,policy=tags,result=admitted,rule="] != 1 {
		t.Error(have)
	}
	if have := s.counters(t, "policyc_webhook_requests_total"); len(have) != 1 || have["code=200,operation=CREATE,path=validate"] != 2 {
		t.Error(have)
	}
}
