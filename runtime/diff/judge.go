package diff

import (
	"cmp"
	"context"
	"slices"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/runtime/engine"
	"github.com/policyc/policyc/runtime/suite"
)

// NewJudge returns the judge of what a side compiled to. One without policies
// admits everything.
func NewJudge(side *compiler.Result) (Judge, error) {
	if !hasRules(side) {
		return func(context.Context, Item) (Verdict, error) { return Verdict{}, nil }, nil
	}
	bundle, err := engine.ReadBundle(side.Files, side.Programs)
	if err != nil {
		return nil, err
	}
	e, err := engine.New(bundle)
	if err != nil {
		return nil, err
	}
	e = e.WithEquivalents(suite.Equivalents(side.Project.Schemas.Kinds()))
	e = suite.WithLifecycle(e, side)
	return func(ctx context.Context, item Item) (Verdict, error) {
		only := e
		if len(item.Policies) > 0 && e.Mutates() {
			only = e.For(item.Policies...) // what others mutate is not part of a case
		}
		mutation, err := only.Mutate(ctx, item.Request)
		if err != nil {
			return Verdict{}, err
		}
		decisions, err := only.Evaluate(ctx, mutation.Request)
		if err != nil {
			return Verdict{}, err
		}
		return verdict(append(mutation.Failures, decisions...), item.Policies), nil
	}, nil
}

var actionOf = map[admissionv1.ValidationAction]Action{admissionv1.Deny: Deny, admissionv1.Warn: Warn, admissionv1.Audit: Audit}

// verdict puts together what the policies made of a request. An evaluation
// error counts as what the API server makes of it.
func verdict(decisions []engine.Decision, policies []string) Verdict {
	var v Verdict
	for _, d := range decisions {
		if d.Policy != "" && len(policies) > 0 && !slices.Contains(policies, d.Policy) {
			continue
		}
		f := Finding{Policy: cmp.Or(d.Policy, d.Object), Rules: d.Rules(), Message: d.Message}
		switch d.Outcome {
		case engine.Admitted:
			continue
		case engine.Failed:
			if d.Ignored {
				continue
			}
			if d.Err != nil {
				f.Message = "evaluation failed: " + d.Err.Error()
			}
		}
		for _, a := range d.Actions {
			f.Action = actionOf[a]
			v.Findings = append(v.Findings, f)
		}
	}
	return v
}
