package manager

import (
	"context"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// reviewer answers CEL's `authorizer` with SubjectAccessReviews. Nothing is kept: a right that was taken away is gone.
type reviewer struct{ client client.Client }

// Authorize asks the API server. What it cannot answer is nobody's right.
func (r reviewer) Authorize(ctx context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
	review := &authorizationv1.SubjectAccessReview{Spec: reviewOf(a)}
	if err := r.client.Create(ctx, review); err != nil {
		return authorizer.DecisionDeny, "", err
	}
	switch {
	case review.Status.Denied:
		return authorizer.DecisionDeny, review.Status.Reason, nil
	case review.Status.Allowed:
		return authorizer.DecisionAllow, review.Status.Reason, nil
	}
	return authorizer.DecisionNoOpinion, review.Status.Reason, nil
}

func reviewOf(a authorizer.Attributes) authorizationv1.SubjectAccessReviewSpec {
	spec := authorizationv1.SubjectAccessReviewSpec{}
	if u := a.GetUser(); u != nil {
		spec = subject(u)
	}
	if !a.IsResourceRequest() {
		spec.NonResourceAttributes = &authorizationv1.NonResourceAttributes{Path: a.GetPath(), Verb: a.GetVerb()}
		return spec
	}
	spec.ResourceAttributes = &authorizationv1.ResourceAttributes{Namespace: a.GetNamespace(), Verb: a.GetVerb(), Group: a.GetAPIGroup(),
		Version: a.GetAPIVersion(), Resource: a.GetResource(), Subresource: a.GetSubresource(), Name: a.GetName()}
	// A selector narrows what is asked for. What cannot be said is left out, and the question is the wider one.
	if fields, _ := a.GetFieldSelector(); len(fields) > 0 {
		selector := &authorizationv1.FieldSelectorAttributes{}
		for _, f := range fields {
			if operator, ok := operators[f.Operator]; ok {
				selector.Requirements = append(selector.Requirements, metav1.FieldSelectorRequirement{Key: f.Field, Operator: metav1.FieldSelectorOperator(operator), Values: []string{f.Value}})
			}
		}
		spec.ResourceAttributes.FieldSelector = selector
	}
	if labels, _ := a.GetLabelSelector(); len(labels) > 0 {
		selector := &authorizationv1.LabelSelectorAttributes{}
		for _, l := range labels {
			if operator, ok := operators[l.Operator()]; ok {
				selector.Requirements = append(selector.Requirements, metav1.LabelSelectorRequirement{Key: l.Key(), Operator: operator, Values: l.ValuesUnsorted()})
			}
		}
		spec.ResourceAttributes.LabelSelector = selector
	}
	return spec
}

func subject(u user.Info) authorizationv1.SubjectAccessReviewSpec {
	spec := authorizationv1.SubjectAccessReviewSpec{User: u.GetName(), UID: u.GetUID(), Groups: u.GetGroups()}
	for key, values := range u.GetExtra() {
		if spec.Extra == nil {
			spec.Extra = map[string]authorizationv1.ExtraValue{}
		}
		spec.Extra[key] = values
	}
	return spec
}

// operators are those of selectors that a review has.
var operators = map[selection.Operator]metav1.LabelSelectorOperator{
	selection.Equals: metav1.LabelSelectorOpIn, selection.DoubleEquals: metav1.LabelSelectorOpIn, selection.In: metav1.LabelSelectorOpIn,
	selection.NotEquals: metav1.LabelSelectorOpNotIn, selection.NotIn: metav1.LabelSelectorOpNotIn,
	selection.Exists: metav1.LabelSelectorOpExists, selection.DoesNotExist: metav1.LabelSelectorOpDoesNotExist,
}
