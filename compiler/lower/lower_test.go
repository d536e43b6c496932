package lower

import (
	"fmt"
	"testing"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/ir"
	"github.com/policyc/policyc/compiler/resolve"
	"github.com/policyc/policyc/compiler/syntax"
)

// TestJoinConditions asserts that a policy with many exceptions stays within
// what the API server takes, and that all of them hold together.
func TestJoinConditions(t *testing.T) {
	var conditions []ir.Condition
	for i := range 100 {
		conditions = append(conditions, ir.Condition{Name: fmt.Sprint("c", i), Code: code.Ident(fmt.Sprint("x", i))})
	}
	joined := joinConditions(conditions)
	if len(joined) != maxConditions {
		t.Fatalf("%d conditions", len(joined))
	}
	last := joined[maxConditions-1].Code
	if last.Kind != code.KindAnd || len(last.Args) != 100-maxConditions+1 {
		t.Errorf("the last is %s", last)
	}
	if got := joinConditions(conditions[:maxConditions]); got[maxConditions-1].Name != "c63" {
		t.Errorf("conditions were joined without need: %s", got[maxConditions-1].Name)
	}
}

// TestNames asserts that every rule gets a name that CEL takes, and its own.
func TestNames(t *testing.T) {
	l := &lowerer{taken: map[string]bool{"violations": true}}
	for _, c := range [][2]string{{"host-path", "hostPath"}, {"hostPath", "hostPath2"}, {"in", "ruleIn"}, {"namespace", "ruleNamespace"},
		{"1st", "rule1st"}, {"violations", "violations2"}, {"a-1", "a1"}} {
		if got := l.name(c[0]); got != c[1] {
			t.Errorf("name(%q) = %q, want %q", c[0], got, c[1])
		}
	}
}

// TestGroups asserts which environments share a program.
func TestGroups(t *testing.T) {
	env := func(name string, value any, globs ...string) *resolve.Environment {
		return &resolve.Environment{Name: name, Values: map[string]any{"x": value}, NamespaceGlobs: globs}
	}
	p := &resolve.Policy{Policy: &syntax.Policy{}, Environments: []*resolve.Environment{
		env("a", int64(1)), env("b", int64(2)), env("c", int64(1)), env("d", "1"), env("e", int64(1), "x-*"), env("f", int64(1), "x-*")}}
	var got []string
	for _, group := range Groups(p) {
		names := ""
		for _, e := range group {
			names += e.Name
		}
		got = append(got, names)
	}
	if want := "[ac b d e f]"; fmt.Sprint(got) != want {
		t.Errorf("groups %v, want %s", got, want)
	}
}
