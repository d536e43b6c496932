package mutate

import (
	"context"
	"slices"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/policyc/policyc/runtime/api"
	"github.com/policyc/policyc/runtime/cases"
	"github.com/policyc/policyc/runtime/engine"
	"github.com/policyc/policyc/runtime/suite"
)

// runner runs cases against mutants.
type runner struct {
	suite *suite.Suite
	// cases are those that pass without any alteration.
	cases   []*cases.Case
	failing []string
}

func newRunner(ctx context.Context, s *suite.Suite, list []*cases.Case) *runner {
	r := &runner{suite: s}
	for _, result := range s.Run(ctx, list) {
		if result.Passed() {
			r.cases = append(r.cases, result.Case)
		} else {
			r.failing = append(r.failing, result.Case.ID())
		}
	}
	return r
}

// judge says what becomes of a mutant; nothing when it is interrupted.
func (r *runner) judge(ctx context.Context, m *mutation) {
	if m.Status == "" && ctx.Err() == nil {
		r.run(ctx, m)
	}
}

func (r *runner) run(ctx context.Context, m *mutation) {
	altered, err := m.engines()
	if err != nil {
		m.Status, m.Reason = Invalid, err.Error()
		return
	}
	m.Status = Survived
	for _, c := range r.cases {
		a := altered[r.suite.Variant(c)]
		if a == nil || !slices.ContainsFunc(c.Policies, func(name string) bool { return slices.Contains(a.policies, name) }) {
			continue
		}
		request, err := r.suite.Variant(c).Validated(ctx, c)
		if err != nil {
			m.Status, m.KilledBy = Killed, c.ID()
			return
		}
		decisions, err := a.engine.For(c.Policies...).Evaluate(ctx, request)
		if err != nil || len(suite.Compare(c.Expect, suite.NewVerdict(decisions, c.Policies))) > 0 {
			m.Status, m.KilledBy = Killed, c.ID()
			return
		}
	}
}

// altered is a variant with a mutation made in it.
type altered struct {
	engine *engine.Engine
	// policies are those in the objects that changed.
	policies []string
}

// engines compiles the objects of a mutation, and leaves the rest as it is.
func (m *mutation) engines() (map[*suite.Variant]*altered, error) {
	out := map[*suite.Variant]*altered{}
	for _, s := range m.sites {
		a := out[s.variant]
		if a == nil {
			a = &altered{engine: s.variant.Engine}
			out[s.variant] = a
		}
		o := find(s.variant, s.object).copy()
		s.apply(o)
		var err error
		a.engine, err = a.engine.Replace(&engine.Bundle{
			Compiled: map[string]*api.CompiledPolicy{s.object: o.compiled},
			Policies: []*admissionv1.ValidatingAdmissionPolicy{o.policy},
			Bindings: map[string][]*admissionv1.ValidatingAdmissionPolicyBinding{s.object: o.bindings},
			Programs: s.variant.Bundle.Programs,
		})
		if err != nil {
			return nil, err
		}
		for _, d := range s.variant.Bundle.Programs[s.object].Policies {
			a.policies = append(a.policies, d.Name)
		}
	}
	return out, nil
}

// find returns an object of a bundle.
func find(v *suite.Variant, name string) *object {
	for _, p := range v.Bundle.Policies {
		if p.Name == name {
			return &object{p, v.Bundle.Bindings[name], v.Bundle.Compiled[name]}
		}
	}
	panic("mutate: a program without an object: " + name)
}

func (o *object) copy() *object {
	out := &object{policy: o.policy.DeepCopy(), compiled: o.compiled.DeepCopy()}
	for _, b := range o.bindings {
		out.bindings = append(out.bindings, b.DeepCopy())
	}
	return out
}
