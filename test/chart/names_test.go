package chart

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/syntax"
)

// TestNames asserts that what `policyc build` writes for the webhook finds what the chart installs, when both have their defaults.
func TestNames(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(rendered, "default.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	r := decode(t, content)
	files := webhookFiles(t)

	var configuration admissionregistrationv1.MutatingWebhookConfiguration
	if err := sigsyaml.UnmarshalStrict(files["webhook/mutating_webhooks.yaml"], &configuration); err != nil {
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
	if account := r.deployment.Spec.Template.Spec.ServiceAccountName; account != r.service.Name || r.deployment.Name != r.service.Name {
		t.Errorf("the Deployment is %s, its ServiceAccount %s and the Service %s", r.deployment.Name, account, r.service.Name)
	}
	if role, ok := files["webhook/lookups_role.yaml"]; ok {
		checkSubjects(t, r, role)
	}
}

// checkSubjects asserts that the rights of lookups are given to the chart's ServiceAccount.
func checkSubjects(t *testing.T, r *release, content []byte) {
	for _, document := range documents(t, content) {
		var binding rbacv1.ClusterRoleBinding
		if err := sigsyaml.Unmarshal(document, &binding); err != nil {
			t.Fatal(err)
		}
		for _, s := range binding.Subjects {
			if s.Name != r.service.Name || s.Namespace != r.service.Namespace {
				t.Errorf("the compiler grants lookups to %s/%s", s.Namespace, s.Name)
			}
		}
	}
}

// webhookFiles compiles policies of which some need the webhook.
func webhookFiles(t *testing.T) map[string][]byte {
	t.Helper()
	const policy = `apiVersion: policyc.dev/v1alpha1
kind: Policy
metadata: {name: pull-always}
spec:
  match: {kinds: [Pod]}
  rules:
    - name: pull
      mutate:
        - set: "spec.containers[*].imagePullPolicy"
          value: Always
`
	report := diag.NewReport()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "policy.yaml"), []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	result := compiler.Compile(syntax.ReadPaths([]string{dir}, nil, report), compiler.Options{Now: time.Now(), ReadFile: os.ReadFile, Mutation: "webhook"}, report)
	if findings := report.Sorted(); len(findings) > 0 {
		var text strings.Builder
		_ = diag.WriteText(&text, findings, false)
		t.Fatal(text.String())
	}
	return result.Files
}
