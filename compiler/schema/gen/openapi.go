package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// document is the part of an OpenAPI v3 schema that is read.
type document struct {
	Ref                  string `json:"$ref"`
	AllOf                []*document
	Type, Format         string
	Properties           map[string]*document
	Required             []string
	Items                *document
	AdditionalProperties json.RawMessage
	GVK                  []struct{ Group, Version, Kind string } `json:"x-kubernetes-group-version-kind"`
}

// readOpenAPI reads the schemas of all groups, by name. Where two groups
// carry one type (ObjectMeta), their documents are the same.
func readOpenAPI(dir string) (map[string]*document, error) {
	files, err := filepath.Glob(filepath.Join(dir, "api*_openapi.json"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no OpenAPI documents in %s: %v", dir, err)
	}
	all := map[string]*document{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var doc struct {
			Components struct{ Schemas map[string]*document }
		}
		if err := json.Unmarshal(data, &doc); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(file), err)
		}
		for name, s := range doc.Components.Schemas {
			all[name] = s
		}
	}
	return all, nil
}

// ref returns the name of the schema that d refers to, or "".
func (d *document) ref() string {
	ref := d.Ref
	if ref == "" && len(d.AllOf) == 1 {
		ref = d.AllOf[0].Ref
	}
	return strings.TrimPrefix(ref, "#/components/schemas/")
}

// special are the schemas that have a type of their own; see types.Kind.
var special = map[string]string{
	"io.k8s.apimachinery.pkg.api.resource.Quantity":                                         "q",
	"io.k8s.apimachinery.pkg.util.intstr.IntOrString":                                       "x",
	"io.k8s.apimachinery.pkg.apis.meta.v1.Time":                                             "t",
	"io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime":                                        "t",
	"io.k8s.apimachinery.pkg.apis.meta.v1.Duration":                                         "d",
	"io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1":                                         "*",
	"io.k8s.apimachinery.pkg.runtime.RawExtension":                                          "*",
	"io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON":                         "*",
	"io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray":       "*",
	"io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool":        "*",
	"io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray": "*",
}

// scalars are the codes of the types without parts.
var scalars = map[string]string{"string": "s", "integer": "i", "number": "n", "boolean": "b"}

// typeCode writes the type of d as the package schema reads it. The Go type,
// walked in step, says whether elements can be null.
func typeCode(d *document, g goType) (string, error) {
	if name := d.ref(); name != "" {
		if code := special[name]; code != "" {
			return code, nil
		}
		return "@" + name, nil
	}
	switch {
	case d.Type == "string" && d.Format == "byte":
		return "y", nil
	case scalars[d.Type] != "":
		return scalars[d.Type], nil
	case d.Type == "array":
		return elemCode("[", d.Items, g)
	case d.Type == "object" && len(d.AdditionalProperties) > 0:
		elem := &document{}
		if err := json.Unmarshal(d.AdditionalProperties, elem); err != nil {
			return "", err
		}
		return elemCode("{", elem, g)
	case d.Type == "object" && len(d.Properties) == 0, d.Type == "":
		return "*", nil
	}
	return "", fmt.Errorf("schema of type %q format %q is not known to the generator", d.Type, d.Format)
}

func elemCode(open string, d *document, g goType) (string, error) {
	elem := g.elem()
	code, err := typeCode(d, elem)
	if elem.nullElem() {
		open += "?"
	}
	return open + code, err
}
