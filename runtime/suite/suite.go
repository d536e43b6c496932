package suite

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/runtime/cases"
	"github.com/policyc/policyc/runtime/engine"
)

// Suite is cases, and for each of them the compiled policies that it tests.
type Suite struct {
	Cases []*cases.Case
	// Variants are the bundles that the cases run on: the first is that of
	// the policies as they are, the others have one policy with its
	// enforcement replaced for some cases.
	Variants []*Variant
	// variant is the variant of each case.
	variant map[*cases.Case]*Variant
}

// Variant is a compiled bundle and its engine.
type Variant struct {
	// Name is "" for the policies as they are, else it says which test
	// replaces what.
	Name   string
	Result *compiler.Result
	Bundle *engine.Bundle
	Engine *engine.Engine
	// engines are the engines for the policies of a test, by their names.
	engines map[string]*engine.Engine
	tracers tracers
}

// New compiles what the tests of the documents need. The result is that of
// the documents as they are, which must have no errors. Findings go into the
// report; with errors, the suite is nil.
func New(docs *syntax.Documents, result *compiler.Result, o compiler.Options, r *diag.Report) *Suite {
	loaded := cases.Load(docs, result.Project, cases.Options{ReadFile: o.ReadFile}, r)
	s := &Suite{Cases: loaded, variant: map[*cases.Case]*Variant{}}
	base := newVariant("", result, r)
	if base == nil {
		return nil
	}
	s.Variants = []*Variant{base}
	byPlace := map[[2]source.Span]*Variant{}
	for _, c := range loaded {
		if c.Override.IsZero() {
			s.variant[c] = base
			continue
		}
		key := place(c.Override)
		if _, seen := byPlace[key]; !seen {
			byPlace[key] = override(docs, c, o, r)
			if v := byPlace[key]; v != nil {
				s.Variants = append(s.Variants, v)
			}
		}
		s.variant[c] = byPlace[key]
	}
	if r.HasErrors() {
		return nil
	}
	return s
}

// place tells overrides apart: by where they are written.
func place(o syntax.Override) [2]source.Span {
	key := [2]source.Span{o.Enforce.Span}
	if len(o.Parameters) > 0 {
		key[1] = o.Parameters[0].Key.Span
	}
	return key
}

func newVariant(name string, result *compiler.Result, r *diag.Report) *Variant {
	v := &Variant{Name: name, Result: result, engines: map[string]*engine.Engine{}}
	var err error
	if v.Bundle, err = engine.ReadBundle(result.Files, result.Programs); err == nil {
		v.Engine, err = engine.New(v.Bundle)
	}
	if err != nil {
		r.Errorf(diag.Internal, source.Span{}, "what was compiled cannot be evaluated: %v", err)
		return nil
	}
	v.Engine = WithLifecycle(v.Engine, result).WithEquivalents(Equivalents(result.Project.Schemas.Kinds()))
	return v
}

// WithLifecycle gives an engine that mutates what the API server does to the
// objects of a project around that.
func WithLifecycle(e *engine.Engine, result *compiler.Result) *engine.Engine {
	if !e.Mutates() {
		return e
	}
	return e.WithLifecycle(cases.Lifecycle(result.Project))
}

// override compiles the policy of a case with its enforcement replaced.
func override(docs *syntax.Documents, c *cases.Case, o compiler.Options, r *diag.Report) *Variant {
	before := r.Len()
	own := diag.NewReport()
	result := compiler.CompileDocuments(Alone(docs, c), o, own)
	r.Merge(own)
	if r.ErrorsSince(before) {
		return nil
	}
	return newVariant(fmt.Sprintf("%s as in %s", c.Policies[0], c.Test), result, r)
}

// Alone returns the documents with only the first policy of a case, which is
// enforced as the case says, and its exceptions.
func Alone(docs *syntax.Documents, c *cases.Case) *syntax.Documents {
	name := c.Policies[0]
	i := slices.IndexFunc(docs.Policies, func(p *syntax.Policy) bool { return p.Name.Value == name })
	p := *docs.Policies[i]
	if !c.Override.Enforce.Span.IsZero() {
		p.Enforce = c.Override.Enforce
	}
	p.Enforce = withParameters(p.Enforce, c.Override.Parameters)
	alone := *docs
	alone.Policies, alone.Tests = []*syntax.Policy{&p}, nil
	alone.Exceptions = exceptionsFor(docs.Exceptions, name)
	return &alone
}

// withParameters replaces values in every environment. One word for the
// whole cluster becomes an environment, which is what can have values.
func withParameters(e syntax.Enforce, values []syntax.Entry) syntax.Enforce {
	if len(values) == 0 {
		return e
	}
	out := e
	out.Environments = nil
	environments := e.Environments
	if len(environments) == 0 {
		environments = []*syntax.Environment{{Span: e.Span, Name: source.Synthetic("everywhere"), Actions: []source.Text{e.Everywhere}}}
		out.Everywhere = source.Text{}
	}
	for _, env := range environments {
		changed := *env
		changed.Parameters = slices.Clone(values)
		for _, p := range env.Parameters {
			if !slices.ContainsFunc(values, func(v syntax.Entry) bool { return v.Key.Value == p.Key.Value }) {
				changed.Parameters = append(changed.Parameters, p)
			}
		}
		out.Environments = append(out.Environments, &changed)
	}
	return out
}

// exceptionsFor are the exceptions of a policy, about it alone.
func exceptionsFor(all []*syntax.Exception, policy string) []*syntax.Exception {
	var out []*syntax.Exception
	for _, e := range all {
		own := *e
		own.Policies = slices.DeleteFunc(slices.Clone(e.Policies), func(t source.Text) bool {
			return t.Value != policy && !(len(t.Value) > len(policy) && t.Value[:len(policy)+1] == policy+"/")
		})
		if len(own.Policies) > 0 {
			out = append(out, &own)
		}
	}
	return out
}

// Result is what came of a case.
type Result struct {
	Case        *cases.Case
	Verdict     *Verdict
	Differences []Difference
	Elapsed     time.Duration
}

// Passed reports whether the verdict is what the case expects.
func (r *Result) Passed() bool { return len(r.Differences) == 0 }

// Variant returns what a case runs on.
func (s *Suite) Variant(c *cases.Case) *Variant { return s.variant[c] }

// Run runs the cases, several at a time, and returns their results in order.
func (s *Suite) Run(ctx context.Context, list []*cases.Case) []Result {
	for _, c := range list {
		s.variant[c].prepare(c.Policies)
	}
	results := make([]Result, len(list))
	Each(len(list), func(i int) {
		begin := time.Now()
		verdict := s.variant[list[i]].Evaluate(ctx, list[i])
		results[i] = Result{Case: list[i], Verdict: verdict, Differences: Compare(list[i].Expect, verdict), Elapsed: time.Since(begin)}
	})
	return results
}

// Each calls f for 0 to n-1, on all cores.
func Each(n int, f func(i int)) {
	var wait sync.WaitGroup
	var next atomic.Int64
	for range min(n, runtime.GOMAXPROCS(0)) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wait.Wait()
}

// prepare makes the engine for a set of policies, which Evaluate then reads.
func (v *Variant) prepare(policies []string) {
	key := fmt.Sprint(policies)
	if v.engines[key] == nil {
		v.engines[key] = v.Engine.For(policies...)
	}
}

// For returns the engine of a set of policies.
func (v *Variant) For(policies []string) *engine.Engine {
	if e := v.engines[fmt.Sprint(policies)]; e != nil {
		return e
	}
	return v.Engine.For(policies...)
}

// Evaluate returns the verdict on the request of a case.
func (v *Variant) Evaluate(ctx context.Context, c *cases.Case) *Verdict {
	e := v.For(c.Policies)
	mutation, err := e.Mutate(ctx, c.Request)
	if err != nil {
		return &Verdict{Errors: []string{err.Error()}}
	}
	decisions, err := e.Evaluate(ctx, mutation.Request)
	if err != nil {
		return &Verdict{Errors: []string{err.Error()}}
	}
	verdict := NewVerdict(decisions, c.Policies)
	verdict.mutated(mutation)
	return verdict
}

// Validated is the request of a case as validation sees it.
func (v *Variant) Validated(ctx context.Context, c *cases.Case) (*engine.Request, error) {
	mutation, err := v.For(c.Policies).Mutate(ctx, c.Request)
	if err != nil {
		return nil, err
	}
	return mutation.Request, nil
}
