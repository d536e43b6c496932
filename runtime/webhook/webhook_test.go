package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apiserver/pkg/authorization/authorizer"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/runtime/engine"
)

const project = "apiVersion: policyc.dev/v1alpha1\nkind: Project\nmetadata: {name: p}\nspec: {kubernetes: {minVersion: \"1.36\"}}\n---\n"

// tags denies, warns of and audits images without a version.
func tags(name, rest string) string {
	return fmt.Sprintf(`apiVersion: policyc.dev/v1alpha1
kind: Policy
metadata: {name: %s}
spec:
  match: {kinds: [Pod]}
%s
  rules:
  - name: tag
    forEach: c in object.spec.containers
    deny: c.image.endsWith(':latest')
    message: "container ${c.name}: ${c.image}"
  - name: host
    deny: object.spec.hostNetwork
---
`, name, rest)
}

// compile returns what the compiler makes of policies.
func compile(t testing.TB, policies string) *engine.Bundle {
	t.Helper()
	r := diag.NewReport()
	result := compiler.Compile([]syntax.Input{{Path: "p.yaml", Data: []byte(project + policies)}}, compiler.Options{Now: time.Now()}, r)
	if r.HasErrors() {
		var text strings.Builder
		_ = diag.WriteText(&text, r.Sorted(), false)
		t.Fatal(text.String())
	}
	b, err := engine.ReadBundle(result.Files, result.Programs)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func newEngine(t testing.TB, b *engine.Bundle) *engine.Engine {
	t.Helper()
	e, err := engine.New(b)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// entries is a Source.
type entries map[string]*engine.Engine

func (s entries) Engine(entry string) (*engine.Engine, bool) {
	e, ok := s[entry]
	return e, ok
}

// authorize is an authorizer.
type authorize func() (authorizer.Decision, error)

func (f authorize) Authorize(context.Context, authorizer.Attributes) (authorizer.Decision, string, error) {
	d, err := f()
	return d, "", err
}

// served is a handler with its metrics.
type served struct {
	http.Handler
	metrics *prometheus.Registry
}

func serve(t testing.TB, policies string, o Options) served {
	t.Helper()
	return serveWith(entries{"e": newEngine(t, compile(t, policies))}, nil, o)
}

func serveWith(s Source, a authorizer.UnconditionalAuthorizer, o Options) served {
	registry := prometheus.NewRegistry()
	return served{NewHandler(s, nil, a, o, registry), registry}
}

// counters are the counters of a name, as {a=x,b=y} → value.
func (s served) counters(t testing.TB, name string) map[string]float64 {
	t.Helper()
	families, err := s.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			out[strings.Join(labels, ",")] = m.GetCounter().GetValue()
		}
	}
	return out
}

func post(path, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

func (s served) send(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// decide sends a review and returns the response.
func (s served) decide(t testing.TB, path, body string) *admissionv1.AdmissionResponse {
	t.Helper()
	w := s.send(post(path, body))
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	var out admissionv1.AdmissionReview
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || out.Response == nil || out.TypeMeta != reviewType {
		t.Fatalf("%v %s", err, w.Body)
	}
	return out.Response
}

// pod is a review of the creation of a pod.
func pod(uid string, images ...string) string {
	var containers []string
	for i, image := range images {
		containers = append(containers, fmt.Sprintf(`{"name": "c%d", "image": %q}`, i, image))
	}
	return reviewOf(uid, "CREATE", fmt.Sprintf(`{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default", "creationTimestamp": null},
		"spec": {"containers": [%s]}, "status": {}}`, strings.Join(containers, ", ")), "null")
}

func reviewOf(uid, operation, object, old string) string {
	return fmt.Sprintf(`{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {"uid": %q,
		"kind": {"group": "", "version": "v1", "kind": "Pod"}, "resource": {"group": "", "version": "v1", "resource": "pods"},
		"requestKind": {"group": "", "version": "v1", "kind": "Pod"}, "requestResource": {"group": "", "version": "v1", "resource": "pods"},
		"name": "p", "namespace": "default", "operation": %q, "userInfo": {"username": "alice", "groups": ["dev"], "extra": {"a": ["b"]}},
		"object": %s, "oldObject": %s, "dryRun": false, "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1", "fieldManager": "kubectl"}}}`,
		uid, operation, object, old)
}
