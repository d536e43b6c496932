package engine

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// Operation is one operation of a JSON patch (RFC 6902): add, replace or remove.
type Operation struct {
	Op, Path string
	// Value is as JSON decodes it; nil for remove.
	Value any
}

// String returns the operation on a line.
//
//	replace /spec/replicas 3
func (o Operation) String() string {
	if o.Op == "remove" {
		return o.Op + " " + o.Path
	}
	value, err := json.Marshal(o.Value)
	if err != nil {
		return fmt.Sprintf("%s %s %v", o.Op, o.Path, o.Value)
	}
	return o.Op + " " + o.Path + " " + string(value)
}

// MarshalJSON writes the operation as RFC 6902 has it.
func (o Operation) MarshalJSON() ([]byte, error) {
	fields := map[string]any{"op": o.Op, "path": o.Path}
	if o.Op != "remove" {
		fields["value"] = o.Value
	}
	return json.Marshal(fields)
}

// Plain returns an object as JSON has it.
func Plain(o runtime.Object) (map[string]any, error) {
	if o == nil {
		return nil, nil
	}
	content, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	return out, json.Unmarshal(content, &out)
}

func diffObjects(before, after runtime.Object) ([]Operation, error) {
	if before == after {
		return nil, nil
	}
	if x, y, open := contents(before, after); open {
		out := Diff(x, y)
		for i := range out {
			// The object goes on to be defaulted.
			out[i].Value = runtime.DeepCopyJSONValue(out[i].Value)
		}
		return out, nil
	}
	x, err := Plain(before)
	if err != nil {
		return nil, err
	}
	y, err := Plain(after)
	if err != nil {
		return nil, err
	}
	return Diff(x, y), nil
}

// contents are those of objects that are JSON already.
func contents(before, after runtime.Object) (x, y any, ok bool) {
	a, aOK := before.(*unstructured.Unstructured)
	b, bOK := after.(*unstructured.Unstructured)
	if !aOK || !bOK {
		return nil, nil, false
	}
	return a.Object, b.Object, true
}

// Diff returns the patch that leads from one JSON value to another, in the
// order of their fields. What a list has more stands at its end.
func Diff(before, after any) []Operation {
	var out []Operation
	diff("", before, after, &out)
	return out
}

func diff(at string, before, after any, out *[]Operation) {
	// Most of an object stays as it is: its paths need not be written.
	if equal(before, after) {
		return
	}
	x, isMap := before.(map[string]any)
	y, areMaps := after.(map[string]any)
	a, isList := before.([]any)
	b, areLists := after.([]any)
	switch {
	case isMap && areMaps:
		for _, key := range keys(x, y) {
			path := at + "/" + escape(key)
			old, had := x[key]
			now, has := y[key]
			switch {
			case !had:
				*out = append(*out, Operation{"add", path, now})
			case !has:
				*out = append(*out, Operation{"remove", path, nil})
			default:
				diff(path, old, now, out)
			}
		}
	case isList && areLists:
		for i := range min(len(a), len(b)) {
			diff(at+"/"+strconv.Itoa(i), a[i], b[i], out)
		}
		for i := len(a); i < len(b); i++ {
			*out = append(*out, Operation{"add", at + "/" + strconv.Itoa(i), b[i]})
		}
		for i := len(a) - 1; i >= len(b); i-- {
			*out = append(*out, Operation{"remove", at + "/" + strconv.Itoa(i), nil})
		}
	default:
		*out = append(*out, Operation{"replace", at, after})
	}
}

// equal is reflect.DeepEqual for what JSON has, which the most of two objects is.
func equal(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) || (a == nil) != (b == nil) {
			return false
		}
		for key, x := range a {
			if y, has := b[key]; !has || !equal(x, y) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		return ok && (a == nil) == (b == nil) && slices.EqualFunc(a, b, equal)
	case string:
		b, ok := b.(string)
		return ok && a == b
	case int64:
		b, ok := b.(int64)
		return ok && a == b
	case bool:
		b, ok := b.(bool)
		return ok && a == b
	}
	return reflect.DeepEqual(a, b)
}

// keys are those of both maps, sorted.
func keys(x, y map[string]any) []string {
	out := make([]string, 0, len(x)+len(y))
	for key := range x {
		out = append(out, key)
	}
	for key := range y {
		if _, had := x[key]; !had {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out
}

// escape writes a key as a JSON pointer has it (RFC 6901).
func escape(key string) string {
	if !strings.ContainsAny(key, "~/") {
		return key
	}
	return strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1")
}
