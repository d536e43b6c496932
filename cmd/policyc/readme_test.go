package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/policyc/policyc/test/readme"
)

// TestReadme does what the README's tour says, and sees what it shows. The
// kubectl commands are done in test/e2e, on a real API server.
func TestReadme(t *testing.T) {
	markdown, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	ran := 0
	for _, s := range readme.Steps(string(markdown)) {
		args := strings.Fields(s.Command)
		switch {
		case s.File != "":
			if err := os.MkdirAll(filepath.Dir(s.File), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(s.File, []byte(s.Content), 0o644); err != nil {
				t.Fatal(err)
			}
		case len(args) > 0 && args[0] == "policyc":
			ran++
			var out bytes.Buffer
			Run(args[1:], IO{In: strings.NewReader(""), Out: &out, Err: &out})
			if !readme.Matches(s.Output, out.String()) {
				t.Errorf("README.md:%d: %s\nshown:\n%s\nseen:\n%s", s.Line, s.Command, s.Output, out.String())
			}
		}
	}
	if ran < 4 {
		t.Errorf("only %d policyc commands found in the README", ran)
	}
}
