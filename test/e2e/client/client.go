// Package client sends the requests of the end-to-end tests to a real API server. What cannot be sent, or must succeed and
// does not, ends the test.
//
//	client.Must(t, server, apiserver.Request{Method: "POST", Path: client.Collection(pod, "shop"), Body: client.Encode(t, pod)})
//	client.Collection({apiVersion: apps/v1, kind: Deployment}, "shop")   /apis/apps/v1/namespaces/shop/deployments
package client

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/policyc/policyc/test/apiserver"
)

// Object is an object as JSON decodes it.
type Object = map[string]any

// Do sends a request. A refusal is an answer.
func Do(t testing.TB, s *apiserver.Server, request apiserver.Request) apiserver.Response {
	t.Helper()
	response, err := s.Do(context.Background(), request) // t.Context() has ended when cleanups run
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// Must sends a request that prepares a test and has to succeed.
func Must(t testing.TB, s *apiserver.Server, request apiserver.Request) apiserver.Response {
	t.Helper()
	r := Do(t, s, request)
	if r.Status >= http.StatusMultipleChoices {
		t.Fatalf("%s %s: %s", request.Method, request.Path, r.Body)
	}
	return r
}

// Kubectl runs kubectl, which has to succeed, and returns what it printed.
func Kubectl(t testing.TB, s *apiserver.Server, stdin string, args ...string) string {
	t.Helper()
	stdout, _, err := s.Kubectl(context.Background(), stdin, args...)
	if err != nil {
		t.Fatal(err)
	}
	return stdout
}

// SetNamespace makes a namespace or replaces its labels.
func SetNamespace(t testing.TB, s *apiserver.Server, name string, labels map[string]string) {
	t.Helper()
	body := Encode(t, Object{"apiVersion": "v1", "kind": "Namespace", "metadata": Object{"name": name, "labels": labels}})
	r := Do(t, s, apiserver.Request{Method: http.MethodPost, Path: "/api/v1/namespaces", Body: body})
	if r.Status == http.StatusConflict {
		r = Do(t, s, apiserver.Request{Method: http.MethodPut, Path: "/api/v1/namespaces/" + name, Body: body})
	}
	if r.Status >= http.StatusMultipleChoices {
		t.Fatalf("namespace %s: %s", name, r.Body)
	}
}

// Eventually polls, for what the server learns through a watch.
func Eventually(t testing.TB, limit time.Duration, failure string, done func() bool) {
	t.Helper()
	begin := time.Now()
	for !done() {
		if time.Since(begin) > limit {
			t.Fatal(failure)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Encode is a value as JSON.
func Encode(t testing.TB, v any) []byte {
	t.Helper()
	content, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// Decode reads JSON.
func Decode(t testing.TB, content []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(content, v); err != nil {
		t.Fatalf("%v in %s", err, content)
	}
}

// Parse reads an object in YAML.
func Parse(t testing.TB, text string) Object {
	t.Helper()
	var o Object
	if err := yaml.Unmarshal([]byte(text), &o); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return o
}

// Brief is the beginning of an answer, for messages.
func Brief(body []byte) string {
	if len(body) > 600 {
		return string(body[:600]) + "…"
	}
	return string(body)
}
