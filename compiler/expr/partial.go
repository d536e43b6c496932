package expr

import (
	"net/netip"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/types"
)

// Patterns for text that a CEL conversion accepts. They are what the language
// defines as parsable (docs: "Absence"); each is at most what CEL accepts, so
// that a conversion behind the pattern never fails.
const (
	// intPattern leaves out numbers of 19 digits, of which some overflow.
	intPattern    = `^[+-]?[0-9]{1,18}$`
	uintPattern   = `^[0-9]{1,18}$`
	doublePattern = `^[+-]?([0-9]{1,15}([.][0-9]{0,15})?|[.][0-9]{1,15})([eE][+-]?[0-9]{1,2})?$`
	boolPattern   = `^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$`
	// timePattern is RFC 3339 with valid days of the month, years 1000 to
	// 8999: CEL refuses times that a zone moves out of the years 1 to 9999.
	timePattern = `^(` +
		`[1-8][0-9]{3}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))` +
		`|([1-8][0-9](0[48]|[2468][048]|[13579][26])|[2468][048]00|[1357][26]00)-02-29` +
		`)T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$`
	// yearPattern is what is left to test of a time that the API server has
	// parsed: it takes the years 0 and 10000 too.
	yearPattern = `^[1-8][0-9]{3}-`
	// durationPattern is Go's duration with units in descending order.
	durationPattern = `^[+-]?([0-9]{1,6}([.][0-9]{1,9})?h)?([0-9]{1,7}([.][0-9]{1,9})?m)?([0-9]{1,9}([.][0-9]{1,9})?s)?` +
		`([0-9]{1,12}([.][0-9]{1,6})?ms)?([0-9]{1,15}([.][0-9]{1,3})?us)?([0-9]{1,18}ns)?$`
	durationNonEmpty = `[hms]$`
	// Names of namespaces and of service accounts (RFC 1123).
	labelPattern     = `^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`
	subdomainPattern = `^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
)

// matches tests text for a pattern. The test of a constant is done here: CEL
// converts constants when it plans the program, whatever guards them.
func matches(x *code.Expr, pattern string) *code.Expr {
	if s, ok := x.Value.(string); ok && x.Kind == code.KindLit {
		return code.Lit(regexp.MustCompile(pattern).MatchString(s))
	}
	return code.Method(x, "matches", code.Lit(pattern))
}

func intLit(n int) *code.Expr { return code.Lit(int64(n)) }

// size returns size(x); of a list or text that is written out, the number.
func size(x *code.Expr) *code.Expr {
	if x.Kind == code.KindList && !slices.Contains(x.OptionalArgs, true) {
		return intLit(len(x.Args))
	}
	if s, ok := x.Value.(string); ok && x.Kind == code.KindLit {
		return intLit(utf8.RuneCountInString(s))
	}
	return code.Call("size", x)
}

func between(lo, x, hi *code.Expr) *code.Expr {
	return code.And(atMost(lo, x), atMost(x, hi))
}

// atMost returns a <= b; see matches for constants.
func atMost(a, b *code.Expr) *code.Expr {
	x, ok := number(a)
	y, both := number(b)
	if ok && both {
		return code.Lit(x <= y)
	}
	return code.Binary("<=", a, b)
}

func number(e *code.Expr) (float64, bool) {
	switch v := e.Value.(type) {
	case int64:
		return float64(v), true
	case uint64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// partialGuards says, by overload, when an operation has a result. What is
// not listed always has one, for arguments of the right type.
var partialGuards = map[string]func(args []*code.Expr) *code.Expr{
	"string_to_int64":  func(a []*code.Expr) *code.Expr { return matches(a[0], intPattern) },
	"string_to_uint64": func(a []*code.Expr) *code.Expr { return matches(a[0], uintPattern) },
	"string_to_double": func(a []*code.Expr) *code.Expr { return matches(a[0], doublePattern) },
	"string_to_bool":   func(a []*code.Expr) *code.Expr { return matches(a[0], boolPattern) },
	"string_to_timestamp": func(a []*code.Expr) *code.Expr {
		return matches(a[0], timePattern)
	},
	"string_to_duration": func(a []*code.Expr) *code.Expr {
		return code.And(matches(a[0], durationPattern), matches(a[0], durationNonEmpty))
	},
	"double_to_int64": func(a []*code.Expr) *code.Expr {
		return between(code.Lit(-9.2e18), a[0], code.Lit(9.2e18))
	},
	"double_to_uint64": func(a []*code.Expr) *code.Expr {
		return between(code.Lit(0.0), a[0], code.Lit(9.2e18))
	},
	"int64_to_uint64": func(a []*code.Expr) *code.Expr { return atMost(intLit(0), a[0]) },
	"uint64_to_int64": func(a []*code.Expr) *code.Expr {
		return atMost(a[0], code.Lit(uint64(9223372036854775807)))
	},
	"int64_to_timestamp": func(a []*code.Expr) *code.Expr {
		return between(code.Lit(int64(-62135596800)), a[0], code.Lit(int64(253402300799)))
	},
	"bytes_to_string": func(a []*code.Expr) *code.Expr {
		// There is no test for UTF-8 in CEL: only what is plainly text.
		return code.False
	},
	"string_to_quantity": func(a []*code.Expr) *code.Expr { return code.Call("isQuantity", a[0]) },
	"string_to_ip":       func(a []*code.Expr) *code.Expr { return code.Call("isIP", a[0]) },
	"ip_is_canonical":    func(a []*code.Expr) *code.Expr { return code.Call("isIP", a[0]) },
	"string_to_cidr":     func(a []*code.Expr) *code.Expr { return code.Call("isCIDR", a[0]) },
	"string_to_url":      func(a []*code.Expr) *code.Expr { return code.Call("isURL", a[0]) },
	"string_to_semver":   func(a []*code.Expr) *code.Expr { return code.Call("isSemver", a[0]) },
	"string_bool_to_semver": func(a []*code.Expr) *code.Expr {
		return code.Call("isSemver", a[0], a[1])
	},
	"cidr_contains_ip_string":   func(a []*code.Expr) *code.Expr { return code.Call("isIP", a[1]) },
	"cidr_contains_cidr_string": func(a []*code.Expr) *code.Expr { return code.Call("isCIDR", a[1]) },
	"quantity_get_int": func(a []*code.Expr) *code.Expr {
		return code.Method(a[0], "isInteger")
	},
	"string_char_at_int": func(a []*code.Expr) *code.Expr {
		return between(intLit(0), a[1], size(a[0]))
	},
	"string_substring_int": func(a []*code.Expr) *code.Expr {
		return between(intLit(0), a[1], size(a[0]))
	},
	"string_substring_int_int": func(a []*code.Expr) *code.Expr {
		return code.And(atMost(intLit(0), a[1]), atMost(a[1], a[2]), code.Binary("<=", a[2], size(a[0])))
	},
	// 1.30 raises an error for an offset past the end.
	"string_index_of_string_int": func(a []*code.Expr) *code.Expr {
		return between(intLit(0), a[2], size(a[0]))
	},
	"string_last_index_of_string_int": func(a []*code.Expr) *code.Expr {
		return between(intLit(0), a[2], size(a[0]))
	},
	"list_slice": func(a []*code.Expr) *code.Expr {
		return code.And(atMost(intLit(0), a[1]), atMost(a[1], a[2]), code.Binary("<=", a[2], size(a[0])))
	},
	// k8s.io/apiserver/pkg/cel/library/authz.go
	"authorizer_path":     func(a []*code.Expr) *code.Expr { return matches(a[1], `\S`) },
	"groupcheck_resource": func(a []*code.Expr) *code.Expr { return matches(a[1], `\S`) },
	"authorizer_serviceaccount": func(a []*code.Expr) *code.Expr {
		return code.And(matches(a[1], labelPattern), matches(a[2], subdomainPattern), atMost(size(a[2]), intLit(253)))
	},
	// ext.Lists makes no list that is longer (cel-go ext/lists.go).
	"lists_range":      func(a []*code.Expr) *code.Expr { return between(intLit(0), a[0], intLit(1_000_000)) },
	"list_flatten_int": func(a []*code.Expr) *code.Expr { return atMost(intLit(0), a[1]) },
}

// guardOf returns when an overload has a result: True when it always has.
func guardOf(o *overload, args []*code.Expr) *code.Expr {
	if g, ok := partialGuards[o.id]; ok && !convertsKnown(o, args) {
		return g(args)
	}
	if emptyListFails(o.id) {
		return notEmpty(args[0])
	}
	return code.True
}

func notEmpty(list *code.Expr) *code.Expr {
	if n, ok := number(size(list)); ok {
		return code.Lit(n > 0)
	}
	return code.Binary("<", intLit(0), size(list))
}

// convertsKnown reports whether the text that is converted is a literal that
// the checker has already parsed (typed sugar), or a schema guarantees it.
func convertsKnown(o *overload, args []*code.Expr) bool {
	if args[0].Kind != code.KindLit {
		return false
	}
	s, ok := args[0].Value.(string)
	return ok && knownText(o.id, s)
}

// emptyListFails reports whether a library function raises an error for an
// empty list (min and max of k8s.io/apiserver/pkg/cel/library/lists.go).
func emptyListFails(id string) bool {
	n := len(id)
	return n > 10 && id[:5] == "list_" && (id[n-4:] == "_min" || id[n-4:] == "_max" ||
		hasInfix(id, "_min_") || hasInfix(id, "_max_"))
}

func hasInfix(s, infix string) bool {
	for i := 0; i+len(infix) <= len(s); i++ {
		if s[i:i+len(infix)] == infix {
			return true
		}
	}
	return false
}

// typeTest returns a CEL test that v, of which have is known, is a want; nil
// when the types say so already.
func (l *lowerer) typeTest(want, have *types.Type, v *code.Expr) *code.Expr {
	if want.Kind == types.Dyn || want.Kind == types.Param || types.Equal(want, have) {
		return nil
	}
	if want.Kind == types.List && have.Kind == types.List {
		return l.elementTest(want.Elem, have.Elem, have.NullElem, v)
	}
	if have.Kind != types.Dyn && have.Kind != types.IntOrString {
		return nil
	}
	is := func(name string) *code.Expr {
		return code.Eq(code.Call("type", v), code.Ident(name))
	}
	switch want.Kind {
	case types.String, types.Time, types.DurationText, types.Base64, types.Quantity:
		return is("string")
	case types.Bool:
		return is("bool")
	case types.Int:
		if have.Loose {
			return isNumber(v)
		}
		return is("int")
	case types.Double:
		return is("double")
	case types.List:
		if inner := l.elementTest(want.Elem, types.DynType, false, v); inner != nil {
			return code.And(is("list"), inner)
		}
		return is("list")
	case types.Map, types.Object:
		return is("map")
	case types.Null:
		return is("null_type")
	}
	return code.False
}

func (l *lowerer) elementTest(want, have *types.Type, null bool, v *code.Expr) *code.Expr {
	name := l.fresh("item")
	defer l.release(name)
	item := code.Ident(name)
	test := l.typeTest(want, have, item)
	if test == nil && null && want.Kind != types.Dyn {
		test = notNull(item, have)
	}
	if test == nil {
		return nil
	}
	return code.Method(v, "all", item, test)
}

// knownText reports whether a constant converts without an error.
func knownText(overload, s string) bool {
	switch overload {
	case "string_to_quantity":
		_, err := resource.ParseQuantity(s)
		return err == nil
	case "string_to_timestamp":
		t, err := time.Parse(time.RFC3339, s)
		return err == nil && t.UTC().Year() > 1 && t.UTC().Year() < 9999
	case "string_to_duration":
		_, err := time.ParseDuration(s)
		return err == nil
	case "string_to_ip":
		a, err := netip.ParseAddr(s)
		return err == nil && plainAddress(a)
	case "string_to_cidr":
		p, err := netip.ParsePrefix(s)
		return err == nil && plainAddress(p.Addr())
	case "string_to_semver":
		return plainVersion.MatchString(s)
	}
	return false
}

// plainAddress leaves out the forms that the API server's ip() refuses.
func plainAddress(a netip.Addr) bool { return a.Zone() == "" && !a.Is4In6() }

var plainVersion = regexp.MustCompile(`^(0|[1-9][0-9]{0,8})[.](0|[1-9][0-9]{0,8})[.](0|[1-9][0-9]{0,8})$`)
