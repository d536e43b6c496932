package engine

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

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

// Diff returns the patch that leads from one JSON value to another, in the
// order of their fields. What a list has more stands at its end.
func Diff(before, after any) []Operation {
	var out []Operation
	diff("", before, after, &out)
	return out
}

func diff(at string, before, after any, out *[]Operation) {
	x, isMap := before.(map[string]any)
	y, areMaps := after.(map[string]any)
	a, isList := before.([]any)
	b, areLists := after.([]any)
	switch {
	case isMap && areMaps:
		for _, key := range slices.Sorted(maps.Keys(merged(x, y))) {
			path := at + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
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
	case !reflect.DeepEqual(before, after):
		*out = append(*out, Operation{"replace", at, after})
	}
}

func merged(x, y map[string]any) map[string]any {
	all := maps.Clone(x)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, y)
	return all
}
