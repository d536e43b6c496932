package conformance

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/runtime/cases"
	"github.com/policyc/policyc/runtime/engine"
	"github.com/policyc/policyc/runtime/suite"
)

// mutations are the folders of mutating policies with their cases.
var mutations = []string{"policies/mutation", "test/e2e/testdata/mutation"}

// lowest are the lowest ones to support: mutations run in the webhook, and in the API server.
var lowest = []string{"1.34", "1.36"}

func loadMutations(t *testing.T, folder, layout, version string) *suite.Suite {
	t.Helper()
	if err := enterRoot(); err != nil {
		t.Fatal(err)
	}
	r := diag.NewReport()
	inputs := syntax.ReadPaths([]string{folder}, nil, r)
	const project = "kubernetes: {minVersion: \"1.36\"}\n"
	if i := slices.IndexFunc(inputs, func(in syntax.Input) bool { return strings.Contains(string(in.Data), project) }); i >= 0 {
		inputs[i].Data = []byte(strings.Replace(string(inputs[i].Data), project, project+"  layout: "+layout+"\n", 1))
	} else {
		text := "apiVersion: policyc.dev/v1alpha1\nkind: Project\nmetadata: {name: mutation}\nspec: {layout: " + layout + "}\n"
		inputs = append(inputs, syntax.Input{Path: "policyc.yaml", Data: []byte(text)})
	}
	o := compiler.Options{Now: time.Now(), ReadFile: os.ReadFile, Trace: true, KubeVersion: version}
	docs := syntax.Load(inputs, r)
	result := compiler.CompileDocuments(docs, o, r)
	var s *suite.Suite
	if !r.HasErrors() {
		s = suite.New(docs, result, o, r)
	}
	if findings := r.Sorted(); len(findings) > 0 {
		var text strings.Builder
		_ = diag.WriteText(&text, findings, false)
		t.Fatal(&findingsError{text.String()})
	}
	return s
}

func TestMutationCases(t *testing.T) {
	for _, folder := range mutations {
		for _, version := range lowest {
			for _, layout := range []string{"policy", "fused"} {
				s := loadMutations(t, folder, layout, version)
				for _, r := range s.Run(context.Background(), s.Cases) {
					for _, d := range r.Differences {
						t.Errorf("%s (layout %s, for %s)\n%s\n%s", r.Case, layout, version, d.Text, strings.Join(d.Lines, "\n"))
					}
				}
			}
		}
	}
}

// TestMutationCoverage asserts that every rule of the shipped policies changes the object of a case and leaves another one
// alone, and that each mutation is paired with a rule that nobody can undo it against.
func TestMutationCoverage(t *testing.T) {
	s := loadMutations(t, "policies/mutation", "policy", lowest[0])
	c, err := s.Coverage(context.Background(), s.Run(context.Background(), s.Cases))
	if err != nil {
		t.Fatal(err)
	}
	pairs := map[string][2]int{}
	for _, r := range c.Rules {
		if !r.Covered() {
			t.Errorf("%s: %d cases that it changes or that violate it, %d that it leaves alone", r.Rule, r.Violated, r.Passed)
		}
		policy, _, _ := strings.Cut(r.Rule, "/")
		n := pairs[policy]
		if r.Mutates {
			n[0]++
		} else {
			n[1]++
		}
		pairs[policy] = n
	}
	for policy, n := range pairs {
		if n[0] == 0 || n[1] == 0 {
			t.Errorf("%s has %d rules that mutate and %d that validate", policy, n[0], n[1])
		}
	}
}

// TestMutationIdempotent mutates what was mutated: nothing changes.
func TestMutationIdempotent(t *testing.T) {
	for _, folder := range mutations {
		s := loadMutations(t, folder, "policy", lowest[0])
		changed := 0
		for _, c := range s.Cases {
			first := mutatedBy(t, s, c, c.Request)
			if first.Before == nil {
				continue
			}
			if first.Changed() {
				changed++
			}
			again := *c.Request
			again.Received = first.After
			second := mutatedBy(t, s, c, &again)
			if second.Changed() {
				t.Errorf("%s: a second time, it is %v", c, second.Applied)
			}
		}
		if changed < 10 {
			t.Errorf("%s: only %d cases change something", folder, changed)
		}
	}
}

func mutatedBy(t *testing.T, s *suite.Suite, c *cases.Case, r *engine.Request) *engine.Mutation {
	t.Helper()
	m, err := s.Variant(c).For(c.Policies).Mutate(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range m.Failures {
		t.Errorf("%s: %v", c, f.Err)
	}
	return m
}
