package conformance

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/link"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/runtime/suite"
)

// library is the policy library, compiled once for all tests, and its cases.
var library = sync.OnceValues(func() (*corpus, error) { return load("policies", link.LayoutPolicy) })

// corpus is a folder of policies with their tests.
type corpus struct {
	result *compiler.Result
	suite  *suite.Suite
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
	o := compiler.Options{Now: time.Now(), ReadFile: os.ReadFile}
	docs := syntax.Load(inputs, r)
	out := &corpus{result: compiler.CompileDocuments(docs, o, r)}
	if !r.HasErrors() {
		out.suite = suite.New(docs, out.result, o, r)
	}
	if findings := r.Sorted(); len(findings) > 0 {
		var text strings.Builder
		_ = diag.WriteText(&text, findings, false)
		return nil, &findingsError{text.String()}
	}
	return out, nil
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
	if have, all := len(fused.result.Programs), len(loadLibrary(t).result.Programs); have >= all {
		t.Errorf("%d objects, of %d in the other layout: nothing was fused", have, all)
	}
	fused.run(t)
}

func (l *corpus) run(t *testing.T) {
	if len(l.suite.Cases) < 200 {
		t.Fatalf("only %d cases", len(l.suite.Cases))
	}
	for _, result := range l.suite.Run(context.Background(), l.suite.Cases) {
		for _, d := range result.Differences {
			t.Errorf("%s\n%s", result.Case, d.Text)
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
