//go:build e2e

package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/policyc/policyc/test/apiserver"
)

// No CEL runs on a request that no rule is about. The policies here warn about every request that they see, so that one
// that they do see leaves a trace in the answer and in the metrics.
func TestQuiet(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		c.namespace(t, "quiet")
		c.install(t, "testdata/quiet")
		k := call{namespace: "quiet", stored: true}
		now := time.Now().UTC().Format("2006-01-02T15:04:05.000000Z")
		lease := parse(t, `{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: l}, spec: {holderIdentity: a}}`)
		coreEvent := parse(t, `{apiVersion: v1, kind: Event, metadata: {name: e}, involvedObject: {kind: Pod, name: p, namespace: quiet}, reason: Pulled, type: Normal}`)
		newEvent := parse(t, `{apiVersion: events.k8s.io/v1, kind: Event, metadata: {name: f}, regarding: {kind: Pod, name: p, namespace: quiet},
			eventTime: "`+now+`", reason: Pulled, type: Normal, action: Pull, reportingController: e2e, reportingInstance: e2e}`)
		reviews := map[string]string{
			"authorization.k8s.io/v1/subjectaccessreviews":     `{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","spec":{"user":"a","resourceAttributes":{"verb":"get","resource":"pods"}}}`,
			"authorization.k8s.io/v1/selfsubjectaccessreviews": `{"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectAccessReview","spec":{"resourceAttributes":{"verb":"get","resource":"pods"}}}`,
			"authentication.k8s.io/v1/tokenreviews":            `{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{"token":"t"}}`,
			"authentication.k8s.io/v1/selfsubjectreviews":      `{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}`,
		}
		before := c.evaluations(t)
		silent := func(what string, r apiserver.Response) {
			t.Helper()
			expectAdmitted(t, what, r)
		}
		silent("create a Lease", c.create(t, k, lease))
		for _, holder := range []string{"b", "c", "d"} {
			silent("update a Lease", c.do(t, apiserver.Request{Method: http.MethodPatch, Path: k.object(lease), Body: []byte(`{"spec":{"holderIdentity":"` + holder + `"}}`)}))
		}
		silent("create an Event", c.create(t, k, coreEvent))
		silent("patch an Event", c.do(t, apiserver.Request{Method: http.MethodPatch, Path: k.object(coreEvent), Body: []byte(`{"count":2}`)}))
		silent("create an Event of events.k8s.io", c.create(t, k, newEvent))
		silent("delete an Event", c.delete(t, k, coreEvent))
		silent("delete a Lease", c.delete(t, k, lease))
		for path, body := range reviews {
			silent(path, c.do(t, apiserver.Request{Method: http.MethodPost, Path: "/apis/" + path, Body: []byte(body)}))
		}
		silent("read", c.do(t, apiserver.Request{Path: "/api/v1/namespaces/quiet/pods"}))
		if after := c.evaluations(t); after != before {
			t.Errorf("before\n%safter\n%s", before, after)
		}

		// The policies do work.
		pod := podOf(object{"name": "c", "image": "a"})
		if w := policyWarnings(c.create(t, k, pod)); len(w) != 2 {
			t.Errorf("a Pod: %v", w)
		}
		expectWarned(t, "a ConfigMap", c.create(t, k, configMap("m", nil)), "[seen] configmaps")
		if after := c.evaluations(t); after == before {
			t.Error("the metrics tell nothing")
		}
		// A policy on workloads is asked about no other kind, and about no status that a kubelet writes.
		before = c.evaluationsOf(t, "e2e-quiet-workload")
		c.create(t, k, configMap("n", nil))
		c.patch(t, call{namespace: "quiet", stored: true, subresource: "status"}, pod, `{status: {phase: Running}}`)
		if after := c.evaluationsOf(t, "e2e-quiet-workload"); after != before {
			t.Errorf("before\n%safter\n%s", before, after)
		}
	})
}

// evaluations are the metrics that count what CEL of the policies of TestQuiet does: conditions and validations.
func (c *cluster) evaluations(t *testing.T) string { return c.evaluationsOf(t, "e2e-quiet") }

func (c *cluster) evaluationsOf(t *testing.T, policy string) string {
	t.Helper()
	metrics, err := c.Metrics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	for line := range strings.Lines(metrics) {
		name, _, _ := strings.Cut(line, "{")
		counts := strings.HasPrefix(name, "apiserver_validating_admission_policy_") || strings.HasPrefix(name, "apiserver_admission_match_condition_")
		if counts && strings.Contains(line, `"`+policy) && !strings.Contains(name, "_bucket") && !strings.Contains(name, "_sum") {
			lines.WriteString(line)
		}
	}
	return lines.String()
}
