//go:build e2e

// Package object_test proves runtime/object on real API servers.
//
//	testdata/pod.yaml ─┬─ Preparer.Prepare ──────────────────────► object ─┐
//	                   └─ POST ─► API server ─► validating webhook ─► object ─┴─► no difference but the excused ones
package object_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/policyc/policyc/test/apiserver"
)

// everybody lets whoever is impersonated do everything.
const everybody = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: e2e-everybody}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: system:authenticated}]
`

type cluster struct {
	*apiserver.Server
	version string
}

// onEach runs a test on a server of each version, or of that in POLICYC_E2E_VERSION.
func onEach(t *testing.T, test func(*testing.T, *cluster)) {
	t.Helper()
	for _, version := range apiserver.Versions() {
		if only := os.Getenv("POLICYC_E2E_VERSION"); only != "" && only != version {
			continue
		}
		t.Run(version, func(t *testing.T) {
			server, err := apiserver.Start(t.Context(), apiserver.Options{Version: version, ServiceAccounts: true})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(server.Stop)
			c := &cluster{Server: server, version: version}
			c.kubectl(t, everybody, "apply", "-f", "-")
			test(t, c)
		})
	}
}

func (c *cluster) kubectl(t *testing.T, stdin string, args ...string) {
	t.Helper()
	if _, _, err := c.Kubectl(t.Context(), stdin, args...); err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) do(t *testing.T, request apiserver.Request) apiserver.Response {
	t.Helper()
	response, err := c.Do(context.Background(), request) // t.Context() has ended when cleanups run
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// must sends a request that prepares a test and has to succeed.
func (c *cluster) must(t *testing.T, request apiserver.Request) apiserver.Response {
	t.Helper()
	r := c.do(t, request)
	if r.Status >= http.StatusMultipleChoices {
		t.Fatalf("%s %s: %s", request.Method, request.Path, r.Body)
	}
	return r
}

// eventually polls, for what the server learns through a watch.
func eventually(t *testing.T, limit time.Duration, failure string, done func() bool) {
	t.Helper()
	begin := time.Now()
	for !done() {
		if time.Since(begin) > limit {
			t.Fatal(failure)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	content, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func decode(t *testing.T, content []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(content, v); err != nil {
		t.Fatalf("%v in %s", err, content)
	}
}
