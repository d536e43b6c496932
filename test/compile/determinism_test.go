package compile

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/syntax"
)

// TestDeterminism compiles each archive again, with its files in another
// order: promise 4 is that not a byte differs.
func TestDeterminism(t *testing.T) {
	for _, c := range loadCases(t) {
		t.Run(strings.TrimSuffix(c.name, ".txtar"), func(t *testing.T) {
			t.Parallel()
			result, r := c.compile(c.inputs())
			want := c.outputs(t, result, r)
			random := rand.New(rand.NewPCG(1, 2))
			for range 2 {
				shuffled := c.inputs()
				random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
				again, r := c.compile(shuffled)
				if got := c.outputs(t, again, r); !maps.EqualFunc(want, got, bytes.Equal) {
					for name := range want {
						if !bytes.Equal(want[name], got[name]) {
							t.Errorf("%s differs\n%s", name, difference(string(want[name]), string(got[name])))
						}
					}
				}
				if !maps.EqualFunc(result.Files, again.Files, bytes.Equal) {
					t.Error("files differ")
				}
			}
		})
	}
}

// TestLayouts compiles each archive in both layouts: they enforce the same
// rules, with the same messages, in the same places.
func TestLayouts(t *testing.T) {
	for _, c := range loadCases(t) {
		if strings.HasPrefix(c.name, "names/") {
			continue // joined objects have other names
		}
		t.Run(strings.TrimSuffix(c.name, ".txtar"), func(t *testing.T) {
			t.Parallel()
			separate, r := c.compile(withLayout(c.inputs(), "policy"))
			if r.HasErrors() {
				t.Skip("the case is about an error")
			}
			joined, r := c.compile(withLayout(c.inputs(), "fused"))
			if r.HasErrors() {
				t.Fatalf("layout fused: %s", r.Sorted()[0].Message)
			}
			checkInvariants(t, joined, r)
			if want, got := enforced(separate), enforced(joined); !slices.Equal(want, got) {
				t.Errorf("layouts differ\npolicy: %s\nfused:  %s", strings.Join(want, "\n        "), strings.Join(got, "\n        "))
			}
		})
	}
}

// enforced lists what is enforced: every rule with its object's match and
// each of its bindings.
func enforced(result *compiler.Result) []string {
	var out []string
	for _, p := range result.Programs {
		var conditions []string
		for _, c := range p.Conditions {
			conditions = append(conditions, c.Name+": "+c.Code.String())
		}
		for i, d := range p.Policies {
			reason := "mutation"
			if !p.Mutates() {
				reason = p.Validations[i].Reason
			}
			for _, rule := range d.Rules {
				for _, b := range p.Bindings {
					out = append(out, fmt.Sprintf("%s/%s %q %v %v %s %s %v: %v %v %v", d.Name, rule.Name, rule.Message, p.Match, conditions,
						p.FailurePolicy, reason, b.Environment, b.Actions, b.NamespaceSelector, b.Rules))
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

// withLayout sets the layout of the project, of which there may be none.
func withLayout(inputs []syntax.Input, layout string) []syntax.Input {
	const spec = "kind: Project\nmetadata:\n  name: p\nspec:\n"
	for i, in := range inputs {
		if strings.Contains(string(in.Data), spec) {
			text := strings.Replace(string(in.Data), "  layout: fused\n", "", 1)
			inputs[i].Data = []byte(strings.Replace(text, spec, spec+"  layout: "+layout+"\n", 1))
			return inputs
		}
	}
	return append(inputs, syntax.Input{Path: "policyc.yaml", Data: []byte("apiVersion: policyc.dev/v1alpha1\n" + spec + "  layout: " + layout + "\n")})
}

// TestLargeFile covers PC0002, which is too large for an archive.
func TestLargeFile(t *testing.T) {
	c := &goldenCase{}
	large := append([]byte("apiVersion: policyc.dev/v1alpha1\n#"), bytes.Repeat([]byte("x"), 5<<20)...)
	result, r := c.compile([]syntax.Input{{Path: "large.yaml", Data: large}})
	if ds := r.Sorted(); len(ds) != 1 || ds[0].Code.ID != "PC0002" || result.Files != nil {
		t.Errorf("diagnostics %v, %d files", ds, len(result.Files))
	}
}
