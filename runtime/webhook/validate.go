package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	admissionv1 "k8s.io/api/admission/v1"
	registrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"

	"github.com/policyc/policyc/runtime/engine"
)

// auditKey is the key of violations that are audited. The API server has
// validation.policy.admission.k8s.io before it; before that of a webhook it puts
// the name of the entry, and takes only one slash.
const auditKey = "validation_failure"

// maxAudited is how many violations the API server notes for a request.
const maxAudited = 50

// validate evaluates the policies of the entry. The answer is what the API server's
// dispatcher makes of decisions (k8s.io/apiserver/pkg/admission/plugin/policy/validating):
// the first denial is told, with every warning and every violation to be audited.
func (c *call) validate() (*admissionv1.AdmissionResponse, *failure) {
	asked := c.request()
	decisions, err := c.engine.Evaluate(c.ctx, asked)
	if err != nil {
		return nil, c.undecided(err)
	}
	out := &admissionv1.AdmissionResponse{UID: c.review.UID, Allowed: true}
	var denial *engine.Decision
	var audited []validating.ValidationFailureValue
	for i := range decisions {
		d := &decisions[i]
		c.count(d)
		if d.Outcome == engine.Admitted || d.Ignored {
			continue
		}
		for _, action := range d.Actions {
			switch action {
			case registrationv1.Deny:
				if denial == nil {
					denial = d
				}
			case registrationv1.Warn:
				out.Warnings = append(out.Warnings, fmt.Sprintf("Validation failed for CompiledPolicy '%s' with binding '%s': %s", d.Object, d.Binding, d.Message))
			case registrationv1.Audit:
				audited = append(audited, validating.ValidationFailureValue{Message: d.Message, Policy: d.Object, Binding: d.Binding,
					ExpressionIndex: d.Validation, ValidationActions: d.Actions})
			}
		}
	}
	// What has been evaluated of a request whose time is over does not admit it.
	// A violation that has been found is one.
	if c.ctx.Err() != nil && (denial == nil || denial.Outcome != engine.Violated) {
		return nil, ended(c.ctx)
	}
	if len(audited) > 0 {
		out.AuditAnnotations = map[string]string{auditKey: auditValue(audited)}
	}
	if denial != nil {
		out.Allowed, out.Result = false, denied(asked, denial)
	}
	return out, nil
}

func auditValue(failures []validating.ValidationFailureValue) string {
	value, err := json.Marshal(failures[:min(len(failures), maxAudited)])
	if err != nil {
		return "" // strings and numbers always marshal
	}
	return string(value)
}

// denied is the status of a denial.
func denied(r *engine.Request, d *engine.Decision) *metav1.Status {
	message := fmt.Sprintf("CompiledPolicy '%s' with binding '%s' denied request: %s", d.Object, d.Binding, d.Message)
	if d.Binding == "" {
		message = fmt.Sprintf("CompiledPolicy '%s' denied request: %s", d.Object, d.Message)
	}
	status := forbidden(r, message)
	status.Reason = d.Reason
	if status.Reason == "" {
		status.Reason = metav1.StatusReasonInvalid
	}
	status.Code = code(status.Reason)
	status.Details.Causes = append(status.Details.Causes, metav1.StatusCause{Message: message})
	return status
}

// forbidden is what admission says when it refuses a request: `pods "p" is forbidden: …`.
func forbidden(r *engine.Request, message string) *metav1.Status {
	resource := r.Resource
	if !r.RequestResource.Empty() {
		resource = r.RequestResource
	}
	attributes := admission.NewAttributesRecord(r.Object, r.OldObject, r.Kind, r.Namespace, r.Name, resource, r.Subresource, r.Operation, nil, r.DryRun, r.User)
	var status *apierrors.StatusError
	if !errors.As(admission.NewForbidden(attributes, errors.New(message)), &status) {
		return &metav1.Status{Status: metav1.StatusFailure, Message: message, Details: &metav1.StatusDetails{}}
	}
	return &status.ErrStatus
}

// code is the code of a reason that a policy may give.
func code(r metav1.StatusReason) int32 {
	switch r {
	case metav1.StatusReasonForbidden:
		return http.StatusForbidden
	case metav1.StatusReasonUnauthorized:
		return http.StatusUnauthorized
	case metav1.StatusReasonRequestEntityTooLarge:
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusUnprocessableEntity
}
