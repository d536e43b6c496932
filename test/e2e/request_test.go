//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/policyc/policyc/test/apiserver"
	"github.com/policyc/policyc/test/e2e/client"
)

// collection is the path of the objects of a kind.
func collection(o object, namespace string) string { return client.Collection(o, namespace) }

func name(o object) string { return client.Name(o) }

// call is a request on an object. The zero User is the administrator.
type call struct {
	namespace string
	as        apiserver.User
	// stored means that the server keeps the result; all other requests are dry runs.
	stored bool
	// subresource, "scale".
	subresource string
}

func (k call) query() string {
	if k.stored {
		return ""
	}
	return "?dryRun=All"
}

func (k call) object(o object) string {
	path := collection(o, k.namespace) + "/" + name(o)
	if k.subresource != "" {
		path += "/" + k.subresource
	}
	return path
}

func (c *cluster) create(t *testing.T, k call, o object) apiserver.Response {
	t.Helper()
	return c.do(t, apiserver.Request{Method: http.MethodPost, Path: collection(o, k.namespace) + k.query(), Body: encode(t, o), As: k.as})
}

func (c *cluster) update(t *testing.T, k call, o object) apiserver.Response {
	t.Helper()
	return c.do(t, apiserver.Request{Method: http.MethodPut, Path: k.object(o) + k.query(), Body: encode(t, o), As: k.as})
}

// patch merges YAML into an object.
func (c *cluster) patch(t *testing.T, k call, o object, patch string) apiserver.Response {
	t.Helper()
	return c.do(t, apiserver.Request{Method: http.MethodPatch, Path: k.object(o) + k.query(), Body: encode(t, parse(t, patch)), As: k.as,
		ContentType: "application/strategic-merge-patch+json"})
}

func (c *cluster) delete(t *testing.T, k call, o object) apiserver.Response {
	t.Helper()
	return c.do(t, apiserver.Request{Method: http.MethodDelete, Path: k.object(o) + k.query(), As: k.as})
}

// exec opens a session in a container of a Pod that need not exist: admission comes first.
func (c *cluster) exec(t *testing.T, k call, pod string, query url.Values) apiserver.Response {
	t.Helper()
	return c.do(t, apiserver.Request{Method: http.MethodPost, As: k.as,
		Path: "/api/v1/namespaces/" + k.namespace + "/pods/" + pod + "/exec?" + query.Encode()})
}

// keep creates an object for a test, before policies are installed.
func (c *cluster) keep(t *testing.T, namespace, text string) object {
	t.Helper()
	o := parse(t, text)
	if r := c.create(t, call{namespace: namespace, stored: true}, o); r.Status != http.StatusCreated {
		t.Fatalf("create %s: %s", name(o), r.Body)
	}
	return o
}

// denial is the refusal of a policy.
type denial struct{ policy, binding, message string }

var denialForm = regexp.MustCompile(`(?s)ValidatingAdmissionPolicy '([^']*)' with binding '([^']*)' denied request: (.*)$`)

// denialOf takes the message of a response apart; ok is false when no policy refused it.
func denialOf(r apiserver.Response) (d denial, ok bool) {
	m := denialForm.FindStringSubmatch(r.Message())
	if m == nil || r.Status < 300 {
		return denial{}, false
	}
	return denial{m[1], m[2], m[3]}, true
}

// expectDenied holds a refusal against the message that it must have.
func expectDenied(t *testing.T, what string, r apiserver.Response, message string) {
	t.Helper()
	expectRefused(t, what, r, http.StatusUnprocessableEntity, "Invalid", message)
}

func expectRefused(t *testing.T, what string, r apiserver.Response, status int, reason, message string) {
	t.Helper()
	d, ok := denialOf(r)
	switch {
	case !ok:
		t.Errorf("%s: not denied by a policy: status %d: %s", what, r.Status, brief(r.Body))
	case d.message != message:
		t.Errorf("%s: denied with\n  %s\nnot with\n  %s", what, d.message, message)
	case r.Status != status || !strings.Contains(string(r.Body), `"reason":"`+reason+`"`):
		t.Errorf("%s: status %d: %s", what, r.Status, brief(r.Body))
	}
}

// expectAdmitted holds for what passes without a warning of a policy.
func expectAdmitted(t *testing.T, what string, r apiserver.Response) {
	t.Helper()
	if r.Status >= 300 {
		t.Errorf("%s: status %d: %s", what, r.Status, brief(r.Body))
	}
	if warnings := policyWarnings(r); len(warnings) > 0 {
		t.Errorf("%s: warnings %q", what, warnings)
	}
}

var warningForm = regexp.MustCompile(`(?s)^Validation failed for ValidatingAdmissionPolicy '([^']*)' with binding '([^']*)': (.*)$`)

// policyWarnings are the warnings of policies; others are the server's own.
func policyWarnings(r apiserver.Response) []denial {
	var out []denial
	for _, w := range r.Warnings {
		if m := warningForm.FindStringSubmatch(w); m != nil {
			out = append(out, denial{m[1], m[2], m[3]})
		}
	}
	return out
}

func expectWarned(t *testing.T, what string, r apiserver.Response, messages ...string) {
	t.Helper()
	if r.Status >= 300 {
		t.Errorf("%s: status %d: %s", what, r.Status, brief(r.Body))
	}
	var got []string
	for _, w := range policyWarnings(r) {
		got = append(got, w.message)
	}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", messages) {
		t.Errorf("%s: warnings\n  %q\nnot\n  %q", what, got, messages)
	}
}

func brief(body []byte) string { return client.Brief(body) }
