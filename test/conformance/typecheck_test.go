package conformance

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	runtimeschema "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/cel/openapi/resolver"
	"k8s.io/kube-openapi/pkg/validation/spec"

	"github.com/policyc/policyc/compiler/schema"
	"github.com/policyc/policyc/compiler/types"
)

// TestTypeChecking runs the API server's type checker over the library, which
// writes its findings into status.typeChecking: there must be none.
func TestTypeChecking(t *testing.T) {
	l := loadLibrary(t)
	checker := newTypeChecker(t)
	for _, p := range l.suite.Variants[0].Bundle.Policies {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			for _, w := range checker.Check(p) {
				t.Errorf("%s: %s", w.FieldRef, w.Warning)
			}
		})
	}
}

// newTypeChecker returns the type checker of the version that this module is
// built with, with the schemas of the same version.
func newTypeChecker(t *testing.T) *validating.TypeChecker {
	t.Helper()
	set, err := schema.Load(37)
	if err != nil {
		t.Fatal(err)
	}
	return &validating.TypeChecker{SchemaResolver: schemas{set}, RestMapper: restMapper(set)}
}

// TestTypeCheckerWorks proves that the test above would find something.
func TestTypeCheckerWorks(t *testing.T) {
	l := loadLibrary(t)
	checker := newTypeChecker(t)
	broken := l.suite.Variants[0].Bundle.Policies[0].DeepCopy()
	broken.Spec.Variables, broken.Spec.Validations = nil, broken.Spec.Validations[:1]
	broken.Spec.Validations[0].Expression = "object.spec.nonsense == 1"
	if len(checker.Check(broken)) == 0 {
		t.Error("no finding about object.spec.nonsense")
	}
}

func restMapper(set *schema.Set) meta.RESTMapper {
	m := meta.NewDefaultRESTMapper(nil)
	for _, k := range set.Kinds() {
		if k.Subresource != "" {
			continue
		}
		gv := runtimeschema.GroupVersion{Group: k.Group, Version: k.Version}
		scope := meta.RESTScopeRoot
		if k.Namespaced {
			scope = meta.RESTScopeNamespace
		}
		m.AddSpecific(gv.WithKind(k.Kind), gv.WithResource(k.Resource), gv.WithResource(k.Resource), scope)
	}
	return m
}

// schemas gives the type checker the OpenAPI of Kubernetes, as far as the
// compiler's own schemas hold it.
type schemas struct{ set *schema.Set }

func (s schemas) ResolveSchema(gvk runtimeschema.GroupVersionKind) (*spec.Schema, error) {
	k, ok := s.set.ForObject(gvk.GroupVersion().String(), gvk.Kind)
	if !ok {
		return nil, fmt.Errorf("%s: %w", gvk, resolver.ErrSchemaNotFound)
	}
	root, err := s.set.Root(k)
	if err != nil {
		return nil, err
	}
	return openAPI(root, nil), nil
}

// openAPI translates a type back to the schema that the API server publishes.
// A type within itself, as in CRDs, becomes an object of which nothing is known.
func openAPI(t *types.Type, outer []string) *spec.Schema {
	of := func(name, format string) *spec.Schema {
		return &spec.Schema{SchemaProps: spec.SchemaProps{Type: []string{name}, Format: format}}
	}
	switch t.Kind {
	case types.Bool:
		return of("boolean", "")
	case types.Int:
		return of("integer", "int64")
	case types.Double:
		return of("number", "double")
	case types.String, types.DurationText:
		return of("string", "")
	case types.Time:
		return of("string", "date-time")
	case types.Base64:
		return of("string", "byte")
	case types.Quantity:
		return &spec.Schema{SchemaProps: spec.SchemaProps{OneOf: []spec.Schema{*of("string", ""), *of("number", "")}}}
	case types.IntOrString:
		return &spec.Schema{SchemaProps: spec.SchemaProps{Format: "int-or-string", OneOf: []spec.Schema{*of("integer", ""), *of("string", "")}}}
	case types.List:
		out := of("array", "")
		out.Items = &spec.SchemaOrArray{Schema: openAPI(t.Elem, outer)}
		return out
	case types.Map:
		out := of("object", "")
		out.AdditionalProperties = &spec.SchemaOrBool{Allows: true, Schema: openAPI(t.Elem, outer)}
		return out
	case types.Object:
		return openAPIObject(t, outer)
	}
	return of("object", "")
}

func openAPIObject(t *types.Type, outer []string) *spec.Schema {
	out := &spec.Schema{SchemaProps: spec.SchemaProps{Type: []string{"object"}, Properties: map[string]spec.Schema{}}}
	for _, name := range outer {
		if name == t.Name {
			return out
		}
	}
	outer = append(outer[:len(outer):len(outer)], t.Name)
	for _, name := range t.Fields.Names() {
		f := t.Fields.Field(name)
		out.Properties[name] = *openAPI(f.Type, outer)
		if f.Required {
			out.Required = append(out.Required, name)
		}
	}
	return out
}
