package suite

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"

	"github.com/policyc/policyc/runtime/cases"
	"github.com/policyc/policyc/runtime/engine"
)

// compareObject says how what mutation made differs from what a case expects:
// a part of the object after it, or the patch that leads there.
func compareObject(want cases.Expect, m *engine.Mutation) []Difference {
	if want.Object == nil && want.Patch == nil {
		return nil
	}
	before, after, err := ends(m)
	if err != nil {
		return []Difference{{What: "error", Text: err.Error()}}
	}
	var out []Difference
	if want.Object != nil {
		if lines := notIn("", plainJSON(want.Object), after); len(lines) > 0 {
			out = append(out, Difference{What: "object", Text: "object: not what mutation made of it", Lines: lines})
		}
	}
	if want.Patch != nil {
		expected, err := patched(before, want.Patch)
		if err != nil {
			return append(out, Difference{What: "patch", Text: "patch: it does not apply to the object: " + err.Error(), Lines: operations(before, after)})
		}
		if !reflect.DeepEqual(expected, after) {
			out = append(out, Difference{What: "patch", Text: "patch: mutation made another one", Lines: operations(before, after)})
		}
	}
	return out
}

// ends are the object before and after mutation, as JSON has them.
func ends(m *engine.Mutation) (before, after any, err error) {
	if m.Before == nil {
		object, err := engine.Plain(m.Request.Object)
		return object, object, err
	}
	x, err := engine.Plain(m.Before)
	if err != nil {
		return nil, nil, err
	}
	y, err := engine.Plain(m.After)
	return x, y, err
}

// notIn returns what of the expected value is not in the one there is: maps may
// have more, lists may not.
func notIn(at string, want, have any) []string {
	differs := []string{"- " + at + " " + Compact(want), "+ " + at + " " + Compact(have)}
	if have == nil {
		differs[1] = "+ " + at + " is absent"
	}
	switch want := want.(type) {
	case map[string]any:
		there, ok := have.(map[string]any)
		if !ok {
			return differs
		}
		var out []string
		for _, key := range sortedKeys(want) {
			out = append(out, notIn(at+"/"+key, want[key], there[key])...)
		}
		return out
	case []any:
		there, ok := have.([]any)
		if !ok || len(there) != len(want) {
			return differs
		}
		var out []string
		for i := range want {
			out = append(out, notIn(fmt.Sprintf("%s/%d", at, i), want[i], there[i])...)
		}
		return out
	}
	if reflect.DeepEqual(want, have) {
		return nil
	}
	return differs
}

// plainJSON is a value of YAML as JSON decodes it.
func plainJSON(v any) any {
	content, err := json.Marshal(v)
	if err != nil {
		return v
	}
	var out any
	if json.Unmarshal(content, &out) != nil {
		return v
	}
	return out
}

// patched applies a JSON patch to an object.
func patched(object any, patch []any) (any, error) {
	content, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(patch)
	if err != nil {
		return nil, err
	}
	decoded, err := jsonpatch.DecodePatch(text)
	if err != nil {
		return nil, err
	}
	if content, err = decoded.Apply(content); err != nil {
		return nil, err
	}
	var out any
	return out, json.Unmarshal(content, &out)
}

// operations are the lines of the patch that mutation made.
func operations(before, after any) []string {
	out := []string{"the patch is"}
	for _, o := range engine.Diff(before, after) {
		out = append(out, "  "+o.String())
	}
	if len(out) == 1 {
		return []string{"the object is as it was"}
	}
	return out
}

// mutated adds what mutation said and did to a verdict.
func (v *Verdict) mutated(m *engine.Mutation) {
	v.Mutation = m
	for _, f := range m.Failures {
		v.Errors = append(v.Errors, fmt.Sprintf("%s: %v", f.Object, f.Err))
	}
	for _, a := range m.Applied {
		v.Evaluated = append(v.Evaluated, a.Policy)
	}
	slices.Sort(v.Evaluated)
	v.Evaluated = slices.Compact(v.Evaluated)
}

// applied says whether a rule was applied, and whether it changed something.
func (v *Verdict) applied(rule string) (was, changed bool) {
	if v.Mutation == nil {
		return false, false
	}
	for _, a := range v.Mutation.Applied {
		if a.Policy+"/"+a.Rule == rule {
			was, changed = true, changed || len(a.Patch) > 0
		}
	}
	return was, changed
}
