//go:build e2e

package faults_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/policyc/policyc/runtime/api"
	"github.com/policyc/policyc/test/apiserver"
	"github.com/policyc/policyc/test/cluster"
	"github.com/policyc/policyc/test/helm"
)

// world is an API server on which the chart is installed and the policies are in force.
type world struct {
	*apiserver.Server
	running *cluster.Cluster
	entries map[string]string // of the webhook configuration, by policy
}

// setting is what differs between worlds.
type setting struct {
	version string
	// api is where pods find the API server, made from where it is; nil means there.
	api func(*testing.T, *apiserver.Server) string
	// values are of the chart.
	values []string
}

// newWorld starts one, which ends with the test.
func newWorld(t *testing.T, s setting) *world {
	t.Helper()
	begin := time.Now()
	server, err := apiserver.Start(t.Context(), apiserver.Options{Version: s.version, AuditLog: true, Args: cluster.Args(), RestrictServiceAccounts: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	options := cluster.Options{Server: server, Images: map[string]string{image: runtimeBinary}}
	if s.api != nil {
		options.API = s.api(t, server)
	}
	running, err := cluster.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Server: server, running: running, entries: map[string]string{}}
	t.Cleanup(func() {
		if t.Failed() {
			w.showLogs(t)
		}
		running.Stop()
	})
	w.kubectl(t, objects, "apply", "-f", "-")
	w.helm(t, append([]string{"install", release, chart, "--create-namespace", "--set=runtime.drainSeconds=1"}, s.values...)...)
	w.apply(t, "policies")
	for _, a := range asks() {
		policy := w.compiled(t, a.policy())
		w.entries[policy.Name] = policy.Spec.Bindings[0].Webhook
	}
	w.awaitForce(t)
	took(t, "a world", begin)
	return w
}

// objects are what the policies look up.
const objects = `
apiVersion: v1
kind: Namespace
metadata: {name: faults, labels: {faults: "on"}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: present, namespace: faults}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: present, namespace: faults}
spec: {podSelector: {}}
`

// apply puts the policies of a folder of testdata in force.
func (w *world) apply(t *testing.T, folder string) {
	t.Helper()
	w.kubectl(t, "", "apply", "--server-side", "--force-conflicts", "-k", filepath.Join(built, folder, "webhook"))
}

// awaitForce waits until every kind of request is answered right by the webhook, on each replica.
func (w *world) awaitForce(t *testing.T) {
	t.Helper()
	w.kubectl(t, "", "wait", "compiledpolicies", "--all", "--for=condition=Ready", "--timeout=60s")
	w.awaitReplicas(t, 2)
	for _, a := range asks() {
		eventually(t, a.String()+" is not answered right", func() bool { return w.ask(t, a).class == a.want() })
		for _, p := range w.pods() {
			eventually(t, p.Name+" does not answer right to "+a.String(), func() bool { return w.askPod(t, p, a).class == a.want() })
		}
	}
}

// awaitReplicas waits for n replicas, all ready and of one version.
func (w *world) awaitReplicas(t *testing.T, n int) {
	t.Helper()
	eventually(t, "the replicas are not ready", func() bool {
		pods := w.pods()
		for _, p := range pods {
			if !p.Ready() {
				return false
			}
		}
		return len(pods) == n
	})
}

func (w *world) pods() []*cluster.Pod { return w.running.Pods(namespace) }

// kill kills every replica.
func (w *world) kill() {
	for _, p := range w.pods() {
		p.Kill()
	}
}

// down takes all replicas away, without a drain, until up.
func (w *world) down(t *testing.T) {
	t.Helper()
	w.kubectl(t, "", "scale", "deployment", release, "--namespace="+namespace, "--replicas=0")
	eventually(t, "the replicas stay", func() bool { w.kill(); return len(w.pods()) == 0 })
}

func (w *world) up(t *testing.T) {
	t.Helper()
	w.kubectl(t, "", "scale", "deployment", release, "--namespace="+namespace, "--replicas=2")
	w.awaitReplicas(t, 2)
}

func (w *world) kubectl(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	out, _, err := w.Kubectl(context.WithoutCancel(t.Context()), stdin, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (w *world) helm(t *testing.T, args ...string) {
	t.Helper()
	if _, err := helm.Run(t.Context(), w.Kubeconfig, append(args, "--namespace="+namespace, "--wait", "--timeout=90s")...); err != nil {
		t.Fatal(err)
	}
}

// read gets an object.
func (w *world) read(t *testing.T, path string, into any) {
	t.Helper()
	r, err := w.Do(context.WithoutCancel(t.Context()), apiserver.Request{Path: path})
	if err == nil && r.Status != http.StatusOK {
		err = fmt.Errorf("%d: %s", r.Status, r.Body)
	}
	if err == nil {
		err = json.Unmarshal(r.Body, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// compiled is a CompiledPolicy as it is now.
func (w *world) compiled(t *testing.T, name string) *api.CompiledPolicy {
	t.Helper()
	policy := &api.CompiledPolicy{}
	w.read(t, "/apis/policyc.dev/v1alpha1/compiledpolicies/"+name, policy)
	return policy
}

// showLogs writes the end of what the pods wrote.
func (w *world) showLogs(t *testing.T) {
	for _, p := range w.pods() {
		text := p.Log()
		for line := range strings.Lines(text) { // decisions are many
			if !strings.Contains(line, `"msg":"policy decision"`) && !strings.Contains(line, `"msg":"admission request decided"`) {
				t.Logf("%s wrote: %.600s", p.Name, line)
			}
		}
	}
}
