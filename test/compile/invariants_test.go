package compile

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/diag"
)

// object is what the invariants read of a generated object.
type object struct {
	Kind     string
	Metadata struct {
		Name                string
		Labels, Annotations map[string]string
	}
	Spec struct {
		PolicyName        string              `yaml:"policyName"`
		MatchConditions   []named             `yaml:"matchConditions"`
		Variables         []named             `yaml:"variables"`
		Validations       []map[string]string `yaml:"validations"`
		Mutations         []patched           `yaml:"mutations"`
		Reinvocation      string              `yaml:"reinvocationPolicy"`
		ValidationActions []string            `yaml:"validationActions"`
		MatchConstraints  match               `yaml:"matchConstraints"`
		MatchResources    match               `yaml:"matchResources"`
	}
}

type patched struct {
	PatchType string                      `yaml:"patchType"`
	JSONPatch struct{ Expression string } `yaml:"jsonPatch"`
}

type named struct{ Name, Expression string }

type match struct {
	ResourceRules []struct {
		Resources, Operations []string
	} `yaml:"resourceRules"`
}

// What the API server asks of names (pkg/apis/admissionregistration/validation).
var celIdentifier = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

var celReserved = map[string]bool{"true": true, "false": true, "null": true, "in": true, "as": true, "break": true,
	"const": true, "continue": true, "else": true, "for": true, "function": true, "if": true, "import": true, "let": true,
	"loop": true, "package": true, "namespace": true, "return": true, "var": true, "void": true, "while": true}

const maxMatchConditions = 64

// checkInvariants holds every result against what must be true of all of
// them: no files beside errors, and objects that the API server takes.
func checkInvariants(t *testing.T, result *compiler.Result, r *diag.Report) {
	t.Helper()
	if r.HasErrors() && len(result.Files) > 0 {
		t.Errorf("there are errors, and %d files", len(result.Files))
	}
	for _, d := range r.Sorted() {
		if d.Code == diag.Internal {
			t.Errorf("internal error: %s %s %s", d.At, d.Message, d.Notes)
		}
		if strings.Contains(d.Message, "<input>") {
			t.Errorf("a position of CEL's own reaches the user: %s", d.Message)
		}
	}
	objects := map[string]bool{}
	policies := map[string]bool{}
	var bindings, mutating []object
	for name, content := range result.Files {
		if !strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, "/kustomization.yaml") {
			continue
		}
		for _, o := range decode(t, name, content) {
			id := o.Kind + "/" + o.Metadata.Name
			if objects[id] {
				t.Errorf("%s: a second %s", name, id)
			}
			objects[id] = true
			checkMetadata(t, name, &o)
			switch o.Kind {
			case "ValidatingAdmissionPolicy":
				policies[o.Metadata.Name] = true
				checkPolicy(t, name, &o)
			case "ValidatingAdmissionPolicyBinding":
				bindings = append(bindings, o)
			case "MutatingAdmissionPolicy":
				policies[o.Metadata.Name] = true
				checkMutations(t, name, &o)
			case "MutatingAdmissionPolicyBinding":
				mutating = append(mutating, o)
			}
		}
	}
	bound := map[string]bool{}
	for _, b := range bindings {
		bound[b.Spec.PolicyName] = true
		if !policies[b.Spec.PolicyName] {
			t.Errorf("binding %s is of policy %s, which is not written", b.Metadata.Name, b.Spec.PolicyName)
		}
		if len(b.Spec.ValidationActions) == 0 {
			t.Errorf("binding %s has no action", b.Metadata.Name)
		}
	}
	for _, b := range mutating {
		bound[b.Spec.PolicyName] = true
		if !policies[b.Spec.PolicyName] {
			t.Errorf("binding %s is of policy %s, which is not written", b.Metadata.Name, b.Spec.PolicyName)
		}
	}
	for p := range policies {
		if !bound[p] {
			t.Errorf("policy %s has no binding, so it never applies", p)
		}
	}
	checkComplete(t, result)
}

// checkComplete asserts that every rule is in a program that is written.
func checkComplete(t *testing.T, result *compiler.Result) {
	t.Helper()
	if result.Files == nil {
		return
	}
	written := map[string]bool{}
	for _, p := range result.Programs {
		for _, d := range p.Policies {
			for _, rule := range d.Rules {
				written[d.Name+"/"+rule.Name] = true
			}
		}
	}
	for _, p := range result.Project.Policies {
		for _, rule := range p.Policy.Rules {
			if !written[p.Name.Value+"/"+rule.Name.Value] {
				t.Errorf("rule %s/%s was dropped", p.Name.Value, rule.Name.Value)
			}
		}
	}
}

func decode(t *testing.T, name string, content []byte) []object {
	t.Helper()
	var out []object
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var o object
		err := decoder.Decode(&o)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Errorf("%s is not YAML: %v", name, err)
			return out
		}
		out = append(out, o)
	}
}

func checkMetadata(t *testing.T, file string, o *object) {
	t.Helper()
	if errs := validation.IsDNS1123Subdomain(o.Metadata.Name); len(errs) > 0 {
		t.Errorf("%s: name %q: %s", file, o.Metadata.Name, errs[0])
	}
	for k, v := range o.Metadata.Labels {
		if errs := append(validation.IsQualifiedName(k), validation.IsValidLabelValue(v)...); len(errs) > 0 {
			t.Errorf("%s: label %s=%q: %s", file, k, v, errs[0])
		}
	}
	for k := range o.Metadata.Annotations {
		if errs := validation.IsQualifiedName(strings.ToLower(k)); len(errs) > 0 {
			t.Errorf("%s: annotation %s: %s", file, k, errs[0])
		}
	}
}

func checkPolicy(t *testing.T, file string, o *object) {
	t.Helper()
	if n := len(o.Spec.MatchConditions); n > maxMatchConditions {
		t.Errorf("%s: %d match conditions, the API server takes %d", file, n, maxMatchConditions)
	}
	seen := map[string]bool{}
	for _, c := range o.Spec.MatchConditions {
		if errs := validation.IsQualifiedName(c.Name); len(errs) > 0 {
			t.Errorf("%s: match condition %q: %s", file, c.Name, errs[0])
		}
		if seen[c.Name] {
			t.Errorf("%s: a second match condition %q", file, c.Name)
		}
		seen[c.Name] = true
	}
	clear(seen)
	for _, v := range o.Spec.Variables {
		if !celIdentifier.MatchString(v.Name) || celReserved[v.Name] {
			t.Errorf("%s: variable %q is no CEL identifier", file, v.Name)
		}
		if seen[v.Name] {
			t.Errorf("%s: a second variable %q", file, v.Name)
		}
		seen[v.Name] = true
	}
	if len(o.Spec.Validations) == 0 && o.Kind == "ValidatingAdmissionPolicy" {
		t.Errorf("%s: no validation", file)
	}
	for _, v := range o.Spec.Validations {
		if strings.ContainsAny(v["message"], "\r\n") {
			t.Errorf("%s: the message %q has a line break", file, v["message"])
		}
	}
	if len(o.Spec.MatchConstraints.ResourceRules) == 0 {
		t.Errorf("%s: no resource rule", file)
	}
	for _, r := range o.Spec.MatchConstraints.ResourceRules {
		if len(r.Operations) == 0 || len(r.Resources) == 0 {
			t.Errorf("%s: empty resource rule", file)
		}
	}
}

// checkMutations asserts what the API server asks of a mutation, that each is a
// JSONPatch, and that none runs on a request that changes nothing.
func checkMutations(t *testing.T, file string, o *object) {
	t.Helper()
	checkPolicy(t, file, o)
	if len(o.Spec.Mutations) == 0 || o.Spec.Reinvocation != "IfNeeded" || len(o.Spec.Validations) > 0 {
		t.Errorf("%s: %d mutations, %d validations, reinvocationPolicy %q", file, len(o.Spec.Mutations), len(o.Spec.Validations), o.Spec.Reinvocation)
	}
	for _, m := range o.Spec.Mutations {
		if m.PatchType != "JSONPatch" || !strings.Contains(m.JSONPatch.Expression, "JSONPatch{") {
			t.Errorf("%s: a mutation of type %q: %s", file, m.PatchType, m.JSONPatch.Expression)
		}
	}
	for _, r := range o.Spec.MatchConstraints.ResourceRules {
		if slices.Contains(r.Operations, "DELETE") || slices.Contains(r.Operations, "CONNECT") || slices.Contains(r.Resources, "pods/resize") {
			t.Errorf("%s: mutations on %v of %v", file, r.Operations, r.Resources)
		}
	}
}
