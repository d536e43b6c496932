package conformance

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/admission"

	"github.com/policyc/policyc/runtime/engine"
	"github.com/policyc/policyc/runtime/object"
)

// TestLargeObjects sends objects of the largest size that the API server
// takes, without a violation: running out of the cost budget would be an
// evaluation error, and refuse them.
func TestLargeObjects(t *testing.T) {
	l := loadLibrary(t)
	const mebibyte = 1 << 20
	words := strings.Repeat("the right height. xo\n", mebibyte/21)
	manyKeys := map[string]any{}
	for i := range 1000 {
		manyKeys[fmt.Sprintf("some-key-%04d.yaml", i)] = words[:1000]
	}
	containers := func(n int) []any {
		var out []any
		for i := range n {
			out = append(out, map[string]any{"name": fmt.Sprintf("container-%d", i),
				"image": "registry.company.com/" + strings.Repeat("path/", 30) + "app:1.0@sha256:" + strings.Repeat("0123456789abcdef", 4),
				"securityContext": map[string]any{"runAsNonRoot": true, "allowPrivilegeEscalation": false,
					"capabilities":   map[string]any{"drop": []any{"KILL", "ALL"}, "add": []any{"NET_BIND_SERVICE"}},
					"seccompProfile": map[string]any{"type": "RuntimeDefault"}},
				"resources": map[string]any{"requests": map[string]any{"cpu": "100m", "memory": "1Gi"},
					"limits": map[string]any{"memory": "1Gi"}}})
		}
		return out
	}
	pod := func(n int) map[string]any {
		return map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": "a"},
			"spec": map[string]any{"containers": containers(n)}}
	}
	configMap := func(data map[string]any) map[string]any {
		return map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "a"}, "data": data}
	}
	podPolicies := []string{"allowed-registries", "disallow-latest-tag", "disallow-root-user", "disallow-privileged",
		"disallow-host-path", "disallow-host-namespaces", "require-requests", "pod-security-baseline", "pod-security-restricted"}
	for _, test := range []struct {
		name     string
		policies []string
		object   map[string]any
		resource string
	}{
		{"one value of 1 MiB", []string{"no-secrets-in-configmaps"}, configMap(map[string]any{"a.txt": words}), "configmaps"},
		{"1000 values of 1 KB", []string{"no-secrets-in-configmaps"}, configMap(manyKeys), "configmaps"},
		{"10 containers", podPolicies, pod(10), "pods"},
		{"100 containers", podPolicies, pod(100), "pods"},
	} {
		t.Run(test.name, func(t *testing.T) {
			prepared, err := object.NewPreparer().Prepare(test.object, admission.Create)
			if err != nil {
				t.Fatal(err)
			}
			cluster := engine.NewCluster(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "default",
				Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}}})
			r := &engine.Request{Cluster: cluster, Operation: admission.Create, Resource: corev1.SchemeGroupVersion.WithResource(test.resource),
				Kind: prepared.GetObjectKind().GroupVersionKind(), Namespace: "default", Name: "a", Object: prepared}
			for _, policy := range test.policies {
				decisions, err := l.suite.Variants[0].For([]string{policy}).Evaluate(context.Background(), r)
				if err != nil || len(decisions) == 0 {
					t.Fatalf("%s: %d decisions, %v", policy, len(decisions), err)
				}
				for _, d := range decisions {
					if d.Outcome != engine.Admitted {
						t.Errorf("%s: %s: %s", policy, d.Outcome, d.Message)
					}
				}
			}
		})
	}
}
