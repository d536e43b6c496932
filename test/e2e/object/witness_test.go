//go:build e2e

package object_test

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/policyc/policyc/test/apiserver"
)

// witnessed is the user whose requests a witness sees.
const witnessed = "e2e-witnessed"

// witness is a validating webhook that admits everything and remembers the object that it saw last.
type witness struct {
	mutex  sync.Mutex
	last   map[string]any
	answer string // what the server said to the last request
}

const witnessConfiguration = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: e2e-witness}
webhooks:
- name: witness.e2e.policyc.dev
  clientConfig: {url: %q, caBundle: %s}
  rules: [{apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'], operations: [CREATE, UPDATE]}]
  matchConditions: [{name: user, expression: "request.userInfo.username == '%s'"}]
  matchPolicy: Exact
  failurePolicy: Fail
  sideEffects: None
  admissionReviewVersions: [v1]
`

// newWitness installs a witness and waits until the server asks it. It is gone when the test ends.
func (c *cluster) newWitness(t *testing.T) *witness {
	t.Helper()
	w := &witness{}
	server := httptest.NewTLSServer(w)
	t.Cleanup(server.Close)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	c.must(t, apiserver.Request{Method: http.MethodPost, Path: "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations", ContentType: "application/yaml",
		Body: fmt.Appendf(nil, witnessConfiguration, server.URL, encode(t, authority), witnessed)})
	t.Cleanup(func() {
		c.must(t, apiserver.Request{Method: http.MethodDelete, Path: "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/e2e-witness"})
	})
	eventually(t, 30*time.Second, "the server does not ask the webhook", func() bool {
		c.do(t, apiserver.Request{Method: http.MethodPost, Path: "/api/v1/namespaces/default/configmaps?dryRun=All", As: apiserver.User{Name: witnessed},
			Body: []byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"e2e-witness"}}`)})
		return w.seen() != nil
	})
	return w
}

func (w *witness) seen() map[string]any {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.last
}

func (w *witness) forget() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.last = nil
}

// ServeHTTP answers an AdmissionReview.
func (w *witness) ServeHTTP(out http.ResponseWriter, in *http.Request) {
	var review admissionv1.AdmissionReview
	var object map[string]any
	err := json.NewDecoder(in.Body).Decode(&review)
	if err == nil {
		err = json.Unmarshal(review.Request.Object.Raw, &object)
	}
	if err != nil {
		http.Error(out, err.Error(), http.StatusBadRequest)
		return
	}
	w.mutex.Lock()
	w.last = object
	w.mutex.Unlock()
	review.Response = &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true}
	review.Request = nil
	out.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(out).Encode(review) // a server that has hung up fails the request itself
}
