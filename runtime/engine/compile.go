package engine

import (
	"fmt"

	celgo "github.com/google/cel-go/cel"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	"k8s.io/apiserver/pkg/cel/environment"

	"github.com/policyc/policyc/compiler/ir"
	"github.com/policyc/policyc/runtime/api"
)

// policy is an admission object, ready to run.
type policy struct {
	object    *admissionv1.ValidatingAdmissionPolicy
	match     *criteria
	bindings  []binding
	validator validating.Validator
	// conditions evaluates the match conditions one by one; extra compiles
	// further expressions beside those of the object.
	conditions cel.ConditionEvaluator
	extra      func([]cel.ExpressionAccessor) cel.ConditionEvaluator
	// required says that a rule demands the parameter object to be there.
	required bool
	// members are the policy documents in the object, one for each validation.
	members []member
	// compiled is nil for an object of the API server.
	compiled *api.CompiledPolicy
	// lookups is nil when there are none. Then the validator asks the match
	// conditions; otherwise matcher does so before anything is looked up, and
	// is nil without conditions.
	lookups *lookups
	matcher matchconditions.Matcher
}

// binding is a binding with what it matches; nil: all that its policy does.
type binding struct {
	object *admissionv1.ValidatingAdmissionPolicyBinding
	match  *criteria
}

// member is a policy document in an admission object.
type member struct {
	name string
	// rules are the names of its rules; violations evaluates, for each of
	// them, the list of what it found.
	rules      []string
	violations cel.ConditionEvaluator
}

// What expressions can see: messages have no authorizer.
var (
	withAuthorizer    = cel.OptionalVariableDeclarations{HasAuthorizer: true}
	withoutAuthorizer = cel.OptionalVariableDeclarations{}
)

// compile makes an object ready, as the API server does when it has read it
// (validating.compilePolicy, which is not exported). An expression that does
// not compile is an error.
func compile(p *admissionv1.ValidatingAdmissionPolicy, program *ir.Program, compiled *api.CompiledPolicy) (*policy, error) {
	const mode = environment.StoredExpressions
	compiler, err := cel.NewCompositedCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
	if err != nil {
		return nil, err
	}
	// Match conditions come before there are variables, and lookups.
	seen := withAuthorizer
	seen.HasParams = p.Spec.ParamKind != nil
	conditions := accessors(p.Spec.MatchConditions)
	filter := compiler.CompileCondition(conditions, seen, mode)
	if err := firstError("match condition", filter); err != nil {
		return nil, err
	}
	before := seen
	seen.HasParams = seen.HasParams || hasLookups(compiled)
	unseen := withoutAuthorizer
	unseen.HasParams = seen.HasParams
	if err := storeVariables(compiler, p.Spec.Variables, seen); err != nil {
		return nil, err
	}
	validations, messages := validations(p)
	checks, texts := compiler.CompileCondition(validations, seen, mode), compiler.CompileCondition(messages, unseen, mode)
	if err := firstError("validation", checks); err != nil {
		return nil, err
	}
	if err := firstError("message", texts); err != nil {
		return nil, err
	}
	var matcher matchconditions.Matcher
	if len(conditions) > 0 {
		matcher = matchconditions.NewMatcher(filter, p.Spec.FailurePolicy, "policy", "validate", p.Name)
	}
	out := &policy{object: p, match: newCriteria(p.Spec.MatchConstraints), conditions: filter, compiled: compiled}
	out.lookups, err = compileLookups(compiled, func(list []cel.ExpressionAccessor) cel.ConditionEvaluator {
		return compiler.CompileCondition(list, before, mode)
	})
	if err != nil {
		return nil, err
	}
	if out.lookups != nil {
		out.matcher, matcher = matcher, nil
	}
	out.extra = func(list []cel.ExpressionAccessor) cel.ConditionEvaluator {
		return compiler.CompileCondition(list, seen, mode)
	}
	out.validator = validating.NewValidator(metered{checks}, matcher, compiler.CompileCondition(nil, seen, mode), metered{texts}, p.Spec.FailurePolicy, nil)
	out.required = program != nil && program.Pushed != nil && program.Pushed.Required
	out.members, err = members(p, program, out.extra)
	return out, err
}

// validations are the checks of an object, and the expressions of their
// messages.
func validations(p *admissionv1.ValidatingAdmissionPolicy) (checks, messages []cel.ExpressionAccessor) {
	for _, v := range p.Spec.Validations {
		checks = append(checks, &validating.ValidationCondition{Expression: v.Expression, Message: v.Message, Reason: v.Reason})
		// The validator finds messages by the index of their validation.
		var message cel.ExpressionAccessor
		if v.MessageExpression != "" {
			message = &validating.MessageExpressionCondition{MessageExpression: v.MessageExpression}
		}
		messages = append(messages, message)
	}
	return checks, messages
}

// members says which rules stand behind each validation of an object.
func members(p *admissionv1.ValidatingAdmissionPolicy, program *ir.Program,
	compile func([]cel.ExpressionAccessor) cel.ConditionEvaluator) ([]member, error) {
	out := make([]member, len(p.Spec.Validations))
	if program == nil {
		for i := range out {
			out[i].name = p.Labels["policyc.dev/policy"]
		}
		return out, nil
	}
	if len(program.Validations) != len(out) || len(program.Policies) != len(out) {
		return nil, fmt.Errorf("the object has %d validations and its program %d", len(out), len(program.Validations))
	}
	for i, d := range program.Policies {
		out[i].name = d.Name
		var lists []cel.ExpressionAccessor
		for _, r := range d.Rules {
			out[i].rules = append(out[i].rules, r.Name)
			lists = append(lists, anything("variables."+r.Variable))
		}
		out[i].violations = compile(lists)
		if err := firstError("rule", out[i].violations); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// accessors are match conditions as the API server's compiler takes them.
func accessors(conditions []admissionv1.MatchCondition) []cel.ExpressionAccessor {
	var out []cel.ExpressionAccessor
	for i := range conditions {
		out = append(out, (*matchconditions.MatchCondition)(&conditions[i]))
	}
	return out
}

// storeVariables compiles variables, which what is compiled later can read.
func storeVariables(compiler *cel.CompositedCompiler, variables []admissionv1.Variable, seen cel.OptionalVariableDeclarations) error {
	for _, v := range variables {
		variable := &validating.Variable{Name: v.Name, Expression: v.Expression}
		if r := compiler.CompileAndStoreVariable(variable, seen, environment.StoredExpressions); r.Error != nil {
			return fmt.Errorf("variable %s: %s", v.Name, r.Error.Detail)
		}
	}
	return nil
}

func firstError(what string, e cel.ConditionEvaluator) error {
	if errs := e.CompilationErrors(); len(errs) > 0 {
		return fmt.Errorf("%s: %w", what, errs[0])
	}
	return nil
}

// anything is an expression of any type.
type anything string

func (e anything) GetExpression() string      { return string(e) }
func (e anything) ReturnTypes() []*celgo.Type { return []*celgo.Type{celgo.AnyType} }
