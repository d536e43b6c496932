//go:build e2e

package webhook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/policyc/policyc/runtime/cases"
	"github.com/policyc/policyc/runtime/engine"
	"github.com/policyc/policyc/test/apiserver"
	"github.com/policyc/policyc/test/e2e/client"
)

// denial is what a client is told.
type denial struct {
	Message, Reason string
	Code            int
	// native says that the API server's own policies refused, which it asks before webhooks.
	native bool
}

// verdict is what policies made of a request. The denials are all that there are offline; a server tells one.
type verdict struct {
	denials         []denial
	warned, audited []string
	// refused says that the server did not ask policies: what is not valid comes to no validating one.
	refused bool
}

// denialForm is how the API server and the webhook tell a denial.
var denialForm = regexp.MustCompile(`(?s)(ValidatingAdmissionPolicy|CompiledPolicy) '[^']*' (?:with binding '[^']*' )?denied request: (.*)$`)

var warningForm = regexp.MustCompile(`(?s)^Validation failed for (?:ValidatingAdmissionPolicy|CompiledPolicy) '[^']*' with binding '[^']*': (.*)$`)

// verdictOf reads the answer of a server, and what it wrote to the audit log.
func (s *server) verdictOf(t *testing.T, a *asked, r apiserver.Response) verdict {
	t.Helper()
	var v verdict
	for _, w := range r.Warnings {
		if m := warningForm.FindStringSubmatch(w); m != nil {
			v.warned = append(v.warned, m[1])
		}
	}
	if m := denialForm.FindStringSubmatch(r.Message()); m != nil && r.Status >= 300 {
		var status struct {
			Reason string
			Code   int
		}
		client.Decode(t, r.Body, &status)
		if status.Code != r.Status {
			t.Errorf("%s: the status says %d, and the answer is %d", a, status.Code, r.Status)
		}
		v.denials = []denial{{Message: m[2], Reason: status.Reason, Code: status.Code, native: m[1] == "ValidatingAdmissionPolicy"}}
	}
	switch ownRefusal := strings.Contains(r.Message(), " is invalid: "); {
	case r.Status < 300 || len(v.denials) > 0 || a.Operation == "CONNECT": // which without a kubelet fails after admission
	case r.Status == http.StatusUnprocessableEntity && ownRefusal, r.Status == http.StatusNotFound && a.Subresource != "":
		v.refused = true
		t.Logf("%s: the server itself refuses: %s", a, summary(r))
	default:
		t.Errorf("%s: %s", a, summary(r))
	}
	v.audited = s.audited(t, r)
	slices.Sort(v.warned)
	slices.Sort(v.audited)
	return v
}

// audited are the messages in the audit log: under the API server's own key, or that of an entry of the webhook.
func (s *server) audited(t *testing.T, r apiserver.Response) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	event, err := s.AuditEvent(ctx, r.AuditID)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for key, value := range event.Annotations {
		entry, found := strings.CutSuffix(key, "/validation_failure")
		if !found {
			continue
		}
		if !strings.HasSuffix(entry, ".policyc.dev") && entry != "validation.policy.admission.k8s.io" {
			t.Errorf("the annotation %s", key)
		}
		var failures []struct{ Message string }
		client.Decode(t, []byte(value), &failures)
		for _, f := range failures {
			out = append(out, f.Message)
		}
	}
	return out
}

// rename changes all messages.
func (v *verdict) rename(change func(string) string) {
	for i := range v.denials {
		v.denials[i].Message = change(v.denials[i].Message)
	}
	for _, list := range [][]string{v.warned, v.audited} {
		for i := range list {
			list[i] = change(list[i])
		}
		slices.Sort(list)
	}
}

// codes are those of the reasons that a policy may give.
var codes = map[string]int{"Invalid": 422, "Forbidden": 403, "Unauthorized": 401, "RequestEntityTooLarge": 413}

// offlineVerdict evaluates a case without a server.
func (g *group) offlineVerdict(t *testing.T, c *cases.Case) verdict {
	t.Helper()
	mutation, err := g.offline.Mutate(context.Background(), c.Request)
	if err != nil {
		t.Fatalf("%s: %v", c, err)
	}
	decisions, err := g.offline.Evaluate(context.Background(), mutation.Request)
	if err != nil {
		t.Fatalf("%s: %v", c, err)
	}
	var v verdict
	for _, d := range decisions {
		if d.Outcome == engine.Admitted || d.Ignored {
			continue
		}
		for _, action := range d.Actions {
			switch action {
			case admissionv1.Deny:
				reason := string(d.Reason)
				if reason == "" {
					reason = "Invalid"
				}
				v.denials = append(v.denials, denial{Message: d.Message, Reason: reason, Code: codes[reason]})
			case admissionv1.Warn:
				v.warned = append(v.warned, d.Message)
			case admissionv1.Audit:
				v.audited = append(v.audited, d.Message)
			}
		}
	}
	slices.Sort(v.warned)
	slices.Sort(v.audited)
	return v
}

// plain is a verdict without who gave it.
func (v verdict) plain() verdict {
	v.denials = slices.Clone(v.denials)
	for i := range v.denials {
		v.denials[i].native = false
	}
	return v
}

// differs says how a server's verdict is not the one offline; "" when it is.
func (v verdict) differs(offline verdict) string {
	if v.refused {
		return ""
	}
	if len(v.denials) > 0 != (len(offline.denials) > 0) {
		return fmt.Sprintf("denials %+v, offline %+v", v.denials, offline.denials)
	}
	if len(v.denials) > 0 {
		d := v.denials[0]
		native := d.native
		d.native = false
		if !slices.Contains(offline.denials, d) {
			return fmt.Sprintf("denied with %+v, offline with %+v", d, offline.denials)
		}
		if native {
			return "" // webhooks were not asked
		}
	}
	if !slices.Equal(v.warned, offline.warned) {
		return fmt.Sprintf("warnings %q, offline %q", v.warned, offline.warned)
	}
	if !slices.Equal(v.audited, offline.audited) {
		return fmt.Sprintf("audit annotations %q, offline %q", v.audited, offline.audited)
	}
	return ""
}

// String is a verdict in the table: deny[unique-host], warn[covered].
func (v verdict) String() string {
	if v.refused {
		return "the server refuses"
	}
	var parts []string
	for _, d := range v.denials {
		parts = append(parts, "deny"+ruleNames([]string{d.Message}))
	}
	if len(v.warned) > 0 {
		parts = append(parts, "warn"+ruleNames(v.warned))
	}
	if len(v.audited) > 0 {
		parts = append(parts, "audit"+ruleNames(v.audited))
	}
	if len(parts) == 0 {
		return "admit"
	}
	return strings.Join(parts, " ")
}

func ruleNames(messages []string) string {
	var out []string
	for _, m := range messages {
		found := cases.Violations("", m)
		if len(found) == 0 {
			found = []string{"/without a rule"}
		}
		for _, rule := range found {
			out = append(out, strings.TrimPrefix(rule, "/"))
		}
	}
	slices.Sort(out)
	return "[" + strings.Join(slices.Compact(out), " ") + "]"
}

func jsonInto(content []byte, v any) bool { return json.Unmarshal(content, v) == nil }
