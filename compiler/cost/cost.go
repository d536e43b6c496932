// Package cost compiles programs as the API server does, and estimates what
// evaluating them costs with the API server's own cost model.
//
//	variables.containers.all(c, …) at 20 containers → 1,240 of 1,000,000
package cost

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/checker"
	"github.com/google/cel-go/common/ast"
	celtypes "github.com/google/cel-go/common/types"
	"k8s.io/apimachinery/pkg/util/version"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	apiservercel "k8s.io/apiserver/pkg/cel"
	"k8s.io/apiserver/pkg/cel/common"
	"k8s.io/apiserver/pkg/cel/environment"
	"k8s.io/apiserver/pkg/cel/library"
	"k8s.io/apiserver/pkg/cel/mutation"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/ir"
	"github.com/policyc/policyc/compiler/target"
)

// Budgets of the API server (k8s.io/apiserver/pkg/apis/cel/config.go).
const (
	// PerExpression is what one expression may spend.
	PerExpression = uint64(celconfig.PerCallLimit)
	// PerPolicy is what the validations and variables of a program may
	// spend together.
	PerPolicy = uint64(celconfig.RuntimeCELCostBudget)
	// PerConditions is what its match conditions may spend together.
	PerConditions = uint64(celconfig.RuntimeCELCostBudgetMatchConditions)
)

// Sizes that costs are computed for, unless the project says otherwise.
const (
	defaultList   = 20
	defaultMap    = 20
	defaultString = 128
)

// Model estimates costs for one target version.
type Model struct {
	env *cel.Env
	// webhook is the environment of the companion webhook, which has the CEL of
	// the newest API server; patches is that one, or env, with the types that
	// mutations return.
	webhook, patches *cel.Env
	limits           map[string]int
	// known has what was compiled before, by its text and the types of the
	// variables in it: the pod, the containers and the message of most
	// programs are the same.
	known sync.Map // of string to known
}

// known is what an expression costs, and its type.
type known struct {
	cost   uint64
	result *cel.Type
}

// New returns the cost model of a version at the sizes that the project
// states: `lists`, `maps` and `strings` in general, or the name of a field.
func New(v target.Version, limits map[string]int) (*Model, error) {
	env, err := newEnv(v)
	if err != nil {
		return nil, err
	}
	webhook, err := newEnv(target.Newest)
	if err != nil {
		return nil, err
	}
	mutating := webhook
	if v.Has(target.MutatingAdmissionPolicy) {
		mutating = env
	}
	patches, err := mutating.Extend(common.ResolverEnvOption(&mutation.DynamicTypeResolver{}), library.JSONPatch())
	if err != nil {
		return nil, err
	}
	return &Model{env: env, webhook: webhook, patches: patches, limits: limits}, nil
}

func newEnv(v target.Version) (*cel.Env, error) {
	namespace, request := plugincel.BuildNamespaceType(), plugincel.BuildRequestType()
	set, err := v.EnvSet().Extend(environment.VersionedOptions{
		IntroducedVersion: version.MajorMinor(1, 0),
		EnvOptions: []cel.EnvOption{
			cel.Variable("object", cel.DynType), cel.Variable("oldObject", cel.DynType), cel.Variable("params", cel.DynType),
			cel.Variable("namespaceObject", namespace.CelType()), cel.Variable("request", request.CelType()),
			cel.Variable("authorizer", library.AuthorizerType),
			cel.Variable("authorizer.requestResource", library.ResourceCheckType),
		},
		DeclTypes: []*apiservercel.DeclType{namespace, request},
	})
	if err != nil {
		return nil, err
	}
	return set.Env(environment.NewExpressions)
}

// Estimate is the worst cost of a part of a program.
type Estimate struct {
	// Part names it: `variable pod`, `validation`, `condition when`.
	Part, Source string
	Cost         uint64
	Code         *code.Expr
	// Message marks the text of a denial, evaluated only for violations.
	Message bool
	// Dominant is the sub-expression that costs the most, with its cost.
	Dominant     string
	DominantCost uint64
}

// Result is the cost of a program.
type Result struct {
	Parts []Estimate
	// Total is the cost of variables and validations together, Conditions
	// that of the match conditions.
	Total, Conditions uint64
}

// Check compiles every expression of a program with the API server's
// environment, which is policyc's own proof that the server will take it, and
// estimates costs. An error is a fault of policyc.
func (m *Model) Check(p *ir.Program) (*Result, error) {
	out := &Result{}
	// variables are the types of the variables so far, by `variables.name`.
	variables := map[string]*cel.Type{}
	for _, c := range p.Conditions {
		e, _, err := m.estimate(m.env, variables, "condition "+c.Name, c.Code, cel.BoolType)
		if err != nil {
			return nil, err
		}
		e.Source = c.Source
		out.Parts = append(out.Parts, e)
		out.Conditions = add(out.Conditions, e.Cost)
	}
	env := m.env
	if p.Webhook {
		env = m.webhook
	}
	for _, v := range p.Variables {
		e, t, err := m.estimate(env, variables, "variable "+v.Name, v.Code, nil)
		if err != nil {
			return nil, err
		}
		if variables["variables."+v.Name] != nil {
			return nil, fmt.Errorf("a second variable %s", v.Name)
		}
		variables["variables."+v.Name] = t
		e.Source = v.Source
		out.Parts = append(out.Parts, e)
		out.Total = add(out.Total, e.Cost)
	}
	for _, v := range p.Validations {
		e, _, err := m.estimate(env, variables, "validation of "+v.Policy, v.Code, cel.BoolType)
		if err != nil {
			return nil, err
		}
		message, _, err := m.estimate(env, variables, "message of "+v.Policy, v.MessageCode, cel.StringType)
		if err != nil {
			return nil, err
		}
		e.Source, message.Source, message.Message = v.Source, v.Source, true
		out.Parts = append(out.Parts, e, message)
		out.Total = add(add(out.Total, e.Cost), message.Cost)
	}
	for _, x := range p.Mutations {
		e, _, err := m.estimate(env, variables, "mutation "+x.Rule, x.Code, patchType)
		if err != nil {
			return nil, err
		}
		e.Source = x.Source
		out.Parts = append(out.Parts, e)
		out.Total = add(out.Total, e.Cost)
	}
	return out, m.lookups(p, env, variables, out)
}

// lookups adds the expressions by which the lookups of a program select.
func (m *Model) lookups(p *ir.Program, env *cel.Env, variables map[string]*cel.Type, out *Result) error {
	for _, l := range p.Lookups {
		expressions := []*code.Expr{l.Namespaces, l.Names}
		for _, q := range l.Labels {
			expressions = append(expressions, q.Values)
		}
		for _, x := range expressions {
			if x == nil {
				continue
			}
			e, _, err := m.estimate(env, variables, "lookup "+l.Name, x, nil)
			if err != nil {
				return err
			}
			e.Source = l.Source
			out.Parts = append(out.Parts, e)
			out.Total = add(out.Total, e.Cost)
		}
	}
	return nil
}

// patchType is what a mutation returns.
var patchType = cel.ListType(cel.ObjectType(mutation.JSONPatchTypeName))

func add(a, b uint64) uint64 {
	if a+b < a {
		return ^uint64(0)
	}
	return a + b
}

func (m *Model) estimate(env *cel.Env, variables map[string]*cel.Type, part string, x *code.Expr, want *cel.Type) (Estimate, *cel.Type, error) {
	text := x.String()
	key, options := text, []cel.EnvOption{}
	if env != m.env {
		key += "\x00webhook"
	}
	for _, name := range read(x, variables) {
		key += "\x00" + name + " " + variables[name].String()
		options = append(options, cel.Variable(name, variables[name]))
	}
	found, ok := m.known.Load(key)
	if !ok {
		k, err := m.compile(env, text, options)
		if err != nil {
			return Estimate{}, nil, fmt.Errorf("%s: %w", part, err)
		}
		found, _ = m.known.LoadOrStore(key, k)
	}
	k := found.(known)
	if want != nil && !k.result.IsExactType(want) {
		return Estimate{}, nil, fmt.Errorf("%s: `%s` is %s, not %s", part, text, k.result, want)
	}
	return Estimate{Part: part, Cost: k.cost, Code: x}, k.result, nil
}

// read returns which of the variables an expression reads, sorted.
func read(x *code.Expr, variables map[string]*cel.Type) []string {
	var names []string
	x.Walk(func(e *code.Expr) {
		if e.Kind == code.KindIdent && variables[e.Name] != nil && !slices.Contains(names, e.Name) {
			names = append(names, e.Name)
		}
	})
	slices.Sort(names)
	return names
}

func (m *Model) compile(env *cel.Env, text string, variables []cel.EnvOption) (known, error) {
	if strings.Contains(text, mutation.JSONPatchTypeName+"{") {
		env = m.patches
	}
	if len(variables) > 0 {
		var err error
		if env, err = env.Extend(variables...); err != nil {
			return known{}, err
		}
	}
	compiled, issues := env.Compile(text)
	if err := issues.Err(); err != nil {
		return known{}, fmt.Errorf("the API server would refuse `%s`: %w", text, err)
	}
	est, err := env.EstimateCost(compiled, newSizes(compiled.NativeRep(), m.limits))
	if err != nil {
		return known{}, fmt.Errorf("cost: %w", err)
	}
	return known{cost: est.Max, result: compiled.OutputType()}, nil
}

// Explain finds the sub-expression of an estimate that costs the most without
// being the whole: what to change when it is over budget.
func (m *Model) Explain(p *ir.Program, e *Estimate) {
	// Variables of the policy, and those of macros around a part, are dyn.
	var options []cel.EnvOption
	for _, v := range p.Variables {
		options = append(options, cel.Variable("variables."+v.Name, cel.DynType))
	}
	declared := map[string]bool{}
	e.Code.Walk(func(x *code.Expr) {
		if x.Kind == code.KindIdent && !strings.Contains(x.Name, ".") && !roots[x.Name] && !declared[x.Name] {
			declared[x.Name] = true
			options = append(options, cel.Variable(x.Name, cel.DynType))
		}
	})
	env, err := m.patches.Extend(options...)
	if err != nil {
		return
	}
	e.Code.Walk(func(x *code.Expr) {
		if x == e.Code || x.Kind == code.KindIdent || x.Kind == code.KindLit {
			return
		}
		compiled, issues := env.Compile(x.String())
		if issues.Err() != nil {
			return
		}
		est, err := env.EstimateCost(compiled, newSizes(compiled.NativeRep(), m.limits))
		if err == nil && est.Max > e.DominantCost {
			e.Dominant, e.DominantCost = x.String(), est.Max
		}
	})
}

// roots are identifiers that are no variables of macros.
var roots = map[string]bool{"object": true, "oldObject": true, "params": true, "request": true, "namespaceObject": true,
	"authorizer": true, "optional": true, "int": true, "uint": true, "double": true, "string": true, "bool": true,
	"list": true, "map": true, "null_type": true, "sets": true, "lists": true, "ip": true, "cidr": true, "format": true}

// sizes tells the API server's cost model how large values are. The object is
// dyn to it, so that a value's use tells whether it is a list.
type sizes struct {
	library.CostEstimator
	limits map[string]int
	ranges map[int64]bool
}

func newSizes(a *ast.AST, limits map[string]int) *sizes {
	s := &sizes{limits: limits, ranges: map[int64]bool{}}
	s.CostEstimator = library.CostEstimator{SizeEstimator: &fieldSizes{s}}
	ast.PostOrderVisit(a.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.ComprehensionKind {
			s.ranges[e.AsComprehension().IterRange().ID()] = true
		}
	}))
	return s
}

// written are the sizes of lists that policyc itself writes: a pod has app and
// init containers.
var written = map[string]int{"variables.containerLists": 2}

// fieldSizes is the part of sizes that knows fields.
type fieldSizes struct{ s *sizes }

// EstimateSize implements checker.CostEstimator.
func (f *fieldSizes) EstimateSize(n checker.AstNode) *checker.SizeEstimate {
	if path := n.Path(); len(path) > 0 {
		// Elements (`@items`) have the size of their kind.
		name := path[len(path)-1]
		if limit, ok := f.s.limits[name]; ok {
			return upTo(limit)
		}
		if limit, ok := written[name]; ok {
			return upTo(limit)
		}
	}
	list := f.s.limit("lists", defaultList)
	switch n.Type().Kind() {
	case celtypes.ListKind:
		return upTo(list)
	case celtypes.MapKind:
		return upTo(f.s.limit("maps", defaultMap))
	case celtypes.StringKind, celtypes.BytesKind:
		return upTo(f.s.limit("strings", defaultString))
	}
	if n.Expr() != nil && f.s.ranges[n.Expr().ID()] {
		return upTo(list)
	}
	return upTo(max(list, f.s.limit("strings", defaultString)))
}

// EstimateCallCost implements checker.CostEstimator.
func (f *fieldSizes) EstimateCallCost(string, string, *checker.AstNode, []checker.AstNode) *checker.CallEstimate {
	return nil
}

func upTo(n int) *checker.SizeEstimate { return &checker.SizeEstimate{Min: 0, Max: uint64(n)} }

func (s *sizes) limit(name string, otherwise int) int {
	if n, ok := s.limits[name]; ok {
		return n
	}
	return otherwise
}

// Worst returns the estimates, messages aside, that are over the budget of one expression,
// most expensive first.
func (r *Result) Worst() []*Estimate {
	var out []*Estimate
	for i := range r.Parts {
		// A message joins what rules computed: its worst case only echoes
		// theirs, and it is cut when it is long.
		if r.Parts[i].Cost > PerExpression && !r.Parts[i].Message {
			out = append(out, &r.Parts[i])
		}
	}
	slices.SortStableFunc(out, func(a, b *Estimate) int {
		if a.Cost > b.Cost {
			return -1
		}
		return 1
	})
	return out
}
