package webhook

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/policyc/policyc/runtime/engine"
)

// metrics have labels of few values: the paths, operations, codes and reasons
// that there are, and names of policies and rules. Nothing of a request that its
// sender can choose is among them.
type metrics struct {
	requests  *prometheus.CounterVec
	decisions *prometheus.CounterVec
	failures  *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	inFlight  prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) *metrics {
	return &metrics{
		requests: register(r, prometheus.NewCounterVec(prometheus.CounterOpts{Name: "policyc_webhook_requests_total",
			Help: "Admission requests, by path (validate, mutate), operation and the HTTP code of the answer. A denial is a 200."}, []string{"path", "operation", "code"})),
		decisions: register(r, prometheus.NewCounterVec(prometheus.CounterOpts{Name: "policyc_decisions_total",
			Help: "What policies made of requests: admitted, violated, mutated, failed (and refused) or ignored (failed, and let through by failurePolicy Ignore)."},
			[]string{"policy", "rule", "action", "result"})),
		failures: register(r, prometheus.NewCounterVec(prometheus.CounterOpts{Name: "policyc_webhook_failures_total",
			Help: "Admission requests that got no decision, by reason. The API server applies the failurePolicy of the entry to them."}, []string{"path", "reason"})),
		duration: register(r, prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "policyc_webhook_request_duration_seconds",
			Help: "How long admission requests took, from their headers to the answer.", Buckets: prometheus.ExponentialBuckets(0.00025, 2, 16)}, []string{"path"})),
		inFlight: register(r, prometheus.NewGauge(prometheus.GaugeOpts{Name: "policyc_webhook_in_flight_requests",
			Help: "Admission requests under way, those that wait among them."})),
	}
}

// register returns the collector, or the one of its name that is registered.
func register[C prometheus.Collector](r prometheus.Registerer, c C) C {
	if r == nil {
		return c
	}
	var already prometheus.AlreadyRegisteredError
	if err := r.Register(c); errors.As(err, &already) {
		if there, ok := already.ExistingCollector.(C); ok {
			return there
		}
	}
	return c
}

// observe counts a request that has been answered.
func (c *call) observe(code int) {
	path, operation := c.path, "unknown"
	if path == "" {
		path = "unknown"
	}
	if c.review != nil {
		operation = string(c.review.Operation) // decode lets four pass
	}
	c.metrics.requests.WithLabelValues(path, operation, strconv.Itoa(code)).Inc()
	c.metrics.duration.WithLabelValues(path).Observe(time.Since(c.start).Seconds())
}

// failed counts and logs a request without a decision.
func (c *call) failed(f *failure) {
	c.observe(f.code)
	path := c.path
	if path == "" {
		path = "unknown"
	}
	c.metrics.failures.WithLabelValues(path, f.reason).Inc()
	// An unknown path is anyone's, and may be called often.
	if f.code == http.StatusNotFound {
		return
	}
	c.log().Info("admission request failed", "reason", f.reason, "code", f.code, "duration", time.Since(c.start))
}

// count counts a decision of a validating policy.
func (c *call) count(d *engine.Decision) {
	policy, result := name(d), string(d.Outcome)
	if d.Ignored {
		result = "ignored"
	}
	if d.Outcome == engine.Admitted {
		c.metrics.decisions.WithLabelValues(policy, "", "", result).Inc()
		return
	}
	rules := d.Rules()
	if len(rules) == 0 {
		rules = []string{""}
	}
	for _, rule := range rules {
		for _, action := range d.Actions {
			c.metrics.decisions.WithLabelValues(policy, rule, string(action), result).Inc()
		}
	}
	c.logDecision(d, result)
}

// countMutation counts what the mutating policies did.
func (c *call) countMutation(m *engine.Mutation) {
	for _, a := range m.Applied {
		policy, result := a.Policy, string(engine.Admitted)
		if policy == "" {
			policy = a.Object
		}
		if len(a.Patch) > 0 {
			result = "mutated"
		}
		c.metrics.decisions.WithLabelValues(policy, a.Rule, "", result).Inc()
	}
	for i := range m.Failures {
		c.count(&m.Failures[i])
	}
}

// name is the policy document, or the object when no document stands behind it.
func name(d *engine.Decision) string {
	if d.Policy != "" {
		return d.Policy
	}
	return d.Object
}
