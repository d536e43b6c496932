//go:build e2e

package e2e

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/policyc/policyc/test/apiserver"
	"github.com/policyc/policyc/test/readme"
)

// The tour of the README, done on a server of its own, of the newest version: what kubectl prints is what the README
// shows. TestReadme in cmd/policyc compares what policyc prints.
func TestReadme(t *testing.T) {
	server, err := apiserver.Start(t.Context(), apiserver.Options{Version: apiserver.Versions()[0]})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	document, err := filepath.Abs("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	ran := 0
	err = readme.Follow(document, func(s readme.Step, words []string) {
		switch words[0] {
		case "policyc":
			exec.Command(policycBinary, words[1:]...).Run()
		case "kubectl":
			ran++
			if seen := untilShown(server, s, words[1:]); !readme.Matches(s.Output, seen) {
				t.Errorf("README.md:%d: %s\nshown:\n%s\nseen:\n%s", s.Line, s.Command, s.Output, seen)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if ran < 4 {
		t.Errorf("only %d kubectl commands found in the README", ran)
	}
}

// untilShown runs kubectl and returns what it prints. A new policy needs a moment until it is enforced: a command that
// is to be denied is tried again, without what was admitted too early.
func untilShown(server *apiserver.Server, s readme.Step, words []string) (seen string) {
	for end := time.Now().Add(15 * time.Second); ; time.Sleep(300 * time.Millisecond) {
		stdout, stderr, _ := server.Kubectl(context.Background(), "", words...)
		seen = stdout + stderr
		if readme.Matches(s.Output, seen) || !strings.Contains(s.Output, "denied request") || time.Now().After(end) {
			return seen
		}
		server.Kubectl(context.Background(), "", "delete", "pods,deployments", "--all", "--all-namespaces", "--wait=false")
	}
}
