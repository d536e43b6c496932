package manager

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

func TestAuthorizer(t *testing.T) {
	var asked string
	var answer authorizationv1.SubjectAccessReviewStatus
	var failure error
	c := fake.NewClientBuilder().WithScheme(kinds(t)).WithInterceptorFuncs(interceptor.Funcs{
		Create: func(_ context.Context, _ client.WithWatch, o client.Object, _ ...client.CreateOption) error {
			review := o.(*authorizationv1.SubjectAccessReview)
			text, _ := json.Marshal(review.Spec)
			asked, review.Status = string(text), answer
			return failure
		}}).Build()
	alice := &user.DefaultInfo{Name: "alice", Groups: []string{"dev"}, Extra: map[string][]string{"k": {"v"}}}
	fieldRequirements := fields.OneTermEqualSelector("spec.nodeName", "n").Requirements()
	labelRequirements, _ := labels.SelectorFromSet(labels.Set{"a": "b"}).Requirements()
	resource := authorizer.AttributesRecord{User: alice, Verb: "list", Resource: "pods", Namespace: "x", ResourceRequest: true,
		FieldSelectorRequirements: fieldRequirements, LabelSelectorRequirements: labelRequirements}
	for _, one := range []struct {
		attributes authorizer.AttributesRecord
		status     authorizationv1.SubjectAccessReviewStatus
		failure    error
		want       authorizer.Decision
		asked      string
	}{
		{resource, authorizationv1.SubjectAccessReviewStatus{Allowed: true}, nil, authorizer.DecisionAllow,
			`{"resourceAttributes":{"namespace":"x","verb":"list","resource":"pods",` +
				`"fieldSelector":{"requirements":[{"key":"spec.nodeName","operator":"In","values":["n"]}]},` +
				`"labelSelector":{"requirements":[{"key":"a","operator":"In","values":["b"]}]}},"user":"alice","groups":["dev"],"extra":{"k":["v"]}}`},
		{authorizer.AttributesRecord{User: alice, Verb: "get", Path: "/healthz"}, authorizationv1.SubjectAccessReviewStatus{}, nil, authorizer.DecisionNoOpinion,
			`{"nonResourceAttributes":{"path":"/healthz","verb":"get"},"user":"alice","groups":["dev"],"extra":{"k":["v"]}}`},
		{resource, authorizationv1.SubjectAccessReviewStatus{Allowed: true, Denied: true}, nil, authorizer.DecisionDeny, ""},
		{resource, authorizationv1.SubjectAccessReviewStatus{Allowed: true}, errors.New("away"), authorizer.DecisionDeny, ""},
	} {
		answer, failure = one.status, one.failure
		got, _, err := reviewer{c}.Authorize(context.Background(), one.attributes)
		if got != one.want || (err != nil) != (failure != nil) {
			t.Errorf("%v, %v; want %v", got, err, one.want)
		}
		if one.asked != "" && asked != one.asked {
			t.Errorf("asked\n%s\nwant\n%s", asked, one.asked)
		}
	}
}
