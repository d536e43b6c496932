package webhook

import (
	"time"

	"github.com/go-logr/logr"
	admissionv1 "k8s.io/api/admission/v1"

	"github.com/policyc/policyc/runtime/engine"
)

// log names the request: what it is about, not what is in it. Messages of rules
// quote objects, so that they are left out, too.
func (c *call) log() logr.Logger {
	log := c.options.Log.WithValues("path", c.path, "entry", c.entry)
	if r := c.review; r != nil {
		log = log.WithValues("uid", r.UID, "operation", r.Operation, "group", r.Resource.Group, "resource", r.Resource.Resource,
			"subresource", r.SubResource, "namespace", r.Namespace, "name", r.Name)
	}
	return log
}

// logDecision logs a policy that did not just admit.
func (c *call) logDecision(d *engine.Decision, result string) {
	if c.options.Log.Enabled() {
		c.log().Info("policy decision", "policy", name(d), "object", d.Object, "binding", d.Binding, "rules", d.Rules(), "actions", d.Actions, "result", result)
	}
}

// decided counts and logs a request with a decision.
func (c *call) decided(r *admissionv1.AdmissionResponse) {
	c.observe(200)
	level := 0
	if r.Allowed {
		level = 1
	}
	if c.options.Log.V(level).Enabled() {
		c.log().V(level).Info("admission request decided", "allowed", r.Allowed, "patched", len(r.Patch) > 0, "duration", time.Since(c.start))
	}
}

// undecided logs why the engine could not evaluate a request.
func (c *call) undecided(err error) *failure {
	c.log().Error(err, "admission request could not be evaluated")
	return undecided
}
