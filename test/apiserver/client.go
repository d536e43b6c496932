package apiserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Request is one call of the API.
type Request struct {
	// Method is GET when empty.
	Method string
	// Path and query, "/api/v1/namespaces/default/pods?dryRun=All".
	Path string
	// User is Admin when empty, the name of one of Options.Users, or a service account "system:serviceaccount:<namespace>:<name>".
	User string
	// As is whom the user impersonates; Admin may impersonate anybody. The server adds the group system:authenticated.
	As   User
	Body []byte
	// ContentType of Body. When empty, application/merge-patch+json for PATCH and application/json otherwise.
	ContentType string
}

// Response is what the API server answered, also when it refused.
type Response struct {
	Status int
	Body   []byte
	// Warnings are the texts of the Warning headers, in order: deprecations, and policies with the action Warn.
	Warnings []string
	// AuditID is the key of the request's event, for Server.AuditEvent.
	AuditID string
}

// Message is the message of the Status in the body: the reason of a refusal. It is empty when the body is something else.
func (r Response) Message() string {
	var status struct{ Kind, Message string }
	if json.Unmarshal(r.Body, &status) != nil || status.Kind != "Status" {
		return ""
	}
	return status.Message
}

// serviceAccountPrefix begins the user name of every service account.
const serviceAccountPrefix = "system:serviceaccount:"

// Do sends one request. An error means that there was no answer; a refusal is a Response.
func (s *Server) Do(ctx context.Context, request Request) (Response, error) {
	call, err := http.NewRequestWithContext(ctx, request.Method, s.URL+request.Path, bytes.NewReader(request.Body))
	if err != nil {
		return Response{}, err
	}
	if err := s.authenticate(call, request.User); err != nil {
		return Response{}, err
	}
	if request.As.Name != "" {
		call.Header.Set("Impersonate-User", request.As.Name)
		call.Header["Impersonate-Group"] = request.As.Groups
	}
	call.Header.Set("Accept", "application/json")
	if len(request.Body) > 0 {
		call.Header.Set("Content-Type", request.contentType())
	}
	answer, err := s.client.Do(call)
	if err != nil {
		return Response{}, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return Response{}, fmt.Errorf("read the answer to %s %s: %w", request.Method, request.Path, err)
	}
	response := Response{Status: answer.StatusCode, Body: body, AuditID: answer.Header.Get("Audit-Id")}
	for _, warning := range answer.Header.Values("Warning") {
		response.Warnings = append(response.Warnings, warningText(warning))
	}
	return response, nil
}

// authenticate logs the user in. A service account is impersonated: the server adds the groups that its token would have.
func (s *Server) authenticate(call *http.Request, user string) error {
	login := user
	switch {
	case user == "":
		login = Admin
	case strings.HasPrefix(user, serviceAccountPrefix):
		login = Admin
		call.Header.Set("Impersonate-User", user)
	case s.tokens[user] == "":
		return fmt.Errorf("unknown user %q", user)
	}
	call.Header.Set("Authorization", "Bearer "+s.tokens[login])
	return nil
}

func (r Request) contentType() string {
	switch {
	case r.ContentType != "":
		return r.ContentType
	case r.Method == http.MethodPatch:
		return "application/merge-patch+json"
	default:
		return "application/json"
	}
}

// warningText takes the text out of a Warning header.
//
//	299 - "say \"hi\"" → say "hi"
func warningText(header string) string {
	_, quoted, found := strings.Cut(header, `"`)
	if !found {
		return header
	}
	var text strings.Builder
	for i := 0; i < len(quoted) && quoted[i] != '"'; i++ {
		if quoted[i] == '\\' && i+1 < len(quoted) {
			i++ // RFC 7230: a backslash quotes the next byte, whatever that is
		}
		text.WriteByte(quoted[i])
	}
	return text.String()
}

// Metrics returns the server's metrics in Prometheus' text format,
// `apiserver_validating_admission_policy_check_total{…} 3` and the like.
func (s *Server) Metrics(ctx context.Context) (string, error) {
	response, err := s.Do(ctx, Request{Path: "/metrics"})
	if err != nil {
		return "", err
	}
	if response.Status != http.StatusOK {
		return "", fmt.Errorf("metrics: status %d: %s", response.Status, response.Body)
	}
	return string(response.Body), nil
}

// Kubectl runs kubectl 1.37 as the administrator, or as another user with "--context=alice". The error tells of a failed run and
// repeats what it wrote to stderr.
func (s *Server) Kubectl(ctx context.Context, stdin string, args ...string) (stdout, stderr string, err error) {
	cmd := exec.CommandContext(ctx, s.kubectl, args...)
	// KUBERC: the preferences of whoever runs the tests must not change them.
	cmd.Env = append(os.Environ(), "KUBECONFIG="+s.Kubeconfig, "KUBECACHEDIR="+filepath.Join(s.Dir, "kubectl-cache"), "KUBERC=off")
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), errs.String(), fmt.Errorf("kubectl %s: %w", strings.Join(args, " "), errors.Join(err, errors.New(errs.String())))
	}
	return out.String(), errs.String(), nil
}
