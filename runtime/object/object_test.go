package object_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission"
	"sigs.k8s.io/yaml"

	"github.com/policyc/policyc/runtime/object"
)

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	var o map[string]any
	if err := yaml.Unmarshal([]byte(text), &o); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return o
}

// prepare returns the prepared object in the form in which CEL sees it.
func prepare(t *testing.T, p *object.Preparer, text string, operation admission.Operation) map[string]any {
	t.Helper()
	prepared, err := p.Prepare(parse(t, text), operation)
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	m, err := runtime.DefaultUnstructuredConverter.ToUnstructured(prepared)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// at follows a path: at(m, "spec", "containers", 0).
func at(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[step]
		case int:
			l, _ := v.([]any)
			if step >= len(l) {
				return nil
			}
			v = l[step]
		}
	}
	return v
}

func equal(t *testing.T, got, want any) {
	t.Helper()
	g, _ := json.Marshal(got)
	w, _ := json.Marshal(want)
	if string(g) != string(w) {
		t.Errorf("got %s, want %s", g, w)
	}
}

const pod = `
apiVersion: v1
kind: Pod
metadata: {name: web, labels: null, creationTimestamp: null}
spec:
  hostNetwork: true
  nodeSelector: null
  containers:
  - {name: app, image: nginx, ports: [{containerPort: 80}], resources: {limits: {cpu: 1000m, memory: 1Gi}}, livenessProbe: {httpGet: {port: 80}}}
  volumes: [{name: v, hostPath: null}]
status: {phase: Running}
`

func TestPod(t *testing.T) {
	m := prepare(t, object.NewPreparer(), pod, admission.Create)
	container := at(m, "spec", "containers", 0)
	equal(t, m["apiVersion"], "v1")
	equal(t, m["kind"], "Pod")
	equal(t, at(m, "metadata"), map[string]any{"name": "web", "generation": 1})
	equal(t, at(container, "imagePullPolicy"), "Always")
	equal(t, at(container, "ports"), []any{map[string]any{"containerPort": 80, "hostPort": 80, "protocol": "TCP"}})
	equal(t, at(container, "resources", "requests"), map[string]any{"cpu": "1", "memory": "1Gi"})
	equal(t, at(container, "livenessProbe", "httpGet"), map[string]any{"path": "/", "port": 80, "scheme": "HTTP"})
	equal(t, at(m, "spec", "volumes", 0), map[string]any{"name": "v", "emptyDir": map[string]any{}})
	equal(t, at(container, "volumeMounts", 0, "name"), at(m, "spec", "volumes", 1, "name"))
	equal(t, at(m, "spec", "serviceAccountName"), "default")
	equal(t, at(m, "spec", "tolerations", 1, "key"), "node.kubernetes.io/unreachable")
	equal(t, at(m, "spec", "priority"), 0)
	equal(t, at(m, "status"), map[string]any{"phase": "Pending", "qosClass": "Guaranteed"})
}

// An object that is stored keeps its status, and no plugin adds to it.
func TestUpdate(t *testing.T) {
	m := prepare(t, object.NewPreparer(), pod, admission.Update)
	equal(t, at(m, "spec", "containers", 0, "imagePullPolicy"), "Always")
	equal(t, at(m, "status"), map[string]any{"phase": "Running"})
	equal(t, at(m, "spec", "tolerations"), nil)
	equal(t, at(m, "metadata", "generation"), nil)
}

// Options of CONNECT and a Scale are objects without defaults.
func TestOtherObjects(t *testing.T) {
	p := object.NewPreparer()
	m := prepare(t, p, `{apiVersion: v1, kind: PodExecOptions, command: [sh], container: null}`, admission.Connect)
	equal(t, m, map[string]any{"apiVersion": "v1", "kind": "PodExecOptions", "command": []any{"sh"}})
	m = prepare(t, p, `{apiVersion: autoscaling/v1, kind: Scale, metadata: {name: a}, spec: {replicas: 3}, status: {replicas: 1}}`, admission.Update)
	equal(t, at(m, "status", "replicas"), 1)
}

func TestPullPolicy(t *testing.T) {
	digest := "@sha256:" + strings.Repeat("0a", 32)
	for image, want := range map[string]corev1.PullPolicy{
		"nginx": corev1.PullAlways, "nginx:latest": corev1.PullAlways, "registry.company.com:5000/a/b": corev1.PullAlways,
		"Registry/a": corev1.PullAlways, "[::1]:5000/a": corev1.PullAlways, "nginx:latest" + digest: corev1.PullAlways,
		"nginx:1.27": corev1.PullIfNotPresent, "nginx" + digest: corev1.PullIfNotPresent, "registry:5000/a:1": corev1.PullIfNotPresent,
		"Nginx": corev1.PullIfNotPresent, "": corev1.PullIfNotPresent, "nginx@sha256:0a": corev1.PullIfNotPresent,
	} {
		o := map[string]any{"apiVersion": "v1", "kind": "Pod", "spec": map[string]any{"containers": []any{map[string]any{"image": image}}}}
		prepared, err := object.NewPreparer().Prepare(o, admission.Create)
		if err != nil {
			t.Fatal(err)
		}
		if got := prepared.(*corev1.Pod).Spec.Containers[0].ImagePullPolicy; got != want {
			t.Errorf("%q: %s", image, got)
		}
	}
}

func TestErrors(t *testing.T) {
	for name, c := range map[string]struct{ object, want string }{
		"no kind":         {`{metadata: {}}`, "apiVersion: want an apiVersion, as v1 or apps/v1\nkind: want a kind, as Pod"},
		"unknown kind":    {`{apiVersion: apps/v1, kind: Deploymnt}`, "kind: Kubernetes has no kind Deploymnt in apps/v1"},
		"unknown version": {`{apiVersion: apps/v9, kind: Deployment}`, "kind: Kubernetes has no kind Deployment in apps/v9"},
		"unknown field":   {`{apiVersion: v1, kind: Pod, spec: {containers: [{name: a}, {imagepullpolicy: Always, nme: b}]}}`, "spec.containers[1].imagepullpolicy: unknown field, the field is imagePullPolicy\nspec.containers[1].nme: unknown field"},
		"wrong scalar":    {`{apiVersion: v1, kind: Pod, spec: {hostPID: "yes", containers: [{image: 5}]}}`, "spec.containers[0].image: want a string, not the number 5\nspec.hostPID: want a boolean, not the string \"yes\""},
		"wrong shape":     {`{apiVersion: v1, kind: Pod, metadata: {labels: [a]}, spec: {containers: {name: a}}}`, "metadata.labels: want a map, not a list\nspec.containers: want a list, not a map"},
		"label":           {`{apiVersion: v1, kind: Pod, metadata: {labels: {a.b/c: 1}}}`, "metadata.labels['a.b/c']: want a string, not the number 1"},
		"quantity":        {`{apiVersion: v1, kind: Pod, spec: {containers: [{resources: {limits: {cpu: 1Gx}}}]}}`, "spec.containers[0].resources.limits.cpu: want a quantity, as 500m or 1Gi, not the string \"1Gx\""},
		"int or string":   {`{apiVersion: v1, kind: Service, spec: {ports: [{targetPort: true}]}}`, "spec.ports[0].targetPort: want an integer or a string, not the boolean true"},
		"fraction":        {`{apiVersion: apps/v1, kind: Deployment, spec: {replicas: 1.5}}`, "spec.replicas: want an integer, not the number 1.5"},
		"overflow":        {`{apiVersion: apps/v1, kind: Deployment, spec: {replicas: 3000000000}}`, "spec.replicas: 3000000000 does not fit 32 bits"},
		"base64":          {`{apiVersion: v1, kind: Secret, data: {a: "%"}}`, "data.a: want a string in base64, not the string \"%\""},
		"time":            {`{apiVersion: v1, kind: Pod, metadata: {creationTimestamp: today}}`, "metadata.creationTimestamp: want a time, as 2026-01-31T12:00:00Z, not the string \"today\""},
		"custom metadata": {`{apiVersion: e.dev/v1, kind: Any, metadata: {labels: {a: 1}}}`, "metadata.labels.a: want a string, not the number 1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := object.NewPreparer().Prepare(parse(t, c.object), admission.Create)
			var errs object.Errors
			if !errors.As(err, &errs) || err.Error() != c.want {
				t.Errorf("got\n%v\nwant\n%s", err, c.want)
			}
		})
	}
}

func TestErrorPath(t *testing.T) {
	_, err := object.NewPreparer().Prepare(parse(t, `{apiVersion: v1, kind: Pod, spec: {containers: [{image: 5}]}}`), admission.Create)
	var errs object.Errors
	if want := (object.Path{"spec", "containers", 0, "image"}); !errors.As(err, &errs) || !reflect.DeepEqual(errs[0].Path, want) {
		t.Errorf("got %#v", err)
	}
}

// The same input is used for several operations, and by several goroutines.
func TestInputStays(t *testing.T) {
	p := object.NewPreparer(parse(t, crd))
	for _, text := range []string{pod, job, secret, daemonSet, custom} {
		given, want := parse(t, text), parse(t, text)
		var all sync.WaitGroup
		for _, operation := range []admission.Operation{admission.Create, admission.Update, admission.Create} {
			all.Go(func() {
				if _, err := p.Prepare(given, operation); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		equal(t, given, want)
	}
}

const (
	job       = `{apiVersion: batch/v1, kind: Job, metadata: {name: j}, spec: {template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: "a:1"}]}}}}`
	secret    = `{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {a: YQ==, b: Yg==}, stringData: {b: c, d: d}}`
	daemonSet = `{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: d, annotations: {a: b}}, spec: {template: {}}}`
)

func TestConversions(t *testing.T) {
	p := object.NewPreparer()
	m := prepare(t, p, secret, admission.Create)
	equal(t, m["data"], map[string]any{"a": "YQ==", "b": "Yw==", "d": "ZA=="})
	equal(t, m["stringData"], nil)
	m = prepare(t, p, daemonSet, admission.Create)
	equal(t, at(m, "metadata", "annotations"), map[string]any{"a": "b", "deprecated.daemonset.template.generation": "1"})
	m = prepare(t, p, `{apiVersion: v1, kind: Namespace, metadata: {name: shop}}`, admission.Update)
	equal(t, at(m, "metadata", "labels"), map[string]any{"kubernetes.io/metadata.name": "shop"})
}

// A Job without labels has those of its template, also those that the server adds.
func TestJobLabels(t *testing.T) {
	m := prepare(t, object.NewPreparer(), job, admission.Create)
	want := map[string]any{"a": "b", "job-name": "j", "batch.kubernetes.io/job-name": "j"}
	equal(t, at(m, "spec", "template", "metadata", "labels"), want)
	equal(t, at(m, "metadata", "labels"), want)
}

func TestGeneratedName(t *testing.T) {
	m := prepare(t, object.NewPreparer(), `{apiVersion: v1, kind: ConfigMap, metadata: {generateName: web-}}`, admission.Create)
	equal(t, at(m, "metadata"), map[string]any{"generateName": "web-", "name": "web-xxxxx"})
}

func BenchmarkPrepare(b *testing.B) {
	p := object.NewPreparer()
	var o map[string]any
	if err := yaml.Unmarshal([]byte(pod), &o); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Prepare(o, admission.Create); err != nil {
			b.Fatal(err)
		}
	}
}

// What a pod as a whole requests is what its containers request at their peak, or its limit.
func TestPodRequests(t *testing.T) {
	for _, c := range []struct{ spec, want string }{
		{"resources: {limits: {cpu: 2, memory: 1Gi}}, containers: [{name: c, resources: {requests: {cpu: 500m}}}, {name: d, resources: {requests: {cpu: 1}}}]",
			"map[cpu:1500m memory:1Gi]"},
		{"resources: {limits: {cpu: 4}, requests: {cpu: 3}}, containers: [{name: c, resources: {requests: {cpu: 1, memory: 1Gi}}}]",
			"map[cpu:3 memory:1Gi]"},
		{"resources: {limits: {cpu: 4}}, containers: [{name: c, resources: {requests: {cpu: 500m}}}], initContainers: [" +
			"{name: s, restartPolicy: Always, resources: {requests: {cpu: 100m}}}, {name: i, resources: {requests: {cpu: 2}}}]",
			"map[cpu:2100m]"},
		{"resources: {requests: {cpu: 1}}, containers: [{name: c, resources: {requests: {memory: 1Gi}}}]", "map[cpu:1 memory:1Gi]"},
	} {
		m := prepare(t, object.NewPreparer(), "{apiVersion: v1, kind: Pod, spec: {"+c.spec+"}}", admission.Create)
		got := fmt.Sprint(m["spec"].(map[string]any)["resources"].(map[string]any)["requests"])
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.spec, got, c.want)
		}
	}
}
