package webhook

import (
	"context"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

// limits bound what the handler holds. A request counts from its headers on, its
// body by its size, its evaluation last: a slow client holds no evaluation back.
type limits struct {
	present     atomic.Int64
	most        int64
	maxBody     int64
	memory      *semaphore.Weighted
	evaluations *semaphore.Weighted
	// entries has, for each entry, half of the evaluations: objects that make its
	// lookups slow hold back no request that other policies are about.
	entries sync.Map
	each    int64
}

func newLimits(o Options) *limits {
	return &limits{most: int64(o.MaxConcurrent) + int64(o.MaxWaiting), maxBody: o.MaxBody,
		memory: semaphore.NewWeighted(o.MaxMemory), evaluations: semaphore.NewWeighted(int64(o.MaxConcurrent)),
		each: max(1, int64(o.MaxConcurrent)/2)}
}

// enter admits a request whose body has a length, -1 when that is not known. It
// waits for memory, not for a place.
func (l *limits) enter(ctx context.Context, length int64) (leave func(), err *failure) {
	if length > l.maxBody {
		return nil, tooLarge
	}
	if length < 0 {
		length = l.maxBody
	}
	if l.present.Add(1) > l.most {
		l.present.Add(-1)
		return nil, overloaded
	}
	if l.memory.Acquire(ctx, length) != nil {
		l.present.Add(-1)
		return nil, waited(ctx)
	}
	return func() { l.memory.Release(length); l.present.Add(-1) }, nil
}

// evaluate waits for its turn, among the requests of its entry and among all. The
// entry is one that is known, so that there are not many.
func (l *limits) evaluate(ctx context.Context, entry string) (done func(), err *failure) {
	known, _ := l.entries.LoadOrStore(entry, semaphore.NewWeighted(l.each))
	own := known.(*semaphore.Weighted)
	if own.Acquire(ctx, 1) != nil {
		return nil, waited(ctx)
	}
	if l.evaluations.Acquire(ctx, 1) != nil {
		own.Release(1)
		return nil, waited(ctx)
	}
	return func() { l.evaluations.Release(1); own.Release(1) }, nil
}

// waited is the failure of a request whose time ended in a queue.
func waited(ctx context.Context) *failure {
	if f := ended(ctx); f != outOfTime {
		return f
	}
	return queued
}
