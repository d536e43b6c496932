package object

import (
	"encoding/base64"
	stdjson "encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/json"
)

// decode fills the typed object. The values are compared with the Go type first, because the decoder's own errors have no
// list indexes and stop at the first.
func (p *Preparer) decode(object map[string]any, into runtime.Object) error {
	c := &checker{fields: p.fields}
	c.value(reflect.TypeOf(into), object, nil)
	if len(c.errs) > 0 {
		return c.errs
	}
	content, err := stdjson.Marshal(object)
	if err == nil {
		err = json.UnmarshalCaseSensitivePreserveInts(content, into)
	}
	if err != nil {
		return Errors{{nil, err.Error()}}
	}
	return nil
}

// checker compares values with Go types.
type checker struct {
	fields *sync.Map
	errs   Errors
}

func (c *checker) report(at Path, format string, args ...any) {
	c.errs = append(c.errs, &Error{at, fmt.Sprintf(format, args...)})
}

func (c *checker) want(what string, v any, at Path) {
	c.report(at, "want %s, not %s", what, describe(v))
}

// value reports how v does not fit t. A null fits everything: it decodes into the zero value.
func (c *checker) value(t reflect.Type, v any, at Path) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case v == nil || t.Kind() == reflect.Interface:
		return
	case reflect.PointerTo(t).Implements(reflect.TypeFor[stdjson.Unmarshaler]()):
		c.self(t, v, at)
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		c.structure(t, v, at)
	case reflect.Map:
		c.dictionary(t, v, at)
	case reflect.Slice:
		c.list(t, v, at)
	default:
		c.scalar(t, v, at)
	}
}

// self is for types that decode themselves.
func (c *checker) self(t reflect.Type, v any, at Path) {
	content, err := stdjson.Marshal(v)
	if err == nil {
		err = stdjson.Unmarshal(content, reflect.New(t).Interface())
	}
	if err == nil {
		return
	}
	switch t {
	case reflect.TypeFor[resource.Quantity]():
		c.want("a quantity, as 500m or 1Gi", v, at)
	case reflect.TypeFor[intstr.IntOrString]():
		c.want("an integer or a string", v, at)
	case reflect.TypeFor[metav1.Time](), reflect.TypeFor[metav1.MicroTime]():
		c.want("a time, as 2026-01-31T12:00:00Z", v, at)
	case reflect.TypeFor[metav1.Duration]():
		c.want("a duration, as 1m30s", v, at)
	default:
		c.report(at, "%v", err)
	}
}

func (c *checker) structure(t reflect.Type, v any, at Path) {
	m, ok := v.(map[string]any)
	if !ok {
		c.want("a map", v, at)
		return
	}
	known := c.fieldsOf(t)
	for _, key := range slices.Sorted(maps.Keys(m)) {
		field, found := known[key]
		if !found {
			c.report(at.then(key), "unknown field%s", suggestion(key, known))
			continue
		}
		c.value(field, m[key], at.then(key))
	}
}

// suggestion finds the field that differs in case only: a decoder that ignores case would have taken it.
func suggestion(key string, known map[string]reflect.Type) string {
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if strings.EqualFold(name, key) {
			return ", the field is " + name
		}
	}
	return ""
}

func (c *checker) dictionary(t reflect.Type, v any, at Path) {
	m, ok := v.(map[string]any)
	if !ok {
		c.want("a map", v, at)
		return
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		c.value(t.Elem(), m[key], at.then(key))
	}
}

func (c *checker) list(t reflect.Type, v any, at Path) {
	if t.Elem().Kind() == reflect.Uint8 {
		text, ok := v.(string)
		if _, err := base64.StdEncoding.DecodeString(text); !ok || err != nil {
			c.want("a string in base64", v, at)
		}
		return
	}
	items, ok := v.([]any)
	if !ok {
		c.want("a list", v, at)
		return
	}
	for i, item := range items {
		c.value(t.Elem(), item, at.then(i))
	}
}

func (c *checker) scalar(t reflect.Type, v any, at Path) {
	switch t.Kind() {
	case reflect.String:
		if _, ok := v.(string); !ok {
			c.want("a string", v, at)
		}
	case reflect.Bool:
		if _, ok := v.(bool); !ok {
			c.want("a boolean", v, at)
		}
	case reflect.Float32, reflect.Float64:
		if _, ok := number(v); !ok {
			c.want("a number", v, at)
		}
	default:
		n, ok := number(v)
		if !ok || n != math.Trunc(n) || math.Abs(n) > math.MaxInt64 {
			c.want("an integer", v, at)
		} else if i, signed := integer(v), t.Kind() <= reflect.Int64; signed && reflect.Zero(t).OverflowInt(i) {
			c.report(at, "%d does not fit %d bits", i, t.Bits())
		}
	}
}

// number reads whatever YAML and JSON decoders make of a number.
func number(v any) (float64, bool) {
	switch r := reflect.ValueOf(v); {
	case r.CanInt():
		return float64(r.Int()), true
	case r.CanUint():
		return float64(r.Uint()), true
	case r.CanFloat():
		return r.Float(), true
	}
	return 0, false
}

func integer(v any) int64 {
	if r := reflect.ValueOf(v); r.CanInt() {
		return r.Int()
	}
	n, _ := number(v)
	return int64(n)
}

// describe names a value in an error.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case map[string]any:
		return "a map"
	case []any:
		return "a list"
	case string:
		return fmt.Sprintf("the string %q", v)
	case bool:
		return fmt.Sprintf("the boolean %t", v)
	}
	return fmt.Sprintf("the number %v", v)
}

// fieldsOf maps the JSON names of a struct's fields, those of inlined structs included, to their types.
func (c *checker) fieldsOf(t reflect.Type) map[string]reflect.Type {
	if known, ok := c.fields.Load(t); ok {
		return known.(map[string]reflect.Type)
	}
	known := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" && name != "-" && f.IsExported() {
			known[name] = f.Type
		}
	}
	c.fields.Store(t, known)
	return known
}
