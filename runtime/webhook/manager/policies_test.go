package manager

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/policyc/policyc/runtime/api"
)

func kinds(t *testing.T) *runtime.Scheme {
	t.Helper()
	s := runtime.NewScheme()
	if err := errors.Join(scheme.AddToScheme(s), api.AddToScheme(s)); err != nil {
		t.Fatal(err)
	}
	return s
}

// world is a cluster with one replica.
type world struct {
	client   client.Client
	policies *policies
	events   *events.FakeRecorder
	leads    bool
	failures int
	// unreadable is what informers say of every resource.
	unreadable error
}

func newWorld(t *testing.T, objects ...client.Object) *world {
	t.Helper()
	w := &world{events: events.NewFakeRecorder(10), leads: true,
		client: fake.NewClientBuilder().WithScheme(kinds(t)).WithStatusSubresource(&api.CompiledPolicy{}).WithObjects(objects...).Build()}
	report := &reporter{client: w.client, events: w.events, leads: func() bool { return w.leads }}
	w.policies = &policies{cached: w.client, programs: NewPrograms(Compile), configuration: "policyc", report: report.Report, failed: func(string) { w.failures++ },
		now: func() time.Time { return start }, readable: func(api.LookupResource) (bool, error) { return w.unreadable == nil, w.unreadable },
		want: func(context.Context, []api.LookupResource) (time.Time, error) { return time.Time{}, nil }}
	w.policies.compiled = (&readiness{cached: w.client, programs: w.policies.programs, configuration: "policyc"}).Compiled
	return w
}

// reconcile looks at a policy, and returns its status in one line.
func (w *world) reconcile(t *testing.T, name string) string {
	t.Helper()
	if _, err := w.policies.Reconcile(context.Background(), reconcile.Request{NamespacedName: client.ObjectKey{Name: name}}); err != nil {
		t.Fatal(err)
	}
	o := &api.CompiledPolicy{}
	if err := w.client.Get(context.Background(), client.ObjectKey{Name: name}, o); err != nil {
		return err.Error()
	}
	c := meta.FindStatusCondition(o.Status.Conditions, api.Ready)
	if c == nil {
		return "no status"
	}
	return strings.Join([]string{string(c.Status), c.Reason, c.Message}, " ")
}

// write changes the policy in the cluster.
func (w *world) write(t *testing.T, next *api.CompiledPolicy) {
	t.Helper()
	present := &api.CompiledPolicy{}
	if err := w.client.Get(context.Background(), client.ObjectKeyFromObject(next), present); err != nil {
		t.Fatal(err)
	}
	present.Generation, present.Spec = next.Generation, next.Spec
	if err := w.client.Update(context.Background(), present); err != nil {
		t.Fatal(err)
	}
}

func TestStatus(t *testing.T) {
	w := newWorld(t, policyOf("a", 1, no, "e"))
	w.leads = false
	if got := w.reconcile(t, "a"); got != "no status" {
		t.Errorf("a replica that does not lead wrote %q", got)
	}
	w.leads = true
	if got := w.reconcile(t, "a"); got != "True Compiled generation 1 decides" {
		t.Error(got)
	}
	w.write(t, policyOf("a", 2, bad, "e"))
	if got := w.reconcile(t, "a"); !strings.HasPrefix(got, "False CompileFailed generation 1 decides on: ") || !strings.Contains(got, "Syntax error") {
		t.Error(got)
	}
	w.reconcile(t, "a") // the second look says nothing new
	if len(w.events.Events) != 1 || w.failures != 1 {
		t.Errorf("%d events, %d failures", len(w.events.Events), w.failures)
	}
	expect(t, w.policies.programs, map[string]string{"e": "a a"})
	if got := w.policies.programs.Counts(); got["stale"] != 1 || got["serving"] != 0 {
		t.Errorf("%v", got)
	}

	// The replica starts again: the last good program is gone.
	again := newWorld(t)
	again.client, again.policies.cached = w.client, w.client
	again.policies.report = (&reporter{client: w.client, events: again.events, leads: func() bool { return true }}).Report
	if got := again.reconcile(t, "a"); !strings.HasPrefix(got, "False CompileFailed no generation decides, requests fail: ") {
		t.Error(got)
	}
	expect(t, again.policies.programs, map[string]string{"e": "unknown"})

	if err := w.client.Delete(context.Background(), policyOf("a", 2, bad)); err != nil {
		t.Fatal(err)
	}
	w.reconcile(t, "a")
	expect(t, w.policies.programs, map[string]string{"e": "unknown"})
}

// Another runtime in the cluster has policies of its own: this one neither serves them nor says anything of them.
func TestOtherConfiguration(t *testing.T) {
	other := policyOf("a", 1, no, "e")
	other.Spec.Configuration = "payments"
	w := newWorld(t, other)
	if got := w.reconcile(t, "a"); got != "no status" {
		t.Error(got)
	}
	expect(t, w.policies.programs, map[string]string{"e": "unknown"})
	r := &readiness{cached: w.client, programs: w.policies.programs, configuration: "policyc", settled: func() error { return nil }}
	if err := r.start(context.Background()); err != nil {
		t.Error(err)
	}

	// It may come to be ours, and leave again.
	other = policyOf("a", 2, no, "e")
	other.Spec.Configuration = "policyc"
	w.write(t, other)
	if got := w.reconcile(t, "a"); got != "True Compiled generation 2 decides" {
		t.Error(got)
	}
	other = policyOf("a", 3, no, "e")
	other.Spec.Configuration = "payments"
	w.write(t, other)
	w.reconcile(t, "a")
	expect(t, w.policies.programs, map[string]string{"e": "unknown"})
}

func TestUnreadable(t *testing.T) {
	object := policyOf("a", 1, "size(params.lookups.l) == 0", "e")
	object.Spec.Lookups = []api.Lookup{{Name: "l", Resource: api.LookupResource{Version: "v1", Kind: "Secret", Plural: "secrets", Namespaced: true}}}
	w := newWorld(t, object)
	w.unreadable = errors.New("secrets is forbidden")
	if got := w.reconcile(t, "a"); !strings.HasPrefix(got, "False ReadFailed ") || !strings.Contains(got, "secrets is forbidden") {
		t.Error(got)
	}
	w.unreadable = nil
	if got := w.reconcile(t, "a"); got != "True Compiled generation 1 decides" {
		t.Error(got)
	}
}

// TestReady asserts that a replica is ready when what was there at the start is dealt with, and not by what came later.
func TestReady(t *testing.T) {
	w := newWorld(t, policyOf("a", 1, no, "e"), policyOf("b", 1, bad, "e"), policyOf("c", 1, no, "e"))
	certificate := &served{}
	settled := errors.New("a cache has not synced")
	r := &readiness{cached: w.client, programs: w.policies.programs, configuration: "policyc", served: certificate, settled: func() error { return settled }}
	ready := func(want string) {
		t.Helper()
		got := "ready"
		if err := r.Check(httptest.NewRequest("GET", "/readyz", nil)); err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	ready("no certificate")
	k := newKeeper(w.client, &clock{start})
	k.served = certificate
	reconciled(t, k)
	ready("3 policies have not been compiled")
	w.reconcile(t, "a")
	w.reconcile(t, "b") // a bad one is dealt with, too
	ready("1 policies have not been compiled yet, c")
	if err := w.client.Delete(context.Background(), policyOf("c", 1, no)); err != nil {
		t.Fatal(err)
	}
	ready("do not decide yet")
	w.reconcile(t, "c")
	ready("a cache has not synced")
	settled = nil
	ready("ready")
	settled = errors.New("a cache of a new policy has not synced")
	if err := w.client.Create(context.Background(), policyOf("d", 1, no, "e")); err != nil {
		t.Fatal(err)
	}
	ready("ready")
	r.draining.Store(true)
	ready("draining")
}

func TestCut(t *testing.T) {
	if got := cut("ääää", 7); got != "ää…" {
		t.Errorf("%q", got)
	}
	if got := cut("abc", 3); got != "abc" {
		t.Errorf("%q", got)
	}
}

// TestStart asserts that an entry which several policies share is unknown, and so fails, until all of them are there.
func TestStart(t *testing.T) {
	w := newWorld(t, policyOf("a", 1, yes, "e"), policyOf("b", 1, no, "e"), policyOf("c", 1, bad, "f"))
	w.reconcile(t, "a")
	expect(t, w.policies.programs, map[string]string{"e": "unknown"})
	w.reconcile(t, "b")
	expect(t, w.policies.programs, map[string]string{"e": "unknown"})
	w.reconcile(t, "c")
	expect(t, w.policies.programs, map[string]string{"e": "b b", "f": "unknown"})
	// What comes later makes nobody wait.
	if err := w.client.Create(context.Background(), policyOf("d", 1, no, "g")); err != nil {
		t.Fatal(err)
	}
	w.reconcile(t, "a")
	w.reconcile(t, "d")
	expect(t, w.policies.programs, map[string]string{"e": "b b", "g": "d d"})
}
