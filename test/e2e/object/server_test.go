//go:build e2e

// Package object_test proves runtime/object on real API servers.
//
//	testdata/pod.yaml ─┬─ Preparer.Prepare ──────────────────────► object ─┐
//	                   └─ POST ─► API server ─► validating webhook ─► object ─┴─► no difference but the excused ones
package object_test

import (
	"os"
	"testing"
	"time"

	"github.com/policyc/policyc/test/apiserver"
	"github.com/policyc/policyc/test/e2e/client"
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
	client.Kubectl(t, c.Server, stdin, args...)
}

func (c *cluster) do(t *testing.T, request apiserver.Request) apiserver.Response {
	t.Helper()
	return client.Do(t, c.Server, request)
}

func (c *cluster) must(t *testing.T, request apiserver.Request) apiserver.Response {
	t.Helper()
	return client.Must(t, c.Server, request)
}

func eventually(t *testing.T, limit time.Duration, failure string, done func() bool) {
	t.Helper()
	client.Eventually(t, limit, failure, done)
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	return client.Encode(t, v)
}

func decode(t *testing.T, content []byte, v any) {
	t.Helper()
	client.Decode(t, content, v)
}
