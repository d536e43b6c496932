package engine

import (
	"errors"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// criteria are what a policy or a binding matches, as the API server's matcher takes them
// (k8s.io/apiserver/pkg/admission/plugin/policy/matching). Its own wrapper parses selectors anew for every request.
type criteria struct {
	resources                    *admissionv1.MatchResources
	namespaces, objects          labels.Selector
	namespacesError, objectError error
}

// newCriteria returns nil for a binding that matches all that its policy does.
func newCriteria(m *admissionv1.MatchResources) *criteria {
	if m == nil {
		return nil
	}
	c := &criteria{resources: m}
	c.namespaces, c.namespacesError = metav1.LabelSelectorAsSelector(m.NamespaceSelector)
	c.objects, c.objectError = metav1.LabelSelectorAsSelector(m.ObjectSelector)
	return c
}

// GetParsedNamespaceSelector implements matching.MatchCriteria, as do the others.
func (c *criteria) GetParsedNamespaceSelector() (labels.Selector, error) {
	return c.namespaces, c.namespacesError
}

func (c *criteria) GetParsedObjectSelector() (labels.Selector, error) {
	return c.objects, c.objectError
}

func (c *criteria) GetMatchResources() admissionv1.MatchResources { return *c.resources }

// matches reports whether a request matches, and as which resource and kind.
func (v *evaluation) matches(c *criteria) (bool, schema.GroupVersionResource, schema.GroupVersionKind, error) {
	if c == nil {
		return false, schema.GroupVersionResource{}, schema.GroupVersionKind{}, errors.New("policy contained no match constraints, a required field")
	}
	return v.matcher.Matches(v.attributes, v.engine.objects, c)
}

// matchesBinding reports whether a request matches a binding.
func (v *evaluation) matchesBinding(b binding) (bool, error) {
	if b.match == nil {
		return true, nil
	}
	matches, _, _, err := v.matches(b.match)
	return matches, err
}
