//go:build e2e

package webhook_test

import (
	"net/http"
	"testing"

	"github.com/policyc/policyc/test/apiserver"
	"github.com/policyc/policyc/test/e2e/client"
	"github.com/policyc/policyc/test/helm"
)

// TestUninstall takes the chart away, after which nothing is asked, and installs it under other names, which the Project of the
// policies says. It is the last test on a server.
func TestUninstall(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		s.begin(t, nil)
		client.SetNamespace(t, s.Server, "renamed", map[string]string{"env": "prod"})
		create := func() apiserver.Response {
			o := client.Parse(t, service("web", 3))
			return client.Do(t, s.Server, apiserver.Request{Method: http.MethodPost, Path: client.Collection(o, "renamed") + "?dryRun=All", Body: client.Encode(t, o)})
		}
		docs := read(t, []string{"testdata/quiet"})
		s.install(t, &group{docs: docs, options: options(s.version, "webhook")})
		if r := create(); r.Status != http.StatusUnprocessableEntity {
			t.Errorf("installed: status %d: %s", r.Status, r.Body)
		}
		if _, err := helm.Run(t.Context(), s.Kubeconfig, "uninstall", release, "--namespace="+namespace, "--wait", "--timeout=60s"); err != nil {
			t.Fatal(err)
		}
		if r := create(); r.Status != http.StatusCreated {
			t.Errorf("uninstalled: status %d: %s", r.Status, r.Body)
		}
		s.remove(t)

		// The CRD is kept, and belongs to the release of before.
		if err := s.installChart(t.Context(), "guard", "security", "--set=name=admission", "--take-ownership"); err != nil {
			t.Fatal(err)
		}
		s.apply(t, build(t, read(t, []string{"testdata/quiet", "testdata/renamed"}), options(s.version, "webhook")))
		client.Eventually(t, limit, "nothing is denied under other names", func() bool { return create().Status == http.StatusUnprocessableEntity })
	})
}
