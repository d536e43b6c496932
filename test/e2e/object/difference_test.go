//go:build e2e

package object_test

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

type difference struct {
	path            string
	offline, server any
}

func differences(path string, offline, server any) []difference {
	if reflect.DeepEqual(offline, server) {
		return nil
	}
	a, aMap := offline.(document)
	b, bMap := server.(document)
	if aMap && bMap {
		var all []difference
		for _, key := range slices.Sorted(maps.Keys(union(a, b))) {
			all = append(all, differences(strings.TrimPrefix(path+"."+key, "."), member(a, key), member(b, key))...)
		}
		return all
	}
	x, xList := offline.([]any)
	y, yList := server.([]any)
	if xList && yList && len(x) == len(y) {
		var all []difference
		for i := range x {
			all = append(all, differences(fmt.Sprintf("%s[%d]", path, i), x[i], y[i])...)
		}
		return all
	}
	return []difference{{path, offline, server}}
}

// member tells what is absent from what is null: has() in CEL does.
func member(m document, key string) any {
	if v, present := m[key]; present {
		return v
	}
	return "(absent)"
}

func union(a, b document) document {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// generated finds names with five random letters and digits at their end.
var generated = regexp.MustCompile(`^(.*)xxxxx$`)

// sameRandom is the offline object with the server's random ends of names, wherever the server has a name with the same
// beginning and of the same length.
func sameRandom(t *testing.T, offline, server document) document {
	t.Helper()
	var out document
	decode(t, encode(t, offline), &out)
	return align(out, server).(document)
}

func align(offline, server any) any {
	switch o := offline.(type) {
	case document:
		s, _ := server.(document)
		for key := range o {
			o[key] = align(o[key], s[key])
		}
	case []any:
		s, _ := server.([]any)
		for i := range o {
			if i < len(s) {
				o[i] = align(o[i], s[i])
			}
		}
	case string:
		s, _ := server.(string)
		if m := generated.FindStringSubmatch(o); m != nil && len(s) == len(o) && strings.HasPrefix(s, m[1]) {
			return s
		}
	}
	return offline
}
