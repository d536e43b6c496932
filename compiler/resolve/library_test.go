package resolve

import (
	"testing"

	"github.com/google/cel-go/cel"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/expr"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/compiler/types"
)

// evaluate checks, lowers and runs an expression over the texts x and y with
// the shipped library.
func evaluate(t *testing.T, text, x, y string) any {
	t.Helper()
	r := diag.NewReport()
	p := Resolve(&syntax.Documents{}, Options{}, r)
	env, err := p.Target.Env()
	if err != nil {
		t.Fatal(err)
	}
	scope := &expr.Scope{Target: p.Target, Env: env, Functions: p.Functions, Vars: map[string]*expr.Var{
		"x": {Name: "x", Type: types.StringType, Code: code.Ident("x")},
		"y": {Name: "y", Type: types.StringType, Code: code.Ident("y")},
	}}
	n := expr.Check(expr.Parse(source.Synthetic(text), r), scope, r)
	if r.HasErrors() {
		t.Fatalf("%s: %s", text, r.Sorted()[0].Message)
	}
	lowered, optional := expr.Value(n)
	if optional {
		lowered = code.Method(lowered, "orValue", code.Lit(expr.Unset))
	}
	if env, err = env.Extend(cel.Variable("x", cel.DynType), cel.Variable("y", cel.DynType)); err != nil {
		t.Fatal(err)
	}
	compiled, issues := env.Compile(lowered.String())
	if issues.Err() != nil {
		t.Fatal(issues.Err())
	}
	program, err := env.Program(compiled)
	if err != nil {
		t.Fatal(err)
	}
	v, _, err := program.Eval(map[string]any{"x": x, "y": y})
	if err != nil {
		t.Fatalf("%s with %q, %q: %v", text, x, y, err)
	}
	return v.Value()
}

// A pattern that is known only at run time means what a constant one does,
// and whatever it holds is no error.
func TestDynamicGlob(t *testing.T) {
	for _, c := range []struct {
		text, pattern string
		want          bool
	}{
		{"registry.company.com/a", "registry.company.com/*", true},
		{"registryXcompany.com/a", "registry.company.com/*", false},
		{"abc", "a?c", true}, {"ac", "a?c", false}, {"abbc", "a?c", false},
		{"a\nb", "a*b", true}, {"xabx", "ab", false}, {"", "*", true}, {"", "", true}, {"a", "", false},
		{`a(b[c{d^e$f|g+h)i]j}k`, `a(b[c{d^e$f|g+h)i]j}k`, true}, {"aab", "a+b", false},
		{`a\Eb`, `a\Eb`, true}, {`a.*b`, `a\E.*\Qb`, false}, {`axb`, `a\E.*\Qb`, false},
		{`a\`, `a\`, true}, {`a\b`, `a\*`, true}, {`a\Ex`, `a\E?`, true}, {`\Q`, `\Q`, true},
	} {
		if got := evaluate(t, "glob(x, y)", c.text, c.pattern); got != c.want {
			t.Errorf("glob(%q, %q) = %v at run time", c.text, c.pattern, got)
		}
		if got := evaluate(t, "glob(x, "+code.Quote(c.pattern)+")", c.text, ""); got != c.want {
			t.Errorf("glob(%q, %q) = %v with a constant", c.text, c.pattern, got)
		}
	}
}

// image reads references as Docker does; what is not one has no parts.
func TestImage(t *testing.T) {
	const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for ref, want := range map[string][4]string{ // registry, repository, tag, digest
		"nginx":                                {"docker.io", "library/nginx", expr.Unset, expr.Unset},
		"nginx:1.29":                           {"docker.io", "library/nginx", "1.29", expr.Unset},
		"nginx@" + digest:                      {"docker.io", "library/nginx", expr.Unset, digest},
		"nginx:1@" + digest:                    {"docker.io", "library/nginx", "1", digest},
		"team/app":                             {"docker.io", "team/app", expr.Unset, expr.Unset},
		"docker.io/nginx":                      {"docker.io", "library/nginx", expr.Unset, expr.Unset},
		"index.docker.io/team/app:1":           {"docker.io", "team/app", "1", expr.Unset},
		"localhost/a":                          {"localhost", "a", expr.Unset, expr.Unset},
		"localhost:5000":                       {"docker.io", "library/localhost", "5000", expr.Unset},
		"localhost:5000/a:1":                   {"localhost:5000", "a", "1", expr.Unset},
		"registry.company.com:443/a/b:v1":      {"registry.company.com:443", "a/b", "v1", expr.Unset},
		"REGISTRY.company.com/a":               {"registry.company.com", "a", expr.Unset, expr.Unset},
		"[::1]:5000/a":                         {"[::1]:5000", "a", expr.Unset, expr.Unset},
		"registry.company.com.evil.io/x":       {"registry.company.com.evil.io", "x", expr.Unset, expr.Unset},
		"registry.company.com@evil":            {expr.Unset, expr.Unset, expr.Unset, expr.Unset},
		"user:pass@registry.company.com/x":     {expr.Unset, expr.Unset, expr.Unset, expr.Unset},
		"https://registry.company.com/x":       {expr.Unset, expr.Unset, expr.Unset, expr.Unset},
		"nginx:latest ":                        {expr.Unset, expr.Unset, expr.Unset, expr.Unset},
		"a//b":                                 {expr.Unset, expr.Unset, expr.Unset, expr.Unset},
		"a..b":                                 {expr.Unset, expr.Unset, expr.Unset, expr.Unset},
		"a___b":                                {expr.Unset, expr.Unset, expr.Unset, expr.Unset},
		"a__b/c--d.e":                          {"docker.io", "a__b/c--d.e", expr.Unset, expr.Unset},
		"-a.io/b":                              {expr.Unset, expr.Unset, expr.Unset, expr.Unset},
		"a-.io/b":                              {expr.Unset, expr.Unset, expr.Unset, expr.Unset},
		"a..io/b":                              {expr.Unset, expr.Unset, expr.Unset, expr.Unset},
		"":                                     {expr.Unset, expr.Unset, expr.Unset, expr.Unset},
		"evil.io/registry.company.com/x:1\nx:": {expr.Unset, expr.Unset, expr.Unset, expr.Unset},
	} {
		for i, part := range []string{"registry", "repository", "tag", "digest"} {
			if got := evaluate(t, "image(x)."+part, ref, ""); got != want[i] {
				t.Errorf("image(%q).%s = %q, want %q", ref, part, got, want[i])
			}
		}
	}
}
