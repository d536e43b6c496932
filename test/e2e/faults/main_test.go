//go:build e2e

// Package faults_test breaks what the companion webhook stands on, under load, and sees that nothing is admitted that a policy
// denies: replicas are killed, certificates rotated, the API server restarted, policies corrupted, rights taken away.
//
//	testdata/policies ─ policyc build ─► a real API server ─► chart by helm, 2 replicas ─┐
//	load: good and bad ConfigMaps ───────────────────────────────────────────────────────┴─► fault ─► tally
//
//	kill all: 3120 good: 2988 admitted, 0 denied, 132 failed, 0 broken; 1560 bad: 0 admitted, 1494 denied, 66 failed, 0 broken
//
// Nothing waits for a time, only for conditions.
package faults_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const (
	root      = "../../.."
	chart     = root + "/runtime/chart"
	image     = "ghcr.io/policyc/policyc-runtime"
	namespace = "policyc-system"
	release   = "policyc-runtime"
)

// runtimeBinary is built once, as are the objects of the folders in testdata, in built.
var runtimeBinary, built string

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e/faults:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "policyc-faults-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	runtimeBinary, built = filepath.Join(dir, "policyc-runtime"), dir
	compiler := filepath.Join(dir, "policyc")
	for _, command := range [][]string{
		{"go", "build", "-o", runtimeBinary, "github.com/policyc/policyc/cmd/policyc-runtime"},
		{"go", "build", "-o", compiler, "github.com/policyc/policyc/cmd/policyc"},
		{compiler, "build", "-o", filepath.Join(dir, "policies"), "testdata/policies"},
		{compiler, "build", "-o", filepath.Join(dir, "everything"), "testdata/everything"},
	} {
		if output, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			return 0, fmt.Errorf("%v: %w\n%s", command, err, output)
		}
	}
	return m.Run(), nil
}

// eventually polls until a condition holds. A fault that takes longer than its patience is one that does not heal.
func eventually(t *testing.T, failure string, done func() bool) {
	t.Helper()
	begin := time.Now()
	for !done() {
		if time.Since(begin) > 60*time.Second {
			t.Fatalf("after %v: %s", time.Since(begin).Round(time.Second), failure)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// took logs how long something took since begin.
func took(t *testing.T, what string, begin time.Time) {
	t.Helper()
	t.Logf("%s: %v", what, time.Since(begin).Round(time.Millisecond))
}
