package remote

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/policyc/policyc/runtime/cases"
	"github.com/policyc/policyc/runtime/suite"
)

// judge runs one case. An error means that nothing can be said about any.
func (r *run) judge(ctx context.Context, j *job) (out Result, err error) {
	if j.skip != "" {
		return j.without(&refusal{Skipped, j.skip}), nil
	}
	object := j.Object
	if j.Operation == "UPDATE" || j.Operation == "DELETE" {
		defer r.lock(j.main())()
		var made bool
		var no *refusal
		if made, no, err = r.store(ctx, j); made {
			defer func() { err = errors.Join(err, r.unstore(ctx, j)) }()
		}
		if no != nil || err != nil {
			return j.without(no), err
		}
	}
	if j.Operation == "UPDATE" {
		if object, err = r.changed(ctx, j); err != nil {
			return out, err
		}
	}
	if out, err = r.compared(ctx, j, object); err != nil || len(out.Differences) == 0 {
		return out, err
	}
	field, err := r.altered(ctx, j, object)
	if field != "" {
		return j.without(&refusal{Skipped, "the server drops or changes a field before policies see it: " + field}), nil
	}
	return out, err
}

// without is the result of a case that got no verdict.
func (j *job) without(no *refusal) Result {
	if no == nil {
		return Result{Case: j.Case}
	}
	return Result{Case: j.Case, Outcome: no.outcome, Why: no.why}
}

// compared sends the request of a case, and compares the verdicts.
func (r *run) compared(ctx context.Context, j *job, object map[string]any) (Result, error) {
	a, err := r.send(ctx, j, j.units, object)
	if err != nil {
		return Result{}, err
	}
	findings, foreign := r.findings(j.units, a), r.foreign(j.units, a)
	if len(findings) == 0 && foreign == "" && !admitted(a, j.Operation) {
		return j.without(refused(a, "")), nil
	}
	// Of several denials the server shows one: each is asked for by itself. Warnings that are cut may be missing, too.
	if len(findings) > 1 || len(j.units) > 1 && isCut(a) {
		findings = nil
		for _, u := range j.units {
			if a, err = r.send(ctx, j, []*unit{u}, object); err != nil {
				return Result{}, err
			}
			findings = append(findings, r.findings([]*unit{u}, a)...)
		}
	}
	out := Result{Case: j.Case, Outcome: Compared, Foreign: foreign, Offline: j.variant.Evaluate(ctx, j.Case), Server: &suite.Verdict{}}
	for _, f := range findings {
		f.addTo(out.Server)
		out.Differences = append(out.Differences, f.checkStatus()...)
	}
	sortRules(out.Server)
	out.Differences = append(compare(j.Case, out.Offline, out.Server), out.Differences...)
	return out, nil
}

// foreign names a policy of the cluster that denied the request. The server evaluates all policies before it denies, so that
// the verdict of the case's policies stands.
func (r *run) foreign(units []*unit, a *answer) string {
	m := denialForm.FindStringSubmatch(a.message)
	switch {
	case a.ok(), m != nil && slices.ContainsFunc(units, func(u *unit) bool { return u.name == m[1] }):
		return ""
	case m != nil:
		return "ValidatingAdmissionPolicy " + m[1]
	case a.status == http.StatusForbidden && strings.Contains(a.message, "exceeded quota"):
		return "a ResourceQuota" // comes after policies
	}
	return ""
}

// admitted reports whether an answer comes from behind admission: from storage, which has an object of the name already, or
// from a session that finds no Pod, or one that was stored for another case and never starts.
func admitted(a *answer, operation string) bool {
	switch {
	case a.ok():
		return true
	case operation == "CREATE":
		return a.status == http.StatusConflict && a.reason == string(metav1.StatusReasonAlreadyExists)
	case operation == "CONNECT":
		return a.status == http.StatusNotFound && strings.Contains(a.message, `" not found`) || strings.Contains(a.message, "does not have a host assigned")
	}
	return false
}

// refused says what to make of an answer to which policies had no part.
func refused(a *answer, what string) *refusal {
	why := what + a.message
	switch {
	case denialForm.MatchString(a.message): // of an object to be stored
		return &refusal{Blocked, why}
	case strings.Contains(a.message, "strict decoding error: unknown field"):
		return &refusal{Skipped, "the server does not know a field: " + why}
	case a.status == http.StatusNotFound:
		return &refusal{Skipped, "the server does not serve it: " + why}
	case a.status == http.StatusForbidden, a.status >= 500, a.status == http.StatusTooManyRequests, strings.Contains(a.message, "webhook "):
		return &refusal{Blocked, why}
	}
	return &refusal{Invalid, why}
}

// generatedPattern matches a message whatever name the server generates for the object.
func generatedPattern(c *cases.Case, message string) *regexp.Regexp {
	pattern := regexp.QuoteMeta(message)
	meta, _ := c.Object["metadata"].(map[string]any)
	if prefix, _ := meta["generateName"].(string); prefix != "" && meta["name"] == nil {
		pattern = strings.ReplaceAll(pattern, regexp.QuoteMeta(prefix+"xxxxx"), regexp.QuoteMeta(prefix)+"[a-z0-9]{5}")
	}
	return regexp.MustCompile("^(?s:" + pattern + ")$")
}
