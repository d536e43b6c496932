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

	"github.com/policyc/policyc/test/e2e/client"
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
	binaries, err := client.Build(dir, "policyc-runtime", "policyc")
	if err != nil {
		return 0, err
	}
	runtimeBinary, built = binaries[0], dir
	for _, folder := range []string{"policies", "everything"} {
		if output, err := exec.Command(binaries[1], "build", "-o", filepath.Join(dir, folder), "testdata/"+folder).CombinedOutput(); err != nil {
			return 0, fmt.Errorf("policyc build testdata/%s: %w\n%s", folder, err, output)
		}
	}
	return m.Run(), nil
}

// eventually polls until a condition holds. A fault that takes longer than its patience is one that does not heal.
func eventually(t *testing.T, failure string, done func() bool) {
	t.Helper()
	client.Eventually(t, time.Minute, failure, done)
}

// took logs how long something took since begin.
func took(t *testing.T, what string, begin time.Time) {
	t.Helper()
	t.Logf("%s: %v", what, time.Since(begin).Round(time.Millisecond))
}
