package webhook

import (
	"runtime"
	"time"

	"github.com/go-logr/logr"

	"github.com/policyc/policyc/runtime/engine"
)

// Source has the programs that serve now.
type Source interface {
	// Engine returns the policies of an entry of a webhook configuration. An
	// entry that is not known fails: there is nothing to admit by.
	Engine(entry string) (e *engine.Engine, known bool)
}

// Options are limits of the handler; a zero is the default.
type Options struct {
	// MaxBody is the size of a review in bytes, by default 8 MiB: the API server
	// takes objects of 3 MiB, and an update sends the old one with the new.
	MaxBody int64
	// MaxMemory is the size in bytes of all large bodies that are held at a time, and
	// once more of what large ones are decoded to, by default 64 MiB. What is more
	// waits. Small reviews do not count: MaxConcurrent and MaxWaiting bound them.
	MaxMemory int64
	// MaxConcurrent is how many reviews are evaluated at a time, by default eight
	// for each processor: some wait for lookups. One entry gets half of them.
	MaxConcurrent int
	// MaxWaiting is how many more may be under way; one more is refused with 429
	// and Retry-After, by default 2,000.
	MaxWaiting int
	// MaxDuration is the longest that a request may take, by default 10 s. What
	// the API server asks for in ?timeout= goes first when it is shorter.
	MaxDuration time.Duration
	// Log gets a line for each denial and failure, and at level 1 for what is
	// admitted. Contents of objects are not in it.
	Log logr.Logger
}

func (o Options) withDefaults() Options {
	if o.MaxBody <= 0 {
		o.MaxBody = 8 << 20
	}
	if o.MaxMemory <= 0 {
		o.MaxMemory = 64 << 20
	}
	// A review that may be sent must fit.
	o.MaxMemory = max(o.MaxMemory, o.MaxBody)
	if o.MaxConcurrent <= 0 {
		o.MaxConcurrent = 8 * runtime.GOMAXPROCS(0)
	}
	if o.MaxWaiting <= 0 {
		o.MaxWaiting = 2000
	}
	if o.MaxDuration <= 0 {
		o.MaxDuration = 10 * time.Second
	}
	if o.Log.GetSink() == nil {
		o.Log = logr.Discard()
	}
	return o
}
