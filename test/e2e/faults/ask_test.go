//go:build e2e

package faults_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/policyc/policyc/test/apiserver"
	"github.com/policyc/policyc/test/cluster"
)

// ask is a request to create an object that one of the policies is about.
type ask struct {
	// resource is configmaps (policy cached), services (strong) or secrets (lenient).
	resource string
	owner    string
	ban      string
}

var (
	good                    = ask{resource: "configmaps", owner: "present"}
	bad                     = ask{resource: "configmaps", owner: "absent"}
	banned                  = ask{resource: "configmaps", owner: "present", ban: "present"}
	unbanned                = ask{resource: "configmaps", owner: "present", ban: "absent"}
	goodStrong, badStrong   = ask{resource: "services", owner: "present"}, ask{resource: "services", owner: "absent"}
	goodLenient, badLenient = ask{resource: "secrets", owner: "present"}, ask{resource: "secrets", owner: "absent"}
)

func asks() []ask { return []ask{good, bad, banned, goodStrong, badStrong, goodLenient, badLenient} }

func (a ask) String() string {
	return strings.Join(strings.Fields(fmt.Sprintf("%s owner=%s ban=%s", a.resource, a.owner, a.ban)), " ")
}

// want is what the policies say.
func (a ask) want() class {
	if a.owner == "absent" || a.ban == "present" {
		return denied
	}
	return admitted
}

// policy is the policy that the request is about.
func (a ask) policy() string {
	return map[string]string{"configmaps": "cached", "services": "strong", "secrets": "lenient"}[a.resource]
}

func (a ask) object() map[string]any {
	labels := map[string]any{"owner": a.owner}
	if a.ban != "" {
		labels["ban"] = a.ban
	}
	o := map[string]any{"metadata": map[string]any{"generateName": "x-", "namespace": "faults", "labels": labels}}
	if a.resource == "services" {
		o["spec"] = map[string]any{"ports": []any{map[string]any{"port": 80}}}
	}
	return o
}

// class is what became of a request.
type class string

const (
	admitted class = "admitted"
	denied   class = "denied" // by its policy
	failed   class = "failed" // the webhook gave no decision, and whoever asked was told so
	broken   class = "broken" // anything else, no answer among them
)

// answer is what was said to a request.
type answer struct {
	ask    ask
	class  class
	status int
	text   string
	id     string // of the audit log
}

// ask sends the request to the API server, as a dry run: webhooks are called, and etcd is not filled.
func (w *world) ask(t *testing.T, a ask) answer {
	body, err := json.Marshal(a.object())
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.Do(context.WithoutCancel(t.Context()), apiserver.Request{Method: http.MethodPost, Path: "/api/v1/namespaces/faults/" + a.resource + "?dryRun=All", Body: body})
	if err != nil {
		return answer{ask: a, class: broken, text: err.Error()}
	}
	out := answer{ask: a, class: broken, status: r.Status, text: r.Message(), id: r.AuditID}
	switch {
	case r.Status == http.StatusCreated:
		out.class = admitted
	case r.Status == http.StatusUnprocessableEntity && strings.Contains(out.text, "CompiledPolicy '"+a.policy()+"'") && strings.Contains(out.text, "denied request: ["):
		out.class = denied
	// A decision that failed is a denial without a rule's message; no decision is an error of the call.
	case r.Status == http.StatusInternalServerError && strings.Contains(out.text, `failed calling webhook "validate-`),
		strings.Contains(out.text, "CompiledPolicy '"+a.policy()+"'"):
		out.class = failed
	}
	return out
}

// askPod sends the review that the API server would send to one replica.
func (w *world) askPod(t *testing.T, p *cluster.Pod, a ask) answer {
	return w.send(t.Context(), w.podClient(t), p.Address(9443), w.entries[a.policy()], a)
}

// send sends a review to an address.
func (w *world) send(ctx context.Context, client *http.Client, address, entry string, a ask) answer {
	out := answer{ask: a, class: broken}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+address+"/validate/"+entry+"?timeout=5s", bytes.NewReader(a.review()))
	if err != nil {
		out.text = err.Error()
		return out
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		out.text = err.Error()
		return out
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		out.text = err.Error()
		return out
	}
	out.status, out.text = response.StatusCode, string(body)
	out.class = classOf(response.StatusCode, body)
	return out
}

// classOf reads the answer of a replica. Whatever a client could take for an admission is one.
func classOf(status int, body []byte) class {
	var review struct {
		Response *struct {
			Allowed bool
			Status  struct{ Message string }
		}
	}
	err := json.Unmarshal(body, &review)
	switch {
	case err == nil && review.Response != nil && review.Response.Allowed:
		return admitted
	case err == nil && review.Response != nil && strings.Contains(review.Response.Status.Message, "denied request: ["):
		return denied
	case status >= 400 || err == nil && review.Response != nil && review.Response.Status.Message != "":
		return failed
	}
	return broken
}

// review is the AdmissionReview of the request.
func (a ask) review() []byte {
	object := a.object()
	object["apiVersion"], object["kind"] = "v1", map[string]string{"configmaps": "ConfigMap", "services": "Service", "secrets": "Secret"}[a.resource]
	kind, resource := map[string]any{"group": "", "version": "v1", "kind": object["kind"]}, map[string]any{"group": "", "version": "v1", "resource": a.resource}
	body, _ := json.Marshal(map[string]any{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": map[string]any{
		"uid": "1", "kind": kind, "resource": resource, "requestKind": kind, "requestResource": resource, "namespace": "faults",
		"operation": "CREATE", "userInfo": map[string]any{"username": "alice"}, "object": object, "dryRun": true,
		"options": map[string]any{"apiVersion": "meta.k8s.io/v1", "kind": "CreateOptions"}}})
	return body
}

// createNamespace asks for something in no namespace, which only the policy `everything` is about.
func (w *world) createNamespace(t *testing.T) class {
	t.Helper()
	r, err := w.Do(context.WithoutCancel(t.Context()), apiserver.Request{Method: http.MethodPost, Path: "/api/v1/namespaces?dryRun=All", Body: []byte(`{"metadata":{"name":"another"}}`)})
	switch {
	case err != nil:
		return broken
	case r.Status == http.StatusCreated:
		return admitted
	case strings.Contains(r.Message(), "[nobody] nobody may"):
		return denied
	case r.Status == http.StatusInternalServerError && strings.Contains(r.Message(), `failed calling webhook "validate-`):
		return failed
	}
	return broken
}
