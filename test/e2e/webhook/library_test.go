//go:build e2e

package webhook_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/policyc/policyc/test/e2e/client"
)

// TestLibrary follows somebody who applies generated/webhook as it is, all policies at once and with no rights but those in it, and
// then deploys an application with `kubectl apply --dry-run=server`: each answer says what is missing still.
func TestLibrary(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		s.begin(t, nil)
		s.remove(t)
		out := t.TempDir()
		build := exec.Command(compilerBinary, "build", "--kube-version", s.version, "--mutation=webhook", "-o", out, root+"/policies")
		if output, err := build.CombinedOutput(); err != nil {
			t.Fatalf("policyc build: %v\n%s", err, output)
		}
		s.kubectl(t, "apply", "--server-side", "-k", filepath.Join(out, "webhook"))
		s.kubectl(t, "wait", "--for=condition=Ready", "--timeout=30s", "compiledpolicies", "--all")
		client.SetNamespace(t, s.Server, "story", nil)

		s.says(t, autoscaler, "[target-exists] there is no Deployment shop in namespace story")
		s.says(t, oldAutoscaler, "[target-exists] there is no Deployment shop in namespace story") // the API server converts it for the policy
		s.says(t, deployment, "[default-deny] namespace story has no NetworkPolicy that denies Ingress by default", "[exists] there is no service account shop in namespace story")
		s.stores(t, `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: deny}, spec: {podSelector: {}, policyTypes: [Ingress]}}`)
		s.says(t, deployment, "[exists] there is no service account shop in namespace story")
		s.stores(t, `{apiVersion: v1, kind: ServiceAccount, metadata: {name: shop}}`)
		s.says(t, deployment, "Warning: Validation failed for CompiledPolicy 'pdb-covers-deployment'")
		s.stores(t, `{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: shop}, spec: {maxUnavailable: 1, selector: {matchLabels: {app: shop}}}}`)
		s.says(t, deployment, "deployment.apps/shop created (server dry run)")
		s.stores(t, deployment)
		s.says(t, autoscaler, "horizontalpodautoscaler.autoscaling/shop created (server dry run)")
		s.stores(t, ingress("shop"))
		s.says(t, ingress("another"), "[unique-host] host shop.example.com belongs to another Ingress")
		s.says(t, ingress("shop"), "ingress.networking.k8s.io/shop unchanged (server dry run)", "ingress.networking.k8s.io/shop configured (server dry run)")
	})
}

const deployment = `{apiVersion: apps/v1, kind: Deployment, metadata: {name: shop}, spec: {replicas: 2, selector: {matchLabels: {app: shop}},
  template: {metadata: {labels: {app: shop}}, spec: {serviceAccountName: shop, containers: [{name: c, image: "registry.example.com/shop:1"}]}}}}`

const autoscaler = `{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: shop}, spec: {maxReplicas: 3,
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: shop}}}`

const oldAutoscaler = `{apiVersion: autoscaling/v1, kind: HorizontalPodAutoscaler, metadata: {name: shop}, spec: {maxReplicas: 3,
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: shop}}}`

func ingress(name string) string {
	return `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: ` + name + `}, spec: {rules: [{host: shop.example.com, http: {paths: [
  {path: /, pathType: Prefix, backend: {service: {name: shop, port: {number: 80}}}}]}}]}}`
}

// says waits until `kubectl apply --dry-run=server` says one of the texts: the runtime learns of what was stored through watches.
func (s *server) says(t *testing.T, manifest string, texts ...string) {
	t.Helper()
	var out, errs string
	said := func() bool {
		out, errs, _ = s.Kubectl(t.Context(), manifest, "apply", "--dry-run=server", "-n", "story", "-f", "-")
		for _, text := range texts {
			if strings.Contains(out+errs, text) {
				return true
			}
		}
		return false
	}
	for range 20 {
		if said() {
			return
		}
	}
	t.Fatalf("kubectl does not say %q, but\n%s%s", texts, out, errs)
}

func (s *server) stores(t *testing.T, manifest string) {
	t.Helper()
	client.Kubectl(t, s.Server, manifest, "apply", "-n", "story", "-f", "-")
}
