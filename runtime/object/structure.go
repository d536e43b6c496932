package object

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// structure is the part of a structural schema that changes objects or types their values.
type structure struct {
	Type       string                `json:"type"`
	Properties map[string]*structure `json:"properties"`
	Additional *additional           `json:"additionalProperties"`
	Items      *structure            `json:"items"`
	Nullable   bool                  `json:"nullable"`
	Default    json.RawMessage       `json:"default"`
	Preserve   bool                  `json:"x-kubernetes-preserve-unknown-fields"`
	Embedded   bool                  `json:"x-kubernetes-embedded-resource"`
	IntString  bool                  `json:"x-kubernetes-int-or-string"`
}

// additional is a schema, or true.
type additional struct{ *structure }

func (a *additional) UnmarshalJSON(content []byte) error {
	var allowed bool
	if json.Unmarshal(content, &allowed) == nil {
		a.structure = &structure{Preserve: true}
		return nil
	}
	return json.Unmarshal(content, &a.structure)
}

// shaper compares an object with a structural schema, drops nulls and sets defaults, in place.
type shaper struct {
	fields *sync.Map
	errs   Errors
}

func (s *shaper) report(at Path, format string, args ...any) {
	s.errs = append(s.errs, &Error{at, fmt.Sprintf(format, args...)})
}

// metadata checks the metadata of an object, which has the same Go type in every kind, and drops its nulls.
func (s *shaper) metadata(o map[string]any, at Path) {
	at = at.then("metadata")
	c := &checker{fields: s.fields}
	c.value(reflect.TypeFor[metav1.ObjectMeta](), o["metadata"], at)
	if len(c.errs) > 0 {
		s.errs = append(s.errs, c.errs...)
		return
	}
	metadata, _ := o["metadata"].(map[string]any)
	var typed metav1.ObjectMeta
	err := runtime.DefaultUnstructuredConverter.FromUnstructured(metadata, &typed)
	if err == nil {
		metadata, err = runtime.DefaultUnstructuredConverter.ToUnstructured(&typed)
	}
	if err != nil {
		s.report(at, "%v", err)
		return
	}
	o["metadata"] = metadata
}

// object handles the members of a map. The root and embedded resources have apiVersion, kind and metadata, said or not.
func (s *shaper) object(t *structure, m map[string]any, at Path, resource bool) {
	for _, key := range slices.Sorted(maps.Keys(m)) {
		part, known := t.part(key)
		_, said := t.Properties[key]
		switch {
		case resource && (key == "apiVersion" || key == "kind" || key == "metadata"):
		case !known:
			s.report(at.then(key), "unknown field")
		case m[key] == nil && part != nil && !part.Nullable && (said || !part.Preserve):
			delete(m, key)
		case part != nil:
			s.value(part, m[key], at.then(key))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(t.Properties)) {
		if _, present := m[key]; present || t.Properties[key].Default == nil {
			continue
		}
		var value any
		if json.Unmarshal(t.Properties[key].Default, &value) != nil {
			continue // a default is JSON, or the CRD could not have been read
		}
		m[key] = integers(value)
		s.value(t.Properties[key], m[key], at.then(key))
	}
}

// part is the schema of a member: nil for one that is known to be unknown.
func (t *structure) part(key string) (*structure, bool) {
	switch part, said := t.Properties[key]; {
	case said:
		return part, true
	case t.Additional != nil:
		return t.Additional.structure, true
	}
	return nil, t.Preserve
}

func (s *shaper) value(t *structure, v any, at Path) {
	if v == nil && t.Nullable {
		return
	}
	if what := t.misfit(v); what != "" {
		s.report(at, "want %s, not %s", what, describe(v))
		return
	}
	switch v := v.(type) {
	case map[string]any:
		if _, said := v["metadata"]; said && t.Embedded {
			s.metadata(v, at)
		}
		s.object(t, v, at, t.Embedded)
	case []any:
		for i, item := range v {
			if t.Items != nil {
				s.value(t.Items, item, at.then(i))
			}
		}
	}
}

// misfit says what the schema wants where the value is something else.
func (t *structure) misfit(v any) string {
	_, isMap := v.(map[string]any)
	_, isList := v.([]any)
	_, isString := v.(string)
	_, isBool := v.(bool)
	n, isNumber := number(v)
	whole := isNumber && n == float64(int64(n))
	switch {
	case t.IntString && !isString && !whole:
		return "an integer or a string"
	case t.Type == "object" && !isMap:
		return "a map"
	case t.Type == "array" && !isList:
		return "a list"
	case t.Type == "string" && !isString:
		return "a string"
	case t.Type == "boolean" && !isBool:
		return "a boolean"
	case t.Type == "number" && !isNumber:
		return "a number"
	case t.Type == "integer" && !whole:
		return "an integer"
	}
	return ""
}

// integers makes int64 of the whole numbers of a decoded default, as the server's decoder does.
func integers(v any) any {
	switch v := v.(type) {
	case float64:
		if v == float64(int64(v)) {
			return int64(v)
		}
	case map[string]any:
		for key := range v {
			v[key] = integers(v[key])
		}
	case []any:
		for i := range v {
			v[i] = integers(v[i])
		}
	}
	return v
}
