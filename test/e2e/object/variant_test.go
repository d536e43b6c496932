//go:build e2e

package object_test

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
)

// variants are copies of an object in which one value is absent, or null.
func variants(o document) []document {
	var all []document
	for _, path := range paths(o, nil) {
		for _, change := range []func(document, string){
			func(m document, key string) { delete(m, key) },
			func(m document, key string) { m[key] = nil },
		} {
			v := runtime.DeepCopyJSON(o)
			change(at(v, path[:len(path)-1]).(document), path[len(path)-1].(string))
			all = append(all, v)
		}
	}
	return all
}

// paths leads to the members of all maps in v, but for those that say what the object is.
func paths(v any, at []any) [][]any {
	var all [][]any
	switch v := v.(type) {
	case document:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			path := slices.Concat(at, []any{key})
			if len(at) > 0 || key != "apiVersion" && key != "kind" && key != "metadata" {
				all = append(all, path)
			}
			all = append(all, paths(v[key], path)...)
		}
	case []any:
		for i := range v {
			all = append(all, paths(v[i], slices.Concat(at, []any{i}))...)
		}
	}
	return all
}

func at(v any, path []any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			v = v.(document)[step]
		case int:
			v = v.([]any)[step]
		}
	}
	return v
}
