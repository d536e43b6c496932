//go:build e2e

package object_test

import (
	"net/http"
	"reflect"
	"testing"

	"k8s.io/apiserver/pkg/admission"

	"github.com/policyc/policyc/runtime/object"
	"github.com/policyc/policyc/test/apiserver"
)

const updated = `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"updated"},"spec":{"replicas":1,"selector":{"matchLabels":{"a":"b"}},
	"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"a:1"}]}}}}`

// An UPDATE of the resource itself cannot change the status, and counts the generation on, before policies see it.
func TestUpdate(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		w := c.newWitness(t)
		const path = "/apis/apps/v1/namespaces/default/deployments"
		c.must(t, apiserver.Request{Method: http.MethodPost, Path: path, Body: []byte(updated)})
		c.must(t, apiserver.Request{Method: http.MethodPatch, Path: path + "/updated/status", Body: []byte(`{"status":{"replicas":3}}`)})
		for patch, generation := range map[string]float64{`{"status":{"replicas":99}}`: 1, `{"status":{"replicas":99},"spec":{"replicas":2}}`: 2} {
			w.forget()
			c.must(t, apiserver.Request{Method: http.MethodPatch, Path: path + "/updated?dryRun=All", As: apiserver.User{Name: witnessed}, Body: []byte(patch)})
			saw := w.seen()
			if got := at(saw, []any{"status", "replicas"}); got != 3.0 {
				t.Errorf("%s: status.replicas is %v", patch, got)
			}
			if got := at(saw, []any{"metadata", "generation"}); got != generation {
				t.Errorf("%s: metadata.generation is %v", patch, got)
			}
		}
	})
}

// An ephemeral container comes by a subresource, with defaults of its own.
func TestEphemeralContainer(t *testing.T) {
	preparer := object.NewPreparer()
	onEach(t, func(t *testing.T, c *cluster) {
		w := c.newWitness(t)
		c.kubectl(t, "", "create", "serviceaccount", "default")
		const path = "/api/v1/namespaces/default/pods"
		created := c.must(t, apiserver.Request{Method: http.MethodPost, Path: path,
			Body: []byte(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"debugged"},"spec":{"containers":[{"name":"c","image":"a:1"}]}}`)})
		var pod document
		decode(t, created.Body, &pod)
		pod["spec"].(document)["ephemeralContainers"] = []any{document{"name": "d", "image": "b", "env": []any{
			document{"name": "A", "valueFrom": document{"fieldRef": document{"fieldPath": "metadata.name"}}}}}}
		w.forget()
		c.must(t, apiserver.Request{Method: http.MethodPut, Path: path + "/debugged/ephemeralcontainers?dryRun=All",
			As: apiserver.User{Name: witnessed}, Body: encode(t, pod)})
		prepared, err := preparer.Prepare(pod, admission.Update)
		if err != nil {
			t.Fatal(err)
		}
		var offline document
		decode(t, encode(t, prepared), &offline)
		where := []any{"spec", "ephemeralContainers"}
		if got, want := at(offline, where), at(w.seen(), where); !reflect.DeepEqual(got, want) {
			t.Errorf("offline %v, on the server %v", got, want)
		}
	})
}
