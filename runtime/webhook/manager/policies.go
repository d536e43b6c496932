package manager

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/policyc/policyc/runtime/api"
)

// secondLook is after how long a policy is looked at again whose lookups could not be read.
const secondLook = 5 * time.Second

// policies follows the CompiledPolicies of the cluster.
type policies struct {
	cached   client.Reader
	programs *Programs
	// configuration names the webhook configurations whose policies are served; others have a runtime of their own.
	configuration string
	// want starts and stops informers.
	want func(context.Context, []api.LookupResource) (time.Time, error)
	// readable reports whether a resource is cached; an error says that it cannot be.
	readable func(api.LookupResource) (bool, error)
	// compiled is an error while policies that were there at the start are not compiled, or found bad.
	compiled func(context.Context) error
	report   func(context.Context, *api.CompiledPolicy, Outcome) error
	failed   func(policy string)
	now      func() time.Time
}

// Reconcile compiles a policy that has changed, or forgets one that is gone.
func (p *policies) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	now := p.now()
	p.programs.Sweep(now)
	object := &api.CompiledPolicy{}
	err := p.cached.Get(ctx, request.NamespacedName, object)
	var outcome Outcome
	switch {
	case apierrors.IsNotFound(err):
		p.programs.Delete(request.Name)
	case err != nil:
		return reconcile.Result{}, err
	case !object.CalledBy(p.configuration):
		p.programs.Delete(request.Name)
	default:
		outcome = p.programs.Set(object, now)
	}
	logger := log.FromContext(ctx)
	if outcome.Changed && outcome.Err != nil {
		p.failed(object.Name)
		logger.Error(outcome.Err, "the policy does not compile", "generation", outcome.Generation, "servedGeneration", outcome.Served)
	} else if outcome.Changed {
		logger.Info("the policy decides", "generation", outcome.Generation)
	}
	// Informers first: a program that decides before there is one fails its requests.
	again, wantErr := p.want(ctx, p.programs.Resources())
	if wantErr != nil {
		logger.Error(wantErr, "lookups cannot be read")
	}
	// The first policies of an entry alone would admit what the others deny, and who calls may not have asked whether we are
	// ready: an API server outside of the cluster, or one that has not heard of our restart.
	if p.compiled(ctx) == nil {
		p.programs.Publish()
	}
	if err != nil || !object.CalledBy(p.configuration) {
		return after(now, again), nil
	}
	var look time.Time
	for _, r := range resourcesOf(&object.Spec) {
		cached, err := p.readable(r)
		if !cached || err != nil {
			look = now.Add(secondLook)
		}
		if err != nil {
			outcome.Unreadable = err
		}
	}
	if err := p.report(ctx, object, outcome); err != nil {
		return reconcile.Result{}, err
	}
	return after(now, again, look, outcome.Again), nil
}

// after is a result that comes back at the first of the times that are set.
func after(now time.Time, times ...time.Time) reconcile.Result {
	var first time.Duration
	for _, t := range times {
		if wait := max(t.Sub(now), time.Millisecond); !t.IsZero() && (first == 0 || wait < first) {
			first = wait
		}
	}
	return reconcile.Result{RequeueAfter: first}
}
