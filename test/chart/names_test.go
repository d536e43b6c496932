package chart

import (
	"os"
	"path/filepath"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/policyc/policyc/compiler/resolve"
)

// generated is what `policyc build` wrote for the library, whose Project leaves names alone.
const generated = "../../generated/webhook"

// TestNames asserts that what is generated for the webhook finds what the chart installs, when both have their defaults.
func TestNames(t *testing.T) {
	r := decode(t, read(t, filepath.Join(rendered, "default.yaml")))
	if r.service.Namespace != resolve.DefaultRuntimeNamespace || r.service.Name != resolve.DefaultRuntimeService {
		t.Errorf("the Service is %s/%s, not %s/%s", r.service.Namespace, r.service.Name, resolve.DefaultRuntimeNamespace, resolve.DefaultRuntimeService)
	}
	if account := r.deployment.Spec.Template.Spec.ServiceAccountName; account != r.service.Name || r.deployment.Name != r.service.Name {
		t.Errorf("the Deployment is %s, its ServiceAccount %s and the Service %s", r.deployment.Name, account, r.service.Name)
	}

	var configuration admissionregistrationv1.ValidatingWebhookConfiguration
	if err := sigsyaml.UnmarshalStrict(read(t, generated+"/validating_webhooks.yaml"), &configuration); err != nil {
		t.Fatal(err)
	}
	if got := flags(r.container())["configuration"]; got != configuration.Name {
		t.Errorf("the runtime looks after the configuration %s, and the compiler writes %s", got, configuration.Name)
	}
	for _, w := range configuration.Webhooks {
		s := w.ClientConfig.Service
		if s.Name != r.service.Name || s.Namespace != r.service.Namespace || s.Port != nil && *s.Port != 443 {
			t.Errorf("the compiler's webhooks call %v, and the chart's Service is %s/%s", s, r.service.Namespace, r.service.Name)
		}
	}

	bound := 0
	for _, document := range documents(t, read(t, generated+"/lookups_role.yaml")) {
		var binding rbacv1.ClusterRoleBinding
		if err := sigsyaml.Unmarshal(document, &binding); err != nil {
			t.Fatal(err)
		}
		for _, s := range binding.Subjects {
			if bound++; s.Name != r.service.Name || s.Namespace != r.service.Namespace {
				t.Errorf("the compiler grants lookups to %s/%s", s.Namespace, s.Name)
			}
		}
	}
	if len(configuration.Webhooks) == 0 || bound == 0 {
		t.Error("the library has no webhooks or no lookups, so that this test shows nothing")
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
