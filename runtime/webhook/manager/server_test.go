package manager

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

// TestDrain asserts that a request in flight at the end is answered, and that probes fail before the door closes.
func TestDrain(t *testing.T) {
	c := fake.NewClientBuilder().WithScheme(scheme.Scheme).Build()
	k := newKeeper(c, &clock{time.Now()})
	reconciled(t, k)
	arrived, answer := make(chan struct{}), make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-answer
		_, _ = io.WriteString(w, "decided")
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop, end := context.WithCancel(context.Background())
	began, ended := make(chan struct{}), make(chan error)
	go func() {
		server := newServer(handler, k.served, tls.VersionTLS12, logr.Discard())
		ended <- serveUntil(stop, server, listener, func() { close(began) }, 0, time.Minute)
	}()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(k.last.Bundle())
	caller := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "policyc-runtime.policyc-system.svc"}}}
	got := make(chan string)
	go func() {
		r, err := caller.Get("https://" + listener.Addr().String())
		if err != nil {
			got <- err.Error()
			return
		}
		body, _ := io.ReadAll(r.Body)
		got <- string(body)
	}()
	<-arrived
	end()
	<-began
	close(answer)
	if text := <-got; text != "decided" {
		t.Errorf("the request in flight: %s", text)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestClosing asserts that answers end their connections once the end has begun, and not before.
func TestClosing(t *testing.T) {
	var draining atomic.Bool
	server := httptest.NewServer(closing(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), &draining))
	defer server.Close()
	for _, want := range []bool{false, true} {
		draining.Store(want)
		r, err := server.Client().Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.Close != want {
			t.Errorf("draining %t: the connection is to be closed: %t", want, r.Close)
		}
	}
}

func TestProbes(t *testing.T) {
	h := probeHandler(func(*http.Request) error { return io.EOF })
	for path, want := range map[string]int{"/livez": 200, "/readyz": 503} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != want {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestUninstall(t *testing.T) {
	ours := validating()
	ours.Webhooks = ours.Webhooks[:2]
	theirs := validating() // one entry calls another Service
	unlabelled := validating()
	unlabelled.Webhooks, unlabelled.Labels = ours.Webhooks, nil
	for name, x := range map[string]struct {
		object *admissionv1.ValidatingWebhookConfiguration
		gone   bool
	}{"ours": {ours, true}, "another Service": {theirs, false}, "no label": {unlabelled, false}} {
		other := mutating() // it has no label
		c := fake.NewClientBuilder().WithScheme(scheme.Scheme).WithObjects(x.object.DeepCopy(), other).Build()
		for range 2 { // it may run again
			if err := Uninstall(context.Background(), c, "policyc", service, time.Nanosecond, logr.Discard()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		err := c.Get(context.Background(), client.ObjectKeyFromObject(x.object), &admissionv1.ValidatingWebhookConfiguration{})
		if apierrors.IsNotFound(err) != x.gone {
			t.Errorf("%s: %v", name, err)
		}
		if err := c.Get(context.Background(), client.ObjectKeyFromObject(other), other); err != nil {
			t.Errorf("%s: what policyc did not write is gone: %v", name, err)
		}
	}
}
