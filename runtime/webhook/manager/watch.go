package manager

import (
	"context"
	"fmt"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	ctrl "sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/policyc/policyc/runtime/api"
	"github.com/policyc/policyc/runtime/webhook/certs"
)

// newManager returns a manager that watches CompiledPolicies, and of Secrets and webhook configurations only its own: the
// selectors are those that a Role with resourceNames allows.
func newManager(rc *rest.Config, o Options) (ctrl.Manager, error) {
	kinds := runtime.NewScheme()
	if err := scheme.AddToScheme(kinds); err != nil {
		return nil, err
	}
	if err := api.AddToScheme(kinds); err != nil {
		return nil, err
	}
	named := func(name string) fields.Selector { return fields.OneTermEqualSelector(byName, name) }
	everyReplica, manyInOneProcess := false, true
	return ctrl.New(rc, ctrl.Options{
		Scheme: kinds,
		Logger: o.Log,
		// Ours are served until the last request is answered, which the manager's are not.
		Metrics:                server.Options{BindAddress: "0"},
		HealthProbeBindAddress: "0",
		Controller:             config.Controller{NeedLeaderElection: &everyReplica, SkipNameValidation: &manyInOneProcess},
		Cache: cache.Options{
			DefaultTransform: cache.TransformStripManagedFields(),
			ByObject: map[client.Object]cache.ByObject{
				&corev1.Secret{}: {Namespaces: map[string]cache.Config{o.Namespace: {FieldSelector: named(o.Certificates.Secret)}}},
				&admissionv1.ValidatingWebhookConfiguration{}: {Field: named(o.Configuration)},
				&admissionv1.MutatingWebhookConfiguration{}:   {Field: named(o.Configuration)},
			},
		},
	})
}

// watchPolicies has every generation of every policy looked at once, and all of them when this replica is elected.
func watchPolicies(m ctrl.Manager, r reconcile.Reconciler, elected <-chan event.GenericEvent) error {
	return builder.ControllerManagedBy(m).Named("policies").
		For(&api.CompiledPolicy{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WatchesRawSource(source.Channel(elected, &handler.EnqueueRequestForObject{})).
		Complete(r)
}

// keepCertificates has certificates looked at when anything about them changes, and at the start.
func (p *parts) keepCertificates(live client.Client) error {
	o, c := p.options, p.options.Certificates
	names := append([]string{fmt.Sprintf("%s.%s.svc", o.Service, o.Namespace)}, c.Names...)
	var r reconcile.Reconciler = &keeper{client: live, secret: client.ObjectKey{Namespace: o.Namespace, Name: c.Secret}, configurations: o.configurations(live),
		plan: certs.Plan{Names: names, CALife: c.CALife, ServingLife: c.Life, Settle: o.settle()}, served: p.served, now: o.Now}
	if c.Folder != "" {
		r = &files{folder: c.Folder, configurations: o.configurations(live), served: p.served, settle: o.settle(), now: o.Now}
	}
	// There is one thing to look at, whatever changed.
	one := reconcile.Request{NamespacedName: types.NamespacedName{Name: "certificates"}}
	changed := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request { return []reconcile.Request{one} })
	b := builder.ControllerManagedBy(p.manager).Named("certificates").WithOptions(controller.Options{MaxConcurrentReconciles: 1}).
		Watches(&admissionv1.ValidatingWebhookConfiguration{}, changed).
		Watches(&admissionv1.MutatingWebhookConfiguration{}, changed).
		WatchesRawSource(source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
			queue.Add(one)
			return nil
		}))
	if c.Folder == "" {
		b = b.Watches(&corev1.Secret{}, changed)
	}
	return b.Complete(r)
}
