package main

import (
	"context"
	"strings"
	"testing"

	"github.com/policyc/policyc/runtime/mutate"
)

func TestMutantsText(t *testing.T) {
	var b strings.Builder
	p := &testPrinter{w: &b}
	p.mutants(&mutate.Report{Failing: []string{"t/c"}, Mutants: []mutate.Mutant{
		{Policy: "a", Rule: "r", Source: "a.yaml:3", Part: "variable r", Operator: "comparison", Before: "x == 1", After: "x != 1", Status: mutate.Survived},
		{Policy: "a", Status: mutate.Killed}, {Policy: "a", Status: mutate.Equivalent},
		{Part: "match", Operator: "match", Before: "excluded namespace n", After: "none", Status: mutate.Survived},
	}})
	want := `a.yaml:3: a/r: no case notices that, in variable r,
    ` + "`x == 1`" + `
    becomes ` + "`x != 1`" + ` (comparison)
(project): no case notices that, in match,
    ` + "`excluded namespace n`" + `
    becomes ` + "`none`" + ` (match)

policy     killed  survived  equivalent  score
a               1         1           1  50 %
(project)       0         1           0  0 %
t/c fails without any alteration, and was left out
cases notice 33.3 % of 3 alterations; 1 more make no difference, 0 do not compile

`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// TestInterrupt: what was cut short reports nothing.
func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out, stderr strings.Builder
	tester, err := (&testFlags{format: "text", mutate: true}).newTester([]string{"../../policies/pod-security"}, IO{Out: &out, Err: &stderr})
	if err != nil {
		t.Fatal(err)
	}
	if err := tester.once(ctx); err == nil || err.Error() != "interrupted" || out.Len() > 0 {
		t.Errorf("got %v and %q", err, out.String())
	}
}
