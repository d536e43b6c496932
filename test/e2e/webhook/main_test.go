//go:build e2e

// Package webhook_test proves the companion webhook: helm installs the chart on real API servers, the runtime runs as its pods
// would, with their ServiceAccount's token and nothing more, and the API server calls it at the Service.
//
//	policies/workloads/no-orphan-hpa*.yaml ─┬─ engine, offline ──────────────────────────────────────────► verdict ─┐
//	                                        └─ policyc build ─► kubectl apply -k ─► POST, PUT, DELETE ─► verdict ─┴─► equal
//
// Every case of every policy that mutates or looks other objects up is a request. A policy is alone in force while its cases are
// asked, since the server shows one denial of several.
package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/policyc/policyc/test/apiserver"
	"github.com/policyc/policyc/test/cluster"
	"github.com/policyc/policyc/test/e2e/client"
	"github.com/policyc/policyc/test/helm"
)

const (
	root      = "../../.."
	chart     = root + "/runtime/chart"
	image     = "ghcr.io/policyc/policyc-runtime"
	namespace = "policyc-system"
	release   = "policyc-runtime"
)

type object = client.Object

// server is an API server on which the chart is installed.
type server struct {
	*apiserver.Server
	// version is the minor, which policies are compiled for.
	version string
	running *cluster.Cluster
	// revision numbers what is installed; see canary. stored numbers what lookups read.
	revision, stored int
	// spaces counts the namespaces of cases.
	spaces int
	table  table
}

// servers are the running ones; binaries are built once.
var (
	servers                       []*server
	runtimeBinary, compilerBinary string
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e/webhook:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "policyc-e2e-webhook-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	built, err := client.Build(dir, "policyc-runtime", "policyc")
	if err != nil {
		return 0, err
	}
	runtimeBinary, compilerBinary = built[0], built[1]
	begin := time.Now()
	defer func() {
		for _, s := range servers {
			s.running.Stop()
			s.Stop()
		}
	}()
	if err := startAll(); err != nil {
		return 0, err
	}
	fmt.Printf("%d API servers with the chart were ready after %v\n", len(servers), time.Since(begin).Round(time.Millisecond))
	code := m.Run()
	for _, s := range servers {
		s.table.print(s.version)
	}
	if code != 0 {
		for _, s := range servers {
			for _, pod := range s.running.Pods(namespace) {
				fmt.Printf("%s: %s ended with:\n%s\n", s.version, pod.Name, tail(pod.Log(), 4000))
			}
		}
	}
	return code, nil
}

func tail(text string, n int) string { return text[max(0, len(text)-n):] }

func startAll() error {
	versions := apiserver.Versions()
	if only := os.Getenv("POLICYC_E2E_VERSION"); only != "" {
		versions = []string{only}
	}
	started, errs := make([]*server, len(versions)), make([]error, len(versions))
	var wait sync.WaitGroup
	for i, version := range versions {
		wait.Go(func() { started[i], errs[i] = start(version) })
	}
	wait.Wait()
	for _, s := range started {
		if s != nil {
			servers = append(servers, s)
		}
	}
	return errors.Join(errs...)
}

// start starts a server and installs the chart, as its README says.
func start(version string) (*server, error) {
	ctx := context.Background()
	api, err := apiserver.Start(ctx, apiserver.Options{Version: version, AuditLog: true, Args: cluster.Args(), RestrictServiceAccounts: true})
	if err != nil {
		return nil, err
	}
	running, err := cluster.Start(ctx, cluster.Options{Server: api, Images: map[string]string{image: runtimeBinary}, Namespaces: []string{namespace, "security"}})
	if err != nil {
		api.Stop()
		return nil, err
	}
	s := &server{Server: api, version: version, running: running}
	// Admission takes up to 30 s to know a new kind (see e2e.TestParameterObject), so that it comes early.
	if _, _, err := s.Kubectl(ctx, "", "apply", "-f", "../testdata/custom/crd.yaml"); err != nil {
		return s, err
	}
	return s, s.installChart(ctx, release, namespace)
}

// installChart has one replica: a lookup's cache is that of a replica, and tests wait for it.
func (s *server) installChart(ctx context.Context, release, namespace string, args ...string) error {
	_, err := helm.Run(ctx, s.Kubeconfig, append([]string{"install", release, chart, "--namespace=" + namespace, "--create-namespace", "--wait",
		"--timeout=90s", "--set=replicas=1", "--set=runtime.drainSeconds=1"}, args...)...)
	return err
}

// onEach runs a test on every server, side by side.
func onEach(t *testing.T, test func(*testing.T, *server)) {
	t.Helper()
	for _, s := range servers {
		t.Run(s.version, func(t *testing.T) {
			t.Parallel()
			test(t, s)
		})
	}
}
