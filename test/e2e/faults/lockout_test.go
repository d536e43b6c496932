//go:build e2e

package faults_test

import (
	"testing"
	"time"
)

// TestLockout has a policy match everything and all replicas away, and repairs the cluster in each way that there is.
func TestLockout(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{version: "1.37"})
	locked := func(t *testing.T) {
		t.Helper()
		w.apply(t, "everything")
		w.kubectl(t, "", "wait", "compiledpolicy/everything", "--for=condition=Ready", "--timeout=60s")
		eventually(t, "nothing is denied", func() bool { return w.createNamespace(t) == denied })
		w.down(t)
		if got := w.createNamespace(t); got != failed {
			t.Fatalf("with no replica, a Namespace is %s", got)
		}
	}
	t.Run("restart", func(t *testing.T) {
		locked(t)
		begin := time.Now()
		w.up(t)
		eventually(t, "nothing is denied", func() bool { return w.createNamespace(t) == denied })
		took(t, "restart", begin)
	})
	t.Run("delete the configuration", func(t *testing.T) {
		w.down(t)
		w.kubectl(t, "", "delete", "validatingwebhookconfiguration", "policyc")
		eventually(t, "a Namespace is not admitted", func() bool { return w.createNamespace(t) == admitted })
		w.up(t)
	})
	t.Run("helm uninstall", func(t *testing.T) {
		locked(t)
		begin := time.Now()
		w.helm(t, "uninstall", release)
		took(t, "uninstall", begin)
		if got := w.createNamespace(t); got != admitted {
			t.Errorf("after the uninstall, a Namespace is %s", got)
		}
		w.expectUninstalled(t)
	})
}
