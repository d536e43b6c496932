package expr

import (
	"testing"
)

// TestCheckErrors shows what is refused, and where.
func TestCheckErrors(t *testing.T) {
	scope := testEnvs[37]().scope
	for _, test := range []struct {
		source, code string
		column       int
		message      string
	}{
		{"object.spec2", "PC2003", 8, "no field \"spec2\" on test.Thing"},
		{"{object.ratio: 1}", "PC3002", 9, "`{key: …}` is not defined for double"},
		{"{1.5: 'a'}", "PC3002", 2, "`{key: …}` is not defined for double"},
		{"{[1]: 'a'}", "PC3002", 2, "`{key: …}` is not defined for list(int)"},
		{"object.imap.transformMapEntry(k, v, {string(v): k}).size() > 0", "PC3002", 38, "the key of transformMapEntry must be `k`"},
		{"'%s'.format([quantity('1')])", "PC3002", 14, "`%s` is not defined for kubernetes.Quantity"},
		{"string(b'abc')", "PC3002", 1, "bytes cannot be read as text"},
		{"string(bytes(object.opt)) == 'a'", "PC3002", 1, "bytes cannot be read as text"},
		{"object.metadata.nam", "PC2003", 17, "no field \"nam\" on test.Meta"},
		{"foo", "PC2002", 1, "unknown name `foo`"},
		{"objec.metadata", "PC2002", 1, "unknown name `objec`"},
		{"object.cnt == '3'", "PC3002", 12, "int is never equal to string"},
		{"object.cnt && true", "PC3002", 8, "a condition is needed, but this is int"},
		{"object.tags.name", "PC3002", 13, "list(string) has no fields, so no `name`"},
		{"has()", "PC3002", 1, "`has` takes one argument, not 0"},
		{"has(object.opt, object.req)", "PC3002", 1, "`has` takes one argument, not 2"},
		{"object.opt.matches(object.req)", "PC3004", 27, "the pattern of `matches` must be known when compiling"},
		{"object.opt.matches('[')", "PC3003", 20, "pattern \"[\" does not compile: missing closing ]: `[`"},
		{"object.mem < '1Gx'", "PC3003", 14, "\"1Gx\" is no quantity"},
		{"params.wordz", "PC2002", 8, "unknown parameter `wordz`"},
		{"object.opt.startWith('a')", "PC2002", 12, "unknown function `startWith`"},
		{"object.cnt +", "PC3001", 12, "invalid CEL: mismatched input '<EOF>'"},
		{"object.subs.exists(object, true)", "PC2004", 20, "`object` is already the name of something else here"},
		{"object.opt < null", "PC3002", 12, "`<` with null is always false"},
		{"object.cnt + object.opt", "PC3002", 12, "`+` is not defined for int and string"},
		{"object.num.startsWith('a')", "PC3002", 12, "`startsWith` cannot be called on int with (string)"},
		{"object.tags[object.opt]", "PC3002", 12, "`[]` is not defined for list(string) and string"},
		{"object.tags[0] in object.nums", "PC3002", 16, "`in` is not defined for string and list(int)"},
		{"{object.must: 1}", "PC3002", 9, "`{key: …}` is not defined for test.Sub"},
		{"'%d'.format([1])", "PC3003", 1, "only %s is supported in `format`"},
		{"'%s %s'.format([1])", "PC3003", 1, "2 verbs for 1 values"},
		{"object.at.getHours('Europe/Berlin')", "PC3003", 20, "a time zone must be 'UTC' or an offset such as '+02:00'"},
		{"optional.foo(1)", "PC2002", 10, "no function `optional.foo` in policies"},
		{"object.nums.map(x, y)", "PC2002", 20, "unknown name `y`"},
		{"object.opt ? 1 : 2", "PC3002", 8, "a condition is needed, but this is string"},
		{"object.must[object.opt]", "PC3002", 12, "a field of test.Sub must be named by a constant"},
		{"('a' + object.cnt).size() > 1", "PC3002", 6, "`+` is not defined for string and int"},
		{"object.cnt.exists(x, true)", "PC3002", 12, "int is no list and no map"},
		{"-object.opt", "PC3002", 1, "`-` is not defined for string"},
		{"a.b.c.d", "PC2002", 1, "unknown name `a`"},
		{"\"é\" + object.cnt", "PC3002", 5, "`+` is not defined for string and int"},
		{"object.opt.orValue(3)", "PC3002", 20, "int cannot stand in for string"},
	} {
		n, r := checkText(scope, test.source)
		list := r.Sorted()
		if len(list) != 1 || !n.Bad() {
			t.Errorf("%s: %d diagnostics, bad %v: %s", test.source, len(list), n.Bad(), messages(r))
			continue
		}
		d := list[0]
		column := d.At.File.Position(d.At.Start).Column
		if d.Code.ID != test.code || column != test.column || d.Message != test.message {
			t.Errorf("%s\n\tgot  %s at %d: %s\n\twant %s at %d: %s", test.source, d.Code.ID, column, d.Message,
				test.code, test.column, test.message)
		}
	}
}
