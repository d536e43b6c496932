package webhook

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

// limits bound what the handler holds. A request counts from its headers on, its
// body once enough of it has come, its evaluation last: a slow client holds
// nothing but its place.
type limits struct {
	present     atomic.Int64
	most        int64
	maxBody     int64
	memory      int64
	bodies      *semaphore.Weighted
	objects     *semaphore.Weighted
	evaluations *semaphore.Weighted
	// entries has, for each entry, half of the evaluations: objects that make its
	// lookups slow hold back no request that other policies are about.
	entries sync.Map
	each    int64
}

// What is smaller waits for no memory, and large reviews do not hold it up. Most
// are: a review of a pod has 5 KiB, and takes 50 KiB when it is decoded. Of the
// one there are as many as clients have connections, of the other as evaluations.
const (
	smallBody   = 32 << 10
	smallObject = 256 << 10
)

func newLimits(o Options) *limits {
	return &limits{most: int64(o.MaxConcurrent) + int64(o.MaxWaiting), maxBody: o.MaxBody, memory: o.MaxMemory,
		bodies: semaphore.NewWeighted(o.MaxMemory), objects: semaphore.NewWeighted(o.MaxMemory),
		evaluations: semaphore.NewWeighted(int64(o.MaxConcurrent)), each: max(1, int64(o.MaxConcurrent)/2)}
}

// enter admits a request whose body has a length, -1 when that is not known.
func (l *limits) enter(length int64) (leave func(), err *failure) {
	if length > l.maxBody {
		return nil, tooLarge
	}
	if l.present.Add(1) > l.most {
		l.present.Add(-1)
		return nil, overloaded
	}
	return func() { l.present.Add(-1) }, nil
}

// body waits for the memory of a body that is not small.
func (l *limits) body(ctx context.Context, length int64) (free func(), err *failure) {
	if length < 0 {
		length = l.maxBody
	}
	return acquire(ctx, l.bodies, length)
}

// object waits for the memory that a review takes when it is decoded. One that
// takes more than there is has it for itself.
func (l *limits) object(ctx context.Context, body []byte) (free func(), err *failure) {
	size := decodedSize(body)
	if size <= smallObject {
		return func() {}, nil
	}
	return acquire(ctx, l.objects, min(size, l.memory))
}

func acquire(ctx context.Context, s *semaphore.Weighted, n int64) (release func(), err *failure) {
	if s.Acquire(ctx, n) != nil {
		return nil, waited(ctx)
	}
	return func() { s.Release(n) }, nil
}

// decodedSize is about what a JSON text takes as Go values: its strings, a map
// for each object, and 16 bytes, with room to grow, for each value.
//
//	[{"a":1},{"a":1},…]   50 bytes for each byte
//	"text"                 1
func decodedSize(body []byte) int64 {
	count := func(mark string) int64 { return int64(bytes.Count(body, []byte(mark))) }
	return int64(len(body)) + 300*count("{") + 32*(count(",")+count("[")+count(":"))
}

// evaluate waits for its turn, among the requests of its entry and among all. The
// entry is one that is known, so that there are not many.
func (l *limits) evaluate(ctx context.Context, entry string) (done func(), err *failure) {
	known, _ := l.entries.LoadOrStore(entry, semaphore.NewWeighted(l.each))
	own := known.(*semaphore.Weighted)
	leave, err := acquire(ctx, own, 1)
	if err != nil {
		return nil, err
	}
	release, err := acquire(ctx, l.evaluations, 1)
	if err != nil {
		leave()
		return nil, err
	}
	return func() { release(); leave() }, nil
}

// waited is the failure of a request whose time ended in a queue.
func waited(ctx context.Context) *failure {
	if f := ended(ctx); f != outOfTime {
		return f
	}
	return queued
}
