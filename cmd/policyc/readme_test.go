package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/policyc/policyc/test/readme"
)

// TestReadme does what the README's tour says, and sees what it shows. The
// kubectl commands are done in test/e2e, on a real API server.
func TestReadme(t *testing.T) {
	document, err := filepath.Abs("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	ran := 0
	err = readme.Follow(document, func(s readme.Step, words []string) {
		if words[0] != "policyc" {
			return
		}
		ran++
		var out bytes.Buffer
		Run(words[1:], IO{In: strings.NewReader(""), Out: &out, Err: &out})
		if !readme.Matches(s.Output, out.String()) {
			t.Errorf("README.md:%d: %s\nshown:\n%s\nseen:\n%s", s.Line, s.Command, s.Output, out.String())
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if ran < 4 {
		t.Errorf("only %d policyc commands found in the README", ran)
	}
}
