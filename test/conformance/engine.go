package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/policy/generic"
	"k8s.io/apiserver/pkg/admission/plugin/policy/matching"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/warning"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/policyc/policyc/test/conformance/cases"
)

// Engine evaluates requests against the policies that were installed.
type Engine struct {
	// installed are the objects as they were emitted.
	installed []*admissionv1.ValidatingAdmissionPolicy
	hooks     []hook
}

// hook is one validation of an object, and the policy that it came from.
type hook struct {
	policy string
	validating.PolicyHook
}

// Verdict is what the policies of a case made of its request.
type Verdict struct {
	// Deny, Warn and Audit are rules, as policy/rule, sorted.
	Deny, Warn, Audit []string
	// Messages are those of denials, warnings and audit entries.
	Messages []string
}

// Evaluate runs a case. An error is a fault of the case, or of a policy: an
// evaluation error is never a verdict.
func (e *Engine) Evaluate(ctx context.Context, c *cases.Case) (*Verdict, error) {
	v := &Verdict{}
	for _, hook := range e.hooks {
		if slices.Contains(c.Policies, hook.policy) {
			if err := e.dispatch(ctx, c, hook, v); err != nil {
				return nil, err
			}
		}
	}
	for _, list := range []*[]string{&v.Deny, &v.Warn, &v.Audit} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return v, nil
}

// dispatch sends the request through the API server's dispatcher.
func (e *Engine) dispatch(ctx context.Context, c *cases.Case, hook hook, v *Verdict) error {
	r, err := newRequest(c)
	if err != nil {
		return err
	}
	warnings := &recorder{}
	matcher := generic.NewPolicyMatcher(matching.NewMatcher(r.namespaces, nil))
	dispatcher := validating.NewDispatcher(noAuthorizer{}, matcher)
	err = dispatcher.Dispatch(warning.WithWarningRecorder(ctx, warnings), r, objectInterfaces(), []validating.PolicyHook{hook.PolicyHook})

	var denial *apierrors.StatusError
	switch {
	case errors.As(err, &denial):
		if err := v.add(&v.Deny, hook.policy, denial.Status().Message, "denied request: "); err != nil {
			return err
		}
	case err != nil:
		return err
	}
	for _, text := range warnings.texts {
		if err := v.add(&v.Warn, hook.policy, text, "': "); err != nil {
			return err
		}
	}
	var failures []validating.ValidationFailureValue
	if text, ok := r.annotations["validation.policy.admission.k8s.io/validation_failure"]; ok {
		if err := json.Unmarshal([]byte(text), &failures); err != nil {
			return err
		}
	}
	for _, f := range failures {
		if err := v.add(&v.Audit, hook.policy, f.Message, ""); err != nil {
			return err
		}
	}
	return nil
}

// add reads the rules out of a message, which begins after prefix. A message
// without rules is an evaluation error, or a message that was discarded.
func (v *Verdict) add(list *[]string, policy, message, prefix string) error {
	_, own, _ := strings.Cut(message, prefix)
	rules := cases.Violations(policy, own)
	if len(rules) == 0 {
		return fmt.Errorf("the message names no rule: %s", message)
	}
	*list = append(*list, rules...)
	v.Messages = append(v.Messages, own)
	return nil
}

// Compare says how a verdict differs from what a case expects; "" is not at all.
func Compare(c *cases.Case, v *Verdict) string {
	var out []string
	for _, part := range []struct {
		name       string
		want, have []string
	}{{"deny", c.Expect.Deny, v.Deny}, {"warn", c.Expect.Warn, v.Warn}, {"audit", c.Expect.Audit, v.Audit}} {
		if !slices.Equal(part.want, part.have) {
			out = append(out, fmt.Sprintf("%s: expected %v, got %v", part.name, part.want, part.have))
		}
	}
	if c.Expect.Message != "" {
		re, err := regexp.Compile(c.Expect.Message)
		if err != nil {
			out = append(out, fmt.Sprintf("message: %v", err))
		} else if !slices.ContainsFunc(v.Messages, re.MatchString) {
			out = append(out, fmt.Sprintf("message: nothing matches %q", c.Expect.Message))
		}
	}
	if out != nil {
		for _, m := range v.Messages {
			out = append(out, "message was: "+m)
		}
	}
	return strings.Join(out, "\n")
}

type recorder struct{ texts []string }

func (r *recorder) AddWarning(_, text string) { r.texts = append(r.texts, text) }

// noAuthorizer allows nobody anything.
type noAuthorizer struct{}

func (noAuthorizer) Authorize(context.Context, authorizer.Attributes) (authorizer.Decision, string, error) {
	return authorizer.DecisionNoOpinion, "", nil
}

func objectInterfaces() admission.ObjectInterfaces {
	return &admission.RuntimeObjectInterfaces{ObjectCreater: scheme.Scheme, ObjectTyper: scheme.Scheme, ObjectDefaulter: scheme.Scheme,
		ObjectConvertor: scheme.Scheme, EquivalentResourceMapper: runtime.NewEquivalentResourceRegistry()}
}
