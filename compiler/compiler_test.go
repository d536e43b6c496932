package compiler

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"
	"go.yaml.in/yaml/v3"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/syntax"
)

// compileText compiles one file.
func compileText(data []byte) (*Result, *diag.Report) {
	r := diag.NewReport()
	result := Compile([]syntax.Input{{Path: "fuzz.yaml", Data: data}}, Options{
		Now:      time.Date(2026, time.June, 1, 0, 0, 0, 0, time.UTC),
		ReadFile: func(string) ([]byte, error) { return nil, errors.New("no files here") },
	}, r)
	return result, r
}

// FuzzCompile compiles arbitrary bytes: whatever they are, there is a result
// or a diagnostic of the user's, never a fault of ours.
func FuzzCompile(f *testing.F) {
	archives, err := filepath.Glob("../test/compile/testdata/*/*.txtar")
	if err != nil || len(archives) == 0 {
		f.Fatalf("no archives: %v", err)
	}
	for _, name := range archives {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range txtar.Parse(data).Files {
			if !strings.HasPrefix(file.Name, "generated/") && file.Name != "diagnostics" {
				f.Add(file.Data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkResult(t, data) })
}

// checkResult compiles a file and holds what comes of it against what is true
// of all results.
func checkResult(t *testing.T, data []byte) {
	t.Helper()
	start := time.Now()
	result, r := compileText(data)
	for _, d := range r.Sorted() {
		if d.Code == nil || strings.HasPrefix(d.Code.ID, "PC9") {
			t.Errorf("%s: %s %s", d.At, d.Message, d.Notes)
		}
		if d.Message == "" || strings.Contains(d.Message, "<input>") {
			t.Errorf("%s: message %q", d.At, d.Message)
		}
	}
	if r.HasErrors() == (result.Files != nil) {
		t.Errorf("errors: %v, and %d files", r.HasErrors(), len(result.Files))
	}
	for name, content := range result.Files {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		for decoder := yaml.NewDecoder(bytes.NewReader(content)); ; {
			var object map[string]any
			if err := decoder.Decode(&object); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s is not YAML: %v", name, err)
			}
		}
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("%d bytes took %s", len(data), took)
	}
}

// places are where texts stand in a policy; %[1]s is the text.
var places = []string{
	"match: {kinds: [%[2]s]}\n  rules: [{name: r, deny: %[1]s}]",
	"match: {kinds: [%[2]s]}\n  rules: [{name: r, require: %[1]s, message: %[1]s}]",
	"match: {kinds: [%[2]s], when: %[1]s}\n  rules: [{name: r, deny: object.metadata.name == 'a'}]",
	"match: {kinds: [%[2]s]}\n  rules: [{name: r, forEach: %[3]s, deny: x == 'a', message: \"${x}\"}]",
	"match: {kinds: [%[2]s]}\n  ratchet: true\n  variables: {v: %[1]s}\n  rules: [{name: r, when: has(variables.v), deny: variables.v == variables.v}]",
	"match: {kinds: [%[2]s], operations: ['*']}\n  exclude: {names: [%[1]s], when: %[1]s}\n  title: %[1]s\n  description: %[1]s\n  rules: [{name: r, deny: object.metadata.name == 'a', message: %[1]s}]",
	"match: {kinds: [%[2]s], namespaceLabels: {a: %[1]s}}\n  parameters: {p: {type: string, default: %[1]s}}\n  rules: [{name: r, deny: object.metadata.name.contains(params.p)}]",
	"match: {kinds: [%[1]s]}\n  rules: [{name: %[1]s, deny: \"true\"}]",
}

var kinds = []string{"Pod", "Workload", "Deployment", "ConfigMap", "'*'", "Deployment, StatefulSet", "Deployment/scale", "Ingress", "HorizontalPodAutoscaler"}

// FuzzText compiles policies that are well-formed but for one text.
func FuzzText(f *testing.F) {
	for i, text := range []string{"object.spec.hostPID", "containers.exists(c, c.image.endsWith(':latest'))",
		"object.metadata.labels['a'] == 'b' ? 1 < 2 : has(object.spec)", "x in object.spec.containers.map(c, c.name)", "*-a?", "a\nb\u0085c: #'\"",
		"quantity('1Gi') < quantity('2Gi')", "[1, 2.0, null, {'a': 1u}].size() > 2", "image(object.metadata.name).tag == 'x' ${object.metadata.name}",
		"object.spec.replicas * 2 / 0 % 3 - -1 > int('x')", "timestamp('2020-01-01T00:00:00Z') > object.metadata.creationTimestamp",
		"object.metadata.name.split('-').all(p, p.matches('^[a-z]+$'))", "[[1]][0][0] in [1] || dyn(1) == 'a'", "type(object) == map", "authorizer.group('').resource('pods').check('get').allowed()"} {
		f.Add(uint8(i), uint8(i*7), text)
	}
	f.Fuzz(func(t *testing.T, place, kind uint8, text string) {
		if !utf8.ValidString(text) {
			t.Skip("JSON would change it")
		}
		quoted, _ := json.Marshal(text)
		each, _ := json.Marshal("x in " + text)
		checkResult(t, fmt.Appendf(nil, "apiVersion: policyc.dev/v1alpha1\nkind: Policy\nmetadata: {name: p}\nspec:\n  "+
			places[int(place)%len(places)]+"\n  enforce: deny\n", quoted, kinds[int(kind)%len(kinds)], each))
	})
}

// TestGuard asserts that a fault is reported with the place it happened at.
func TestGuard(t *testing.T) {
	r := diag.NewReport()
	r.Errorf(diag.UnknownKey, source.Span{}, "unrelated")
	func() {
		defer guard(r, source.Span{}, "compiling policy `p`")
		var none []int
		_ = none[len(r.Sorted())]
	}()
	for _, d := range r.Sorted() {
		if d.Code == diag.Internal && strings.HasPrefix(d.Message, "compiling policy `p` failed: ") && strings.Contains(d.Notes[0], "TestGuard") {
			return
		}
	}
	t.Errorf("no diagnostic names the fault: %v", r.Sorted())
}
