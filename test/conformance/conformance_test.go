package conformance

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/link"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/test/conformance/cases"
)

// library is the policy library, compiled once for all tests, and its cases.
var library = sync.OnceValues(func() (*corpus, error) { return load("policies", link.LayoutPolicy) })

// corpus is a folder of policies with their tests.
type corpus struct {
	result *compiler.Result
	engine *Engine
	cases  []cases.Case
}

// root is the repository's, so that paths in messages can be clicked.
const root = "../.."

// enterRoot works in the repository's root. It must run within a test: what
// happens before m.Run is unknown to go test, which would then not notice
// that policies have changed and give a cached result.
var enterRoot = sync.OnceValue(func() error { return os.Chdir(root) })

func load(dir, layout string) (*corpus, error) {
	if err := enterRoot(); err != nil {
		return nil, err
	}
	r := diag.NewReport()
	inputs := syntax.ReadPaths([]string{dir}, nil, r)
	project := "apiVersion: policyc.dev/v1alpha1\nkind: Project\nmetadata: {name: library}\nspec: {layout: " + layout + "}\n"
	inputs = append(inputs, syntax.Input{Path: "policyc.yaml", Data: []byte(project)})
	out := &corpus{result: compiler.Compile(inputs, compiler.Options{Now: time.Now(), ReadFile: os.ReadFile}, r)}
	if findings := r.Sorted(); len(findings) > 0 {
		var text strings.Builder
		_ = diag.WriteText(&text, findings, false)
		return nil, &findingsError{text.String()}
	}
	var err error
	if out.engine, err = Install(out.result); err != nil {
		return nil, err
	}
	out.cases, err = cases.Load(syntax.Load(inputs, diag.NewReport()))
	return out, err
}

// findingsError holds the diagnostics of policies that must have none, not
// even warnings.
type findingsError struct{ text string }

func (e *findingsError) Error() string { return "findings in the policies:\n" + e.text }

func loadLibrary(t *testing.T) *corpus {
	t.Helper()
	l, err := library()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestCases(t *testing.T) { loadLibrary(t).run(t) }

// TestFusedCases runs the cases on objects that hold several policies each:
// the layout must change no verdict and no message.
func TestFusedCases(t *testing.T) {
	fused, err := load("policies", link.LayoutFused)
	if err != nil {
		t.Fatal(err)
	}
	if have, all := len(fused.engine.installed), len(loadLibrary(t).engine.installed); have >= all {
		t.Errorf("%d objects, of %d in the other layout: nothing was fused", have, all)
	}
	fused.run(t)
}

func (l *corpus) run(t *testing.T) {
	for i := range l.cases {
		c := &l.cases[i]
		t.Run(c.Test+"/"+c.Name, func(t *testing.T) {
			v, err := l.engine.Evaluate(context.Background(), c)
			if err != nil {
				t.Fatalf("%s: %v", c, err)
			}
			if difference := Compare(c, v); difference != "" {
				t.Errorf("%s\n%s", c, difference)
			}
		})
	}
}

// TestCoverage checks that every rule has a case that violates it, and every
// policy one that it admits although it matches something.
func TestCoverage(t *testing.T) {
	l := loadLibrary(t)
	violated, admitted := map[string]bool{}, map[string]bool{}
	for _, c := range l.cases {
		for _, rules := range [][]string{c.Expect.Deny, c.Expect.Warn, c.Expect.Audit} {
			for _, rule := range rules {
				violated[rule] = true
			}
		}
		if c.Expect.Silent() {
			for _, p := range c.Policies {
				admitted[p] = true
			}
		}
	}
	known := map[string]bool{}
	for _, program := range l.result.Programs {
		for _, p := range program.Policies {
			if !admitted[p.Name] {
				t.Errorf("policy %s: no case that it admits", p.Name)
			}
			for _, rule := range p.Rules {
				name := p.Name + "/" + rule.Name
				known[name] = true
				if !violated[name] {
					t.Errorf("%s: rule %s: no case that violates it", rule.Position, name)
				}
			}
		}
	}
	for _, c := range l.cases {
		for _, rule := range slices.Concat(c.Expect.Deny, c.Expect.Warn, c.Expect.Audit) {
			if !known[rule] {
				t.Errorf("%s: there is no rule %s", &c, rule)
			}
		}
	}
}

// TestGenerated checks that generated/ is what the library compiles to.
func TestGenerated(t *testing.T) {
	l := loadLibrary(t)
	for name, want := range l.result.Files {
		have, err := os.ReadFile("generated/" + name)
		if err != nil {
			t.Error(err)
		} else if string(have) != string(want) {
			t.Errorf("generated/%s is out of date: run `go run ./cmd/policyc build ./policies`", name)
		}
	}
}
