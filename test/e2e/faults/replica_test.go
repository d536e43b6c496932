//go:build e2e

package faults_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/policyc/policyc/test/apiserver"
)

// TestReplicas kills, replaces and uninstalls replicas on each server, under load.
func TestReplicas(t *testing.T) {
	for _, version := range apiserver.Versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setting{version: version})
			t.Run("one killed", w.oneKilled)
			t.Run("all killed", w.allKilled)
			t.Run("fail open", w.failOpen)
			t.Run("rolling update", w.rollingUpdate)
			t.Run("uninstall", w.uninstall)
		})
	}
}

// killAndAwait kills replicas, and waits until they are back.
func (w *world) killAndAwait(t *testing.T, n int) {
	t.Helper()
	pods := w.pods()
	restarts := make([]int, n)
	for i := range n {
		restarts[i] = pods[i].Restarts()
		pods[i].Kill()
	}
	begin := time.Now()
	for i := range n {
		eventually(t, pods[i].Name+" does not end", func() bool { return pods[i].Restarts() > restarts[i] })
	}
	w.awaitReplicas(t, 2)
	took(t, "back", begin)
}

// oneKilled: what the dead replica was asked fails, nothing is admitted, and the other one serves on.
func (w *world) oneKilled(t *testing.T) {
	l := w.load(t, good, bad, banned)
	l.await(t, 100)
	w.killAndAwait(t, 1)
	l.await(t, 100)
	l.end().expectSound(t, "one of two killed")
	w.expectAsBefore(t)
}

// expectAsBefore asserts that a fault is over.
func (w *world) expectAsBefore(t *testing.T) {
	t.Helper()
	w.awaitForce(t)
	l := w.load(t, asks()...)
	l.await(t, 100)
	l.end().expectRight(t, "afterwards")
}

// allKilled: every request fails, and says so.
func (w *world) allKilled(t *testing.T) {
	l := w.load(t, good, bad, banned)
	l.await(t, 100)
	w.killAndAwait(t, 2)
	l.await(t, 100)
	y := l.end()
	y.expectSound(t, "all killed")
	one, found := y.first(failed)
	if !found {
		t.Fatal("nothing failed: nothing was killed")
	}
	t.Logf("a failed request is told: %s", one.text)
	for _, want := range []string{`failed calling webhook "validate-`, serverName} {
		if !strings.Contains(one.text, want) {
			t.Errorf("it is not told %q", want)
		}
	}
	w.expectAsBefore(t)
}

// failOpen: with failurePolicy Ignore the request is admitted, counted, and noted in the audit log.
func (w *world) failOpen(t *testing.T) {
	w.down(t)
	name := "validate-" + w.entries["lenient"] + ".policyc.dev"
	line := `apiserver_admission_webhook_fail_open_count{name="` + name + `",type="validating"}`
	before := w.apiMetric(t, line)
	got := w.ask(t, badLenient)
	if got.class != admitted {
		t.Errorf("with no replica and failurePolicy Ignore: %s: %s", got.class, got.text)
	}
	if n := w.apiMetric(t, line) - before; n != 1 {
		t.Errorf("the API server counts %v", n)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	event, err := w.AuditEvent(ctx, got.id)
	if err != nil {
		t.Fatal(err)
	}
	noted := ""
	for key, value := range event.Annotations {
		if strings.HasPrefix(key, "failed-open.validating.webhook.admission.k8s.io/") {
			noted = key + ": " + value
		}
	}
	t.Logf("audit log: %s", noted)
	if !strings.HasSuffix(noted, name) {
		t.Errorf("the audit log has %v", event.Annotations)
	}
	if got := w.ask(t, good); got.class != failed {
		t.Errorf("with no replica and failurePolicy Fail: %s: %s", got.class, got.text)
	}
	w.up(t)
	w.expectAsBefore(t)
}

func (w *world) apiMetric(t *testing.T, line string) float64 {
	t.Helper()
	text, err := w.Metrics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return metric(text, line)
}

// rollingUpdate: no request fails while both replicas are replaced.
func (w *world) rollingUpdate(t *testing.T) {
	before := w.pods()
	l := w.load(t, good, bad, banned, goodStrong)
	l.await(t, 100)
	begin := time.Now()
	w.helm(t, "upgrade", release, chart, "--reuse-values", "--set=podAnnotations.new=yes")
	took(t, "upgrade", begin)
	eventually(t, "the old replicas stay", func() bool { pods := w.pods(); return len(pods) == 2 && pods[0] != before[0] && pods[0] != before[1] })
	l.await(t, 100)
	l.end().expectRight(t, "rolling update")
}

// uninstall: no request fails, and once it is done nothing is asked any more.
func (w *world) uninstall(t *testing.T) {
	l := w.load(t, good, bad)
	l.await(t, 100)
	begin := time.Now()
	w.helm(t, "uninstall", release)
	took(t, "uninstall", begin)
	w.expectUninstalled(t)
	l.await(t, 100)
	y := l.end()
	t.Logf("uninstall: %s", y)
	if n := y.count(admitted, admitted); n == 0 || n != y.count(admitted, admitted)+y.count(admitted, denied)+y.count(admitted, failed)+y.count(admitted, broken) {
		t.Error("good requests are not admitted throughout")
	}
	if y.count(denied, denied) == 0 || y.count(denied, admitted) == 0 || y.count(denied, failed)+y.count(denied, broken) > 0 {
		t.Error("bad requests are not denied before and admitted after")
	}
}

// expectUninstalled asserts that nothing calls the runtime, and that it is gone.
func (w *world) expectUninstalled(t *testing.T) {
	t.Helper()
	if out := w.kubectl(t, "", "get", "validatingwebhookconfigurations,mutatingwebhookconfigurations", "-o", "name"); out != "" {
		t.Errorf("left behind: %s", out)
	}
	for _, a := range asks() {
		if got := w.ask(t, a); got.status != http.StatusCreated {
			t.Errorf("%s after the uninstall: %d %s", a, got.status, got.text)
		}
	}
	eventually(t, "processes are left", func() bool { return len(w.pods()) == 0 })
}
