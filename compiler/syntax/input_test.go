package syntax

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/policyc/policyc/compiler/diag"
)

// write makes the files of a folder and goes there.
func write(t *testing.T, files ...string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, path := range files {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(path), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func paths(inputs []Input) string {
	var all []string
	for _, input := range inputs {
		path := input.Path
		if input.Walked {
			path += "*"
		}
		all = append(all, path)
	}
	return strings.Join(all, " ")
}

func TestReadPaths(t *testing.T) {
	write(t, "b.yaml", "a/x.yml", "a/x.json", "a/deep/y.yaml", "a/.hidden/z.yaml", "a/.h.yaml", "c.txt")
	for link, to := range map[string]string{"a/loop": "..", "a/link.yaml": "../b.yaml", "a/deep/up": "../deep"} {
		if err := os.Symlink(to, link); err != nil {
			t.Skip("no symbolic links here")
		}
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name  string
		paths []string
		want  string
	}{
		{"folder", []string{"a"}, "a/deep/y.yaml* a/link.yaml* a/x.yml*"},
		{"here", []string{"."}, "a/deep/y.yaml* a/link.yaml* a/x.yml*"},
		{"named", []string{"b.yaml", "./c.txt"}, "b.yaml c.txt"},
		{"twice", []string{"b.yaml", "a/../b.yaml", "a/deep", "a/deep"}, "a/deep/y.yaml* b.yaml"},
		{"absolute", []string{filepath.Join(here, "b.yaml")}, "b.yaml"},
		{"stdin", []string{"-", "-", "b.yaml"}, "<stdin> b.yaml"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := diag.NewReport()
			if got := paths(ReadPaths(c.paths, strings.NewReader("a: 1\n"), r)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if r.Len() > 0 {
				t.Errorf("diagnostics: %v", lines(t, r))
			}
		})
	}
}

func TestReadPathsReportsWhatCannotBeRead(t *testing.T) {
	write(t, "a/x.yaml")
	if err := os.Symlink("nowhere", "a/dangling.yaml"); err != nil {
		t.Skip("no symbolic links here")
	}
	r := diag.NewReport()
	if got := paths(ReadPaths([]string{"a", "missing.yaml"}, nil, r)); got != "a/x.yaml*" {
		t.Errorf("got %s", got)
	}
	equalLines(t, lines(t, r), []string{
		"policyc: error[PC0001]: cannot read `a/dangling.yaml`: it does not exist",
		"policyc: error[PC0001]: cannot read `missing.yaml`: it does not exist",
	})
}

func TestReadPathsStopsAtTheLimit(t *testing.T) {
	r := diag.NewReport()
	inputs := ReadPaths([]string{"-"}, bytes.NewReader(make([]byte, 3*maxFile)), r)
	if len(inputs[0].Data) != maxFile+1 {
		t.Errorf("read %d bytes", len(inputs[0].Data))
	}
}
