//go:build e2e

package apiserver_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/policyc/policyc/test/apiserver"
)

// policy denies ConfigMaps with a forbidden label, warns about them, and leaves an annotation in the audit log.
const policy = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: no-forbidden
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
    - {apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}
  validations:
  - expression: "!('forbidden' in object.metadata.?labels.orValue({}))"
    messageExpression: "'no label forbidden, ' + request.userInfo.username"
  auditAnnotations:
  - key: user
    valueExpression: request.userInfo.username
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: no-forbidden
spec:
  policyName: no-forbidden
  validationActions: [Deny]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: no-forbidden-warn
spec:
  policyName: no-forbidden
  validationActions: [Warn, Audit]
  matchResources:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: default}}
`

func TestServer(t *testing.T) {
	for _, version := range apiserver.Versions() {
		t.Run(version, func(t *testing.T) {
			begin := time.Now()
			server, err := apiserver.Start(t.Context(), apiserver.Options{Version: version, AuditLog: true})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(server.Stop)
			t.Logf("%s was ready after %v", server.Version, time.Since(begin).Round(time.Millisecond))
			if !strings.HasPrefix(server.Version, "v"+version+".") {
				t.Errorf("the release is %s", server.Version)
			}
			if got := do(t, server, apiserver.Request{Path: "/version"}); !strings.Contains(string(got.Body), `"gitVersion": "`+server.Version+`"`) {
				t.Errorf("/version says %s", got.Body)
			}
			if _, _, err := server.Kubectl(t.Context(), "", "create", "namespace", "team"); err != nil {
				t.Fatal(err)
			}
			if _, _, err := server.Kubectl(t.Context(), policy, "apply", "-f", "-"); err != nil {
				t.Fatal(err)
			}
			checkDenial(t, server)
			checkWarning(t, server)
			checkUsers(t, server)
			checkMetrics(t, server)
			server.Stop()
			if _, err := server.Do(t.Context(), apiserver.Request{Path: "/readyz"}); err == nil {
				t.Error("the server answers after Stop")
			}
		})
	}
}

func TestUnknownVersion(t *testing.T) {
	_, err := apiserver.Start(t.Context(), apiserver.Options{Version: "1.2"})
	if err == nil || !strings.Contains(err.Error(), "1.37 and 1.30") {
		t.Errorf("got %v", err)
	}
}

// A server that cannot start says why, and at once.
func TestBadFlag(t *testing.T) {
	_, err := apiserver.Start(t.Context(), apiserver.Options{Version: "1.37", Args: []string{"--no-such-flag"}})
	if err == nil || !strings.Contains(err.Error(), "unknown flag: --no-such-flag") {
		t.Errorf("got %v", err)
	}
}

func checkDenial(t *testing.T, server *apiserver.Server) {
	t.Helper()
	var denied apiserver.Response
	eventually(t, "the policy is not enforced", func() bool {
		denied = do(t, server, createForbidden("team", "alice"))
		return denied.Status == http.StatusUnprocessableEntity
	})
	if want := "denied request: no label forbidden, alice"; !strings.HasSuffix(denied.Message(), want) {
		t.Errorf("the message is %q, not … %q", denied.Message(), want)
	}
	event := auditEvent(t, server, denied.AuditID)
	if event.User.Username != "alice" || event.Verb != "create" || event.ResponseStatus.Code != denied.Status {
		t.Errorf("the audit event is %+v", event)
	}
	if got := event.Annotations["no-forbidden/user"]; got != "alice" {
		t.Errorf("the audit annotation is %q in %v", got, event.Annotations)
	}
}

func checkWarning(t *testing.T, server *apiserver.Server) {
	t.Helper()
	if _, _, err := server.Kubectl(t.Context(), "", "delete", "validatingadmissionpolicybinding", "no-forbidden"); err != nil {
		t.Fatal(err)
	}
	var warned apiserver.Response
	eventually(t, "the binding that denies is still there", func() bool {
		warned = do(t, server, createForbidden("default", "bob"))
		return warned.Status == http.StatusCreated
	})
	if len(warned.Warnings) != 1 || !strings.HasSuffix(warned.Warnings[0], "no label forbidden, bob") {
		t.Errorf("the warnings are %q", warned.Warnings)
	}
	const failure = "validation.policy.admission.k8s.io/validation_failure"
	if event := auditEvent(t, server, warned.AuditID); !strings.Contains(event.Annotations[failure], "no label forbidden, bob") {
		t.Errorf("the audit annotations are %v", event.Annotations)
	}
}

func checkUsers(t *testing.T, server *apiserver.Server) {
	t.Helper()
	const account = "system:serviceaccount:team:robot"
	for user, want := range map[string]string{
		"alice": `"groups":["dev","system:authenticated"]`,
		account: `"groups":["system:serviceaccounts","system:serviceaccounts:team","system:authenticated"]`,
		"":      `"groups":["system:masters","system:authenticated"]`,
	} {
		got := do(t, server, apiserver.Request{
			Method: http.MethodPost, User: user,
			Path: "/apis/authentication.k8s.io/v1/selfsubjectreviews",
			Body: []byte(`{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}`),
		})
		if !strings.Contains(string(got.Body), want) {
			t.Errorf("user %q: status %d: %s", user, got.Status, got.Body)
		}
	}
	write := apiserver.Request{Method: http.MethodPost, Path: "/api/v1/namespaces/team/configmaps", User: account, Body: []byte(`{"metadata":{"name":"of-robot"}}`)}
	if got := do(t, server, write); got.Status != http.StatusCreated {
		t.Errorf("a service account may not write: %s", got.Body)
	}
	if _, err := server.Do(t.Context(), apiserver.Request{Path: "/readyz", User: "mallory"}); err == nil {
		t.Error("an unknown user is let in")
	}
	if stdout, _, err := server.Kubectl(t.Context(), "", "--context=bob", "auth", "whoami", "-o", "name"); err != nil {
		t.Errorf("%s: %v", stdout, err)
	}
}

func checkMetrics(t *testing.T, server *apiserver.Server) {
	t.Helper()
	metrics, err := server.Metrics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(metrics, `apiserver_validating_admission_policy_check_total{`) {
		t.Error("no count of policy checks")
	}
}

func createForbidden(namespace, user string) apiserver.Request {
	return apiserver.Request{
		Method: http.MethodPost,
		Path:   "/api/v1/namespaces/" + namespace + "/configmaps",
		User:   user,
		Body:   []byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"generateName":"x-","labels":{"forbidden":"yes"}}}`),
	}
}

func do(t *testing.T, server *apiserver.Server, request apiserver.Request) apiserver.Response {
	t.Helper()
	response, err := server.Do(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

func auditEvent(t *testing.T, server *apiserver.Server, id string) apiserver.AuditEvent {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	event, err := server.AuditEvent(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// eventually polls: the server sees a new policy through an informer, some hundred milliseconds after it was written.
func eventually(t *testing.T, failure string, done func() bool) {
	t.Helper()
	begin := time.Now()
	for !done() {
		if time.Since(begin) > 30*time.Second {
			t.Fatal(failure)
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Logf("took %v", time.Since(begin).Round(time.Millisecond))
}
