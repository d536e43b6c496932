// Package check types the expressions of resolved policies against the
// schemas of every kind that they match.
//
//	require: container.image.startsWith('a/') → a typed tree, in which
//	container is io.k8s.api.core.v1.Container and image may be absent
package check

import (
	"strconv"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/expr"
	"github.com/policyc/policyc/compiler/resolve"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/compiler/target"
	"github.com/policyc/policyc/compiler/types"
)

// Policy is a policy whose expressions are typed, for environments that have
// the same parameter values.
type Policy struct {
	*resolve.Policy
	Project      *resolve.Project
	Environments []*resolve.Environment
	// Roots are what its expressions start from: object, pod, containers.
	Roots *Roots
	// Conditions must hold for the policy to apply, and can be evaluated
	// before variables exist; Guards need variables or the namespace.
	Conditions, Guards []Condition
	Lookups            []*Lookup
	Variables          []*Variable
	// Rules are those that admit or refuse, Mutations those that change the
	// object. A checked policy has one or the other.
	Rules     []*Rule
	Mutations []*Mutation
	// readers has the lookups behind what CEL calls variables.x and
	// params.lookups.x.
	readers map[string][]string
}

// Condition is one condition for a policy to apply.
type Condition struct {
	Name   string
	Node   *expr.Node
	Source source.Span
}

// Variable is a named expression of the policy.
type Variable struct {
	Name string
	Node *expr.Node
	// Var is how expressions read it. Old says that it is about oldObject.
	Var  *expr.Var
	Old  bool
	Span source.Span
}

// Rule is a typed deny or require rule.
type Rule struct {
	Name string
	Span source.Span
	Now  *Judgement
	// Before judges the old object, for rules that ratchet; else nil.
	Before *Judgement
	// Lifted are the conditions of exceptions for this rule.
	Lifted []Condition
	// MessageText is the message as the policy has it.
	MessageText string
	Message     *code.Expr
	// Reads are the names of the lookups that the rule reads. MessageReads says
	// that its message is among the readers.
	Reads        []string
	MessageReads bool
	// Parts are set when the project asks for them.
	Parts *Parts
}

// Judgement says when an object violates a rule.
type Judgement struct {
	// List is what forEach iterates over; nil without forEach.
	List  *expr.Node
	Local *expr.Local
	When  *expr.Node
	// Violated is the condition; it must be negated when Negate.
	Violated *expr.Node
	Negate   bool
}

// Locals are the variables that surround the conditions.
func (j *Judgement) Locals() []*expr.Local {
	if j.Local == nil {
		return nil
	}
	return []*expr.Local{j.Local}
}

// checker holds what is shared while one policy is checked.
type checker struct {
	project *resolve.Project
	policy  *resolve.Policy
	report  *diag.Report
	out     *Policy
	scope   *expr.Scope
	// old is the scope in which `object` means the old object.
	old *expr.Scope
	// early is the scope of conditions, which the API server evaluates even
	// where the webhook runs the rest.
	early *expr.Scope
	// mutating says that objects are seen before they were validated.
	mutating bool
}

// Check types the rules of one policy that admit or refuse, for a group of
// environments with equal values. It returns nil when it reported errors.
func Check(project *resolve.Project, policy *resolve.Policy, group []*resolve.Environment, r *diag.Report) *Policy {
	c := &checker{project: project, policy: policy, report: r}
	return c.check(group, c.checkRules)
}

// Mutations is Check for the rules that change the object.
func Mutations(project *resolve.Project, policy *resolve.Policy, group []*resolve.Environment, r *diag.Report) *Policy {
	c := &checker{project: project, policy: mutated(policy), report: r, mutating: true}
	return c.check(group, c.checkMutations)
}

func (c *checker) check(group []*resolve.Environment, rules func()) *Policy {
	c.out = &Policy{Policy: c.policy, Project: c.project, Environments: group, readers: map[string][]string{}}
	before := c.report.Len()
	if !c.openScope(group[0].Values) {
		return nil
	}
	c.checkVariables()
	c.checkLookups()
	c.checkConditions()
	rules()
	if c.report.ErrorsSince(before) {
		return nil
	}
	return c.out
}

// openScope declares the names that expressions can read.
func (c *checker) openScope(values map[string]any) bool {
	// The webhook, which mutates where the target cannot, has the CEL of the
	// API server that first could.
	version := c.project.Target
	if c.mutating {
		version = max(version, target.MutatingAdmissionPolicy.Since)
	}
	env, err := version.Env()
	if err != nil {
		c.report.Errorf(diag.Internal, c.policy.Span, "CEL environment: %v", err)
		return false
	}
	early, err := c.project.Target.Env()
	if err != nil {
		c.report.Errorf(diag.Internal, c.policy.Span, "CEL environment: %v", err)
		return false
	}
	roots, err := newRoots(c.project, c.policy.Match)
	if err != nil {
		c.report.Errorf(diag.Internal, c.policy.Span, "%v", err)
		return false
	}
	if c.mutating {
		roots.unvalidated()
	}
	c.out.Roots = roots
	base := &expr.Scope{Target: version, Env: env, Functions: c.project.Functions, Vars: map[string]*expr.Var{}}
	shared := append(requestVars(), c.paramVars(values))
	shared = append(shared, c.declareLookups()...)
	c.scope = base.With(append(shared, roots.now()...)...)
	c.old = base.With(append(shared, roots.before()...)...)
	c.early = c.scope.With()
	c.early.Target, c.early.Env = c.project.Target, early
	return true
}

// paramVars declares params: constants, or fields of the parameter object.
func (c *checker) paramVars(values map[string]any) *expr.Var {
	params := &expr.Var{Name: "params", What: "parameter", Members: map[string]*expr.Var{}}
	for _, p := range c.policy.Parameters {
		name := p.Name.Value
		v := &expr.Var{Name: name, Type: p.Type}
		if c.policy.ParameterObject.Value {
			// Whoever edits the object may leave a field out.
			v.Code = code.OptSelect(code.OptSelect(code.Ident("params"), "spec"), name)
			v.Optional = true
		} else {
			v.Code, v.Constant, v.HasConstant = code.Value(values[name]), values[name], true
		}
		params.Members[name] = v
	}
	return params
}

func (c *checker) checkVariables() {
	now := &expr.Var{Name: "variables", What: "variable", Members: map[string]*expr.Var{}}
	before := &expr.Var{Name: "variables", What: "variable", Members: map[string]*expr.Var{}}
	c.scope, c.old, c.early = c.scope.With(now), c.old.With(before), c.early.With(now)
	names := newNames(c.policy.Variables)
	for _, v := range c.policy.Variables {
		p := expr.Parse(v.Expression, c.report)
		name := v.Name.Value
		n := expr.Check(p, c.scope, c.report)
		now.Members[name] = c.variable(names.written[name], v.Expression.Span, n, false)
		c.out.readers[now.Members[name].Code.Name] = c.nodeReads(n)
		before.Members[name] = c.variable(names.fresh("old"+upperFirst(name)), v.Expression.Span, expr.Check(p, c.old, diag.NewReport()), true)
	}
}

// variableNames gives out the names of a program's variables.
type variableNames struct {
	taken map[string]bool
	// written has the names of the variables that the policy declares.
	written map[string]string
}

// newNames gives the policy's variables their own names, except for those
// that the program itself uses.
func newNames(variables []*syntax.Variable) *variableNames {
	n := &variableNames{taken: map[string]bool{}, written: map[string]string{}}
	for _, name := range ReservedVariables {
		n.taken[name] = true
	}
	for _, v := range variables {
		n.written[v.Name.Value] = n.fresh(v.Name.Value)
	}
	return n
}

// ReservedVariables are the names of variables that programs use themselves.
var ReservedVariables = []string{podVariable, containersVariable, oldPodVariable, oldContainersVariable, "violations",
	PodPathVariable, ContainerListsVariable, DebuggedVariable}

func (n *variableNames) fresh(name string) string {
	out := name
	for i := 2; n.taken[out]; i++ {
		out = name + strconv.Itoa(i)
	}
	n.taken[out] = true
	return out
}

// variable declares a variable of the policy and how it is read.
func (c *checker) variable(emitted string, at source.Span, n *expr.Node, old bool) *expr.Var {
	v := &expr.Var{Name: "variables." + emitted, Type: n.Type, Code: code.Ident("variables." + emitted)}
	if n.Bad() {
		v.Type = types.DynType
	} else {
		_, v.Optional = expr.Value(n)
	}
	c.out.Variables = append(c.out.Variables, &Variable{Name: emitted, Node: n, Var: v, Old: old, Span: at})
	return v
}

func upperFirst(s string) string {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:]
}

func (c *checker) checkRules() {
	for _, d := range c.policy.Policy.Rules {
		if !d.Deny.IsZero() || !d.Require.IsZero() {
			c.out.Rules = append(c.out.Rules, c.checkRule(d))
		}
	}
}
