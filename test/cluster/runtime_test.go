//go:build e2e

package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/policyc/policyc/test/apiserver"
	"github.com/policyc/policyc/test/cluster"
)

// TestRuntime takes the real policyc-runtime through the same life, with the library's policies and the rights that the chart and
// generated/webhook give it.
func TestRuntime(t *testing.T) {
	binary := buildRuntime(t)
	for _, version := range apiserver.Versions() {
		t.Run(version, func(t *testing.T) {
			server, running := startServer(t, version, binary)
			timed(t, "install", func() {
				run(t, server, "install", "policyc-runtime", chart, "--namespace="+namespace, "--create-namespace", "--wait", "--timeout=60s",
					"--set=runtime.drainSeconds=2")
			})
			kubectl(t, server, "", "apply", "--server-side", "-k", "../../generated/webhook")
			kubectl(t, server, "", "wait", "compiledpolicies", "--all", "--for=condition=Ready", "--timeout=30s")
			eventually(t, "no Ingress is admitted", func() bool { return ingress(t, server, "first.example.com", "").Status == http.StatusCreated })
			var second apiserver.Response
			eventually(t, "a second Ingress with the host is not denied", func() bool {
				second = ingress(t, server, "first.example.com", "?dryRun=All")
				return second.Status == http.StatusUnprocessableEntity
			})
			if want := "[unique-host] host first.example.com belongs to another Ingress"; !strings.HasSuffix(second.Message(), want) {
				t.Errorf("the message is %q, not … %q", second.Message(), want)
			}
			t.Run("upgrade", func(t *testing.T) { checkRuntimeUpgrade(t, server) })
			t.Run("uninstall", func(t *testing.T) { checkUninstall(t, server, running) })
		})
	}
}

func buildRuntime(t *testing.T) string {
	if _, err := os.Stat("../../cmd/policyc-runtime"); errors.Is(err, fs.ErrNotExist) {
		t.Skip("there is no cmd/policyc-runtime")
	}
	binary := filepath.Join(t.TempDir(), "policyc-runtime")
	if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/policyc-runtime").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// checkRuntimeUpgrade asserts that no request fails while both replicas are replaced.
func checkRuntimeUpgrade(t *testing.T, server *apiserver.Server) {
	ctx, stop := context.WithCancel(t.Context())
	var sent, failed atomic.Int32
	var load sync.WaitGroup
	for worker := range 4 {
		load.Go(func() {
			for ctx.Err() == nil {
				got := ingress(t, server, fmt.Sprintf("load-%d.example.com", worker), "?dryRun=All")
				if sent.Add(1); got.Status != http.StatusCreated && failed.Add(1) == 1 {
					t.Errorf("during the upgrade: %d: %s", got.Status, got.Body)
				}
			}
		})
	}
	timed(t, "upgrade", func() {
		run(t, server, "upgrade", "policyc-runtime", chart, "--namespace="+namespace, "--reuse-values", "--wait", "--timeout=60s", "--set=podAnnotations.new=yes")
	})
	stop()
	load.Wait()
	t.Logf("%d requests, %d failed", sent.Load(), failed.Load())
}

// ingress creates an Ingress, which policies of the library compare with others.
func ingress(t *testing.T, server *apiserver.Server, host, query string) apiserver.Response {
	response, err := server.Do(context.WithoutCancel(t.Context()), apiserver.Request{Method: http.MethodPost, User: "alice",
		Path: "/apis/networking.k8s.io/v1/namespaces/default/ingresses" + query,
		Body: fmt.Appendf(nil, `{"metadata":{"generateName":"shop-"},"spec":{"rules":[{"host":%q,"http":{"paths":[{"path":"/","pathType":"Prefix",`+
			`"backend":{"service":{"name":"shop","port":{"number":80}}}}]}}]}}`, host)})
	if err != nil {
		t.Error(err)
	}
	return response
}

// startServer starts an API server with a cluster in which the runtime's image is a program.
func startServer(t *testing.T, version, program string) (*apiserver.Server, *cluster.Cluster) {
	t.Helper()
	server, err := apiserver.Start(t.Context(), apiserver.Options{Version: version, Args: cluster.Args(), RestrictServiceAccounts: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	running, err := cluster.Start(t.Context(), cluster.Options{Server: server, Images: map[string]string{image: program}, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, p := range running.Pods(namespace) {
				t.Logf("%s wrote:\n%s", p.Name, p.Log())
			}
		}
		running.Stop()
	})
	return server, running
}
