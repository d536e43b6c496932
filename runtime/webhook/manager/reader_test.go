package manager

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/policyc/policyc/runtime/api"
	"github.com/policyc/policyc/runtime/engine"
)

var (
	configMaps = api.LookupResource{Version: "v1", Kind: "ConfigMap", Plural: "configmaps", Namespaced: true}
	nodes      = api.LookupResource{Version: "v1", Kind: "Node", Plural: "nodes"}
)

func configMap(namespace, name, app string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"app": app},
		ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubectl", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "v1", FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{}`)}}}}
}

// indexed is a client with the index that every informer has.
func indexed(t *testing.T, objects ...client.Object) client.Client {
	t.Helper()
	name := func(o client.Object) []string { return []string{o.GetName()} }
	return fake.NewClientBuilder().WithScheme(kinds(t)).WithObjects(objects...).WithReturnManagedFields().
		WithIndex(objectOf(configMaps.GroupVersionKind()), byName, name).WithIndex(objectOf(nodes.GroupVersionKind()), byName, name).Build()
}

func readable(api.LookupResource) (bool, error) { return true, nil }

func TestList(t *testing.T) {
	c := indexed(t, configMap("b", "x", "1"), configMap("a", "y", "1"), configMap("a", "x", "2"), configMap("c", "x", "1"),
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n"}}, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "m"}})
	app1 := labels.SelectorFromSet(labels.Set{"app": "1"})
	for _, q := range []struct {
		engine.Query
		want string
	}{
		{engine.Query{Resource: configMaps}, "a/x a/y b/x c/x"},
		{engine.Query{Resource: configMaps, Selector: app1}, "a/y b/x c/x"},
		{engine.Query{Resource: configMaps, Namespaces: []string{"a", "b"}}, "a/x a/y b/x"},
		{engine.Query{Resource: configMaps, Namespaces: []string{"a", "z"}, Selector: app1}, "a/y"},
		{engine.Query{Resource: configMaps, Names: []string{"x", "z"}}, "a/x b/x c/x"},
		{engine.Query{Resource: configMaps, Names: []string{"x"}, Selector: app1}, "b/x c/x"},
		{engine.Query{Resource: configMaps, Namespaces: []string{"a", "b"}, Names: []string{"x", "y"}}, "a/x a/y b/x"},
		{engine.Query{Resource: configMaps, Namespaces: []string{"a"}, Names: []string{"x", "y"}, Selector: app1}, "a/y"},
		{engine.Query{Resource: configMaps, Namespaces: []string{}}, ""},
		{engine.Query{Resource: configMaps, Names: []string{}}, ""},
		{engine.Query{Resource: nodes}, "/m /n"},
		{engine.Query{Resource: nodes, Names: []string{"n", "o"}}, "/n"},
		{engine.Query{Resource: nodes, Namespaces: []string{"a"}}, ""},
	} {
		for _, q.Strong = range []bool{false, true} {
			r := &reader{cached: c, live: none{}, readable: readable}
			if q.Strong {
				r = &reader{cached: none{}, live: c}
			}
			found, err := r.List(context.Background(), q.Query)
			if err != nil {
				t.Errorf("%+v: %v", q.Query, err)
			}
			var got []string
			for _, o := range found {
				m := o["metadata"].(map[string]any)
				got = append(got, strings.TrimPrefix(fmt.Sprintf("%v/%v", m["namespace"], m["name"]), "<nil>"))
				if q.Strong && m["managedFields"] != nil {
					t.Error("managed fields, which the cache does not have")
				}
			}
			if strings.Join(got, " ") != q.want {
				t.Errorf("%+v: %v, want %s", q.Query, got, q.want)
			}
		}
	}
}

// none is a cache that has not synced.
type none struct{ client.Reader }

func (none) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return apierrors.NewTimeoutError("not synced", 0)
}

func (none) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return apierrors.NewTimeoutError("not synced", 0)
}

func TestUnsynced(t *testing.T) {
	r := &reader{cached: none{}, live: indexed(t), readable: readable}
	for _, q := range []engine.Query{{Resource: configMaps}, {Resource: configMaps, Namespaces: []string{"a"}, Names: []string{"x"}}} {
		if found, err := r.List(context.Background(), q); err == nil {
			t.Errorf("a cache that has not synced has %v", found)
		}
	}
	if _, err := r.Namespace(context.Background(), "a"); err == nil || apierrors.IsNotFound(err) {
		t.Errorf("a namespace is %v while the cache has not synced", err)
	}
	r.cached, r.readable = indexed(t), func(api.LookupResource) (bool, error) { return false, errors.New("forbidden") }
	if _, err := r.List(context.Background(), engine.Query{Resource: configMaps}); err == nil {
		t.Error("what cannot be read is an empty list")
	}
}

func TestNamespace(t *testing.T) {
	a, b := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "a"}}, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "b", Labels: map[string]string{"x": "y"}}}
	r := &reader{cached: indexed(t, a), live: indexed(t, a, b)}
	if ns, err := r.Namespace(context.Background(), "b"); err != nil || ns.Labels["x"] != "y" {
		t.Errorf("a namespace that the cache does not have yet: %v, %v", ns, err)
	}
	if _, err := r.Namespace(context.Background(), "c"); !apierrors.IsNotFound(err) {
		t.Errorf("%v", err)
	}
}

func TestFeed(t *testing.T) {
	now := &clock{start}
	f := newFeed(now.now)
	var refuse error
	source := f.observe(&toolscache.ListWatch{WatchFuncWithContext: func(context.Context, metav1.ListOptions) (watch.Interface, error) {
		return watch.NewFake(), refuse
	}})
	watchNow := source.(*toolscache.ListWatch).WatchFuncWithContext
	now.Time = now.Add(time.Minute)
	if got := f.age(); got != time.Minute {
		t.Errorf("before the first watch: %s", got)
	}
	w, _ := watchNow(context.Background(), metav1.ListOptions{})
	now.Time = now.Add(time.Hour)
	if got := f.age(); got != 0 {
		t.Errorf("watched: %s", got)
	}
	w.Stop()
	w.Stop()
	refuse = apierrors.NewForbidden(corev1.Resource("secrets"), "", nil)
	_, _ = watchNow(context.Background(), metav1.ListOptions{})
	now.Time = now.Add(time.Second)
	if got := f.age(); got != time.Second {
		t.Errorf("refused: %s", got)
	}
	refused := func(want time.Duration) {
		t.Helper()
		if since, err := f.refusal(); since != want || (err != nil) != (want > 0) {
			t.Errorf("refused for %s: %v", since, err)
		}
	}
	refused(time.Second)
	refuse = errors.New("connection refused")
	_, _ = watchNow(context.Background(), metav1.ListOptions{})
	now.Time = now.Add(time.Second)
	refused(2 * time.Second) // nobody has said otherwise
	refuse = nil
	_, _ = watchNow(context.Background(), metav1.ListOptions{})
	refused(0)
}

// TestRefused asserts that a cache that was filled survives the start of an API server, and not that a right is taken away.
func TestRefused(t *testing.T) {
	now := &clock{start}
	i := &Informers{Cache: &informertest.FakeInformers{}, now: now.now, kinds: map[schema.GroupVersionKind]*informed{}}
	if _, err := i.Want(context.Background(), []api.LookupResource{configMaps}); err != nil {
		t.Fatal(err)
	}
	i.known(configMaps.GroupVersionKind()).feed.heard(0, apierrors.NewForbidden(corev1.Resource("configmaps"), "", nil))
	for wait, want := range map[time.Duration]bool{refusals: true, refusals + time.Second: false} {
		now.Time = start.Add(wait)
		if _, err := i.Readable(configMaps); (err == nil) != want {
			t.Errorf("after %s: %v", wait, err)
		}
	}
}
