package lower

import (
	"testing"

	"github.com/policyc/policyc/compiler/code"
)

func TestNameTarget(t *testing.T) {
	x := code.Ident("x")
	optional := code.OptSelect(code.Ident("object"), "a")
	inner := code.Method(optional, "optMap", x, x)
	for _, test := range []struct {
		in   *code.Expr
		want string
	}{
		{inner, "object.?a.optMap(x, x)"},
		{code.Method(inner, "optMap", x, x), "[object.?a.optMap(x, x)].map(found, found.optMap(x, x))[0]"},
		{code.Method(code.OptIndex(optional, code.Lit("k")), "optFlatMap", x, code.Ident("found")),
			"[object.?a[?'k']].map(found2, found2.optFlatMap(x, found))[0]"},
		{code.Method(code.Method(optional, "orValue", code.List(nil, nil)), "map", x, x), "object.?a.orValue([]).map(x, x)"},
	} {
		if got := nameTarget(test.in).String(); got != test.want {
			t.Errorf("%s became\n  %s\nnot\n  %s", test.in, got, test.want)
		}
	}
}

func TestUnwrap(t *testing.T) {
	optional := map[string]bool{"pod": true}
	pod, other := code.Ident("variables.pod"), code.Ident("variables.other")
	for _, test := range []struct {
		in   *code.Expr
		want string
	}{
		{code.OptSelect(code.OptSelect(pod, "spec"), "a"), "variables.pod.or(optional.none()).?spec.?a"},
		{code.OptIndex(pod, code.Lit("k")), "variables.pod.or(optional.none())[?'k']"},
		{code.Method(pod, "hasValue"), "variables.pod.hasValue()"},
		{code.OptSelect(other, "spec"), "variables.other.?spec"},
	} {
		if got := unwrap(test.in, optional).String(); got != test.want {
			t.Errorf("%s became %s, not %s", test.in, got, test.want)
		}
	}
}
