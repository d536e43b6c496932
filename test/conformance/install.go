package conformance

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	"k8s.io/apiserver/pkg/cel/environment"
	"sigs.k8s.io/yaml"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/ir"
)

// Install decodes the files that the compiler emitted and compiles the
// policies in them as kube-apiserver does, in order of name. An expression
// that the API server would refuse is an error.
func Install(result *compiler.Result) (*Engine, error) {
	e := &Engine{}
	files := result.Files
	bindings := map[string][]*admissionv1.ValidatingAdmissionPolicyBinding{}
	for _, name := range sorted(files) {
		if !strings.HasPrefix(name, "native/") {
			continue
		}
		reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(files[name])))
		for {
			doc, err := reader.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			if err := e.decode(doc, bindings); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	for _, p := range e.installed {
		if err := e.hook(p, bindings[p.Name], result.Programs); err != nil {
			return nil, fmt.Errorf("policy %s: %w", p.Name, err)
		}
		delete(bindings, p.Name)
	}
	for name := range bindings {
		return nil, fmt.Errorf("bindings of %q, which does not exist", name)
	}
	return e, nil
}

// hook makes the validations of an object ready to run, one at a time: of
// several, the API server reports only the first that fails, and its message
// does not say which policy it came from.
func (e *Engine) hook(p *admissionv1.ValidatingAdmissionPolicy, bindings []*admissionv1.ValidatingAdmissionPolicyBinding, programs []*ir.Program) error {
	i := slices.IndexFunc(programs, func(program *ir.Program) bool { return program.Name == p.Name })
	if i < 0 || len(programs[i].Validations) != len(p.Spec.Validations) {
		return errors.New("the object does not agree with the program of this name")
	}
	for j, v := range programs[i].Validations {
		one := p.DeepCopy()
		one.Spec.Validations = one.Spec.Validations[j : j+1]
		e.hooks = append(e.hooks, hook{policy: v.Policy,
			PolicyHook: validating.PolicyHook{Policy: one, Bindings: bindings, Evaluator: evaluator(one)}})
	}
	return nil
}

// decode adds one document; others than policies and bindings are passed over.
func (e *Engine) decode(doc []byte, bindings map[string][]*admissionv1.ValidatingAdmissionPolicyBinding) error {
	var meta metav1.TypeMeta
	if err := yaml.Unmarshal(doc, &meta); err != nil {
		return err
	}
	switch meta.Kind {
	case "ValidatingAdmissionPolicy":
		p := &admissionv1.ValidatingAdmissionPolicy{}
		if err := yaml.UnmarshalStrict(doc, p); err != nil {
			return err
		}
		if p.Spec.ParamKind != nil {
			return fmt.Errorf("policy %s: parameter objects are not supported offline", p.Name)
		}
		setDefaults(p.Spec.MatchConstraints)
		for _, mode := range []environment.Type{environment.NewExpressions, environment.StoredExpressions} {
			if err := check(p, mode); err != nil {
				return fmt.Errorf("policy %s: %w", p.Name, err)
			}
		}
		e.installed = append(e.installed, p)
	case "ValidatingAdmissionPolicyBinding":
		b := &admissionv1.ValidatingAdmissionPolicyBinding{}
		if err := yaml.UnmarshalStrict(doc, b); err != nil {
			return err
		}
		setDefaults(b.Spec.MatchResources)
		bindings[b.Spec.PolicyName] = append(bindings[b.Spec.PolicyName], b)
	}
	return nil
}

// setDefaults does what the API server does to a stored object
// (k8s.io/kubernetes/pkg/apis/admissionregistration/v1/defaults.go).
func setDefaults(m *admissionv1.MatchResources) {
	if m == nil {
		return
	}
	if m.MatchPolicy == nil {
		equivalent := admissionv1.Equivalent
		m.MatchPolicy = &equivalent
	}
	if m.NamespaceSelector == nil {
		m.NamespaceSelector = &metav1.LabelSelector{}
	}
	if m.ObjectSelector == nil {
		m.ObjectSelector = &metav1.LabelSelector{}
	}
	for _, rules := range [][]admissionv1.NamedRuleWithOperations{m.ResourceRules, m.ExcludeResourceRules} {
		for i := range rules {
			if rules[i].Scope == nil {
				all := admissionv1.AllScopes
				rules[i].Scope = &all
			}
		}
	}
}

// expressions are those of a policy, in the forms that the API server's
// compiler takes.
type expressions struct {
	variables                        []cel.NamedExpressionAccessor
	conditions, validations, message []cel.ExpressionAccessor
}

func expressionsOf(p *admissionv1.ValidatingAdmissionPolicy) expressions {
	var out expressions
	for _, v := range p.Spec.Variables {
		out.variables = append(out.variables, &validating.Variable{Name: v.Name, Expression: v.Expression})
	}
	for i := range p.Spec.MatchConditions {
		out.conditions = append(out.conditions, (*matchconditions.MatchCondition)(&p.Spec.MatchConditions[i]))
	}
	for _, v := range p.Spec.Validations {
		out.validations = append(out.validations, &validating.ValidationCondition{Expression: v.Expression, Message: v.Message, Reason: v.Reason})
		if v.MessageExpression == "" {
			// The evaluator finds messages by the index of their validation.
			out.message = append(out.message, nil)
			continue
		}
		out.message = append(out.message, &validating.MessageExpressionCondition{MessageExpression: v.MessageExpression})
	}
	return out
}

// What expressions can see: messages have no authorizer.
var (
	withAuthorizer    = cel.OptionalVariableDeclarations{HasAuthorizer: true}
	withoutAuthorizer = cel.OptionalVariableDeclarations{}
)

// evaluator compiles a policy as validating.compilePolicy does, which is not
// exported.
func evaluator(p *admissionv1.ValidatingAdmissionPolicy) validating.Validator {
	const mode = environment.StoredExpressions
	c, err := cel.NewCompositedCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
	if err != nil {
		return validating.NewValidator(nil, nil, nil, nil, p.Spec.FailurePolicy, err)
	}
	x := expressionsOf(p)
	c.CompileAndStoreVariables(x.variables, withAuthorizer, mode)
	var matcher matchconditions.Matcher
	if len(x.conditions) > 0 {
		matcher = matchconditions.NewMatcher(c.CompileCondition(x.conditions, withAuthorizer, mode), p.Spec.FailurePolicy, "policy", "validate", p.Name)
	}
	return validating.NewValidator(c.CompileCondition(x.validations, withAuthorizer, mode), matcher,
		c.CompileCondition(nil, withAuthorizer, mode), c.CompileCondition(x.message, withoutAuthorizer, mode), p.Spec.FailurePolicy, nil)
}

// check compiles every expression as the API server does when a policy is
// written. New expressions may use less than stored ones.
func check(p *admissionv1.ValidatingAdmissionPolicy, mode environment.Type) error {
	c, err := cel.NewCompositedCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
	if err != nil {
		return err
	}
	x := expressionsOf(p)
	// Match conditions are compiled before there are variables.
	for _, e := range x.conditions {
		if r := c.CompileCELExpression(e, withAuthorizer, mode); r.Error != nil {
			return fmt.Errorf("match condition %q: %s", e.GetExpression(), r.Error)
		}
	}
	for _, v := range x.variables {
		if r := c.CompileAndStoreVariable(v, withAuthorizer, mode); r.Error != nil {
			return fmt.Errorf("variable %s: %s", v.GetName(), r.Error)
		}
	}
	for i, e := range x.validations {
		if r := c.CompileCELExpression(e, withAuthorizer, mode); r.Error != nil {
			return fmt.Errorf("validation %q: %s", e.GetExpression(), r.Error)
		}
		if x.message[i] == nil {
			continue
		}
		if r := c.CompileCELExpression(x.message[i], withoutAuthorizer, mode); r.Error != nil {
			return fmt.Errorf("message of %q: %s", e.GetExpression(), r.Error)
		}
	}
	return nil
}

func sorted(files map[string][]byte) []string {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
