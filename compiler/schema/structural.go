package schema

import (
	"go.yaml.in/yaml/v3"

	"github.com/policyc/policyc/compiler/types"
)

// structural is the part of the structural schema of a CRD that says what its
// objects hold. What only validates (oneOf, pattern, …) declares no fields, by
// the rules for structural schemas.
type structural struct {
	Type, Format         string
	Properties           map[string]*structural
	AdditionalProperties additional `yaml:"additionalProperties"`
	Items                *structural
	Nullable             bool
	Enum                 []yaml.Node
	PreserveUnknown      bool `yaml:"x-kubernetes-preserve-unknown-fields"`
	IntOrString          bool `yaml:"x-kubernetes-int-or-string"`
	EmbeddedResource     bool `yaml:"x-kubernetes-embedded-resource"`
}

// additional is additionalProperties: a schema, true or false.
type additional struct {
	allowed bool
	schema  *structural
}

// UnmarshalYAML reads either form.
func (a *additional) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		return node.Decode(&a.allowed)
	}
	a.allowed = true
	return node.Decode(&a.schema)
}

// root returns the type of the objects of a kind.
func (s *structural) root(name string, meta *types.Type) *types.Type {
	t := s.object(name, meta)
	fields := t.Fields.(fieldMap)
	for _, f := range []*types.Field{
		{Name: "apiVersion", Type: types.StringType, Required: true},
		{Name: "kind", Type: types.StringType, Required: true},
		// Whatever the schema says of metadata only restricts its values.
		{Name: "metadata", Type: meta, Required: true},
	} {
		fields[f.Name] = f
	}
	return t
}

// typeOf returns the type of the values that the schema allows.
func (s *structural) typeOf(name string, meta *types.Type) *types.Type {
	switch {
	case s == nil:
		return types.DynType
	case s.IntOrString:
		return types.LooseIntOrStringType
	case s.EmbeddedResource:
		return s.embedded(name, meta)
	case s.Type == "array":
		elem := s.Items.typeOf(name+"[]", meta)
		return &types.Type{Kind: types.List, Elem: elem, NullElem: s.Items != nil && s.Items.Nullable}
	case s.Type == "object" && s.AdditionalProperties.allowed && len(s.Properties) == 0:
		v := s.AdditionalProperties.schema
		return &types.Type{Kind: types.Map, Key: types.StringType, Elem: v.typeOf(name+"{}", meta),
			NullElem: v == nil || v.Nullable}
	case s.PreserveUnknown && len(s.Properties) == 0:
		return types.DynType
	case s.Type == "object":
		return s.object(name, meta)
	}
	return s.scalar()
}

// object returns the object type of the properties. What is not among them is
// pruned by the API server, unless it is told to keep it. No property counts as
// required: objects stored under an older schema come back as oldObject and,
// with CRD validation ratcheting (KEP-4008), even as object.
func (s *structural) object(name string, meta *types.Type) *types.Type {
	fields := fieldMap{}
	for property, p := range s.Properties {
		if p == nil { // `property:` with nothing behind it
			p = &structural{}
		}
		f := &types.Field{Name: property, Type: p.typeOf(name+"."+property, meta), Nullable: p.Nullable}
		fields[property] = f
	}
	return &types.Type{Kind: types.Object, Name: name, Open: s.PreserveUnknown, Fields: fields}
}

// embedded returns the type of a whole object inside of another one. The API
// server requires its apiVersion and kind, but no metadata.
func (s *structural) embedded(name string, meta *types.Type) *types.Type {
	t := s.object(name, meta)
	t.Open = s.PreserveUnknown || len(s.Properties) == 0
	fields := t.Fields.(fieldMap)
	fields["apiVersion"] = &types.Field{Name: "apiVersion", Type: types.StringType, Required: true}
	fields["kind"] = &types.Field{Name: "kind", Type: types.StringType, Required: true}
	fields["metadata"] = &types.Field{Name: "metadata", Type: meta}
	return t
}

// scalar returns the type of a value without parts. Numbers are kept as they
// were written: 3.0 is an integer to the API server, and 3 a number.
func (s *structural) scalar() *types.Type {
	switch s.Type {
	case "boolean":
		return types.BoolType
	case "integer":
		return types.LooseIntType
	case "number":
		return types.LooseDoubleType
	case "string":
		return s.text()
	}
	return types.DynType
}

// text returns the type of text by its format. Of these, the API server checks
// base64 as CEL reads it. It is laxer than CEL with `date-time` (it takes
// "2030-01-01t00:00:00z") and `duration` (it takes "3 weeks"), so these stay
// plain text.
func (s *structural) text() *types.Type {
	if s.Format != "" {
		// The API server lets a list through where a format is given
		// (seen on 1.30 and 1.37 with date-time), so nothing is sure.
		return types.DynType
	}
	var enum []string
	for _, value := range s.Enum {
		switch value.Tag {
		case "!!str":
			enum = append(enum, value.Value)
		case "!!null":
		default:
			return types.StringType
		}
	}
	if enum == nil {
		return types.StringType
	}
	return &types.Type{Kind: types.String, Enum: enum}
}
