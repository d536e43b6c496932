package link

import (
	"fmt"
	"testing"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/ir"
)

func program(name string) *ir.Program {
	return &ir.Program{Name: name, Policies: []*ir.Policy{{Name: name}},
		Variables: []ir.Variable{{Name: "violations", Code: code.Lit(name)}},
		Validations: []ir.Validation{{Policy: name, Code: code.Ident("variables.violations"),
			MessageCode: code.Ident("variables.violations")}},
		Bindings: []ir.Binding{{Name: name, Actions: []string{"Deny"}}}}
}

// TestLinkBounds asserts that no program has too many members, however many
// policies there are, and that none is lost.
func TestLinkBounds(t *testing.T) {
	var programs []*ir.Program
	for i := range 3*maxMembers + 2 {
		programs = append(programs, program(fmt.Sprintf("p%03d", i)))
	}
	total := 0
	names := map[string]bool{}
	for _, p := range Link(programs, LayoutFused) {
		if len(p.Policies) > maxMembers {
			t.Errorf("%s has %d members", p.Name, len(p.Policies))
		}
		total += len(p.Policies)
		if names[p.Name] {
			t.Errorf("a second %s", p.Name)
		}
		names[p.Name] = true
	}
	if total != len(programs) || len(names) != 4 {
		t.Errorf("%d of %d policies in %d programs", total, len(programs), len(names))
	}
}

// TestLinkKeepsInput asserts that the programs that are joined stay as they are.
func TestLinkKeepsInput(t *testing.T) {
	programs := []*ir.Program{program("a"), program("b")}
	joined := Link(programs, LayoutFused)
	if got := joined[0].Validations[1].Code.String(); got != "variables.bViolations" {
		t.Errorf("second validation: %s", got)
	}
	if got := programs[1].Validations[0].Code.String(); got != "variables.violations" {
		t.Errorf("the input was changed: %s", got)
	}
	if len(Link(programs, LayoutPolicy)) != 2 {
		t.Error("layout policy joined programs")
	}
}

// TestRename asserts that names are given all at once: a new name may be the
// old one of another variable.
func TestRename(t *testing.T) {
	x := code.And(code.Ident("variables.a"), code.Ident("variables.b"), code.Ident("object.variables"))
	got := rename(x, map[string]string{"a": "b", "b": "c"}).String()
	if want := "variables.b && variables.c && object.variables"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestCamel(t *testing.T) {
	for name, want := range map[string]string{"no-host-path": "noHostPath", "a.b-c": "aBC", "2-ports": "policy2Ports"} {
		if got := camel(name); got != want {
			t.Errorf("camel(%q) = %q, want %q", name, got, want)
		}
	}
}
