package expr

import (
	"testing"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/types"
)

type object = map[string]any

// holds evaluates lowered CEL on an object.
func holds(t *testing.T, x *code.Expr, o object) any {
	t.Helper()
	env := testEnvs[37]()
	ast, err := compileBoth(env, x.String())
	if err != nil {
		t.Fatalf("%s: %v", x, err)
	}
	program, err := env.dyn.Program(ast)
	if err != nil {
		t.Fatalf("%s: %v", x, err)
	}
	out, _, err := program.Eval(map[string]any{"object": o, "oldObject": nil, "any": o["any"]})
	if err != nil {
		t.Fatalf("%s on %v: %v", x, o, err)
	}
	return out.Value()
}

// TestHolds has conditions by which a rule could be evaded, or deny what it
// should not, if the lowering were wrong.
func TestHolds(t *testing.T) {
	sub := func(name, image string) object { return object{"name": name, "image": image} }
	for _, test := range []struct {
		source string
		object object
		want   bool
	}{
		// Negation over what is not there.
		{"!object.sub.deep.flag", object{}, true},
		{"object.opt != object.nul", object{"nul": nil}, false},
		{"object.opt != 'a'", object{}, true},
		{"object.nflag == false", object{"nflag": nil}, false},
		{"object.nflag != true", object{"nflag": nil}, true},
		{"!(object.opt in ['a'])", object{}, true},
		{"object.opt in ['']", object{}, false},
		{"object.opt == ''", object{}, false},
		{"has(object.nul)", object{"nul": nil}, false},
		{"has(object.nmap.a)", object{"nmap": object{"a": nil}}, false},
		{"'a' in object.nmap", object{"nmap": object{"a": nil}}, false},
		{"object.nmap == null", object{"nmap": nil}, true},
		// A null among the elements hides nothing.
		{"object.ntags.exists(t, t == 'bad')", object{"ntags": []any{nil, "bad"}}, true},
		{"sets.intersects(object.ntags, ['bad'])", object{"ntags": []any{nil, "bad"}}, true},
		{"sets.intersects(object.any, ['bad'])", object{"any": []any{int64(1), "bad"}}, true},
		{"object.ntags.reverse().exists(t, t.startsWith('b'))", object{"ntags": []any{nil, "bad"}}, true},
		{"size(object.ntags.last()) == null", object{"ntags": []any{nil}}, true},
		{"object.anys.first().orValue('x') == 'x'", object{"anys": []any{nil}}, true},
		{"'bad' in object.ntags", object{"ntags": []any{nil, "bad"}}, true},
		{"object.nsubs.all(s, s.flag)", object{"nsubs": []any{nil}}, false},
		// Numbers written another way.
		{"object.lint == 3", object{"lint": 3.0}, true},
		{"object.lint + 1 == 4", object{"lint": 3.0}, true},
		{"object.lint in [3]", object{"lint": 3.0}, true},
		{"object.tags[object.lint] == 'b'", object{"tags": []any{"a", "b"}, "lint": 1.0}, true},
		{"object.ldbl / 2.0 > 1.0", object{"ldbl": int64(3)}, true},
		{"object.ldbls.sum() == 4.5", object{"ldbls": []any{int64(3), 1.5}}, true},
		{"object.lints.max() == 3", object{"lints": []any{3.0, int64(1)}}, true},
		{"string(object.lint) == '1000000'", object{"lint": 1e6}, true},
		{"object.port == 22", object{"port": 22.0}, true},
		{"int(object.cport) == 22", object{"cport": 22.0}, true},
		{"object.cport + 1 == 23", object{"cport": 22.0}, true},
		{"object.cport + 1 == 23", object{"cport": "22"}, false},
		{"string(object.cport) == '22'", object{"cport": 22.0}, true},
		{"object.cport >= '22'", object{"cport": 22.0}, false},
		{"object.any.port == 22", object{"any": object{"port": 22.0}}, true},
		// Open areas of the wrong shape.
		{"object.any.a.b == 'x'", object{"any": []any{}}, false},
		{"object.any.a.b != 'x'", object{"any": "text"}, true},
		{"object.any.exists(x, x == 'bad')", object{"any": object{"bad": nil}}, true},
		{"object.any['a-b'] == 1", object{"any": []any{"a-b"}}, false},
		{"object.any[0] == 1", object{"any": object{"0": int64(1)}}, false},
		{"size(object.any) > 0", object{"any": int64(3)}, false},
		{"object.anys.sum() == 4.5", object{"anys": []any{int64(3), 1.5}}, true},
		{"object.anys.sum() == 4", object{"anys": []any{int64(3), int64(1)}}, true},
		{"object.anys.exists(a, a.b.c == 1)", object{"anys": []any{"x", nil, []any{}, object{"b": object{"c": int64(1)}}}}, true},
		// Names inside of names.
		{"object.subs.exists(a, object.subs.exists(b, a.name != b.name && a.image == b.image))",
			object{"subs": []any{sub("x", "i"), sub("y", "i")}}, true},
		{"object.tags.exists(x, object.list.exists(x, x == 'b'))", object{"tags": []any{"a"}, "list": []any{"b"}}, true},
		{"object.tags[0] + object.tags[1] + object.tags[0] == 'aba'", object{"tags": []any{"a", "b"}}, true},
		{"object.tags.all(item, object.tags[0] + item != item + object.tags[1])", object{"tags": []any{"a", "b"}}, true},
		// Chains of choices.
		{"object.nul.orValue(object.opt).orValue('z') == 'z'", object{"nul": nil}, true},
		{"object.nul.orValue(object.opt).orValue('z') == 'o'", object{"nul": nil, "opt": "o"}, true},
		{"(object.flag ? object.opt : object.nul) == null", object{"flag": true, "nul": "x"}, true},
		{"(object.flag ? object.opt : object.nul) == 'x'", object{"nul": "x"}, true},
		{"bool(object.labels['on']).orValue(true)", object{}, true},
		{"bool(object.labels['on']).orValue(true)", object{"labels": object{"on": "false"}}, false},
		{"(true ? bool(object.opt) : false) == null", object{}, true},
		// Literals, and what no literal converts to.
		{`object.labels[r'a\b"c'] == "it's\n😀\u0001"`, object{"labels": object{`a\b"c`: "it's\n😀\u0001"}}, true},
		{"object.cnt == -9223372036854775808", object{"cnt": int64(-9223372036854775808)}, true},
		{"object.dbls == [0.1, 1e21, -0.0]", object{"dbls": []any{0.1, 1e21, 0.0}}, true},
		{"int('x') == 1", object{}, false},
		{"int(object.opt) == null", object{"opt": "99999999999999999999"}, true},
		{"object.cnt / 0 == null", object{"cnt": int64(1)}, true},
		{"object.ratio / 0.0 == null", object{"ratio": 1.0}, true},
		// Sugar of the schema.
		{"object.mem <= '1Gi'", object{"mem": "1024Mi"}, true},
		{"object.mem == '1Gi'", object{"mem": "1024Mi"}, true},
		{"object.mem <= '1Gi'", object{}, false},
		{"object.limits['cpu'] > 1", object{"limits": object{"cpu": "1500m"}}, true},
		{"object.at < timestamp('2026-01-01T00:00:00Z')", object{"at": "0000-01-01T00:00:00Z"}, false},
		{"object.at < timestamp('2026-01-01T00:00:00Z')", object{"at": "2025-01-01T00:00:00Z"}, true},
		{"object.wait == '60s'", object{"wait": "1m0s"}, true},
		{"object.port == object.ports[0]", object{"port": "http", "ports": []any{"http"}}, true},
		// Lists of nothing.
		{"object.nums.max() > 0", object{"nums": []any{}}, false},
		{"object.nums.sum() == 0", object{}, true},
		{"object.tags.indexOf('a') == -1", object{}, true},
		{"object.tags.isSorted()", object{}, true},
		{"params.none.min() == 'a'", object{}, false},
		{"object.tags.first() == 'a'", object{"tags": []any{"a"}}, true},
		{"object.tags.join(',') == ''", object{}, true},
		{"lists.range(object.cnt) == []", object{"cnt": int64(-1)}, false},
		{"object.opt.substring(2, 1) == null", object{"opt": "abc"}, true},
		{"object.opt.split('/')[1] == 'b'", object{"opt": "a/b"}, true},
		{"'%s-%s'.format([object.opt, object.cnt]) == null", object{"opt": "a"}, true},
		{"'%s-%s'.format([object.opt, object.cnt]) == 'a-1'", object{"opt": "a", "cnt": int64(1)}, true},
		{"object.subs.map(s, {'image': s.image}).size() == 1", object{"subs": []any{object{"name": "a"}}}, true},
		{"object.subs.map(s, s.image).size() == 0", object{"subs": []any{object{"name": "a"}}}, true},
		{"object.sub.optMap(s, s.name + '!') == 'a!'", object{"sub": object{"name": "a"}}, true},
	} {
		n, r := checkText(testEnvs[37]().scope, test.source)
		if n.Bad() {
			t.Errorf("%s: %s", test.source, messages(r))
			continue
		}
		o := object{"req": "r", "num": int64(1), "must": object{"name": "m"}, "list": []any{}}
		for k, v := range test.object {
			o[k] = v
		}
		x := Condition(n)
		if got := holds(t, x, o); got != test.want {
			t.Errorf("%s on %v is %v\n\t→ %s", test.source, test.object, got, x)
		}
	}
}

func parsed(text string) *Parsed { return Parse(source.Synthetic(text), diag.NewReport()) }

// TestInlinedNames calls functions with arguments that mention variables of
// the names that are used inside.
func TestInlinedNames(t *testing.T) {
	scope := *testEnvs[37]().scope
	words := types.NewList(types.StringType)
	scope.Functions = map[string]*Function{
		"overlap": {Name: "overlap", Params: []Param{{"x", words}, {"y", words}}, Body: parsed("x.exists(i, y.exists(j, i == j))")},
		"other":   {Name: "other", Params: []Param{{"i", types.StringType}, {"l", words}}, Body: parsed("l.exists(x, x != i)")},
		"parts":   {Name: "parts", Params: []Param{{"s", types.StringType}}, Body: parsed("{'head': s.split('/')[0], 'tail': s.split('/')[1]}")},
	}
	for source, want := range map[string]bool{
		"object.tags.exists(j, overlap([j], object.list))":             true,
		"object.tags.exists(i, overlap(object.list, [i]))":             true,
		"object.tags.all(x, overlap([x], [x]))":                        true,
		"object.tags.all(x, other(x, [x]))":                            false,
		"object.tags.exists(i, other(i, object.tags))":                 true,
		"overlap(object.tags.filter(i, i != 'b'), object.list)":        false,
		"object.subs.exists(s, parts(s.image).tail == object.tags[0])": true,
		"parts(object.opt).head == null":                               true,
	} {
		n, r := checkText(&scope, source)
		if n.Bad() {
			t.Errorf("%s: %s", source, messages(r))
			continue
		}
		x := Condition(n)
		o := object{"tags": []any{"a", "b"}, "list": []any{"b", "c"}, "subs": []any{object{"name": "n", "image": "r/a"}}}
		if got := holds(t, x, o); got != want {
			t.Errorf("%s is %v, want %v\n\t→ %s", source, got, want, x)
		}
	}
}

// TestTemplate prints messages.
func TestTemplate(t *testing.T) {
	scope := testEnvs[37]().scope
	o := object{"req": "r", "num": int64(1), "must": object{"name": "m"}, "list": []any{"a", "b"}, "lint": 1e6, "at": nil,
		"any": object{"k": []any{int64(1), nil}}, "port": "http", "mem": "1Gi", "flag": false, "ntags": []any{"x", nil}}
	for text, want := range map[string]string{
		"plain":                                "plain",
		"a ${object.req} b":                    "a r b",
		"$${object.req}":                       "${object.req}",
		"${object.opt}":                        "<unset>",
		"${object.at}":                         "<unset>",
		"${object.list}":                       "a, b",
		"${object.lint}":                       "1000000",
		"${object.num + 1}/${object.cnt}":      "2/<unset>",
		"${object.port}:${object.mem}":         "http:1Gi",
		"${object.flag}":                       "false",
		"${object.any.k}":                      "[1, null]",
		"${object.any.none}":                   "<unset>",
		"${object.ntags}":                      `["x", null]`,
		"${object.must}":                       `{"name":"m"}`,
		"${'}'} ${\"'\"}":                      "} '",
		"${object.opt.orValue('d')}":           "d",
		"${object.list.map(x, x + '!')}":       "a!, b!",
		"${{'a': object.opt, 'b': 1}}":         `{"b":1}`,
		"${object.sub.deep.flag == null}":      "true",
		"${object.must.image.orValue('none')}": "none",
	} {
		r := diag.NewReport()
		x := Template(ParseTemplate(source.Synthetic(text), r), scope, r)
		if r.Len() > 0 {
			t.Errorf("%s: %s", text, messages(r))
			continue
		}
		if got := holds(t, x, o); got != want {
			t.Errorf("%s prints %q, want %q\n\t→ %s", text, got, want, x)
		}
	}
}
