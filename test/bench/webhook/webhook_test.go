// Package webhook measures the webhook over loopback TLS against one that decodes nothing and admits everything, on the
// same machine and in the same run, so that what is compared is what the policies cost.
//
//	go test -run '^$' -bench . ./test/bench/webhook
package webhook

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/runtime/api"
	"github.com/policyc/policyc/runtime/engine"
	"github.com/policyc/policyc/runtime/webhook"
)

// entries is a Source.
type entries map[string]*engine.Engine

func (s entries) Engine(entry string) (*engine.Engine, bool) {
	e, ok := s[entry]
	return e, ok
}

// build compiles a folder, with its mutations for the webhook.
func build(b *testing.B, dir string) *engine.Bundle {
	b.Helper()
	r := diag.NewReport()
	docs := syntax.Load(syntax.ReadPaths([]string{dir}, nil, r), r)
	result := compiler.CompileDocuments(docs, compiler.Options{Now: time.Now(), ReadFile: os.ReadFile, Mutation: "webhook"}, r)
	if r.HasErrors() {
		b.Fatal(r.Sorted())
	}
	bundle, err := engine.ReadBundle(result.Files, result.Programs)
	if err != nil {
		b.Fatal(err)
	}
	return bundle
}

// validating is an entry of n policies of the library, those on pods; when there
// are fewer, they are there several times.
func validating(b *testing.B, n int) *engine.Engine {
	b.Helper()
	all := build(b, "../../../policies")
	pods := slices.DeleteFunc(slices.Clone(all.Policies), func(p *policy) bool { return all.Compiled[p.Name] != nil || !matchesPods(p) })
	if len(pods) == 0 {
		b.Fatal("no policy is on pods")
	}
	var compiled []*api.CompiledPolicy
	for i := range n {
		p := pods[i%len(pods)]
		compiled = append(compiled, wrap(p, all.Bindings[p.Name], fmt.Sprintf("%s-%d", p.Name, i), all.Programs[p.Name]))
	}
	bundle, err := engine.FromCompiled(compiled)
	if err != nil {
		b.Fatal(err)
	}
	return newEngine(b, bundle)
}

func newEngine(b *testing.B, bundle *engine.Bundle) *engine.Engine {
	b.Helper()
	e, err := engine.New(bundle)
	if err != nil {
		b.Fatal(err)
	}
	return e
}

func BenchmarkValidate(b *testing.B) {
	for _, n := range []int{1, 10, 50} {
		b.Run(fmt.Sprintf("policies=%d", n), func(b *testing.B) { compare(b, "/validate/e", validating(b, n)) })
	}
}

func BenchmarkMutate(b *testing.B) {
	compare(b, "/mutate/e", newEngine(b, build(b, "../../../policies/mutation")))
}

// compare sends a pod to the webhook and to one that does nothing, in turns, with
// two clients, as few API servers have more.
func compare(b *testing.B, path string, e *engine.Engine) {
	h := webhook.NewHandler(entries{"e": e}, nil, nil, webhook.Options{}, prometheus.NewRegistry())
	one, two := start(b, h), start(b, http.HandlerFunc(nothing))
	body, err := os.ReadFile("testdata/pod.json")
	if err != nil {
		b.Fatal(err)
	}
	var mine, base []time.Duration
	b.ResetTimer()
	for b.Loop() {
		mine = append(mine, one.round(b, path, body)...)
		base = append(base, two.round(b, path, body)...)
	}
	b.StopTimer()
	slices.Sort(mine)
	slices.Sort(base)
	b.ReportMetric(float64(at(mine, 50))/float64(at(base, 50)), "p50-ratio")
	b.ReportMetric(float64(at(mine, 99))/float64(at(base, 99)), "p99-ratio")
	b.ReportMetric(float64(at(mine, 50).Microseconds()), "p50-µs")
	b.ReportMetric(float64(at(mine, 99).Microseconds()), "p99-µs")
	b.ReportMetric(float64(at(base, 50).Microseconds()), "noop-p50-µs")
	b.ReportMetric(one.rate(), "req/s")
	b.ReportMetric(two.rate()/one.rate(), "noop-req/s-ratio")
	b.ReportMetric(testing.AllocsPerRun(20, func() { direct(b, h, path, body) }), "allocs/req")
}

func at(sorted []time.Duration, percent int) time.Duration { return sorted[len(sorted)*percent/100] }

// nothing is the least that a webhook does: read the review, and admit it.
func nothing(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":"705ab4f5-6393-11e8-b7cc-42010a800002","allowed":true}}`)
}

// direct calls the handler without a network.
func direct(b *testing.B, h http.Handler, path string, body []byte) {
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		b.Fatal(w.Code, w.Body)
	}
}

// target is a webhook over TLS and HTTP/2, which the API server speaks.
type target struct {
	*httptest.Server
	spent time.Duration
	sent  atomic.Int64
}

func start(b *testing.B, h http.Handler) *target {
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = true
	s.StartTLS()
	b.Cleanup(s.Close)
	return &target{Server: s}
}

// clients send at once, batch requests each in a round.
const clients, batch = 2, 25

func (t *target) round(b *testing.B, path string, body []byte) []time.Duration {
	start := time.Now()
	done := make(chan []time.Duration)
	for range clients {
		go func() {
			var took []time.Duration
			for range batch {
				took = append(took, t.request(b, path, body))
			}
			done <- took
		}()
	}
	var all []time.Duration
	for range clients {
		all = append(all, <-done...)
	}
	t.spent += time.Since(start)
	return all
}

func (t *target) request(b *testing.B, path string, body []byte) time.Duration {
	start := time.Now()
	answer, err := t.Client().Post(t.URL+path+"?timeout=5s", "application/json", bytes.NewReader(body))
	if err != nil {
		b.Error(err)
		return 0
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		b.Error(answer.Status)
	}
	t.sent.Add(1)
	return time.Since(start)
}

func (t *target) rate() float64 { return float64(t.sent.Load()) / t.spent.Seconds() }
