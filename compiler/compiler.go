// Package compiler turns policy documents into admission objects. It is the
// one place that knows the order of the passes.
//
//	policies/*.yaml → generated/native/*.yaml, generated/crds/*.yaml, REPORT.md
package compiler

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/policyc/policyc/compiler/check"
	"github.com/policyc/policyc/compiler/cost"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/emit"
	"github.com/policyc/policyc/compiler/ir"
	"github.com/policyc/policyc/compiler/link"
	"github.com/policyc/policyc/compiler/lower"
	"github.com/policyc/policyc/compiler/place"
	"github.com/policyc/policyc/compiler/resolve"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/syntax"
)

// Options are what a command line adds to the files.
type Options struct {
	// KubeVersion is the lowest Kubernetes version to support, "" for the
	// project's.
	KubeVersion string
	// AllowExpired drops expired exceptions with a warning.
	AllowExpired bool
	// Now is the time by which exceptions expire.
	Now time.Time
	// ReadFile reads the CRD files that the project names.
	ReadFile func(path string) ([]byte, error)
	// Trace gives the rules of programs a Trace.
	Trace bool
	// Mutation says where mutations run: auto (or ""), native or webhook.
	Mutation string
}

// Result is what was compiled.
type Result struct {
	Project  *resolve.Project
	Programs []*ir.Program
	// Costs has the cost of each program, by name.
	Costs map[string]*cost.Result
	// Files are the files of the output folder by relative path; nil when
	// there were errors.
	Files map[string][]byte
}

// Compile compiles the inputs. Findings go into the report; when it has
// errors, the result has no files. Compile does not panic: a fault in a pass
// becomes a diagnostic that names the policy.
func Compile(inputs []syntax.Input, o Options, r *diag.Report) *Result {
	// Documents that have errors are marked as broken and left out later, so
	// that their names still resolve.
	return CompileDocuments(syntax.Load(inputs, r), o, r)
}

// CompileDocuments is Compile for documents that were loaded already.
func CompileDocuments(docs *syntax.Documents, o Options, r *diag.Report) (result *Result) {
	result = &Result{Costs: map[string]*cost.Result{}}
	defer guard(r, source.Span{}, "compiling")

	result.Project = resolve.Resolve(docs, resolve.Options{KubeVersion: o.KubeVersion,
		AllowExpired: o.AllowExpired, Now: o.Now, ReadFile: o.ReadFile, Trace: o.Trace, Mutation: o.Mutation}, r)

	// Policies are independent of one another from here on. Placement comes
	// before lowering, which depends on the backend.
	programs := compilePolicies(result.Project, r)

	// Joining gives objects other names, so that names are compared and costs
	// estimated for what is emitted.
	result.Programs = link.Link(programs, result.Project.Layout)
	checkNames(result.Project, result.Programs, r)
	checkCosts(result, r)
	if r.HasErrors() {
		return result
	}
	result.Files = emit.Emit(emit.Input{Programs: result.Programs, Costs: result.Costs,
		Target: result.Project.Target.String(), Excluded: result.Project.Namespaces,
		Webhook: emit.Webhook{Namespace: result.Project.Webhook.Namespace, Service: result.Project.Webhook.Service,
			Configuration: result.Project.Webhook.Configuration}})
	return result
}

// guard turns a panic into a diagnostic that names where it happened.
func guard(r *diag.Report, at source.Span, doing string) {
	if p := recover(); p != nil {
		r.Errorf(diag.Internal, at, "%s failed: %v", doing, p).Notef("%s", faultSite(debug.Stack()))
	}
}

// faultSite returns the first line of a stack that is in policyc's own code.
func faultSite(stack []byte) string {
	lines := strings.Split(string(stack), "\n")
	panicked := false
	for i, line := range lines {
		panicked = panicked || strings.HasPrefix(line, "panic(")
		if panicked && strings.Contains(line, "policyc/compiler") && !strings.HasPrefix(line, "\t") && i+1 < len(lines) {
			name, _, _ := strings.Cut(line, "(")
			return "in " + name
		}
	}
	return "no stack"
}

// compilePolicies compiles every policy on its own, several at a time. The
// order of the result is that of the policies.
func compilePolicies(project *resolve.Project, r *diag.Report) []*ir.Program {
	type outcome struct {
		programs []*ir.Program
		report   *diag.Report
	}
	outcomes := make([]outcome, len(project.Policies))
	var wait sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, p := range project.Policies {
		wait.Add(1)
		slots <- struct{}{}
		go func() {
			defer func() { <-slots; wait.Done() }()
			outcomes[i].report = diag.NewReport()
			outcomes[i].programs = compilePolicy(project, p, outcomes[i].report)
		}()
	}
	wait.Wait()
	var programs []*ir.Program
	for _, o := range outcomes {
		r.Merge(o.report)
		programs = append(programs, o.programs...)
	}
	return programs
}

func compilePolicy(project *resolve.Project, p *resolve.Policy, r *diag.Report) (programs []*ir.Program) {
	defer guard(r, p.Span, fmt.Sprintf("compiling policy `%s`", p.Name.Value))
	supported := place.Check(p, project, r)
	for _, group := range lower.Groups(p) {
		if place.Mutates(p.Policy) {
			checked := check.Mutations(project, p, group, r)
			if checked != nil && supported {
				programs = appendProgram(programs, lower.Mutations(checked))
			}
		}
		if place.Validates(p.Policy) || !supported {
			checked := check.Check(project, p, group, r)
			if checked != nil && supported {
				programs = append(programs, lower.Lower(checked, place.Split(checked))...)
			}
		}
	}
	return programs
}

// appendProgram leaves out what came to nothing: mutations in environments
// that switch none on.
func appendProgram(programs []*ir.Program, p *ir.Program) []*ir.Program {
	if p == nil {
		return programs
	}
	return append(programs, p)
}

// checkNames reports two objects of one name, as policy `a` with environment
// `b` and policy `a-b` would give.
func checkNames(project *resolve.Project, programs []*ir.Program, r *diag.Report) {
	owners := map[string]*ir.Program{}
	claim := func(kind, name string, p *ir.Program) {
		first, taken := owners[kind+name]
		owners[kind+name] = p
		if !taken || first == p {
			return
		}
		policy := p.Policies[0].Name
		if other := first.Policies[0].Name; other != policy {
			r.Errorf(diag.DuplicateName, policySpan(project, policy), "policies `%s` and `%s` both generate the %s `%s`", other, policy, kind, name).
				Helpf("rename one of the policies, or one of its environments")
		} else if kind != "CRD" { // its programs share it
			r.Errorf(diag.DuplicateName, policySpan(project, policy), "policy `%s` generates two %ss `%s`", policy, kind, name).
				Helpf("rename one of its rules or environments")
		}
	}
	for _, p := range programs {
		claim("policy object", p.Name, p)
		for _, b := range p.Bindings {
			claim("binding", b.Name, p)
		}
		if p.Params != nil {
			claim("CRD", p.Params.Plural, p)
		}
	}
}

// checkCosts compiles every program with the API server's environment and
// reports what is over its budgets.
func checkCosts(result *Result, r *diag.Report) {
	if len(result.Programs) == 0 {
		return
	}
	model, err := cost.New(result.Project.Target, result.Project.Limits)
	if err != nil {
		r.Errorf(diag.Internal, source.Span{}, "cost model: %v", err)
		return
	}
	costs := make([]*cost.Result, len(result.Programs))
	reports := make([]*diag.Report, len(result.Programs))
	var wait sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, p := range result.Programs {
		wait.Add(1)
		slots <- struct{}{}
		go func() {
			defer func() { <-slots; wait.Done() }()
			reports[i] = diag.NewReport()
			costs[i] = checkCost(model, result.Project, p, reports[i])
		}()
	}
	wait.Wait()
	for i, p := range result.Programs {
		r.Merge(reports[i])
		if costs[i] != nil {
			result.Costs[p.Name] = costs[i]
		}
	}
}

func checkCost(model *cost.Model, project *resolve.Project, p *ir.Program, r *diag.Report) *cost.Result {
	at := policySpan(project, p.Policies[0].Name)
	defer guard(r, at, fmt.Sprintf("estimating the cost of `%s`", p.Name))
	c, err := model.Check(p)
	if err != nil {
		r.Errorf(diag.Internal, at, "policy `%s`: %v", p.Name, err)
		return nil
	}
	for _, e := range c.Worst() {
		model.Explain(p, e)
		d := r.Errorf(diag.OverBudget, at, "%s of `%s` costs up to %s; the API server allows %s", e.Part, p.Name,
			emit.Thousands(e.Cost), emit.Thousands(cost.PerExpression))
		if e.Source != "" {
			d.Notef("it comes from %s", e.Source)
		}
		if e.Dominant != "" {
			d.Notef("most of it is `%s`: %s", e.Dominant, emit.Thousands(e.DominantCost))
		}
		d.Helpf("state smaller sizes under `limits` of the project if they hold, or nest fewer loops")
	}
	if len(c.Worst()) == 0 && c.Total > cost.PerPolicy {
		r.Errorf(diag.OverBudget, at, "`%s` costs up to %s; the API server allows %s for a policy", p.Name,
			emit.Thousands(c.Total), emit.Thousands(cost.PerPolicy))
	}
	if c.Conditions > cost.PerConditions {
		r.Errorf(diag.OverBudget, at, "the match conditions of `%s` cost up to %s; the API server allows %s", p.Name,
			emit.Thousands(c.Conditions), emit.Thousands(cost.PerConditions))
	}
	return c
}

func policySpan(project *resolve.Project, name string) source.Span {
	i, found := slices.BinarySearchFunc(project.Policies, name, func(p *resolve.Policy, name string) int {
		return strings.Compare(p.Name.Value, name)
	})
	if !found {
		return source.Span{}
	}
	return project.Policies[i].Name.Span
}

// ExpressionBudget is what the API server lets one expression spend.
const ExpressionBudget = cost.PerExpression
