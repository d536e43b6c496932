package manager

import (
	"context"
	"errors"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"

	"github.com/policyc/policyc/runtime/api"
)

func TestInformers(t *testing.T) {
	now := &clock{start}
	fake := &informertest.FakeInformers{}
	i := &Informers{Cache: fake, now: now.now, kinds: map[schema.GroupVersionKind]*informed{}}
	want := func(again time.Duration, resources ...api.LookupResource) error {
		t.Helper()
		got, err := i.Want(context.Background(), resources)
		if (again == 0) != got.IsZero() || again != 0 && !got.Equal(now.Add(again)) {
			t.Errorf("again at %s, want in %s", got, again)
		}
		return err
	}
	running := func(resource api.LookupResource) bool { return fake.InformersByGVK[resource.GroupVersionKind()] != nil }
	readable := func(resource api.LookupResource) bool {
		synced, err := i.Readable(resource)
		return synced && err == nil
	}

	_ = want(0, configMaps)
	if !running(configMaps) || !readable(configMaps) || running(nodes) || readable(nodes) || fake.InformersByGVK[namespaceKind] == nil {
		t.Error("not what is wanted is running")
	}
	// What nobody wants any more stays for the requests under way, and goes then.
	_ = want(idle)
	now.Time = now.Add(idle - time.Second)
	_ = want(idle)
	if !running(configMaps) {
		t.Error("an informer was stopped at once")
	}
	now.Time = now.Add(time.Second)
	_ = want(0)
	if running(configMaps) || readable(configMaps) || fake.InformersByGVK[namespaceKind] == nil {
		t.Error("an informer that nobody wants goes on, or that of namespaces does not")
	}
	// What is wanted again in between stays.
	_ = want(0, configMaps)
	_ = want(idle)
	_ = want(0, configMaps)
	now.Time = now.Add(2 * idle)
	_ = want(0, configMaps)
	if !readable(configMaps) {
		t.Error("an informer that is wanted was stopped")
	}

	// A kind that there is not yet is no reason to wait, and is tried again.
	fake.Error = errors.New("no matches for kind")
	if err := want(idle, configMaps, nodes); err == nil || readable(nodes) || !readable(configMaps) {
		t.Errorf("%v", err)
	}
	if err := i.Settled(); err != nil {
		t.Error(err)
	}
	fake.Error = nil
	if err := want(0, configMaps, nodes); err != nil || !readable(nodes) {
		t.Errorf("%v", err)
	}
}
