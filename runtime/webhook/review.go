package webhook

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"

	"github.com/policyc/policyc/runtime/engine"
)

var reviewType = metav1.TypeMeta{APIVersion: admissionv1.SchemeGroupVersion.String(), Kind: "AdmissionReview"}

// review is an AdmissionReview as it is read: objects are decoded with it, once,
// and stay as JSON has them. That is what the CEL of the API server sees of its
// typed objects, too, and keeps fields that this program's types do not know.
type review struct {
	metav1.TypeMeta `json:",inline"`
	Request         *request `json:"request"`
}

// request is an AdmissionRequest.
type request struct {
	UID             types.UID                    `json:"uid"`
	Kind            metav1.GroupVersionKind      `json:"kind"`
	Resource        metav1.GroupVersionResource  `json:"resource"`
	SubResource     string                       `json:"subResource"`
	RequestKind     *metav1.GroupVersionKind     `json:"requestKind"`
	RequestResource *metav1.GroupVersionResource `json:"requestResource"`
	Name            string                       `json:"name"`
	Namespace       string                       `json:"namespace"`
	Operation       admission.Operation          `json:"operation"`
	UserInfo        authenticationv1.UserInfo    `json:"userInfo"`
	Object          map[string]any               `json:"object"`
	OldObject       map[string]any               `json:"oldObject"`
	DryRun          *bool                        `json:"dryRun"`
	Options         map[string]any               `json:"options"`
}

// read reads the body. It waits no longer than the request may take: the body of
// a client that stops sending would be waited for otherwise.
func (c *call) read(w http.ResponseWriter, r *http.Request) (body *bytes.Buffer, drop func(), err *failure) {
	deadline, _ := c.ctx.Deadline()
	// Only connections have deadlines; the body of a test is at hand.
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(deadline)
	body = c.buffers.Get().(*bytes.Buffer)
	free := func() {}
	body.Reset()
	if err = c.readUpTo(body, r, smallBody); err == nil && body.Len() == smallBody {
		// Now that it comes, and not when somebody announces it.
		if free, err = c.limits.body(c.ctx, r.ContentLength); err != nil {
			return nil, nil, err
		}
		if n := r.ContentLength; n > smallBody {
			body.Grow(int(n) - smallBody + 512)
		}
		// One byte more tells a body that is too large from one that just fits.
		err = c.readUpTo(body, r, c.options.MaxBody+1)
	}
	if err == nil && int64(body.Len()) > c.options.MaxBody {
		err = tooLarge
	}
	if err != nil {
		free()
		return nil, nil, err
	}
	_ = control.SetReadDeadline(time.Time{})
	return body, func() { c.keep(body); free() }, nil
}

// readUpTo reads until the body has a length, or ends.
func (c *call) readUpTo(body *bytes.Buffer, r *http.Request, length int64) *failure {
	switch _, err := body.ReadFrom(io.LimitReader(r.Body, length-int64(body.Len()))); {
	case errors.Is(err, os.ErrDeadlineExceeded), err != nil && c.ctx.Err() != nil:
		return slowBody
	case err != nil:
		return brokenBody
	}
	return nil
}

// keep puts a buffer back, unless one large review made it large.
func (c *call) keep(b *bytes.Buffer) {
	if b.Cap() <= 1<<20 {
		c.buffers.Put(b)
	}
}

// decode reads a review and sees whether it has what a decision needs.
func decode(body []byte) (*request, *failure) {
	var in review
	if err := json.Unmarshal(body, &in); err != nil {
		// The error may quote the body.
		return nil, malformed("its JSON does not decode")
	}
	r := in.Request
	switch {
	case in.TypeMeta != reviewType:
		return nil, malformed("its kind is not AdmissionReview of admission.k8s.io/v1")
	case r == nil:
		return nil, malformed("it has no request")
	case r.UID == "":
		return nil, malformed("its request has no uid")
	case r.Kind.Kind == "" || r.Kind.Version == "" || r.Resource.Resource == "" || r.Resource.Version == "":
		return nil, malformed("its request has no kind or no resource")
	}
	switch r.Operation {
	case admission.Create, admission.Update:
		if r.Object == nil {
			return nil, malformed("its request has no object")
		}
	case admission.Delete:
		if r.Object != nil || r.OldObject == nil {
			return nil, malformed("a request to delete has an oldObject and no object")
		}
	case admission.Connect:
	default:
		return nil, malformed("its operation is none of CREATE, UPDATE, DELETE and CONNECT")
	}
	return r, nil
}

// request is the review as the engine takes it.
func (c *call) request() *engine.Request {
	r := c.review
	extra := make(map[string][]string, len(r.UserInfo.Extra))
	for key, values := range r.UserInfo.Extra {
		extra[key] = values
	}
	out := &engine.Request{Operation: r.Operation, Resource: schema.GroupVersionResource(r.Resource), Subresource: r.SubResource,
		Kind: schema.GroupVersionKind(r.Kind), Namespace: r.Namespace, Name: r.Name, Object: object(r.Object), OldObject: object(r.OldObject),
		Options: object(r.Options), DryRun: r.DryRun != nil && *r.DryRun, Cluster: c.reader, Authorizer: c.authz,
		User: &user.DefaultInfo{Name: r.UserInfo.Username, UID: r.UserInfo.UID, Groups: r.UserInfo.Groups, Extra: extra}}
	if r.RequestKind != nil && r.RequestResource != nil {
		out.RequestKind, out.RequestResource = schema.GroupVersionKind(*r.RequestKind), schema.GroupVersionResource(*r.RequestResource)
	}
	return out
}

// object is nil for null.
func object(content map[string]any) runtime.Object {
	if content == nil {
		return nil
	}
	return &unstructured.Unstructured{Object: content}
}
