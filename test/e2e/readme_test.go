//go:build e2e

package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/policyc/policyc/test/apiserver"
	"github.com/policyc/policyc/test/readme"
)

// The tour of the README, done on a server of its own, of the newest version: what kubectl prints is what the README shows. A new
// policy needs a moment until it is enforced, so that a command may be tried again.
func TestReadme(t *testing.T) {
	c, err := apiserver.Start(t.Context(), apiserver.Options{Version: apiserver.Versions()[0]})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
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
			// TestReadme in cmd/policyc compares what it prints.
			exec.Command(policycBinary, args[1:]...).Run()
		case len(args) > 0 && args[0] == "kubectl":
			ran++
			var seen string
			for end := time.Now().Add(15 * time.Second); ; time.Sleep(300 * time.Millisecond) {
				stdout, stderr, _ := c.Kubectl(context.Background(), "", args[1:]...)
				seen = stdout + stderr
				if readme.Matches(s.Output, seen) {
					break
				}
				if time.Now().After(end) || !strings.Contains(s.Output, "denied request") {
					t.Errorf("README.md:%d: %s\nshown:\n%s\nseen:\n%s", s.Line, s.Command, s.Output, seen)
					break
				}
				// It was admitted too early.
				c.Kubectl(context.Background(), "", "delete", "pods,deployments", "--all", "--all-namespaces", "--wait=false")
			}
		}
	}
	if ran < 4 {
		t.Errorf("only %d kubectl commands found in the README", ran)
	}
}
