package manager

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// configurations are the Validating- and the MutatingWebhookConfiguration that call the runtime. No other is touched, nor
// anything in them but caBundle.
type configurations struct {
	// client reads through to the API server: that a bundle is published must not be true of a cache only.
	client  client.Client
	name    string
	service types.NamespacedName
}

// Trust has every entry trust what bundle makes of its present caBundle, and reports whether every one did already.
func (c configurations) Trust(ctx context.Context, bundle func(present []byte) []byte) (bool, error) {
	did := true
	for _, object := range []client.Object{&admissionv1.ValidatingWebhookConfiguration{}, &admissionv1.MutatingWebhookConfiguration{}} {
		err := c.client.Get(ctx, client.ObjectKey{Name: c.name}, object)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return false, err
		}
		patch, err := c.patch(object, bundle)
		if err != nil {
			return false, err
		}
		if patch == nil {
			continue
		}
		did = false
		err = c.client.Patch(ctx, object, client.RawPatch(types.JSONPatchType, patch))
		if apierrors.IsInvalid(err) { // what the API server calls a patch whose test fails
			err = apierrors.NewConflict(admissionv1.Resource("webhookconfigurations"), c.name, err)
		}
		if client.IgnoreNotFound(err) != nil {
			return false, err
		}
	}
	return did, nil
}

// operation is one of a JSON patch.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// patch sets the caBundles that are not as they should be; nil when there are none. It applies to the object as it was
// read, or not at all: entries are named by their place.
func (c configurations) patch(object client.Object, bundle func([]byte) []byte) ([]byte, error) {
	operations := []operation{{"test", "/metadata/resourceVersion", object.GetResourceVersion()}}
	for i, to := range clientConfigs(object) {
		if !c.ours(to) {
			continue
		}
		if want := bundle(to.CABundle); !bytes.Equal(want, to.CABundle) {
			operations = append(operations, operation{"add", fmt.Sprintf("/webhooks/%d/clientConfig/caBundle", i), want})
		}
	}
	if len(operations) == 1 {
		return nil, nil
	}
	return json.Marshal(operations)
}

// ours reports whether an entry calls the runtime: through its Service, or by a URL, which is how an API server outside of
// the cluster's network calls it.
func (c configurations) ours(to *admissionv1.WebhookClientConfig) bool {
	if to.Service != nil {
		return to.Service.Namespace == c.service.Namespace && to.Service.Name == c.service.Name
	}
	return to.URL != nil
}

func clientConfigs(object client.Object) []*admissionv1.WebhookClientConfig {
	var out []*admissionv1.WebhookClientConfig
	switch o := object.(type) {
	case *admissionv1.ValidatingWebhookConfiguration:
		for i := range o.Webhooks {
			out = append(out, &o.Webhooks[i].ClientConfig)
		}
	case *admissionv1.MutatingWebhookConfiguration:
		for i := range o.Webhooks {
			out = append(out, &o.Webhooks[i].ClientConfig)
		}
	}
	return out
}
