//go:build e2e

// Package e2e proves compiled policies on real API servers: the newest and the oldest that policyc supports, each with
// the policies compiled for it.
//
//	testdata/ratchet/policy.yaml ─ policyc build ─► kubectl apply -k ─► POST, PUT, PATCH, DELETE ─► verdict, message, warnings
//
// Every test runs on all servers side by side, and alone on each, because policies hold for a whole cluster.
package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/policyc/policyc/test/apiserver"
	"github.com/policyc/policyc/test/e2e/client"
)

// policycBinary is built once, in TestMain.
var policycBinary string

// clusters are the running servers, oldest first.
var clusters []*cluster

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "policyc-e2e-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	built, err := client.Build(dir, "policyc")
	if err != nil {
		return 0, err
	}
	policycBinary = built[0]
	// `kubectl edit` in TestParameterObject: a change of one value, as a person would make it.
	os.Setenv("KUBE_EDITOR", `sed -i -e s/maxReplicas:.3/maxReplicas:\ 5/`)
	defer func() {
		for _, c := range clusters {
			c.Stop()
		}
	}()
	begin := time.Now()
	if err := startAll(); err != nil {
		return 0, err
	}
	fmt.Printf("%d API servers were ready after %v\n", len(clusters), time.Since(begin).Round(time.Millisecond))
	return m.Run(), nil
}

// startAll starts a server of each version, side by side.
func startAll() error {
	versions := apiserver.Versions()
	if only := os.Getenv("POLICYC_E2E_VERSION"); only != "" {
		versions = []string{only}
	}
	slices.SortFunc(versions, func(a, b string) int { return len(a)*1000 - len(b)*1000 + compare(a, b) })
	clusters = make([]*cluster, len(versions))
	errs := make([]error, len(versions))
	var wait sync.WaitGroup
	for i, version := range versions {
		wait.Go(func() { clusters[i], errs[i] = startCluster(version) })
	}
	wait.Wait()
	clusters = slices.DeleteFunc(clusters, func(c *cluster) bool { return c == nil })
	return errors.Join(errs...)
}

func compare(a, b string) int {
	if a < b {
		return -1
	}
	return 1
}

func startCluster(version string) (*cluster, error) {
	ctx := context.Background()
	server, err := apiserver.Start(ctx, apiserver.Options{Version: version, AuditLog: true})
	if err != nil {
		return nil, err
	}
	c := &cluster{Server: server, version: version}
	if err := c.prepare(ctx); err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

// onEach runs a test on every server, side by side.
func onEach(t *testing.T, test func(*testing.T, *cluster)) {
	t.Helper()
	for _, c := range clusters {
		t.Run(c.version, func(t *testing.T) {
			t.Parallel()
			test(t, c)
		})
	}
}
