package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apiserver/pkg/authorization/authorizer"

	"github.com/policyc/policyc/runtime/engine"
)

// handler serves all entries.
type handler struct {
	source  Source
	reader  engine.Reader
	authz   authorizer.UnconditionalAuthorizer
	options Options
	limits  *limits
	metrics *metrics
	// buffers are for bodies: what is decoded does not refer to them.
	buffers sync.Pool
}

// NewHandler returns the handler of /validate/<entry> and /mutate/<entry>. Its
// metrics are registered with the registerer, at most once.
func NewHandler(s Source, r engine.Reader, a authorizer.UnconditionalAuthorizer, o Options, p prometheus.Registerer) http.Handler {
	o = o.withDefaults()
	return &handler{source: s, reader: r, authz: a, options: o, limits: newLimits(o), metrics: newMetrics(p),
		buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }}}
}

// call is one request on its way.
type call struct {
	*handler
	ctx   context.Context
	start time.Time
	// path is validate or mutate, or "" when it is neither; entry is what follows.
	path, entry string
	engine      *engine.Engine
	review      *request
}

// ServeHTTP decides one AdmissionReview.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{handler: h, start: time.Now()}
	h.metrics.inFlight.Inc()
	defer h.metrics.inFlight.Dec()
	ctx, cancel := context.WithTimeout(r.Context(), h.allowed(r))
	defer cancel()
	c.ctx = ctx
	response, err := c.answer(w, r)
	if err != nil {
		c.failed(err)
		err.write(w)
		return
	}
	c.decided(response)
	writeJSON(w, http.StatusOK, &admissionv1.AdmissionReview{TypeMeta: reviewType, Response: response})
}

// allowed is how long the request may take. The API server says in ?timeout= how
// long it waits, in whole seconds and rounded up; a tenth is left for the way.
func (h *handler) allowed(r *http.Request) time.Duration {
	limit := h.options.MaxDuration
	if asked, err := time.ParseDuration(r.URL.Query().Get("timeout")); err == nil && asked > 0 {
		limit = min(limit, asked-asked/10)
	}
	return limit
}

// answer reads the request and decides it. A panic is a failure: net/http would
// only close the connection, and nobody would count it.
func (c *call) answer(w http.ResponseWriter, r *http.Request) (out *admissionv1.AdmissionResponse, err *failure) {
	defer func() {
		if p := recover(); p != nil {
			c.logPanic(p)
			out, err = nil, panicked
		}
	}()
	if err := c.route(r); err != nil {
		return nil, err
	}
	leave, err := c.limits.enter(r.ContentLength)
	if err != nil {
		return nil, err
	}
	defer leave()
	body, drop, err := c.read(w, r)
	if err != nil {
		return nil, err
	}
	defer drop()
	free, err := c.limits.object(c.ctx, body.Bytes())
	if err != nil {
		return nil, err
	}
	defer free()
	done, err := c.limits.evaluate(c.ctx, c.entry)
	if err != nil {
		return nil, err
	}
	defer done()
	// Not before its turn: what waits is not decoded, which takes many times the memory.
	if c.review, err = decode(body.Bytes()); err != nil {
		return nil, err
	}
	if c.path == "mutate" {
		return c.mutate()
	}
	return c.validate()
}

// route finds the policies that are asked.
func (c *call) route(r *http.Request) *failure {
	_, path, _ := strings.Cut(r.URL.Path, "/")
	path, entry, _ := strings.Cut(path, "/")
	if path != "validate" && path != "mutate" || entry == "" || strings.Contains(entry, "/") {
		return noPath
	}
	c.path, c.entry = path, entry
	if r.Method != http.MethodPost {
		return noMethod
	}
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); strings.TrimSpace(kind) != "application/json" {
		return noJSON
	}
	e, known := c.source.Engine(entry)
	if !known || e == nil {
		return unknownEntry
	}
	// It would find nothing to object to.
	if path == "mutate" && !e.Mutates() || path == "validate" && !e.Validates() {
		return otherPath
	}
	c.engine = e
	return nil
}

// logPanic logs where it was. What it was is left out unless the Go runtime
// says it: other values may hold a part of the object.
func (c *call) logPanic(p any) {
	what := fmt.Sprintf("%T", p)
	if e, ok := p.(runtime.Error); ok {
		what = e.Error()
	}
	c.log().Error(nil, "panic", "value", what, "stack", string(debug.Stack()))
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		// Both types are plain data.
		code, body = http.StatusInternalServerError, nil
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(body)
}
