//go:build e2e

package webhook_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/policyc/policyc/test/apiserver"
	"github.com/policyc/policyc/test/e2e/client"
	"github.com/policyc/policyc/test/helm"
)

// TestUninstall installs the chart a second time, under the names that another Project says, and takes first the one and then the
// other release away: each decides for its own project, and for nothing once it is gone. It is the last test on a server.
func TestUninstall(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		s.begin(t, nil)
		client.SetNamespace(t, s.Server, "renamed", map[string]string{"env": "prod"})
		s.install(t, &group{docs: read(t, []string{"testdata/quiet"}), options: options(s.version, "webhook")})
		if err := s.installChart(t.Context(), "guard", "security", "--set=name=admission,webhookConfiguration=guard,crd.install=false"); err != nil {
			t.Fatal(err)
		}
		s.apply(t, build(t, read(t, []string{"testdata/renamed"}), options(s.version, "webhook")))
		const guarded = `{apiVersion: v1, kind: ConfigMap, metadata: {name: guarded}}`
		first, second := "CompiledPolicy 'quiet'", "CompiledPolicy 'guarded'"
		client.Eventually(t, limit, "the second release does not deny", func() bool { return s.refuses(t, guarded, second) })
		if !s.refuses(t, service("web", 3), first) {
			t.Error("the first release does not deny any more")
		}
		s.uninstall(t, release, namespace)
		if s.refuses(t, service("web", 3), "") {
			t.Error("what is uninstalled is still asked")
		}
		if !s.refuses(t, guarded, second) {
			t.Error("the second release does not deny any more")
		}
		s.uninstall(t, "guard", "security")
		if s.refuses(t, guarded, "") {
			t.Error("what is uninstalled is still asked")
		}
	})
}

// refuses reports whether the server refuses to create an object, by words of a policy.
func (s *server) refuses(t *testing.T, manifest, words string) bool {
	t.Helper()
	o := client.Parse(t, manifest)
	r := client.Do(t, s.Server, apiserver.Request{Method: http.MethodPost, Path: client.Collection(o, "renamed") + "?dryRun=All", Body: client.Encode(t, o)})
	return r.Status >= 300 && strings.Contains(r.Message(), words)
}

func (s *server) uninstall(t *testing.T, release, namespace string) {
	t.Helper()
	if _, err := helm.Run(t.Context(), s.Kubeconfig, "uninstall", release, "--namespace="+namespace, "--wait", "--timeout=60s"); err != nil {
		t.Fatal(err)
	}
}
