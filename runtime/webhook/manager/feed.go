package manager

import (
	"context"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"
)

// feed observes what an informer gets from the API server: an informer says when it has synced, and never again that it
// has lost touch.
type feed struct {
	now   func() time.Time
	mutex sync.Mutex
	// open are the watches under way; without one, lost is since when.
	open int
	lost time.Time
	// refused is since when the API server forbids, or does not have, what is asked for, and says err; zero while it does not.
	refused time.Time
	err     error
}

func newFeed(now func() time.Time) *feed { return &feed{now: now, lost: now()} }

// observe returns a source that tells the feed about itself.
func (f *feed) observe(from toolscache.ListerWatcher) toolscache.ListerWatcher {
	source := toolscache.ToListerWatcherWithContext(from)
	return &toolscache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			list, err := source.ListWithContext(ctx, options)
			f.heard(0, err)
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			w, err := source.WatchWithContext(ctx, options)
			if err != nil {
				f.heard(0, err)
				return nil, err
			}
			f.heard(1, nil)
			return &observed{Interface: w, end: sync.OnceFunc(func() { f.heard(-1, nil) })}, nil
		},
	}
}

// observed is a watch whose end, which an informer marks by Stop, is noted.
type observed struct {
	watch.Interface
	end func()
}

func (o *observed) Stop() {
	o.end()
	o.Interface.Stop()
}

func (f *feed) heard(watches int, err error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.open += watches
	switch {
	case apierrors.IsForbidden(err) || apierrors.IsNotFound(err):
		if f.err = err; f.refused.IsZero() {
			f.refused = f.now()
		}
	case err == nil:
		f.refused = time.Time{}
		if f.open == 0 {
			f.lost = f.now()
		}
	}
}

// age is how long nothing has been heard; what is watched is of now.
func (f *feed) age() time.Duration {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.open > 0 {
		return 0
	}
	return f.now().Sub(f.lost)
}

// refusal is what the API server said, and for how long it has said so, if asking again does not help until somebody
// changes the cluster.
func (f *feed) refusal() (time.Duration, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.refused.IsZero() {
		return 0, nil
	}
	return f.now().Sub(f.refused), f.err
}
