package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/runtime/cases"
	"github.com/policyc/policyc/runtime/remote"
	"github.com/policyc/policyc/runtime/suite"
)

// serverResults are one result of each kind.
func serverResults() []remote.Result {
	c := func(name string) *cases.Case {
		return &cases.Case{Test: "t", Name: name, Span: source.Span{File: source.NewFile("p_test.yaml", nil)}}
	}
	return []remote.Result{
		{Case: c("equal"), Outcome: remote.Compared},
		{Case: c("foreign"), Outcome: remote.Compared, Foreign: "policy other"},
		{Case: c("differs"), Outcome: remote.Compared, Differences: []suite.Difference{{What: "deny", Text: "deny: offline [a], on the server []"}}},
		{Case: c("skipped"), Outcome: remote.Skipped, Why: "not served: things"},
		{Case: c("invalid"), Outcome: remote.Invalid, Why: "spec: Required value"},
		{Case: c("blocked"), Outcome: remote.Blocked, Why: "webhook x"},
	}
}

func TestServerText(t *testing.T) {
	var b bytes.Buffer
	p := &testPrinter{w: &b}
	p.server(serverResults())
	want := `EQUAL t/foreign (p_test.yaml:1:1)
     also refused by policy other
DIFFERS t/differs (p_test.yaml:1:1)
     deny: offline [a], on the server []
INVALID t/invalid (p_test.yaml:1:1)
     spec: Required value
BLOCKED t/blocked (p_test.yaml:1:1)
     webhook x

server: 2 equal, 1 differs, 1 invalid, 1 blocked, 1 skipped
  1 skipped: not served
`
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
}

// Only a difference, and what kept a case from being compared, fail a run.
func TestServerFailures(t *testing.T) {
	for _, r := range serverResults() {
		want := r.Case.Name == "differs" || r.Case.Name == "blocked"
		if serverFailed(&r) != want {
			t.Errorf("%s: fails: %v", r.Case.Name, !want)
		}
		c := &junitCase{}
		c.addServer(&r)
		if (c.Failure != nil) != want || (c.Skipped != nil) != (r.Case.Name == "skipped") {
			t.Errorf("%s: %+v", r.Case.Name, c)
		}
	}
}

func TestServerWithoutCluster(t *testing.T) {
	t.Setenv("KUBECONFIG", "")
	t.Setenv("HOME", t.TempDir())
	var out bytes.Buffer
	status := Run([]string{"test", "--server", "template"}, IO{In: strings.NewReader(""), Out: &out, Err: &out})
	if status != exitUsage || !strings.Contains(out.String(), "policyc: --server: ") {
		t.Errorf("status %d: %s", status, out.String())
	}
}

// Names come from files: what they hold must not command a terminal.
func TestControlCharacters(t *testing.T) {
	var b bytes.Buffer
	p := &testPrinter{w: &b, colour: true}
	p.linef("%s %s", p.paint(red, "FAIL"), "x\x1b[31m\u0085\ry")
	if want := "\x1b[31mFAIL\x1b[0m x\\x1b[31m\\x85\\x0dy\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}
