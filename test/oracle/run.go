package oracle

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"

	celgo "github.com/google/cel-go/cel"
	celtypes "github.com/google/cel-go/common/types"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/cel/environment"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/ir"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/compiler/target"
)

// program is a compiled policy, ready to run as an API server runs it.
type program struct {
	evaluator cel.ConditionEvaluator
	// conditions are the match conditions.
	conditions cel.ConditionEvaluator
	withParams bool
	rules      []*rule
	// policy is what was compiled: what the checker refuses is left out.
	policy *policy
	// code is the CEL of each rule.
	code []string
}

// project has small lists: the cost of what is made at random is no matter here.
const project = `apiVersion: policyc.dev/v1alpha1
kind: Project
metadata: {name: oracle}
spec:
  kubernetes: {minVersion: "%s"}
  crds: [crds.yaml]
`

// rejection is a rule that the compiler's checker does not take.
type rejection struct {
	rule *rule
	text string
}

// build compiles a policy for a target. Rules that the checker refuses are left
// out, and returned.
func build(p *policy, v target.Version) (*program, []rejection, error) {
	p, result, rejected, err := accepted(p, v)
	if err != nil || len(p.rules) == 0 {
		return &program{}, rejected, err
	}
	if len(result.Programs) != 1 {
		return nil, rejected, fmt.Errorf("%d programs", len(result.Programs))
	}
	out, err := load(p, result.Programs[0], v)
	return out, rejected, err
}

// accepted compiles a policy without what the checker refuses, and returns what
// is left of it.
func accepted(p *policy, v target.Version) (*policy, *compiler.Result, []rejection, error) {
	var rejected []rejection
	for len(p.rules) > 0 {
		result, refused, err := compilePolicy(p, v)
		if err != nil {
			return p, nil, rejected, err
		}
		if len(refused) == 0 {
			return p, result, rejected, nil
		}
		rejected = append(rejected, refused...)
		if refused[0].rule == nil {
			// A variable or a function is refused: what reads one goes with it.
			q := *p.without(func(r *rule) bool { return r.readsShared() || p.readsLookups(r) })
			q.variables, q.functions, q.when, q.exclude, q.exceptions, q.lookups = nil, nil, nil, nil, nil, nil
			p = &q
			continue
		}
		p = p.without(func(r *rule) bool {
			for _, x := range refused {
				if x.rule == r {
					return true
				}
			}
			return false
		})
	}
	return p, nil, rejected, nil
}

// compilePolicy runs policyc's own pipeline over a policy document.
func compilePolicy(p *policy, v target.Version) (*compiler.Result, []rejection, error) {
	text, firstRule := p.source()
	report := diag.NewReport()
	inputs := []syntax.Input{{Path: "policyc.yaml", Data: []byte(fmt.Sprintf(project, v))}, {Path: "p.yaml", Data: []byte(text + p.exceptionSource())}}
	if len(p.functions) > 0 {
		inputs = append(inputs, syntax.Input{Path: "library.yaml", Data: []byte(p.library())})
	}
	result := compiler.Compile(inputs, compiler.Options{Now: time.Unix(0, 0), ReadFile: func(string) ([]byte, error) { return crds, nil }}, report)
	var rejected []rejection
	for _, d := range report.Sorted() {
		if d.Severity != diag.Error || d.Code == diag.OverBudget {
			continue
		}
		line := 0
		if d.At.File != nil && d.At.File.Path == "p.yaml" {
			line = d.At.File.Position(d.At.Start).Line - firstRule
		}
		inLibrary := d.At.File != nil && d.At.File.Path == "library.yaml"
		if (inLibrary || line < 0 || line >= len(p.rules)) && d.Code != diag.Internal && p.shares() {
			return nil, []rejection{{nil, d.Message}}, nil
		}
		if d.Code == diag.Internal || line < 0 || line >= len(p.rules) || d.At.File == nil {
			return nil, nil, fmt.Errorf("%s: %s %v", d.At, d.Message, d.Notes)
		}
		rejected = append(rejected, rejection{p.rules[line], d.Message})
	}
	if len(rejected) > 0 {
		return nil, rejected, nil
	}
	return result, nil, nil
}

// celExpression is an expression for the API server's compiler.
type celExpression struct{ name, text string }

// celCondition is one that must be a bool for the API server.
type celCondition struct{ celExpression }

func (e *celCondition) ReturnTypes() []*celgo.Type { return []*celgo.Type{celgo.BoolType} }

func (e *celExpression) GetName() string            { return e.name }
func (e *celExpression) GetExpression() string      { return e.text }
func (e *celExpression) ReturnTypes() []*celgo.Type { return []*celgo.Type{celgo.AnyType} }

// load compiles a program as an API server of that version does: what is new
// must be known to the minor before it, too.
func load(p *policy, made *ir.Program, v target.Version) (*program, error) {
	if err := loadable(made, v); err != nil {
		return nil, err
	}
	c, err := compileVariables(made, environment.MustBaseEnvSet(version.MajorMinor(1, uint(v))), environment.StoredExpressions)
	if err != nil {
		return nil, err
	}
	out := &program{rules: p.rules, policy: p}
	var asked []cel.ExpressionAccessor
	for i, r := range made.Policies[0].Rules {
		if r.Name != p.rules[i].Name {
			return nil, fmt.Errorf("rule %s became %s", p.rules[i].Name, r.Name)
		}
		for _, variable := range made.Variables {
			if variable.Name == r.Variable {
				out.code = append(out.code, code.Print(variable.Code))
			}
		}
		asked = append(asked, &celExpression{text: "variables." + r.Variable})
	}
	asked = append(asked, &celExpression{text: "variables.violations"})
	declared := cel.OptionalVariableDeclarations{HasParams: made.Params != nil}
	out.evaluator = c.CompileCondition(asked, declared, environment.StoredExpressions)
	if out.conditions, err = compileConditions(made, environment.MustBaseEnvSet(version.MajorMinor(1, uint(v))), environment.StoredExpressions); err != nil {
		return nil, err
	}
	out.withParams = made.Params != nil
	return out, nil
}

// loadable compiles the program as the API server does when it is created.
func loadable(p *ir.Program, v target.Version) error {
	if _, err := compileConditions(p, v.EnvSet(), environment.NewExpressions); err != nil {
		return err
	}
	_, err := compileVariables(p, v.EnvSet(), environment.NewExpressions)
	return err
}

// compileConditions compiles the match conditions, for which no variables exist.
func compileConditions(p *ir.Program, env *environment.EnvSet, mode environment.Type) (cel.ConditionEvaluator, error) {
	var asked []cel.ExpressionAccessor
	for _, c := range p.Conditions {
		asked = append(asked, &celCondition{celExpression{c.Name, code.Print(c.Code)}})
	}
	out := cel.NewConditionCompiler(env).CompileCondition(asked, cel.OptionalVariableDeclarations{HasParams: p.Params != nil || p.Pushed != nil, HasAuthorizer: true}, mode)
	if errs := out.CompilationErrors(); len(errs) > 0 {
		return nil, fmt.Errorf("the API server refuses a match condition: %w", errs[0])
	}
	return out, nil
}

func compileVariables(p *ir.Program, env *environment.EnvSet, mode environment.Type) (*cel.CompositedCompiler, error) {
	c, err := cel.NewCompositedCompiler(env)
	if err != nil {
		return nil, err
	}
	for _, v := range p.Variables {
		e := &celExpression{v.Name, code.Print(v.Code)}
		if r := c.CompileAndStoreVariable(e, cel.OptionalVariableDeclarations{HasParams: p.Params != nil || p.Pushed != nil, HasAuthorizer: true}, mode); r.Error != nil {
			return nil, fmt.Errorf("the API server refuses the variable %s: %w\n%s", v.Name, r.Error, e.text)
		}
	}
	return c, nil
}

// outcome is what became of a rule: its messages, or an error.
type outcome struct {
	messages []string
	err      error
}

// run judges an input by all rules. The last outcome is that of all together.
func (p *program) run(in *input) ([]outcome, error) {
	bindings := cel.OptionalVariableBindings{}
	if p.withParams {
		bindings.VersionedParams = in.parameters()
	}
	results, _, err := p.evaluator.ForInput(context.Background(), in.attributes(), in.request(), bindings, in.namespaceObject(), math.MaxInt64)
	if err != nil {
		return nil, err
	}
	matched, _, err := p.conditions.ForInput(context.Background(), in.attributes(), in.request(), bindings, nil, math.MaxInt64)
	if err != nil {
		return nil, err
	}
	out := make([]outcome, len(results))
	for i, r := range results {
		if out[i].err = r.Error; r.Error != nil {
			continue
		}
		list, err := r.EvalResult.ConvertToNative(reflect.TypeFor[[]string]())
		if err != nil {
			return nil, err
		}
		out[i].messages = list.([]string)
	}
	for _, m := range matched {
		last := &out[len(out)-1]
		if m.Error != nil {
			last.err = m.Error
		} else if m.EvalResult != celtypes.True {
			last.messages = nil
		}
	}
	return out, nil
}

// exempt reports whether an evaluation may end in this error: these two are
// what promise 1 of the design leaves open.
func exempt(err error) bool {
	return errors.Is(err, errOverflow) || strings.Contains(err.Error(), "overflow") || strings.Contains(err.Error(), "cost limit exceeded")
}
