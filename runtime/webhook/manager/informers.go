package manager

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/policyc/policyc/runtime/api"
)

// idle is how long an informer outlives the last program that needs it: requests under way still read from it.
const idle = time.Minute

// Informers keep the objects that lookups read, and namespaces: one informer a kind, for as long as a program needs it.
type Informers struct {
	cache.Cache
	now func() time.Time
	// changing is held while informers are made and removed, which may take a while.
	changing sync.Mutex
	// mutex guards kinds, which requests read.
	mutex sync.Mutex
	kinds map[schema.GroupVersionKind]*informed
}

// informed is a kind that is read.
type informed struct {
	feed *feed
	// informer is nil until it is made; err is why there is no informer: the kind is unknown to the API server.
	informer cache.Informer
	err      error
	// unused is since when no program needs it; zero while one does.
	unused time.Time
}

var namespaceKind = corev1.SchemeGroupVersion.WithKind("Namespace")

// newInformers returns the informers of no kinds but namespaces.
func newInformers(config *rest.Config, options cache.Options, now func() time.Time) (*Informers, error) {
	i := &Informers{now: now, kinds: map[schema.GroupVersionKind]*informed{}}
	shared := true
	// Readers do not write, and thousands of objects a request would be copied otherwise.
	options.DefaultUnsafeDisableDeepCopy = &shared
	options.DefaultTransform = cache.TransformStripManagedFields()
	options.ReaderFailOnMissingInformer = true
	options.NewInformer = func(from toolscache.ListerWatcher, o runtime.Object, resync time.Duration, indexers toolscache.Indexers) toolscache.SharedIndexInformer {
		from = i.known(o.GetObjectKind().GroupVersionKind()).feed.observe(from) // only start makes informers, of what it knows
		return toolscache.NewSharedIndexInformer(from, o, resync, indexers)
	}
	made, err := cache.New(config, options)
	if err != nil {
		return nil, err
	}
	i.Cache = made
	return i, nil
}

// Want starts the informers of resources, and stops those that were not wanted for a while. It is to be called again at
// the time that it returns, if that is not zero.
func (i *Informers) Want(ctx context.Context, resources []api.LookupResource) (again time.Time, err error) {
	i.changing.Lock()
	defer i.changing.Unlock()
	now := i.now()
	kinds := map[schema.GroupVersionKind]bool{namespaceKind: true}
	for _, r := range resources {
		kinds[r.GroupVersionKind()] = true
	}
	var errs []error
	for kind := range kinds {
		if known := i.known(kind); known != nil && known.err == nil {
			known.unused = time.Time{}
		} else if err := i.start(ctx, kind); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", kind, err))
			again = now.Add(idle)
		}
	}
	for _, s := range i.States() {
		if kinds[s.Kind] {
			continue
		}
		known := i.known(s.Kind)
		if known.unused.IsZero() {
			known.unused = now
		}
		if now.Before(known.unused.Add(idle)) {
			again = now.Add(idle)
			continue
		}
		i.set(s.Kind, nil)
		errs = append(errs, i.RemoveInformer(ctx, objectOf(s.Kind)))
	}
	return again, errors.Join(errs...)
}

// start makes an informer and its index of names over all namespaces.
func (i *Informers) start(ctx context.Context, kind schema.GroupVersionKind) error {
	known := informed{feed: newFeed(i.now)}
	i.set(kind, &known)
	object := objectOf(kind)
	err := i.IndexField(ctx, object, byName, func(o client.Object) []string { return []string{o.GetName()} })
	if err == nil {
		known.informer, err = i.GetInformer(ctx, object, cache.BlockUntilSynced(false))
	}
	if err != nil {
		known.err = errors.Join(err, i.RemoveInformer(ctx, object))
	}
	i.set(kind, &known)
	return known.err
}

// known returns what is known of a kind; nil when nobody wants it.
func (i *Informers) known(kind schema.GroupVersionKind) *informed {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	return i.kinds[kind]
}

func (i *Informers) set(kind schema.GroupVersionKind, known *informed) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if known == nil {
		delete(i.kinds, kind)
		return
	}
	one := *known // requests read it while another is made
	i.kinds[kind] = &one
}

// refusals are how long the API server may refuse to fill a cache that was filled before: while it starts, it does not know
// yet what it grants.
const refusals = time.Minute

// Readable reports whether a resource is cached. It is an error that nobody wants it, that the API server does not have it,
// or that it forbids to read it.
func (i *Informers) Readable(r api.LookupResource) (bool, error) {
	known := i.known(r.GroupVersionKind())
	if known == nil {
		return false, fmt.Errorf("%s are not cached", r.Plural)
	}
	if known.err != nil {
		return false, known.err
	}
	synced := known.synced()
	if since, err := known.feed.refusal(); err != nil && (!synced || since > refusals) {
		return false, err
	}
	return synced, nil
}

func (k *informed) synced() bool { return k.informer != nil && k.informer.HasSynced() }

// Settled reports that every kind has synced, or that it cannot: the API server does not have it, or forbids to read it.
// Requests that need such a kind fail, which is no reason to let all others fail.
func (i *Informers) Settled() error {
	for _, s := range i.States() {
		if !s.Synced && !s.Hopeless {
			return fmt.Errorf("the cache of %s has not synced", s.Kind)
		}
	}
	return nil
}

// InformerState is how an informer does.
type InformerState struct {
	Kind             schema.GroupVersionKind
	Synced, Hopeless bool
	// Age is how long the API server has not been heard.
	Age time.Duration
}

// States are those of all informers.
func (i *Informers) States() []InformerState {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	var out []InformerState
	for kind, known := range i.kinds {
		_, refusal := known.feed.refusal()
		out = append(out, InformerState{Kind: kind, Synced: known.synced(), Hopeless: known.err != nil || refusal != nil, Age: known.feed.age()})
	}
	return out
}

func objectOf(kind schema.GroupVersionKind) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(kind)
	return o
}
