// Package compile holds the compiler's golden tests. A case is an archive:
//
//	testdata/<topic>/<case>.txtar
//	  a comment: what the case shows, and `options: …`
//	  -- policies/p.yaml --       files that are compiled
//	  -- diagnostics --           what is reported
//	  -- generated/native/… --    what is written
//
// An output that is missing must be empty. `go test ./test/compile -update`
// rewrites the outputs of every archive; read them as a reviewer would.
package compile

import (
	"bytes"
	"flag"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/runtime/cases"
)

var update = flag.Bool("update", false, "rewrite the outputs of the archives")

// today is the day on which exceptions expire or do not.
var today = time.Date(2026, time.June, 1, 12, 0, 0, 0, time.UTC)

// diagnosticsFile is the output that holds the diagnostics.
const diagnosticsFile = "diagnostics"

// goldenCase is one archive.
type goldenCase struct {
	name    string
	archive *txtar.Archive
	options []string
}

// has reports whether the case asks for an option: a line `options: a, b` of
// the comment.
func (c *goldenCase) has(option string) bool { return slices.Contains(c.options, option) }

// value returns x of the option name=x.
func (c *goldenCase) value(name string) string {
	for _, o := range c.options {
		if v, ok := strings.CutPrefix(o, name+"="); ok {
			return v
		}
	}
	return ""
}

func isOutput(name string) bool {
	return name == diagnosticsFile || strings.HasPrefix(name, "generated/")
}

// inputs are the files of the archive that are compiled.
func (c *goldenCase) inputs() []syntax.Input {
	var out []syntax.Input
	for _, f := range c.archive.Files {
		if !isOutput(f.Name) && !strings.HasPrefix(f.Name, "crds/") && !strings.HasPrefix(f.Name, "objects/") {
			out = append(out, syntax.Input{Path: f.Name, Data: f.Data, Walked: !c.has("named")})
		}
	}
	return out
}

// readFile reads the CRD files that a project names.
func (c *goldenCase) readFile(name string) ([]byte, error) {
	for _, f := range c.archive.Files {
		if f.Name == name {
			return f.Data, nil
		}
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// compile compiles the inputs in the given order.
func (c *goldenCase) compile(inputs []syntax.Input) (*compiler.Result, *diag.Report) {
	r := diag.NewReport()
	docs := syntax.Load(inputs, r)
	result := compiler.CompileDocuments(docs, compiler.Options{
		KubeVersion: c.value("kube-version"), AllowExpired: c.has("allow-expired"),
		Now: today, ReadFile: c.readFile, Mutation: c.value("mutation")}, r)
	// What is wrong with tests is found by whoever runs them.
	cases.Load(docs, result.Project, cases.Options{ReadFile: c.readFile}, r)
	return result, r
}

// outputs are the files that the case's archive should have. REPORT.md and
// the kustomizations are left out unless the case asks for them.
func (c *goldenCase) outputs(t *testing.T, result *compiler.Result, r *diag.Report) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	var text bytes.Buffer
	if err := diag.WriteText(&text, r.Sorted(), false); err != nil {
		t.Fatal(err)
	}
	if text.Len() > 0 {
		out[diagnosticsFile] = text.Bytes()
	}
	for name, content := range result.Files {
		plumbing := name == "REPORT.md" || strings.HasSuffix(name, "/kustomization.yaml")
		if !plumbing || c.has("report") {
			out["generated/"+name] = content
		}
	}
	return out
}

func loadCases(t testing.TB) []*goldenCase {
	t.Helper()
	var cases []*goldenCase
	err := filepath.WalkDir("testdata", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(file) != ".txtar" {
			return err
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		c := &goldenCase{name: filepath.ToSlash(strings.TrimPrefix(file, "testdata"+string(filepath.Separator))), archive: txtar.Parse(data)}
		for line := range strings.Lines(string(c.archive.Comment)) {
			if list, ok := strings.CutPrefix(line, "options:"); ok {
				for o := range strings.SplitSeq(list, ",") {
					c.options = append(c.options, strings.TrimSpace(o))
				}
			}
		}
		cases = append(cases, c)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

func TestGolden(t *testing.T) {
	for _, c := range loadCases(t) {
		t.Run(strings.TrimSuffix(c.name, ".txtar"), func(t *testing.T) {
			t.Parallel()
			result, r := c.compile(c.inputs())
			checkInvariants(t, result, r)
			got := c.outputs(t, result, r)
			if *update {
				c.rewrite(t, got)
				return
			}
			c.compare(t, got)
		})
	}
}

// rewrite replaces the outputs of the archive.
func (c *goldenCase) rewrite(t *testing.T, outputs map[string][]byte) {
	t.Helper()
	fresh := &txtar.Archive{Comment: c.archive.Comment}
	for _, f := range c.archive.Files {
		if !isOutput(f.Name) {
			fresh.Files = append(fresh.Files, f)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		fresh.Files = append(fresh.Files, txtar.File{Name: name, Data: outputs[name]})
	}
	if err := os.WriteFile(filepath.Join("testdata", c.name), txtar.Format(fresh), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (c *goldenCase) compare(t *testing.T, got map[string][]byte) {
	t.Helper()
	want := map[string][]byte{}
	for _, f := range c.archive.Files {
		if isOutput(f.Name) {
			want[f.Name] = f.Data
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if !bytes.Equal(got[name], want[name]) {
			t.Errorf("%s differs (-update rewrites it)\n%s", name, difference(string(want[name]), string(got[name])))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if _, ok := got[name]; !ok {
			t.Errorf("%s is no longer written (-update rewrites the archive)", name)
		}
	}
}

// difference shows the first line that differs, with what surrounds it.
func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	first := 0
	for first < len(w) && first < len(g) && w[first] == g[first] {
		first++
	}
	var b strings.Builder
	show := func(mark string, lines []string) {
		for _, line := range lines[min(first, len(lines)):min(first+12, len(lines))] {
			b.WriteString(mark + line + "\n")
		}
	}
	for _, line := range g[max(0, first-3):first] {
		b.WriteString("  " + line + "\n")
	}
	show("- ", w)
	show("+ ", g)
	return b.String()
}
