package manager

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// collector tells how the manager does, at the time it is asked.
type collector struct {
	programs  *Programs
	informers *Informers
	served    *served
	now       func() time.Time
}

// The metrics of the collector. Those of requests belong to package webhook.
var (
	policiesMetric = prometheus.NewDesc("policyc_policies",
		"CompiledPolicies by state: serving, stale (an earlier generation decides), failing (none does).", []string{"state"}, nil)
	syncedMetric = prometheus.NewDesc("policyc_cache_synced",
		"Whether the objects of a resource that lookups read are cached; 0 fails the requests that need them.", []string{"group", "version", "kind"}, nil)
	ageMetric = prometheus.NewDesc("policyc_cache_age_seconds",
		"For how long the API server has not been heard about a resource; 0 while it is watched.", []string{"group", "version", "kind"}, nil)
	expiryMetric = prometheus.NewDesc("policyc_certificate_expiry_seconds",
		"Seconds until the certificate that is served expires; negative afterwards.", nil, nil)
)

// Describe is of prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{policiesMetric, syncedMetric, ageMetric, expiryMetric} {
		out <- d
	}
}

// Collect is of prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for state, n := range c.programs.Counts() {
		gauge(policiesMetric, float64(n), state)
	}
	for _, s := range c.informers.States() {
		synced := 0.0
		if s.Synced {
			synced = 1
		}
		gauge(syncedMetric, synced, s.Kind.Group, s.Kind.Version, s.Kind.Kind)
		gauge(ageMetric, s.Age.Seconds(), s.Kind.Group, s.Kind.Version, s.Kind.Kind)
	}
	if leaf := c.served.Leaf(); leaf != nil {
		gauge(expiryMetric, leaf.NotAfter.Sub(c.now()).Seconds())
	}
}

// newFailures counts compilations that failed.
func newFailures() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "policyc_compile_failures_total",
		Help: "Generations of CompiledPolicies that did not compile."}, []string{"policy"})
}
