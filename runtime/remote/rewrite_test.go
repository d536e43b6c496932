package remote

import (
	"strings"
	"testing"

	"github.com/policyc/policyc/compiler/code"
)

// sel builds a chain of selections; a step with a question mark is optional.
func sel(root string, steps ...string) *code.Expr {
	e := code.Ident(root)
	for _, s := range steps {
		if name, ok := strings.CutPrefix(s, "?"); ok {
			e = code.OptSelect(e, name)
			continue
		}
		e = code.Select(e, s)
	}
	return e
}

func TestRewrite(t *testing.T) {
	const mapping = "{'scratch': 'production'}"
	for _, test := range []struct {
		in   *code.Expr
		want string // "" for unchanged
	}{
		{sel("object", "spec", "?replicas"), ""},
		{sel("object", "metadata", "name"), ""},
		{sel("request", "operation"), ""},
		{sel("request", "userInfo", "username"), ""},
		{sel("request", "namespace"), mapping + "[?request.namespace].orValue(request.namespace)"},
		{sel("object", "?metadata", "?namespace"), "object.?metadata.?namespace.optMap(policyc__x, " + mapping + "[?policyc__x].orValue(policyc__x))"},
		{sel("variables.where", "namespace"), mapping + "[?variables.where.namespace].orValue(variables.where.namespace)"},
		{code.Select(code.Call("f"), "namespace"), mapping + "[?f().namespace].orValue(f().namespace)"},
		{code.Method(sel("object", "?metadata", "?namespace"), "hasValue"), ""},
		{code.Call("has", sel("object", "metadata", "namespace")), ""},
		{code.Eq(sel("namespaceObject"), code.Null), ""},
		{sel("namespaceObject", "metadata", "name"), mapping + "[?namespaceObject.metadata.name].orValue(namespaceObject.metadata.name)"},
		{sel("namespaceObject", "metadata", "labels", "team"), ""},
		{sel("namespaceObject", "metadata", "?labels", "?kubernetes.io/metadata.name"), "namespaceObject.metadata.?labels[?'policyc.dev/test-namespace']"},
		{sel("request", "userInfo", "groups"), "request.userInfo.groups.filter(policyc__x, !policyc__x.startsWith('policyc:test:1'))"},
		{code.Method(sel("request", "userInfo", "?groups"), "orValue", code.List(nil, nil)),
			"request.userInfo.?groups.optMap(policyc__xs, policyc__xs.filter(policyc__x, !policyc__x.startsWith('policyc:test:1'))).orValue([])"},
	} {
		w := &rewriter{group: "policyc:test:1", names: map[string]string{"scratch": "production"}}
		want := test.want
		if want == "" {
			want = test.in.String()
		}
		if have := w.expr(test.in).String(); have != want || w.found.unsound != "" {
			t.Errorf("%s: got\n  %s\nnot\n  %s\n%s", test.in, have, want, w.found.unsound)
		}
	}
}

// What is the same for everybody cannot be told apart any more: a case must be skipped.
func TestUnsound(t *testing.T) {
	for _, e := range []*code.Expr{
		sel("request"), sel("request", "userInfo"), sel("request", "options"), sel("request", "uid"), sel("namespaceObject"),
		sel("namespaceObject", "metadata", "labels"), sel("namespaceObject", "metadata", "uid"),
		code.Method(sel("namespaceObject", "metadata", "labels"), "all", code.Ident("k"), code.True),
		code.Index(sel("namespaceObject", "metadata", "labels"), sel("object", "kind")),
		code.Method(sel("authorizer"), "group", code.Lit("")),
	} {
		w := &rewriter{group: "g", names: map[string]string{}}
		w.expr(e)
		if w.found.unsound == "" {
			t.Errorf("%s was taken to be the same on a server", e)
		}
	}
	w := &rewriter{names: map[string]string{}}
	w.expr(code.And(code.Method(sel("request", "?dryRun"), "hasValue"), code.Call("size", sel("object", "spec", "schedulingGates"))))
	if !w.found.dryRun || !w.found.gates {
		t.Errorf("found %+v", w.found)
	}
}
