package conformance

import (
	"context"
	"errors"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kube "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/webhook"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/generic"
	webhookutil "k8s.io/apiserver/pkg/util/webhook"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/yaml"

	"github.com/policyc/policyc/compiler/schema"
	"github.com/policyc/policyc/runtime/engine"
	"github.com/policyc/policyc/runtime/suite"
)

// hooks are webhook configurations as the API server has them: it decides itself, by its admission plugin's own method,
// whether an entry is called.
type hooks struct {
	plugin     *generic.Webhook
	namespaces cache.Indexer
	objects    admission.ObjectInterfaces
	// entries are by the last element of their path.
	entries map[string]webhook.WebhookAccessor
	mutates map[string]bool
}

func newHooks(t *testing.T, files map[string][]byte) *hooks {
	t.Helper()
	set, err := schema.Load(37)
	if err != nil {
		t.Fatal(err)
	}
	h := &hooks{entries: map[string]webhook.WebhookAccessor{}, mutates: map[string]bool{}, objects: &admission.RuntimeObjectInterfaces{
		ObjectCreater: scheme.Scheme, ObjectTyper: scheme.Scheme, ObjectDefaulter: scheme.Scheme, ObjectConvertor: scheme.Scheme,
		EquivalentResourceMapper: suite.Equivalents(set.Kinds())}}
	h.plugin, err = generic.NewWebhook(admission.NewHandler(), nil,
		func(informers.SharedInformerFactory, sets.Set[kube.GroupResource]) generic.Source { return nil },
		func(*webhookutil.ClientManager) generic.Dispatcher { return nil })
	if err != nil {
		t.Fatal(err)
	}
	client := fake.NewClientset()
	factory := informers.NewSharedInformerFactory(client, 0)
	h.plugin.SetExternalKubeClientSet(client)
	h.plugin.SetExternalKubeInformerFactory(factory)
	h.namespaces = factory.Core().V1().Namespaces().Informer().GetIndexer()
	var validating admissionv1.ValidatingWebhookConfiguration
	decodeConfiguration(t, files["webhook/validating_webhooks.yaml"], &validating)
	for _, w := range validating.Webhooks {
		everything(&w.NamespaceSelector, &w.ObjectSelector)
		h.add(t, *w.ClientConfig.Service.Path, webhook.NewValidatingWebhookAccessor(w.Name, validating.Name, &w))
	}
	var mutating admissionv1.MutatingWebhookConfiguration
	decodeConfiguration(t, files["webhook/mutating_webhooks.yaml"], &mutating)
	for _, w := range mutating.Webhooks {
		everything(&w.NamespaceSelector, &w.ObjectSelector)
		h.add(t, *w.ClientConfig.Service.Path, webhook.NewMutatingWebhookAccessor(w.Name, mutating.Name, &w))
	}
	return h
}

func decodeConfiguration(t *testing.T, data []byte, into any) {
	t.Helper()
	_, document, _ := strings.Cut(string(data), "---\n")
	if err := yaml.UnmarshalStrict([]byte(document), into); err != nil {
		t.Fatal(err)
	}
}

// everything is what the API server makes of a selector that is left out
// (k8s.io/kubernetes/pkg/apis/admissionregistration/v1/defaults.go).
func everything(selectors ...**metav1.LabelSelector) {
	for _, s := range selectors {
		if *s == nil {
			*s = &metav1.LabelSelector{}
		}
	}
}

// limits of webhook configurations (k8s.io/kubernetes/pkg/apis/admissionregistration/validation).
const maxMatchConditions = 64

func (h *hooks) add(t *testing.T, path string, w webhook.WebhookAccessor) {
	t.Helper()
	kind, entry, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if h.entries[entry] != nil {
		t.Errorf("there are two entries %s", entry)
	}
	h.entries[entry], h.mutates[entry] = w, kind == "mutate"
	if n := len(w.GetMatchConditions()); n > maxMatchConditions {
		t.Errorf("%s has %d match conditions", w.GetName(), n)
	}
	if w.GetMatchPolicy() == nil || *w.GetMatchPolicy() != admissionv1.Equivalent {
		t.Errorf("%s: another version of the API gets past it", w.GetName())
	}
}

// calls reports whether the API server calls an entry for a request; an error when it refuses the request itself.
func (h *hooks) calls(r *engine.Request, entry string) (bool, error) {
	h.know(r)
	object := r.Object
	if h.mutates[entry] && r.Received != nil {
		object = r.Received
	}
	attributes := admission.NewAttributesRecord(object, r.OldObject, r.Kind, r.Namespace, r.Name, r.Resource, r.Subresource,
		r.Operation, nil, r.DryRun, r.User)
	invocation, err := h.plugin.ShouldCallHook(context.Background(), h.entries[entry], attributes, h.objects, versions{attributes, h.objects})
	if err != nil {
		return false, errors.New(err.Error())
	}
	return invocation != nil, nil
}

// know makes the namespace of a request the only one there is.
func (h *hooks) know(r *engine.Request) {
	if r.Namespace == "" {
		return
	}
	ns, err := r.Cluster.Namespace(context.Background(), r.Namespace)
	if old, ok := r.OldObject.(*corev1.Namespace); err != nil && ok {
		ns, err = old.DeepCopy(), nil
	}
	if err != nil {
		ns = &corev1.Namespace{}
	}
	ns = ns.DeepCopy()
	ns.Name = r.Namespace
	metav1.SetMetaDataLabel(&ns.ObjectMeta, corev1.LabelMetadataName, r.Namespace)
	_ = h.namespaces.Replace([]any{ns}, "")
}

// versions converts the objects of a request.
type versions struct {
	attributes admission.Attributes
	objects    admission.ObjectInterfaces
}

func (v versions) VersionedAttribute(kind kube.GroupVersionKind) (*admission.VersionedAttributes, error) {
	return admission.NewVersionedAttributes(v.attributes, kind, v.objects)
}
