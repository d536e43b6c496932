package engine

import (
	"errors"
	"fmt"
	"slices"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/policyc/policyc/runtime/api"
)

// check asserts what the API server asserts of admission objects and the CRD's schema does not: above all, what would
// make a policy match nothing, or a violation go unnoticed.
func check(c *api.CompiledPolicy) error {
	s := c.Spec
	if (s.Validating == nil) == (s.Mutating == nil) {
		return errors.New("spec has to have one of validating and mutating")
	}
	var match *admissionv1.MatchResources
	var kind *admissionv1.ParamKind
	var failure *admissionv1.FailurePolicyType
	var steps int
	if s.Validating != nil {
		match, kind, steps = s.Validating.MatchConstraints, s.Validating.ParamKind, len(s.Validating.Validations)
		failure = s.Validating.FailurePolicy
	} else {
		match, kind, steps = s.Mutating.MatchConstraints, s.Mutating.ParamKind, len(s.Mutating.Mutations)
		failure = s.Mutating.FailurePolicy
	}
	if steps == 0 {
		return errors.New("there is no validation and no mutation")
	}
	if failure != nil && *failure != admissionv1.Fail && *failure != admissionv1.Ignore {
		return fmt.Errorf("unknown failurePolicy %q", *failure)
	}
	if match == nil || len(match.ResourceRules) == 0 {
		return errors.New("matchConstraints.resourceRules: it matches nothing")
	}
	if err := checkMatch(match); err != nil {
		return fmt.Errorf("matchConstraints: %w", err)
	}
	if err := checkParamResource(kind, s.ParamResource); err != nil {
		return err
	}
	for _, b := range s.Bindings {
		if err := checkBinding(b, s.Validating != nil, kind != nil); err != nil {
			return fmt.Errorf("binding %s: %w", b.Name, err)
		}
	}
	for _, l := range s.Lookups {
		if err := checkLookup(l); err != nil {
			return fmt.Errorf("lookup %s: %w", l.Name, err)
		}
	}
	return nil
}

func checkBinding(b api.Binding, validates, params bool) error {
	actions := []admissionv1.ValidationAction{admissionv1.Deny, admissionv1.Warn, admissionv1.Audit}
	for _, a := range b.ValidationActions {
		if !slices.Contains(actions, a) {
			return fmt.Errorf("unknown action %q", a)
		}
	}
	switch {
	case validates != (len(b.ValidationActions) > 0):
		return errors.New("validationActions are for validating policies, which need one")
	case params != (b.ParamRef != nil):
		return errors.New("paramRef goes with paramKind")
	case b.ParamRef != nil && (b.ParamRef.Name == "") == (b.ParamRef.Selector == nil):
		return errors.New("paramRef has to have one of name and selector")
	case b.ParamRef != nil && b.ParamRef.ParameterNotFoundAction == nil:
		return errors.New("paramRef.parameterNotFoundAction is missing")
	case b.MatchResources == nil:
		return nil
	}
	if err := checkMatch(b.MatchResources); err != nil {
		return fmt.Errorf("matchResources: %w", err)
	}
	return nil
}

func checkMatch(m *admissionv1.MatchResources) error {
	for _, s := range []*metav1.LabelSelector{m.NamespaceSelector, m.ObjectSelector} {
		if _, err := metav1.LabelSelectorAsSelector(s); err != nil {
			return err
		}
	}
	if p := m.MatchPolicy; p != nil && *p != admissionv1.Exact && *p != admissionv1.Equivalent {
		return fmt.Errorf("unknown matchPolicy %q", *p)
	}
	operations := []admissionv1.OperationType{admissionv1.OperationAll, admissionv1.Create, admissionv1.Update, admissionv1.Delete, admissionv1.Connect}
	scopes := []admissionv1.ScopeType{admissionv1.AllScopes, admissionv1.NamespacedScope, admissionv1.ClusterScope}
	for _, r := range slices.Concat(m.ResourceRules, m.ExcludeResourceRules) {
		if len(r.APIGroups) == 0 || len(r.APIVersions) == 0 || len(r.Resources) == 0 || len(r.Operations) == 0 {
			return errors.New("a rule has to have apiGroups, apiVersions, resources and operations")
		}
		for _, o := range r.Operations {
			if !slices.Contains(operations, o) {
				return fmt.Errorf("unknown operation %q", o)
			}
		}
		if r.Scope != nil && !slices.Contains(scopes, *r.Scope) {
			return fmt.Errorf("unknown scope %q", *r.Scope)
		}
	}
	return nil
}

// checkParamResource: a live cluster is asked for resources, and admission objects name kinds.
func checkParamResource(kind *admissionv1.ParamKind, r *api.LookupResource) error {
	if kind == nil && r == nil {
		return nil
	}
	if kind == nil || r == nil || r.Plural == "" {
		return errors.New("paramKind and paramResource go together")
	}
	if have := (schema.GroupVersion{Group: r.Group, Version: r.Version}).String(); have != kind.APIVersion || r.Kind != kind.Kind {
		return fmt.Errorf("paramResource is %s %s and paramKind %s %s", have, r.Kind, kind.APIVersion, kind.Kind)
	}
	return nil
}

func checkLookup(l api.Lookup) error {
	switch r := l.Resource; {
	case r.Version == "" || r.Kind == "" || r.Plural == "":
		return errors.New("the resource has to have version, kind and plural")
	case !r.Namespaced && l.Namespaces != "":
		return fmt.Errorf("%s are in no namespace", r.Plural)
	case l.Consistency != "" && l.Consistency != api.Cached && l.Consistency != api.Strong:
		return fmt.Errorf("unknown consistency %q", l.Consistency)
	}
	for _, r := range l.Labels {
		valued := r.Operator == metav1.LabelSelectorOpIn || r.Operator == metav1.LabelSelectorOpNotIn
		switch {
		case operators[r.Operator] == "":
			return fmt.Errorf("label %s: unknown operator %q", r.Key, r.Operator)
		case valued != (r.Values != ""):
			return fmt.Errorf("label %s: values go with In and NotIn", r.Key)
		case len(validation.IsQualifiedName(r.Key)) > 0:
			return fmt.Errorf("%q is no label", r.Key)
		}
	}
	return nil
}
