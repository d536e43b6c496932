//go:build e2e

package faults_test

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/policyc/policyc/test/apiserver"
)

// many is how many NetworkPolicies there are.
const many = 3000

// TestColdCache starts replicas whose lists do not come for a while, and then are long: none is ready, or answers from an empty
// cache.
func TestColdCache(t *testing.T) {
	t.Parallel()
	slow := &proxy{}
	w := newWorld(t, setting{version: "1.37", api: slow.start})
	w.crowd(t)
	release := slow.hold("/networkpolicies")
	l := w.load(t, good, bad, banned)
	l.await(t, 50)
	pods := w.pods()
	for _, p := range pods {
		p.Kill()
	}
	for _, p := range pods {
		eventually(t, p.Name+" does not say what it waits for", func() bool {
			status, text := get(t, p, 8081, "/readyz")
			return status == http.StatusServiceUnavailable && strings.Contains(text, "Kind=NetworkPolicy has not synced")
		})
		// It is asked all the same: an API server may not have heard yet.
		for _, a := range []ask{banned, unbanned} {
			begin := time.Now()
			got := w.askPod(t, p, a)
			if got.class != failed {
				t.Errorf("%s, with a cold cache: %s is %s: %s", p.Name, a, got.class, got.text)
			}
			took(t, fmt.Sprintf("%s fails: %s", a, strings.TrimSpace(got.text)), begin)
		}
		// What does not read the cache is answered.
		if got := w.askPod(t, p, badStrong); got.class != denied {
			t.Errorf("%s, with a cold cache: %s is %s: %s", p.Name, badStrong, got.class, got.text)
		}
		if p.Ready() {
			t.Errorf("%s is ready with a cold cache", p.Name)
		}
	}
	if got := w.ask(t, banned); got.class != failed {
		t.Errorf("with cold caches: %s is %s", banned, got.class)
	}
	begin := time.Now()
	release()
	// At once when it says that it is ready, and not when anybody has noticed.
	var checks sync.WaitGroup
	for _, p := range pods {
		checks.Go(func() {
			address, client := p.Address(9443), w.podClient(t)
			for {
				if status, _ := get(t, p, 8081, "/readyz"); status == http.StatusOK {
					break
				}
			}
			for range 20 {
				if got := w.send(t.Context(), client, address, w.entries["cached"], banned); got.class != denied {
					t.Errorf("%s, ready: %s is %s: %s", p.Name, banned, got.class, got.text)
				}
			}
		})
	}
	checks.Wait()
	took(t, fmt.Sprintf("ready with %d NetworkPolicies", many), begin)
	w.awaitReplicas(t, 2)
	l.await(t, 100)
	l.end().expectSound(t, "cold caches")
	w.expectAsBefore(t)
	for _, p := range pods {
		t.Logf("%s holds %d MiB", p.Name, memory(t, p))
	}
}

// crowd makes many NetworkPolicies.
func (w *world) crowd(t *testing.T) {
	begin := time.Now()
	var done sync.WaitGroup
	for worker := range 8 {
		done.Go(func() {
			for i := worker; i < many; i += 8 {
				body := fmt.Appendf(nil, `{"metadata":{"name":"crowd-%d","annotations":{"pad":%q}},"spec":{"podSelector":{}}}`, i, strings.Repeat("x", 1000))
				r, err := w.Do(t.Context(), apiserver.Request{Method: http.MethodPost, Path: "/apis/networking.k8s.io/v1/namespaces/faults/networkpolicies", Body: body})
				if err != nil || r.Status != http.StatusCreated {
					t.Errorf("%v %d", err, r.Status)
					return
				}
			}
		})
	}
	done.Wait()
	took(t, "a crowd", begin)
}

// proxy stands between pods and the API server.
type proxy struct {
	mutex sync.Mutex
	path  string
	held  chan struct{}
}

// start returns where it listens, with the API server's certificate.
func (p *proxy) start(t *testing.T, server *apiserver.Server) string {
	certificate, err := tls.LoadX509KeyPair(filepath.Join(server.Dir, "certs/apiserver.crt"), filepath.Join(server.Dir, "certs/apiserver.key"))
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(target)
	forward.Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	forward.FlushInterval = -1 // watches
	listener := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		p.wait(r)
		forward.ServeHTTP(rw, r)
	}))
	listener.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	listener.EnableHTTP2 = true
	listener.StartTLS()
	t.Cleanup(func() { listener.CloseClientConnections(); listener.Close() })
	return listener.URL
}

// hold keeps requests waiting whose path ends in suffix, until release.
func (p *proxy) hold(suffix string) (release func()) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	held := make(chan struct{})
	p.path, p.held = suffix, held
	return func() {
		p.mutex.Lock()
		defer p.mutex.Unlock()
		p.path = ""
		close(held)
	}
}

func (p *proxy) wait(r *http.Request) {
	p.mutex.Lock()
	held := p.held
	if p.path == "" || !strings.HasSuffix(r.URL.Path, p.path) {
		held = nil
	}
	p.mutex.Unlock()
	if held != nil {
		select {
		case <-held:
		case <-r.Context().Done():
		}
	}
}
