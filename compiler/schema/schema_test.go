package schema

import (
	"slices"
	"strings"
	"testing"

	"github.com/policyc/policyc/compiler/types"
)

func load(t testing.TB, minor int) *Set {
	t.Helper()
	s, err := Load(minor)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// field walks from the root of a kind along dots; [] enters a list, {} a map.
func field(t testing.TB, s *Set, ref, path string) *types.Field {
	t.Helper()
	k, err := s.Resolve(ref)
	if err != nil {
		t.Fatal(err)
	}
	at, err := s.Root(k)
	if err != nil {
		t.Fatal(err)
	}
	var f *types.Field
	for step := range strings.SplitSeq(path, ".") {
		name := strings.TrimRight(step, "[]{}")
		if at.Fields == nil {
			t.Fatalf("1.%d %s: %s before %q in %s has no fields", s.Minor(), ref, at, step, path)
		}
		if f = at.Fields.Field(name); f == nil {
			t.Fatalf("1.%d %s: no field %q of %s in %s", s.Minor(), ref, name, at, path)
		}
		at = f.Type
		for range strings.Count(step, "[]") + strings.Count(step, "{}") {
			at = at.Elem
		}
	}
	return f
}

func mark(f *types.Field) string {
	text := f.Type.String()
	if f.Type.NullElem {
		text += " of nullable"
	}
	if f.Required {
		text += " required"
	}
	if f.Nullable {
		text += " nullable"
	}
	return text
}

func TestMinors(t *testing.T) {
	if want := []int{30, 31, 32, 33, 34, 35, 36, 37}; !slices.Equal(Minors(), want) {
		t.Errorf("Minors() = %v", Minors())
	}
	for _, minor := range []int{29, 38} {
		if _, err := Load(minor); err == nil {
			t.Errorf("Load(%d) gave no error", minor)
		}
	}
}

func TestEveryKindResolvesAndHasRoot(t *testing.T) {
	for _, minor := range Minors() {
		s := load(t, minor)
		if len(s.Kinds()) < 100 {
			t.Errorf("1.%d has only %d kinds", minor, len(s.Kinds()))
		}
		for _, k := range s.Kinds() {
			got, err := s.Resolve(k.String())
			if err != nil || got != k {
				t.Errorf("1.%d: Resolve(%q) = %v, %v", minor, k, got, err)
			}
			if got, ok := s.Lookup(k.ResourceGroup, k.ResourceVersion, k.Resource, k.Subresource); !ok || got != k {
				t.Errorf("1.%d: Lookup of %s = %v", minor, k, got)
			}
			root, err := s.Root(k)
			if err != nil {
				t.Errorf("1.%d: %v", minor, err)
				continue
			}
			for _, name := range []string{"apiVersion", "kind"} {
				if f := root.Fields.Field(name); f == nil || !f.Required || f.Nullable {
					t.Errorf("1.%d: %s of %s: %+v", minor, name, k, f)
				}
			}
			if f := root.Fields.Field("metadata"); f == nil && !k.Connect || f != nil && !f.Required {
				t.Errorf("1.%d: metadata of %s: %+v", minor, k, f)
			}
			walk(t, root, map[string]bool{})
		}
	}
}

// walk visits every type below t, so that one that cannot be read panics.
func walk(t *testing.T, at *types.Type, seen map[string]bool) {
	switch at.Kind {
	case types.List, types.Map:
		walk(t, at.Elem, seen)
	case types.Object:
		if seen[at.Name] {
			return
		}
		seen[at.Name] = true
		names := at.Fields.Names()
		if !slices.IsSorted(names) {
			t.Errorf("fields of %s are not sorted", at)
		}
		for _, name := range names {
			f := at.Fields.Field(name)
			if f.Name != name || f.Required && f.Nullable || f.Type.Kind == types.Time && !f.Nullable {
				t.Errorf("%s.%s: %+v", at, name, f)
			}
			walk(t, f.Type, seen)
		}
	}
}

func TestFields(t *testing.T) {
	const core, meta = "io.k8s.api.core.v1.", "io.k8s.apimachinery.pkg.apis.meta.v1."
	for _, c := range []struct{ ref, path, want string }{
		{"Pod", "metadata", meta + "ObjectMeta required"},
		{"Pod", "metadata.name", "string"},
		{"Pod", "metadata.namespace", "string"},
		{"Pod", "metadata.labels", "map(string, string)"},
		{"Pod", "metadata.creationTimestamp", "time (text) nullable"},
		{"Pod", "metadata.managedFields[].fieldsV1", "any"},
		{"Pod", "spec", core + "PodSpec required"},
		{"Pod", "status", core + "PodStatus"},
		{"Pod", "spec.containers", "list(" + core + "Container) required"},
		{"Pod", "spec.initContainers", "list(" + core + "Container)"},
		{"Pod", "spec.containers[].name", "string required"},
		{"Pod", "spec.containers[].image", "string"},
		{"Pod", "spec.containers[].resources.limits", "map(string, quantity (text))"},
		{"Pod", "spec.containers[].livenessProbe.httpGet.port", "int or string required"},
		{"Pod", "spec.containers[].securityContext.privileged", "bool"},
		{"Pod", "spec.containers[].securityContext.runAsUser", "int"},
		{"Pod", "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms",
			"list(" + core + "NodeSelectorTerm) required"},
		{"Pod", "spec.volumes[].projected.sources", "list(" + core + "VolumeProjection) nullable"},
		{"Deployment", "spec", "io.k8s.api.apps.v1.DeploymentSpec required"},
		{"Deployment", "spec.selector", meta + "LabelSelector required"},
		{"Deployment", "spec.template", core + "PodTemplateSpec required"},
		{"Deployment", "spec.template.metadata", meta + "ObjectMeta required"},
		{"Deployment", "spec.template.metadata.creationTimestamp", "time (text) nullable"},
		{"Deployment", "spec.template.spec", core + "PodSpec required"},
		{"ReplicaSet", "spec.template.spec", core + "PodSpec required"},
		{"StatefulSet", "spec.template.spec", core + "PodSpec required"},
		{"StatefulSet", "spec.volumeClaimTemplates[].apiVersion", "string"}, // promised of a root only
		{"DaemonSet", "spec.template.spec", core + "PodSpec required"},
		{"Job", "spec.template.spec", core + "PodSpec required"},
		{"CronJob", "spec.jobTemplate.spec.template.spec", core + "PodSpec required"},
		{"CronJob", "spec.jobTemplate", "io.k8s.api.batch.v1.JobTemplateSpec required"},
		{"ReplicationController", "spec.template", core + "PodTemplateSpec"}, // a pointer in Go
		{"Role", "rules", "list(io.k8s.api.rbac.v1.PolicyRule) nullable"},
		{"Role", "rules[].verbs", "list(string) required"},
		{"RoleBinding", "subjects", "list(io.k8s.api.rbac.v1.Subject)"},
		{"Secret", "data", "map(string, base64 (text)) of nullable"},
		{"ConfigMap", "data", "map(string, string)"},
		{"PersistentVolumeClaim", "spec.dataSource.apiGroup", "string nullable"},
		{"Service", "spec.ports[].targetPort", "int or string"},
		{"Lease", "spec.renewTime", "time (text) nullable"},
		{"HorizontalPodAutoscaler", "spec.maxReplicas", "int required"},
		{"SubjectAccessReview", "spec.extra", "map(string, list(string)) of nullable"},
		{"CustomResourceDefinition", "spec.versions[].schema.openAPIV3Schema.properties{}.properties{}.default", "any"},
		{"CustomResourceDefinition", "spec.versions[].schema.openAPIV3Schema.maximum", "double"},
		{"Pod/exec", "command", "list(string) nullable"},
		{"Pod/exec", "stdin", "bool"},
		{"Pod/portforward", "ports", "list(int)"},
		{"Pod/proxy", "path", "string"},
		{"Pod/ephemeralcontainers", "spec.containers", "list(" + core + "Container) required"},
		{"Deployment/status", "spec.template.spec", core + "PodSpec required"},
		{"Deployment/scale", "spec.replicas", "int"},
		{"ServiceAccount/token", "spec.audiences", "list(string) nullable"},
	} {
		for _, minor := range Minors() {
			if got := mark(field(t, load(t, minor), c.ref, c.path)); got != c.want {
				t.Errorf("1.%d %s %s = %s, want %s", minor, c.ref, c.path, got, c.want)
			}
		}
	}
}

func TestKinds(t *testing.T) {
	s := load(t, 34)
	for _, c := range []struct {
		ref, gvk, resource, operations string
		namespaced, connect            bool
	}{
		{"Pod", "/v1 Pod", "/v1 pods", "CREATE UPDATE DELETE", true, false},
		{"Namespace", "/v1 Namespace", "/v1 namespaces", "CREATE UPDATE DELETE", false, false},
		{"Pod/exec", "/v1 PodExecOptions", "/v1 pods/exec", "CONNECT", true, true},
		{"Pod/attach", "/v1 PodAttachOptions", "/v1 pods/attach", "CONNECT", true, true},
		{"Pod/portforward", "/v1 PodPortForwardOptions", "/v1 pods/portforward", "CONNECT", true, true},
		{"Node/proxy", "/v1 NodeProxyOptions", "/v1 nodes/proxy", "CONNECT", false, true},
		{"Service/proxy", "/v1 ServiceProxyOptions", "/v1 services/proxy", "CONNECT", true, true},
		{"Pod/log", "/v1 Pod", "/v1 pods/log", "", true, false},
		{"Pod/ephemeralcontainers", "/v1 Pod", "/v1 pods/ephemeralcontainers", "UPDATE", true, false},
		{"Pod/resize", "/v1 Pod", "/v1 pods/resize", "UPDATE", true, false},
		{"Pod/eviction", "policy/v1 Eviction", "/v1 pods/eviction", "CREATE", true, false},
		{"Pod/binding", "/v1 Binding", "/v1 pods/binding", "CREATE", true, false},
		{"ServiceAccount/token", "authentication.k8s.io/v1 TokenRequest", "/v1 serviceaccounts/token", "CREATE", true, false},
		{"Deployment/scale", "autoscaling/v1 Scale", "apps/v1 deployments/scale", "UPDATE", true, false},
		{"HorizontalPodAutoscaler", "autoscaling/v2 HorizontalPodAutoscaler", "autoscaling/v2 horizontalpodautoscalers",
			"CREATE UPDATE DELETE", true, false},
	} {
		k, err := s.Resolve(c.ref)
		if err != nil {
			t.Errorf("%s: %v", c.ref, err)
			continue
		}
		gvk := k.Group + "/" + k.Version + " " + k.Kind
		resource := strings.TrimSuffix(k.ResourceGroup+"/"+k.ResourceVersion+" "+k.Resource+"/"+k.Subresource, "/")
		operations := strings.Join(k.Operations(), " ")
		if gvk != c.gvk || resource != c.resource || operations != c.operations || k.Namespaced != c.namespaced || k.Connect != c.connect {
			t.Errorf("%s: %s, %s, %s, namespaced %v, connect %v", c.ref, gvk, resource, operations, k.Namespaced, k.Connect)
		}
	}
}

func TestForObject(t *testing.T) {
	s := load(t, 37)
	if k, ok := s.ForObject("apps/v1", "Deployment"); !ok || k.String() != "apps/v1/Deployment" {
		t.Errorf("apps/v1 Deployment: %v", k)
	}
	if k, ok := s.ForObject("v1", "Pod"); !ok || k.String() != "v1/Pod" {
		t.Errorf("v1 Pod: %v", k)
	}
	if k, ok := s.ForObject("autoscaling/v1", "Scale"); ok {
		t.Errorf("autoscaling/v1 Scale is no main resource: %v", k)
	}
}

func BenchmarkDecode(b *testing.B) {
	for b.Loop() {
		d, err := decode(newestMinor)
		if err != nil {
			b.Fatal(err)
		}
		s := &Set{minor: newestMinor, builtin: d, kinds: d.kinds}
		k, err := s.Resolve("Pod")
		if err != nil {
			b.Fatal(err)
		}
		root, err := s.Root(k)
		if err != nil || root.Fields.Field("spec").Type.Fields.Field("containers") == nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoadRootPod(b *testing.B) {
	for b.Loop() {
		s := load(b, 34)
		k, _ := s.Resolve("Pod")
		if _, err := s.Root(k); err != nil {
			b.Fatal(err)
		}
	}
}

// A field that only later versions have is known, never required, and marked;
// on a version that has it, it is an ordinary field.
func TestNewerFields(t *testing.T) {
	for minor, newer := range map[int]bool{30: true, 31: true, 37: false} {
		spec, ok := load(t, minor).Type("io.k8s.api.core.v1.PodSpec")
		if !ok {
			t.Fatal("no PodSpec")
		}
		f := spec.Fields.Field("resources") // of the whole pod, since 1.32
		if f == nil || f.Newer != newer || f.Required {
			t.Errorf("1.%d: resources of a pod: %+v, want newer %v", minor, f, newer)
		}
		if f := spec.Fields.Field("containers"); f.Newer || !f.Required {
			t.Errorf("1.%d: containers of a pod: %+v", minor, f)
		}
	}
}
