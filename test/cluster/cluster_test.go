//go:build e2e

package cluster_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/policyc/policyc/test/apiserver"
	"github.com/policyc/policyc/test/cluster"
	"github.com/policyc/policyc/test/helm"
)

const (
	namespace = "policyc-system"
	image     = "ghcr.io/policyc/policyc-runtime"
	chart     = "../../runtime/chart"
)

// webhooks are what `policyc build` would write, for ConfigMaps.
const webhooks = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: policyc, labels: {app.kubernetes.io/managed-by: policyc}}
webhooks:
- name: validate-1.policyc.dev
  clientConfig: {service: {namespace: policyc-system, name: policyc-runtime, path: /validate/1}}
  rules: [{apiGroups: [""], apiVersions: [v1], resources: [configmaps], operations: [CREATE]}]
  namespaceSelector:
    matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [policyc-system]}]
  sideEffects: None
  timeoutSeconds: 5
  failurePolicy: Fail
  admissionReviewVersions: [v1]
`

// TestMain runs the tests, or as the program of a pod what a container would.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "serve" || os.Args[1] == "uninstall") {
		if err := new(program).main(os.Args[1:]); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// TestChart takes the chart through its life: install, a webhook that is called, a killed replica, an upgrade, an uninstall.
func TestChart(t *testing.T) {
	for _, version := range apiserver.Versions() {
		t.Run(version, func(t *testing.T) {
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			server, running := startServer(t, version, self)
			timed(t, "install", func() {
				run(t, server, "install", "policyc-runtime", chart, "--namespace="+namespace, "--create-namespace", "--wait", "--timeout=60s",
					"--set=runtime.drainSeconds=1")
			})
			pods := running.Pods(namespace)
			if len(pods) != 2 || !pods[0].Ready() || !pods[1].Ready() {
				t.Fatalf("helm waited for %d pods: %v", len(pods), pods)
			}
			kubectl(t, server, webhooks, "apply", "-f", "-")
			eventually(t, "the webhook does not deny", func() bool { return create(t, server, "denied").Status == http.StatusForbidden })
			if got := create(t, server, "admitted"); got.Status != http.StatusCreated {
				t.Errorf("a good name is %d: %s", got.Status, got.Body)
			}
			t.Run("rights", func(t *testing.T) { checkRights(t, server, pods[0]) })
			t.Run("kill", func(t *testing.T) { checkKill(t, server, running) })
			t.Run("upgrade", func(t *testing.T) { checkUpgrade(t, server, running) })
			t.Run("failed hook", func(t *testing.T) { checkFailedHook(t, server) })
			t.Run("uninstall", func(t *testing.T) { checkUninstall(t, server, running) })
			timed(t, "second install, over the CRD that was kept", func() {
				run(t, server, "install", "policyc-runtime", chart, "--namespace="+namespace, "--wait", "--timeout=60s", "--set=runtime.drainSeconds=1")
			})
		})
	}
}

// checkRights asserts that a pod acts as the chart's ServiceAccount, which may not do what is not its own.
func checkRights(t *testing.T, server *apiserver.Server, pod *cluster.Pod) {
	for _, c := range []struct{ verb, resource, want string }{
		{"list", "compiledpolicies.policyc.dev", "yes"},
		{"list", "secrets", "no"},
		{"create", "secrets", "no"},
		{"get", "secret/policyc-runtime-tls", "yes"},
		{"delete", "validatingwebhookconfiguration/policyc", "no"},
	} {
		out, _, _ := server.Kubectl(t.Context(), "", "--kubeconfig="+pod.Kubeconfig(), "auth", "can-i", c.verb, c.resource)
		if strings.TrimSpace(out) != c.want {
			t.Errorf("may the pod %s %s? %q, not %s", c.verb, c.resource, out, c.want)
		}
	}
}

// checkKill asserts that killed replicas come back, and that without any, requests are refused.
func checkKill(t *testing.T, server *apiserver.Server, running *cluster.Cluster) {
	for _, p := range running.Pods(namespace) {
		p.Kill()
	}
	if got := create(t, server, "while-down"); got.Status != http.StatusInternalServerError {
		t.Errorf("with no replica: %d: %s", got.Status, got.Body)
	}
	eventually(t, "the replicas do not come back", func() bool { return create(t, server, "after-kill").Status == http.StatusCreated })
	if pods := running.Pods(namespace); len(pods) != 2 || pods[0].Restarts() != 1 {
		t.Errorf("%d pods, %d restarts", len(pods), pods[0].Restarts())
	}
}

// checkUpgrade asserts that no request fails while all replicas are replaced.
func checkUpgrade(t *testing.T, server *apiserver.Server, running *cluster.Cluster) {
	eventually(t, "the replicas are not ready", func() bool {
		pods := running.Pods(namespace)
		return len(pods) == 2 && pods[0].Ready() && pods[1].Ready()
	})
	before := running.Pods(namespace)
	ctx, stop := context.WithCancel(t.Context())
	var sent, failed atomic.Int32
	var load sync.WaitGroup
	for worker := range 4 {
		load.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				got := create(t, server, fmt.Sprintf("load-%d-%d", worker, i))
				sent.Add(1)
				if got.Status != http.StatusCreated && failed.Add(1) == 1 {
					t.Errorf("during the upgrade: %d: %s", got.Status, got.Body)
				}
			}
		})
	}
	timed(t, "upgrade", func() {
		run(t, server, "upgrade", "policyc-runtime", chart, "--namespace="+namespace, "--reuse-values", "--wait", "--timeout=60s", "--set=podAnnotations.new=yes")
	})
	eventually(t, "the old pods stay", func() bool { return len(running.Pods(namespace)) == 2 })
	stop()
	load.Wait()
	t.Logf("%d requests, %d failed", sent.Load(), failed.Load())
	for _, p := range running.Pods(namespace) {
		if p == before[0] || p == before[1] {
			t.Errorf("%s was not replaced", p.Name)
		}
	}
	for _, p := range before {
		if !strings.Contains(p.Log(), "draining") {
			t.Errorf("%s was not asked to stop", p.Name)
		}
	}
}

// checkFailedHook asserts that nothing is uninstalled when the hook fails: the Service stays for as long as webhooks may call it.
func checkFailedHook(t *testing.T, server *apiserver.Server) {
	kubectl(t, server, "", "delete", "validatingwebhookconfiguration", "policyc") // the stand-in, unlike the runtime, then fails
	if _, err := helm.Run(t.Context(), server.Kubeconfig, "uninstall", "policyc-runtime", "--namespace="+namespace, "--wait", "--timeout=60s"); err == nil {
		t.Error("the uninstall did not fail")
	}
	kubectl(t, server, "", "get", "deployment,service,serviceaccount", "--namespace="+namespace, "policyc-runtime")
	kubectl(t, server, webhooks, "apply", "-f", "-")
}

// checkUninstall asserts that nothing points at the Service once it is gone, and that the CRD stays.
func checkUninstall(t *testing.T, server *apiserver.Server, running *cluster.Cluster) {
	timed(t, "uninstall", func() {
		run(t, server, "uninstall", "policyc-runtime", "--namespace="+namespace, "--wait", "--timeout=60s")
	})
	out := kubectl(t, server, "", "get", "deployments,jobs,services,secrets,leases,serviceaccounts,clusterroles,clusterrolebindings,roles,rolebindings",
		"-A", "-o", "name", "-l", "app.kubernetes.io/name=policyc-runtime")
	if out != "" {
		t.Errorf("left behind:\n%s", out)
	}
	if out := kubectl(t, server, "", "get", "validatingwebhookconfigurations,mutatingwebhookconfigurations", "-o", "name"); out != "" {
		t.Errorf("they call what is gone:\n%s", out)
	}
	kubectl(t, server, "", "get", "crd", "compiledpolicies.policyc.dev")
	if got := create(t, server, "after-uninstall"); got.Status != http.StatusCreated {
		t.Errorf("after the uninstall: %d: %s", got.Status, got.Body)
	}
	eventually(t, "processes are left", func() bool { return len(running.Pods(namespace)) == 0 })
}

func create(t *testing.T, server *apiserver.Server, name string) apiserver.Response {
	response, err := server.Do(context.WithoutCancel(t.Context()), apiserver.Request{Method: http.MethodPost, Path: "/api/v1/namespaces/default/configmaps", User: "alice",
		Body: fmt.Appendf(nil, `{"metadata":{"name":%q}}`, name)})
	if err != nil {
		t.Error(err)
	}
	return response
}

func kubectl(t *testing.T, server *apiserver.Server, stdin string, args ...string) string {
	t.Helper()
	out, _, err := server.Kubectl(t.Context(), stdin, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func run(t *testing.T, server *apiserver.Server, args ...string) {
	t.Helper()
	if _, err := helm.Run(t.Context(), server.Kubeconfig, args...); err != nil {
		t.Fatal(err)
	}
}

func timed(t *testing.T, what string, do func()) {
	t.Helper()
	begin := time.Now()
	do()
	t.Logf("%s took %v", what, time.Since(begin).Round(time.Millisecond))
}

// eventually polls.
func eventually(t *testing.T, failure string, done func() bool) {
	t.Helper()
	for begin := time.Now(); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Since(begin) > 30*time.Second {
			t.Fatal(failure)
		}
	}
}
