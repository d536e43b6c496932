package engine

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/policyc/policyc/compiler/ir"
	"github.com/policyc/policyc/runtime/api"
)

// Bundle is what `policyc build` writes, decoded.
type Bundle struct {
	// Policies are in order of file and position.
	Policies []*admissionv1.ValidatingAdmissionPolicy
	// Bindings are by the name of their policy object.
	Bindings map[string][]*admissionv1.ValidatingAdmissionPolicyBinding
	// Mutating are the mutating objects, and MutatingBindings theirs.
	Mutating         []*admissionv1.MutatingAdmissionPolicy
	MutatingBindings map[string][]*admissionv1.MutatingAdmissionPolicyBinding
	// Parameters are the parameter objects, by kind.
	Parameters map[schema.GroupKind][]*unstructured.Unstructured
	// Programs say which rules stand behind an object, by its name. Objects
	// without a program are evaluated all the same; their decisions name no
	// rules.
	Programs map[string]*ir.Program
	// Compiled are the CompiledPolicies that objects were made of, by name.
	// They have the lookups, and say which webhook entry calls for a binding.
	Compiled map[string]*api.CompiledPolicy
}

// ReadBundle decodes files by relative path, as compiler.Result.Files has
// them: those of native/ and webhook/. Anything else is passed over. It is an
// error when a binding names an object that is not there. The programs count
// for more than what a CompiledPolicy says of its rules.
func ReadBundle(files map[string][]byte, programs []*ir.Program) (*Bundle, error) {
	b := newBundle()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !strings.HasPrefix(name, "native/") && !strings.HasPrefix(name, "webhook/") {
			continue
		}
		if err := b.readFile(files[name]); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, p := range programs {
		b.Programs[p.Name] = p
	}
	for name, bindings := range b.Bindings {
		if !slices.ContainsFunc(b.Policies, func(p *admissionv1.ValidatingAdmissionPolicy) bool { return p.Name == name }) {
			return nil, fmt.Errorf("binding %s: there is no policy object %q", bindings[0].Name, name)
		}
	}
	for name, bindings := range b.MutatingBindings {
		if !slices.ContainsFunc(b.Mutating, func(p *admissionv1.MutatingAdmissionPolicy) bool { return p.Name == name }) {
			return nil, fmt.Errorf("binding %s: there is no policy object %q", bindings[0].Name, name)
		}
	}
	return b, nil
}

// installed are the groups of what has the webhook called, and lets it read.
var installed = []string{admissionv1.GroupName, rbacv1.GroupName}

func (b *Bundle) readFile(data []byte) error {
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := b.readDocument(document); err != nil {
			return err
		}
	}
}

func (b *Bundle) readDocument(document []byte) error {
	var head metav1.TypeMeta
	if err := yaml.Unmarshal(document, &head); err != nil {
		return err
	}
	switch kind := head.GroupVersionKind(); {
	case kind == admissionv1.SchemeGroupVersion.WithKind("ValidatingAdmissionPolicy"):
		p := &admissionv1.ValidatingAdmissionPolicy{}
		if err := yaml.UnmarshalStrict(document, p); err != nil {
			return err
		}
		setDefaults(p.Spec.MatchConstraints)
		b.Policies = append(b.Policies, p)
	case kind == admissionv1.SchemeGroupVersion.WithKind("ValidatingAdmissionPolicyBinding"):
		p := &admissionv1.ValidatingAdmissionPolicyBinding{}
		if err := yaml.UnmarshalStrict(document, p); err != nil {
			return err
		}
		setDefaults(p.Spec.MatchResources)
		b.Bindings[p.Spec.PolicyName] = append(b.Bindings[p.Spec.PolicyName], p)
	case kind == admissionv1.SchemeGroupVersion.WithKind("MutatingAdmissionPolicy"):
		p := &admissionv1.MutatingAdmissionPolicy{}
		if err := yaml.UnmarshalStrict(document, p); err != nil {
			return err
		}
		setDefaults(p.Spec.MatchConstraints)
		b.Mutating = append(b.Mutating, p)
	case kind == admissionv1.SchemeGroupVersion.WithKind("MutatingAdmissionPolicyBinding"):
		p := &admissionv1.MutatingAdmissionPolicyBinding{}
		if err := yaml.UnmarshalStrict(document, p); err != nil {
			return err
		}
		setDefaults(p.Spec.MatchResources)
		b.MutatingBindings[p.Spec.PolicyName] = append(b.MutatingBindings[p.Spec.PolicyName], p)
	case kind == api.GroupVersion.WithKind("CompiledPolicy"):
		p := &api.CompiledPolicy{}
		if err := yaml.UnmarshalStrict(document, p); err != nil {
			return err
		}
		if err := b.addCompiled(p); err != nil {
			return fmt.Errorf("CompiledPolicy %s: %w", p.Name, err)
		}
	case kind.Kind == "" || kind.Kind == "Kustomization" || slices.Contains(installed, kind.Group):
	default:
		// Integers must be int64, as they are to an API server.
		content, err := yaml.YAMLToJSON(document)
		if err != nil {
			return err
		}
		o := &unstructured.Unstructured{}
		if err := o.UnmarshalJSON(content); err != nil {
			return err
		}
		b.Parameters[kind.GroupKind()] = append(b.Parameters[kind.GroupKind()], o)
	}
	return nil
}

// setDefaults does to a match what the API server does when it stores the
// object (k8s.io/kubernetes/pkg/apis/admissionregistration/v1/defaults.go).
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
