package manager

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	ctrl "sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/policyc/policyc/runtime/api"
)

// parts are what runs. They know each other here only.
type parts struct {
	options   Options
	manager   ctrl.Manager
	informers *Informers
	programs  *Programs
	served    *served
	ready     *readiness
	registry  *prometheus.Registry
	// leader is nil when there is no election; leading is always true then.
	leader *leader
	server *http.Server
}

// Run serves until the context ends, and drains. It takes the address of the webhook at once; whoever calls before
// Options.HealthAddress says ready meets a closed door.
func Run(ctx context.Context, config *rest.Config, o Options) error {
	p, err := assemble(config, o)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", o.WebhookAddress)
	if err != nil {
		return err
	}
	// Everything but the webhook goes on until the last request is answered: they read the caches.
	support, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	group, support := errgroup.WithContext(support)
	group.Go(func() error {
		defer cancel()
		stop, release := either(ctx, support)
		defer release()
		begin := func() {
			p.ready.draining.Store(true)
			o.Log.Info("draining", "for", o.Drain.String())
		}
		return serveUntil(stop, p.server, listener, begin, o.Drain, o.Finish)
	})
	group.Go(func() error { return p.manager.Start(support) })
	if p.leader != nil {
		group.Go(func() error { return p.leader.Start(support) })
	}
	group.Go(func() error { return plain(support, o.HealthAddress, probeHandler(p.ready.Check)) })
	group.Go(func() error { return plain(support, o.MetricsAddress, metricsHandler(p.registry)) })
	group.Go(func() error { return plain(support, o.ProfileAddress, profileHandler()) })
	return group.Wait()
}

// either returns a context that ends with the first of two.
func either(a, b context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(a)
	stop := context.AfterFunc(b, cancel)
	return ctx, func() { stop(); cancel() }
}

func assemble(config *rest.Config, o Options) (*parts, error) {
	config = rest.CopyConfig(config)
	// Lookups wait for nobody but the API server, which has its own fairness.
	config.QPS = -1
	manager, err := newManager(config, o)
	if err != nil {
		return nil, err
	}
	live, err := client.New(config, client.Options{HTTPClient: manager.GetHTTPClient(), Scheme: manager.GetScheme(), Mapper: manager.GetRESTMapper()})
	if err != nil {
		return nil, err
	}
	informers, err := newInformers(config, cache.Options{HTTPClient: manager.GetHTTPClient(), Scheme: manager.GetScheme(), Mapper: manager.GetRESTMapper()}, o.Now)
	if err != nil {
		return nil, err
	}
	p := &parts{options: o, manager: manager, informers: informers, programs: NewPrograms(Compile), served: &served{}, registry: prometheus.NewRegistry()}
	p.ready = &readiness{cached: manager.GetCache(), programs: p.programs, configuration: o.Configuration, settled: informers.Settled, served: p.served}
	failures := newFailures()
	p.registry.MustRegister(failures, &collector{p.programs, informers, p.served, o.Now})
	handler := o.Handler(p.programs, &reader{cached: informers, live: live, readable: informers.Readable}, reviewer{live}, p.registry)
	p.server = newServer(handler, p.served, o.Certificates.MinVersion, o.Log)

	elected := make(chan event.GenericEvent)
	leads := func() bool { return true }
	if o.LeaderElect {
		if p.leader, err = p.newLeader(config, elected); err != nil {
			return nil, err
		}
		leads = p.leader.leading.Load
	}
	report := &reporter{client: live, events: manager.GetEventRecorder("policyc-runtime"), leads: leads}
	reconciler := &policies{cached: manager.GetCache(), programs: p.programs, configuration: o.Configuration, want: informers.Want,
		readable: informers.Readable, compiled: p.ready.Compiled, report: report.Report, now: o.Now,
		failed: func(policy string) { failures.WithLabelValues(policy).Inc() }}
	if err := watchPolicies(manager, reconciler, elected); err != nil {
		return nil, err
	}
	if err := p.keepCertificates(live); err != nil {
		return nil, err
	}
	return p, manager.Add(informers)
}

// newLeader returns one that has every policy looked at again when it is elected, to write the status.
func (p *parts) newLeader(config *rest.Config, elected chan<- event.GenericEvent) (*leader, error) {
	clients, err := kubernetes.NewForConfigAndClient(config, p.manager.GetHTTPClient())
	if err != nil {
		return nil, err
	}
	all := func(ctx context.Context) {
		list := &api.CompiledPolicyList{}
		if err := p.manager.GetCache().List(ctx, list); err != nil {
			p.options.Log.Error(err, "the status of policies is not written")
			return
		}
		for i := range list.Items {
			select {
			case elected <- event.GenericEvent{Object: &list.Items[i]}:
			case <-ctx.Done():
				return
			}
		}
	}
	return &leader{client: clients, namespace: p.options.Namespace, name: p.options.Service, identity: p.options.Identity, elected: all}, nil
}

// settle is how long API servers get to see a bundle before a certificate counts on it.
func (o Options) settle() time.Duration { return min(time.Minute, o.Certificates.CALife/60) }

func (o Options) configurations(live client.Client) configurations {
	return configurations{client: live, name: o.Configuration, service: types.NamespacedName{Namespace: o.Namespace, Name: o.Service}}
}
