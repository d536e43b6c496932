package conformance

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/policyc/policyc/test/conformance/cases"
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
				"image":           "registry.company.com/" + strings.Repeat("path/", 30) + "app:1.0@sha256:" + strings.Repeat("0123456789abcdef", 4),
				"securityContext": map[string]any{"runAsNonRoot": true},
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
		"disallow-host-path", "disallow-host-namespaces", "require-requests"}
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
			for _, policy := range test.policies {
				c := &cases.Case{Test: "large", Name: test.name, Policies: []string{policy}, Operation: "CREATE",
					Resource:  cases.Resource{Version: "v1", Name: test.resource},
					Kind:      cases.GroupVersionKind{Version: "v1", Kind: test.object["kind"].(string)},
					Namespace: "default", NamespaceLabels: map[string]string{"kubernetes.io/metadata.name": "default"},
					ObjectName: "a", Object: test.object}
				v, err := l.engine.Evaluate(context.Background(), c)
				if err != nil {
					t.Error(err)
				} else if difference := Compare(c, v); difference != "" {
					t.Error(difference)
				}
			}
		})
	}
}
