package webhook

import (
	"context"
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
}

func newLimits(o Options) *limits {
	return &limits{most: int64(o.MaxConcurrent) + int64(o.MaxWaiting), maxBody: o.MaxBody,
		memory: semaphore.NewWeighted(o.MaxMemory), evaluations: semaphore.NewWeighted(int64(o.MaxConcurrent))}
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

// evaluate waits for its turn.
func (l *limits) evaluate(ctx context.Context) (done func(), err *failure) {
	if l.evaluations.Acquire(ctx, 1) != nil {
		return nil, waited(ctx)
	}
	return func() { l.evaluations.Release(1) }, nil
}

// waited is the failure of a request whose time ended in a queue.
func waited(ctx context.Context) *failure {
	if f := ended(ctx); f != outOfTime {
		return f
	}
	return queued
}
