package webhook

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/types"
)

// never denies everything that it is asked about, whatever the kind, so that
// what is allowed was not looked at.
const never = `apiVersion: policyc.dev/v1alpha1
kind: Policy
metadata: {name: never}
spec:
  match: {kinds: [Pod], operations: [CREATE, UPDATE, DELETE]}
  rules:
  - {name: never, deny: "true"}
  enforce: deny
`

// FuzzHandler sends anything. The handler neither panics nor allows what its
// policy denies: each pod, created, updated or deleted in a namespace of its own.
func FuzzHandler(f *testing.F) {
	inputs, _ := filepath.Glob("testdata/*.review.json")
	for _, file := range inputs {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Add([]byte("{}"))
	f.Add([]byte(`{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {}}`))
	s := serve(f, never+"---\n"+labels, Options{MaxBody: 1 << 16})
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, path := range []string{"/validate/e", "/mutate/e"} {
			w := s.send(post(path, string(body)))
			if w.Code != http.StatusOK {
				var out map[string]any
				if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || out["kind"] != "Status" || out["response"] != nil {
					t.Fatalf("%d %s", w.Code, w.Body)
				}
				continue
			}
			var out admissionv1.AdmissionReview
			if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || out.Response == nil {
				t.Fatalf("%v %s", err, w.Body)
			}
			r, err := decode(body)
			if err != nil {
				t.Fatalf("decided on what does not decode: %v", err)
			}
			// JSON written in Go replaces what is no UTF-8; so does reading it.
			if out.Response.UID != r.UID && json.Valid(body) && types.UID(toValid(string(r.UID))) != out.Response.UID {
				t.Fatalf("the answer is for %q and not %q", out.Response.UID, r.UID)
			}
			if path == "/validate/e" && out.Response.Allowed && isPod(r) {
				t.Fatalf("allowed: %s", body)
			}
		}
	})
	if s.counters(f, "policyc_webhook_failures_total")["path=validate,reason=panic"] != 0 {
		f.Error("the handler panicked")
	}
}

func toValid(s string) string { return string([]rune(s)) }

// isPod reports whether the policy is about a request.
func isPod(r *request) bool {
	asked := r.Resource
	if r.RequestResource != nil && r.RequestKind != nil && r.RequestResource.Resource != "" {
		asked = *r.RequestResource
	}
	return r.Operation != "CONNECT" && r.Resource == asked && r.Resource.Group == "" && r.Resource.Version == "v1" && r.Resource.Resource == "pods" && r.SubResource == "" &&
		r.Namespace != "" && r.Namespace != "kube-system"
}
