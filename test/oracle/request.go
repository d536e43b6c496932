package oracle

import (
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apiserver/pkg/admission"

	"github.com/policyc/policyc/compiler/types"
)

// requestType is what the expressions read of a request.
var requestType = types.NewObject("request",
	&types.Field{Name: "operation", Type: types.StringType, Required: true},
	&types.Field{Name: "namespace", Type: types.StringType},
	&types.Field{Name: "userInfo", Required: true, Type: types.NewObject("userInfo",
		&types.Field{Name: "username", Type: types.StringType},
		&types.Field{Name: "groups", Type: types.NewList(types.StringType)})})

// request is the request of an input as expressions see it.
func (in *input) request() map[string]any {
	return map[string]any{"operation": in.Operation, "namespace": "a",
		"userInfo": map[string]any{"username": "b", "groups": []any{"a", "env"}}}
}

// admission is the same request in the API server's terms.
func (in *input) admission() *admissionv1.AdmissionRequest {
	return &admissionv1.AdmissionRequest{Operation: admissionv1.Operation(in.Operation), Namespace: "a",
		UserInfo: authenticationv1.UserInfo{Username: "b", Groups: []string{"a", "env"}}}
}

// attributes are the objects in the API server's terms.
func (in *input) attributes() *admission.VersionedAttributes {
	out := &admission.VersionedAttributes{}
	if in.Object != nil {
		out.VersionedObject = admission.NewLazyObject(&unstructured.Unstructured{Object: in.Object})
	}
	if in.OldObject != nil {
		out.VersionedOldObject = admission.NewLazyObject(&unstructured.Unstructured{Object: in.OldObject})
	}
	return out
}
