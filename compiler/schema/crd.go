package schema

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"sort"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/policyc/policyc/compiler/types"
)

// LoadError is something wrong in a file of CRDs.
type LoadError struct {
	Path string
	Line int // 1-based; 0 when the whole file is meant
	Text string
}

// Error returns path:line: text.
func (e *LoadError) Error() string {
	if e.Line == 0 {
		return e.Path + ": " + e.Text
	}
	return fmt.Sprintf("%s:%d: %s", e.Path, e.Line, e.Text)
}

// definition is the part of a CustomResourceDefinition that is read. A List,
// as kubectl writes it, has items instead.
type definition struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct{ Name string }
	Items      []yaml.Node
	Spec       struct {
		Group, Scope string
		Names        struct {
			Plural, Singular, Kind string
			ShortNames             []string `yaml:"shortNames"`
		}
		Versions []definitionVersion
	}
}

type definitionVersion struct {
	Name   string
	Served bool
	Schema struct {
		OpenAPI *structural `yaml:"openAPIV3Schema"`
	}
	Subresources struct{ Status, Scale *struct{} }

	line int
}

// UnmarshalYAML keeps the line of the version.
func (v *definitionVersion) UnmarshalYAML(node *yaml.Node) error {
	type plain definitionVersion
	v.line = node.Line
	return node.Decode((*plain)(v))
}

// AddCRDs adds the kinds of the CustomResourceDefinitions in a YAML or JSON
// file of one or more documents. Documents of other kinds are skipped, as the
// bundles that projects publish hold some. When some CRDs are faulty the
// others are added; the error joins one *LoadError for each fault.
func (s *Set) AddCRDs(path string, data []byte) error {
	var faults []error
	found := false
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil { // the rest of the file cannot be read
			return errors.Join(append(faults, yamlErrors(path, err)...)...)
		}
		isCRD, errs := s.addDocument(path, &node)
		found = found || isCRD
		faults = append(faults, errs...)
	}
	if !found && len(faults) == 0 {
		faults = append(faults, &LoadError{Path: path, Text: "no CustomResourceDefinition in this file"})
	}
	return errors.Join(faults...)
}

// addDocument adds the CRD of a document, or those of a List, and reports
// whether there was one.
func (s *Set) addDocument(path string, node *yaml.Node) (isCRD bool, faults []error) {
	var head struct{ Kind string }
	if err := node.Decode(&head); err != nil {
		return false, yamlErrors(path, err)
	}
	if head.Kind != "CustomResourceDefinition" && head.Kind != "List" && head.Kind != "CustomResourceDefinitionList" {
		return false, nil
	}
	var d definition
	if err := node.Decode(&d); err != nil {
		return true, yamlErrors(path, err)
	}
	if head.Kind != "CustomResourceDefinition" {
		for i := range d.Items {
			is, errs := s.addDocument(path, &d.Items[i])
			isCRD, faults = isCRD || is, append(faults, errs...)
		}
		return isCRD, faults
	}
	line := node.Line
	if node.Kind == yaml.DocumentNode && len(node.Content) > 0 {
		line = node.Content[0].Line
	}
	if err := s.addDefinition(path, line, &d); err != nil {
		return true, []error{err}
	}
	return true, nil
}

func (s *Set) addDefinition(path string, line int, d *definition) error {
	fault := func(line int, format string, args ...any) error {
		return &LoadError{Path: path, Line: line, Text: fmt.Sprintf(format, args...)}
	}
	spec := &d.Spec
	name := spec.Names.Plural + "." + spec.Group
	switch {
	case d.APIVersion != "apiextensions.k8s.io/v1":
		return fault(line, "`apiVersion` of a CustomResourceDefinition must be `apiextensions.k8s.io/v1`, is `%s`", d.APIVersion)
	case spec.Group == "" || spec.Names.Plural == "" || spec.Names.Kind == "":
		return fault(line, "CustomResourceDefinition `%s` needs `spec.group`, `spec.names.plural` and `spec.names.kind`", d.Metadata.Name)
	case spec.Scope != "Namespaced" && spec.Scope != "Cluster":
		return fault(line, "`spec.scope` of `%s` must be `Namespaced` or `Cluster`, is `%s`", name, spec.Scope)
	case s.crdPlaces[name] != "":
		return fault(line, "CustomResourceDefinition `%s` was declared before, in %s", name, s.crdPlaces[name])
	case len(s.Match(spec.Group, spec.Names.Plural, "")) > 0:
		return fault(line, "`%s` is a resource of Kubernetes itself", name)
	}
	var kinds []*Kind
	roots := map[*Kind]*types.Type{}
	for _, v := range spec.Versions {
		if !v.Served {
			continue
		}
		if v.Schema.OpenAPI == nil {
			return fault(v.line, "version `%s` of `%s` has no `schema.openAPIV3Schema`", v.Name, name)
		}
		for _, k := range d.kinds(&v) {
			kinds = append(kinds, k)
			roots[k] = s.crdRoot(k, v.Schema.OpenAPI)
		}
	}
	if len(kinds) == 0 {
		return fault(line, "CustomResourceDefinition `%s` has no served version", name)
	}
	markPreferred(kinds)
	s.kinds = slices.Concat(s.kinds, kinds)
	sort.Slice(s.kinds, func(i, j int) bool { return s.kinds[i].less(s.kinds[j]) })
	for k, t := range roots {
		s.crdTypes[k] = t
	}
	s.crdPlaces[name] = path + ":" + strconv.Itoa(line)
	return nil
}

// kinds returns the kind of a version and its subresources.
func (d *definition) kinds(v *definitionVersion) []*Kind {
	main := Kind{
		Group: d.Spec.Group, Version: v.Name, Kind: d.Spec.Names.Kind, Resource: d.Spec.Names.Plural,
		ResourceGroup: d.Spec.Group, ResourceVersion: v.Name, ParentKind: d.Spec.Names.Kind,
		Namespaced: d.Spec.Scope == "Namespaced", Singular: d.Spec.Names.Singular, ShortNames: d.Spec.Names.ShortNames, CRD: true,
		Verbs: []string{"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"},
	}
	kinds := []*Kind{&main}
	sub := main
	sub.Singular, sub.ShortNames, sub.Verbs = "", nil, []string{"get", "patch", "update"}
	if v.Subresources.Status != nil {
		status := sub
		status.Subresource = "status"
		kinds = append(kinds, &status)
	}
	if v.Subresources.Scale != nil {
		scale := sub
		scale.Subresource = "scale"
		scale.Group, scale.Version, scale.Kind = "autoscaling", "v1", "Scale"
		kinds = append(kinds, &scale)
	}
	return kinds
}

func (s *Set) crdRoot(k *Kind, schema *structural) *types.Type {
	if k.Subresource == "scale" {
		t, _ := s.builtin.object(scaleType)
		return rootOf(t)
	}
	return schema.root(k.Group+"/"+k.Version+"."+k.Kind, s.ObjectMeta())
}

// yamlLine finds the line in the messages of package yaml, which has no other
// way to tell it.
var yamlLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): (.*)$`)

func yamlErrors(path string, err error) []error {
	messages := []string{err.Error()}
	var several *yaml.TypeError
	if errors.As(err, &several) {
		messages = several.Errors
	}
	var faults []error
	for _, m := range messages {
		fault := &LoadError{Path: path, Text: m}
		if found := yamlLine.FindStringSubmatch(m); found != nil {
			fault.Line, _ = strconv.Atoi(found[1])
			fault.Text = found[2]
		}
		faults = append(faults, fault)
	}
	return faults
}
