package manager

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/policyc/policyc/runtime/api"
)

// readiness says whether this replica may get requests: not before the policies that there were at the start are compiled,
// or found bad, the caches that they read are filled, and there is a certificate; not any more once it drains. What comes
// later is no reason to stop: a policy that cannot be served fails on every replica.
type readiness struct {
	// cached has synced when it answers.
	cached        client.Reader
	programs      *Programs
	configuration string
	settled       func() error
	served        *served
	draining      atomic.Bool

	mutex sync.Mutex
	// listed says that the policies of the start are known, some that there were any, and waiting which are to be compiled.
	listed, some bool
	waiting      []string
	started      bool
}

// Check is a readiness probe.
func (r *readiness) Check(request *http.Request) error {
	if r.draining.Load() {
		return errors.New("draining")
	}
	if r.served.Leaf() == nil {
		return errors.New("there is no certificate yet")
	}
	return r.start(request.Context())
}

// start reports what the start still waits for; once it is over, nothing.
func (r *readiness) start(ctx context.Context) error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.started {
		return nil
	}
	if err := r.waits(ctx); err != nil {
		return err
	}
	if r.some && !r.programs.Published() {
		return errors.New("the policies have been compiled, and do not decide yet")
	}
	if err := r.settled(); err != nil {
		return err
	}
	r.started = true
	return nil
}

// Compiled reports which policies of the start have not been compiled yet, or found bad.
func (r *readiness) Compiled(ctx context.Context) error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.waits(ctx)
}

func (r *readiness) waits(ctx context.Context) error {
	if !r.listed {
		all := &api.CompiledPolicyList{}
		if err := r.cached.List(ctx, all); err != nil {
			return err
		}
		for _, one := range all.Items {
			if one.CalledBy(r.configuration) {
				r.waiting = append(r.waiting, one.Name)
			}
		}
		r.listed, r.some = true, len(r.waiting) > 0
	}
	for len(r.waiting) > 0 {
		name := r.waiting[0]
		if _, tried := r.programs.Outcome(name); !tried && r.exists(ctx, name) {
			return fmt.Errorf("%d policies have not been compiled yet, %s among them", len(r.waiting), name)
		}
		r.waiting = r.waiting[1:]
	}
	return nil
}

// exists reports whether there is such a policy to be served.
func (r *readiness) exists(ctx context.Context, name string) bool {
	object := &api.CompiledPolicy{}
	err := r.cached.Get(ctx, client.ObjectKey{Name: name}, object)
	return !apierrors.IsNotFound(err) && (err != nil || object.CalledBy(r.configuration))
}
