package webhook

import (
	"encoding/json"
	"errors"
	"net/http"

	admissionv1 "k8s.io/api/admission/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/policyc/policyc/runtime/engine"
)

// mutate applies the policies of the entry, and answers with the patch that leads
// from the object of the review to theirs. The API server applies it to the object
// that it sent, so that what no policy touched stays as it was.
func (c *call) mutate() (*admissionv1.AdmissionResponse, *failure) {
	m, err := c.engine.Mutate(c.ctx, c.request())
	if err != nil {
		return nil, c.undecided(err)
	}
	c.countMutation(m)
	if c.ctx.Err() != nil {
		return nil, ended(c.ctx)
	}
	out := &admissionv1.AdmissionResponse{UID: c.review.UID, Allowed: true}
	if m.Err != nil {
		out.Allowed, out.Result = false, refused(m.Err)
		return out, nil
	}
	patch := engine.Diff(content(m.Before), content(m.After))
	if len(patch) == 0 {
		return out, nil
	}
	if out.Patch, err = json.Marshal(patch); err != nil {
		return nil, c.undecided(err)
	}
	kind := admissionv1.PatchTypeJSONPatch
	out.PatchType = &kind
	return out, nil
}

// content is an object as JSON has it; nil when there is none.
func content(o runtime.Object) any {
	if u, ok := o.(*unstructured.Unstructured); ok {
		return u.Object
	}
	return nil
}

// refused is the status of a mutation that failed, which the API server's
// dispatcher has made.
func refused(err error) *metav1.Status {
	var status *apierrors.StatusError
	if errors.As(err, &status) {
		return &status.ErrStatus
	}
	return &metav1.Status{Status: metav1.StatusFailure, Code: http.StatusInternalServerError, Reason: metav1.StatusReasonInternalError, Message: err.Error()}
}
