package engine

import (
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Outcome is what a policy made of a request.
type Outcome string

// The outcomes of a policy that matched.
const (
	Admitted Outcome = "admitted"
	Violated Outcome = "violated"
	// Failed is an evaluation error, or a configuration that cannot be
	// evaluated. It denies unless the failure policy is Ignore.
	Failed Outcome = "failed"
)

// Decision is what one policy, through one binding, made of a request that it
// matched.
type Decision struct {
	// Policy is the policy document; Object and Binding are the admission
	// object it was compiled to and the binding that enforces it.
	Policy, Object, Binding string
	// Validation is the index of the validation in the object.
	Validation int
	Outcome    Outcome
	// Actions are what the binding does about a violation.
	Actions []admissionv1.ValidationAction
	// Violations are in the order of the rules. They are empty for objects
	// that no policy document stands behind.
	Violations []Violation
	// Message is what a client is told, without the names that the API server
	// puts before it. Reason is that of the status.
	Message string
	Reason  metav1.StatusReason
	// Cost is what the object spent, in the units of the API server's cost
	// model, match conditions not counted; the budget is RuntimeCELCostBudget.
	Cost int64
	// Err is set for Failed. Ignored says that the failure policy lets the
	// request through all the same.
	Err     error
	Ignored bool
}

// Violation is one violation of a rule.
type Violation struct {
	Rule string
	// Message is the rule's own, without `[rule] `.
	Message string
}

// Rules are the violated rules, each once, in the order of the policy.
func (d *Decision) Rules() []string {
	var out []string
	for i, v := range d.Violations {
		if i == 0 || v.Rule != d.Violations[i-1].Rule {
			out = append(out, v.Rule)
		}
	}
	return out
}

// Has reports whether the binding has the action.
func (d *Decision) Has(action admissionv1.ValidationAction) bool {
	for _, a := range d.Actions {
		if a == action {
			return true
		}
	}
	return false
}

// Denies reports whether the request is denied: by a violation, or by an error
// that fails closed.
func (d *Decision) Denies() bool {
	switch d.Outcome {
	case Violated:
		return d.Has(admissionv1.Deny)
	case Failed:
		return !d.Ignored && d.Has(admissionv1.Deny)
	}
	return false
}
