package manager

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// managedBy is the label of what policyc wrote.
const managedBy = "app.kubernetes.io/managed-by"

// Uninstall deletes the webhook configurations that call the runtime, and returns when they are gone: with the runtime
// away, they would have the API server refuse whatever they match. What is not there is gone; what somebody else wrote, or
// calls somebody else, is left alone. It may be run again.
func Uninstall(ctx context.Context, c client.Client, name string, service types.NamespacedName, poll time.Duration, log logr.Logger) error {
	ours := configurations{client: c, name: name, service: service}
	for _, object := range []client.Object{&admissionv1.ValidatingWebhookConfiguration{}, &admissionv1.MutatingWebhookConfiguration{}} {
		log := log.WithValues("kind", fmt.Sprintf("%T", object)[len("*v1."):], "name", name)
		err := wait.PollUntilContextCancel(ctx, poll, true, func(ctx context.Context) (bool, error) { return ours.delete(ctx, object, log) })
		if err != nil {
			return fmt.Errorf("%T %s: %w", object, name, err)
		}
	}
	return nil
}

// delete reports whether there is nothing to wait for.
func (c configurations) delete(ctx context.Context, object client.Object, log logr.Logger) (bool, error) {
	err := c.client.Get(ctx, client.ObjectKey{Name: c.name}, object)
	if apierrors.IsNotFound(err) {
		log.Info("gone")
		return true, nil
	}
	if err != nil {
		return false, retry(err, log)
	}
	if reason := c.foreign(object); reason != "" {
		log.Info("left alone", "reason", reason)
		return true, nil
	}
	if object.GetDeletionTimestamp() != nil {
		return false, nil // a finalizer has it
	}
	// What was looked at, and nothing that was written in between.
	uid, version := object.GetUID(), object.GetResourceVersion()
	err = c.client.Delete(ctx, object, client.Preconditions{UID: &uid, ResourceVersion: &version})
	return false, retry(err, log)
}

// retry returns the errors that another attempt does not help.
func retry(err error, log logr.Logger) error {
	switch {
	case err == nil, apierrors.IsNotFound(err), apierrors.IsConflict(err):
		return nil
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err), apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		return err
	}
	log.Error(err, "trying again")
	return nil
}

// foreign is why a configuration is not ours; empty when it is.
func (c configurations) foreign(object client.Object) string {
	if object.GetLabels()[managedBy] != "policyc" {
		return "it has no label " + managedBy + "=policyc"
	}
	for _, to := range clientConfigs(object) {
		if to.Service != nil && !c.ours(to) {
			return fmt.Sprintf("an entry calls the Service %s/%s", to.Service.Namespace, to.Service.Name)
		}
	}
	return ""
}
