package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr/funcr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/authorization/authorizer"

	"github.com/policyc/policyc/runtime/engine"
)

// asks is a policy that asks the authorizer.
const asks = `apiVersion: policyc.dev/v1alpha1
kind: Policy
metadata: {name: asks}
spec:
  match: {kinds: [Pod]}
  rules:
  - {name: may, require: "authorizer.group('').resource('pods').check('get').allowed()"}
  enforce: deny
`

// fails asserts that a request got an HTTP error with a Status, and no review.
func fails(t *testing.T, s served, w *httptest.ResponseRecorder, code int, reason string) {
	t.Helper()
	var status metav1.Status
	if err := json.Unmarshal(w.Body.Bytes(), &status); err != nil || status.Kind != "Status" || status.Status != metav1.StatusFailure || int(status.Code) != code || status.Message == "" {
		t.Errorf("the body of a failure is %s", w.Body)
	}
	if w.Code != code || bytes.Contains(w.Body.Bytes(), []byte("allowed")) {
		t.Errorf("got %d %s, want %d", w.Code, w.Body, code)
	}
	failures := s.counters(t, "policyc_webhook_failures_total")
	for labels, n := range failures {
		if strings.HasSuffix(labels, "reason="+reason) && n == 1 {
			return
		}
	}
	t.Errorf("no failure %s was counted: %v", reason, failures)
}

func TestFailures(t *testing.T) {
	good := pod("1", "a:1")
	for _, c := range []struct {
		name   string
		change func(*http.Request)
		body   string
		code   int
		reason string
	}{
		{"empty", nil, "", 400, "malformed"},
		{"malformed", nil, good[:len(good)-3], 400, "malformed"},
		{"trailing", nil, good + "{}", 400, "malformed"},
		{"null", nil, "null", 400, "malformed"},
		{"list", nil, "[" + good + "]", 400, "malformed"},
		{"deep", nil, strings.Replace(good, `"status": {}`, `"status": `+strings.Repeat("[", 1e6), 1), 400, "malformed"},
		{"v1beta1", nil, strings.Replace(good, "admission.k8s.io/v1", "admission.k8s.io/v1beta1", 1), 400, "malformed"},
		{"other kind", nil, strings.Replace(good, `"AdmissionReview"`, `"ConversionReview"`, 1), 400, "malformed"},
		{"no request", nil, `{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1"}`, 400, "malformed"},
		{"null request", nil, `{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": null}`, 400, "malformed"},
		{"response only", nil, `{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": {"uid": "1", "allowed": true}}`, 400, "malformed"},
		{"no uid", nil, pod("", "a:1"), 400, "malformed"},
		{"no resource", nil, strings.Replace(good, `"resource": "pods"`, `"resource": ""`, 1), 400, "malformed"},
		{"null object", nil, reviewOf("1", "CREATE", "null", "null"), 400, "malformed"},
		{"update of nothing", nil, reviewOf("1", "UPDATE", "null", "{}"), 400, "malformed"},
		{"delete of nothing", nil, reviewOf("1", "DELETE", "null", "null"), 400, "malformed"},
		{"delete with object", nil, reviewOf("1", "DELETE", "{}", "{}"), 400, "malformed"},
		{"object is a list", nil, reviewOf("1", "CREATE", "[]", "null"), 400, "malformed"},
		{"operation", nil, reviewOf("1", "create", "{}", "null"), 400, "malformed"},
		{"huge", nil, reviewOf("1", "CREATE", `{"a": "`+strings.Repeat("a", 1<<20)+`"}`, "null"), 413, "too_large"},
		{"huge, no length", func(r *http.Request) { r.ContentLength = -1 }, strings.Repeat(" ", 1<<20+1), 413, "too_large"},
		{"broken off", func(r *http.Request) { r.Body = io.NopCloser(io.MultiReader(strings.NewReader("{"), broke{})) }, "", 400, "broken_body"},
		{"unknown entry", func(r *http.Request) { r.URL.Path = "/validate/other" }, good, 500, "unknown_entry"},
		{"no entry", func(r *http.Request) { r.URL.Path = "/validate/" }, good, 404, "path"},
		{"more than an entry", func(r *http.Request) { r.URL.Path = "/validate/e/e" }, good, 404, "path"},
		{"other path", func(r *http.Request) { r.URL.Path = "/convert/e" }, good, 404, "path"},
		{"GET", func(r *http.Request) { r.Method = http.MethodGet }, good, 405, "method"},
		{"YAML", func(r *http.Request) { r.Header.Set("Content-Type", "application/yaml") }, good, 415, "content_type"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, tags("tags", "  enforce: deny"), Options{MaxBody: 1 << 20})
			r := post("/validate/e", c.body)
			if c.change != nil {
				c.change(r)
			}
			fails(t, s, s.send(r), c.code, c.reason)
		})
	}
}

type broke struct{}

func (broke) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

// failing is a Source that does something before it answers.
type failing struct {
	Source
	do func()
}

func (f failing) Engine(entry string) (*engine.Engine, bool) {
	f.do()
	return f.Source.Engine(entry)
}

func TestPanic(t *testing.T) {
	var logged strings.Builder
	log := funcr.New(func(_, args string) { logged.WriteString(args) }, funcr.Options{})
	e := newEngine(t, compile(t, asks))
	s := serveWith(failing{entries{"e": e}, func() { panic("secret of an object") }}, nil, Options{Log: log})
	fails(t, s, s.send(post("/validate/e", pod("1", "a:1"))), 500, "panic")
	if !strings.Contains(logged.String(), "failing.Engine") || strings.Contains(logged.String(), "secret") {
		t.Errorf("logged %s", logged.String())
	}
	// CEL takes a panic within an expression for an error of it.
	s = serveWith(entries{"e": e}, authorize(func() (authorizer.Decision, error) { panic("secret") }), Options{})
	if r := s.decide(t, "/validate/e", pod("1", "a:1")); r.Allowed {
		t.Errorf("%+v", r)
	}
}

// TestDeadline lets evaluation last longer than the API server waits.
func TestDeadline(t *testing.T) {
	e := newEngine(t, compile(t, asks+"---\n"+tags("violated", "  enforce: deny")))
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			query   string
			takes   time.Duration
			allowed bool
		}{
			{"?timeout=5s", 4 * time.Second, true},
			{"?timeout=5s", 4600 * time.Millisecond, false}, // a tenth is left for the way
			{"?timeout=30s", 11 * time.Second, false},       // the handler's own maximum
			{"", 9 * time.Second, true},
			{"?timeout=-1s", 11 * time.Second, false},
		} {
			s := serveWith(entries{"e": e}, authorize(func() (authorizer.Decision, error) {
				time.Sleep(c.takes)
				return authorizer.DecisionAllow, nil
			}), Options{})
			if r := post("/validate/e"+c.query, pod("1", "a:1")); c.allowed {
				if w := s.send(r); w.Code != 200 || !strings.Contains(w.Body.String(), `"allowed":true`) {
					t.Errorf("%+v: %d %s", c, w.Code, w.Body)
				}
			} else {
				fails(t, s, s.send(r), 504, "deadline")
			}
		}
		// A violation that was found denies all the same.
		s := serveWith(entries{"e": e}, authorize(func() (authorizer.Decision, error) {
			time.Sleep(time.Minute)
			return authorizer.DecisionAllow, nil
		}), Options{})
		if r := s.decide(t, "/validate/e", pod("1", "a:latest")); r.Allowed || !strings.Contains(r.Result.Message, "'violated'") {
			t.Errorf("%+v", r)
		}
	})
}

func TestCanceled(t *testing.T) {
	s := serve(t, tags("tags", "  enforce: deny"), Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	fails(t, s, s.send(post("/validate/e", pod("1", "a:1")).WithContext(ctx)), 503, "canceled")
}

// pipes is a listener whose connections are in memory, so that their deadlines
// go by the clock of the test.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{} }

// TestSlowBody sends half of a review, and nothing more.
func TestSlowBody(t *testing.T) {
	e := newEngine(t, compile(t, tags("tags", "  enforce: deny")))
	synctest.Test(t, func(t *testing.T) {
		s := serveWith(entries{"e": e}, nil, Options{})
		listener := make(pipes)
		server := &http.Server{Handler: s}
		go func() { _ = server.Serve(listener) }()
		client, conn := net.Pipe()
		listener <- conn
		body := pod("1", "a:1")
		start := time.Now()
		go func() {
			_, _ = fmt.Fprintf(client, "POST /validate/e?timeout=5s HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:len(body)/2])
		}()
		answer, _ := io.ReadAll(client)
		if took := time.Since(start); took < 4*time.Second || took > 6*time.Second || !bytes.Contains(answer, []byte("408 Request Timeout")) {
			t.Errorf("after %v: %s", took, answer)
		}
		if n := s.counters(t, "policyc_webhook_failures_total")["path=validate,reason=slow_body"]; n != 1 {
			t.Error(s.counters(t, "policyc_webhook_failures_total"))
		}
		close(listener)
		_ = server.Close()
	})
}

// TestOverload holds evaluations up until every place is taken.
func TestOverload(t *testing.T) {
	e := newEngine(t, compile(t, asks))
	synctest.Test(t, func(t *testing.T) {
		held := make(chan struct{})
		s := serveWith(entries{"e": e, "f": e}, authorize(func() (authorizer.Decision, error) {
			<-held
			return authorizer.DecisionAllow, nil
		}), Options{MaxConcurrent: 2, MaxWaiting: 1})
		var wait sync.WaitGroup
		answers := make([]*httptest.ResponseRecorder, 3)
		for i := range answers {
			entry := "ef"[i%2 : i%2+1] // each has half of the places
			wait.Go(func() { answers[i] = s.send(post("/validate/"+entry+"?timeout=5s", pod(fmt.Sprint(i), "a:1"))) })
		}
		synctest.Wait() // two are evaluated, one waits
		w := s.send(post("/validate/e", pod("9", "a:1")))
		fails(t, s, w, 429, "overloaded")
		if w.Header().Get("Retry-After") == "" {
			t.Error("429 without Retry-After: the API server would not ask again")
		}
		time.Sleep(10 * time.Second) // by now the one that waits has been told
		close(held)
		wait.Wait()
		var codes []int
		for _, w := range answers {
			codes = append(codes, w.Code)
		}
		// Two were held beyond their deadline, one never had its turn.
		if failures := s.counters(t, "policyc_webhook_failures_total"); failures["path=validate,reason=deadline"] != 2 || failures["path=validate,reason=queued"] != 1 {
			t.Error(codes, failures)
		}
		// All places are free again.
		if r := s.decide(t, "/validate/e", pod("10", "a:1")); !r.Allowed {
			t.Errorf("%+v", r)
		}
	})
}

// TestMemory has room for one large review at a time; a small one passes by.
func TestMemory(t *testing.T) {
	large := strings.Replace(pod("1", "a:1"), `"status": {`, `"status": {"dense":[`+strings.Repeat("{},", 2000)+`{}]`, 1)
	e := newEngine(t, compile(t, asks))
	synctest.Test(t, func(t *testing.T) {
		held := make(chan struct{})
		s := serveWith(entries{"e": e, "f": e}, authorize(func() (authorizer.Decision, error) {
			<-held
			return authorizer.DecisionAllow, nil
		}), Options{MaxBody: 1 << 20, MaxMemory: 1 << 20})
		first, small := make(chan *httptest.ResponseRecorder), make(chan *httptest.ResponseRecorder)
		go func() { first <- s.send(post("/validate/e", large)) }()
		synctest.Wait()
		fails(t, s, s.send(post("/validate/e?timeout=1s", large)), 503, "queued")
		go func() { small <- s.send(post("/validate/e", pod("2", "a:1"))) }()
		synctest.Wait()
		close(held)
		for _, w := range []*httptest.ResponseRecorder{<-first, <-small} {
			if w.Code != 200 {
				t.Error(w.Code, w.Body)
			}
		}
	})
}

// TestConcurrent sends 1,000 requests at once, and sees that each gets its own answer.
func TestConcurrent(t *testing.T) {
	s := serve(t, goldenPolicies, Options{MaxConcurrent: 16})
	server := httptest.NewServer(s)
	defer server.Close()
	var wait sync.WaitGroup
	for i := range 1000 {
		wait.Go(func() {
			uid, image := fmt.Sprintf("uid-%d", i), fmt.Sprintf("image-%d:latest", i)
			if i%2 == 0 {
				image = fmt.Sprintf("image-%d:1", i)
			}
			path := "/validate/e"
			if i%3 == 0 {
				path = "/mutate/e"
			}
			answer, err := server.Client().Post(server.URL+path, "application/json", strings.NewReader(pod(uid, image)))
			if err != nil {
				t.Error(err)
				return
			}
			defer answer.Body.Close()
			var have struct {
				Response struct {
					UID     string
					Allowed bool
					Patch   []byte
					Status  struct{ Message string }
				}
			}
			if err := json.NewDecoder(answer.Body).Decode(&have); err != nil {
				t.Error(err)
				return
			}
			r := have.Response
			denies := i%2 == 1 && i%3 != 0
			if r.UID != uid || r.Allowed == denies || denies != strings.HasSuffix(r.Status.Message, "c0: "+image) || (i%3 == 0) != (len(r.Patch) > 0) {
				t.Errorf("%d: %d %+v", i, answer.StatusCode, r)
			}
		})
	}
	wait.Wait()
}

// TestLog asserts that contents of objects are not logged, messages of rules included.
func TestLog(t *testing.T) {
	var logged strings.Builder
	log := funcr.NewJSON(func(line string) { logged.WriteString(line + "\n") }, funcr.Options{Verbosity: 2})
	s := serve(t, goldenPolicies, Options{Log: log})
	s.decide(t, "/validate/e", pod("the-uid", "hidden:latest"))
	s.decide(t, "/mutate/e", pod("the-uid", "hidden:1"))
	s.send(post("/validate/e", "{\"hidden"))
	for _, want := range []string{`"policy":"bans"`, `"uid":"the-uid"`, `"namespace":"default"`, `"name":"p"`, `"rules":["tag"]`, `"result":"violated"`, `"duration"`} {
		if !strings.Contains(logged.String(), want) {
			t.Errorf("%s is not logged in\n%s", want, logged.String())
		}
	}
	if strings.Contains(logged.String(), "hidden") {
		t.Errorf("an image is logged in\n%s", logged.String())
	}
}
