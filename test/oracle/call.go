package oracle

import (
	"net/netip"
	"net/url"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/policyc/policyc/compiler/types"
)

// evalCall calls a function. Its arguments are nil where they are absent, and
// its result where it has none: for a boolean atom, that is false.
func evalCall(e *Expr, s *scope) any {
	args := make([]any, len(e.Args))
	for i, a := range e.Args {
		args[i] = eval(a, s)
		if l, ok := args[i].([]any); ok && a.Type.Kind == types.List {
			args[i] = numbers(l, a.Type.Elem)
		}
		_, receiver := quantityMethods[e.Name]
		if receiver && a.Type.Kind == types.Quantity {
			args[i] = asQuantity(args[i])
		}
		if strings.HasPrefix(e.Name, "get") && a.Type.Kind == types.Time {
			args[i] = asTime(args[i])
		}
		if strings.HasPrefix(e.Name, "get") && a.Type.Kind == types.DurationText {
			args[i] = asDuration(args[i])
		}
		if emptyLists[e.Name] && args[i] == nil && (i == 0 || strings.HasPrefix(e.Name, "sets.")) && listLike(a.Type) {
			args[i] = []any{}
		}
	}
	if e.Function != nil {
		return e.Function.call(args)
	}
	v := call(e, args)
	if e.Name == "sum" { // of no numbers is a zero of their type
		v = number(v, e.Type)
	}
	if v == nil && e.Type.Kind == types.Bool && !handsOn[e.Name] {
		return false
	}
	return v
}

// numbers reads the numbers of a list as the type that its schema says.
func numbers(l []any, t *types.Type) []any {
	out := make([]any, len(l))
	for i, v := range l {
		out[i] = number(v, t)
	}
	return out
}

// emptyLists are the functions that need a list: an absent one is empty there.
var emptyLists = map[string]bool{"size": true, "isSorted": true, "sum": true, "min": true, "max": true, "indexOf": true,
	"lastIndexOf": true, "join": true, "flatten": true, "distinct": true, "reverse": true, "slice": true, "sort": true,
	"first": true, "last": true, "sets.contains": true, "sets.equivalent": true, "sets.intersects": true}

// listLike: an absent list is empty where a list is needed. Of a value of
// unknown type nobody knows that it would have been a list, so that it stays
// absent, like one of a wrong type.
func listLike(t *types.Type) bool { return t.Kind == types.List || t.Kind == types.Map }

// handsOn are the functions that hand on a bool, rather than test something.
var handsOn = map[string]bool{"bool": true, "first": true, "last": true, "min": true, "max": true}

func call(e *Expr, args []any) any {
	for _, table := range []map[string]func([]any) any{conversions, textMethods, listMethods, quantityMethods, timeMethods, netMethods, standard} {
		if f, ok := table[e.Name]; ok {
			if v := f(args); v != nil {
				return v
			}
		}
	}
	return nil
}

// one makes a function of a function of one argument of a type.
func one[A any](f func(A) any) func([]any) any {
	return func(args []any) any {
		if a, ok := args[0].(A); ok && len(args) == 1 {
			return f(a)
		}
		return nil
	}
}

// two makes a function of a function of two arguments.
func two[A, B any](f func(A, B) any) func([]any) any {
	return func(args []any) any {
		if len(args) != 2 {
			return nil
		}
		a, okA := args[0].(A)
		b, okB := args[1].(B)
		if okA && okB {
			return f(a, b)
		}
		return nil
	}
}

func present(f func(string) any) func([]any) any {
	return one(func(s string) any { return f(s) != nil })
}

var conversions = map[string]func([]any) any{
	"int":        one(toInt),
	"double":     one(toDouble),
	"string":     one(toString),
	"bool":       one(toBool),
	"type":       one(typeOf),
	"timestamp":  one(parseTime),
	"duration":   one(parseDuration),
	"quantity":   one(parseQuantity),
	"ip":         one(func(v any) any { return toIP(v) }),
	"cidr":       one(parseCIDR),
	"url":        one(parseURL),
	"isQuantity": present(parseQuantity),
	"isIP":       present(parseIP),
	"isCIDR":     present(parseCIDR),
	"isURL":      present(parseURL),
}

// toIP is ip(text), or the address of a block.
func toIP(v any) any {
	switch v := v.(type) {
	case string:
		return parseIP(v)
	case netip.Prefix:
		return v.Addr()
	}
	return nil
}

var quantityMethods = map[string]func([]any) any{
	"isGreaterThan":      two(func(a, b *resource.Quantity) any { return a.Cmp(*b) > 0 }),
	"isLessThan":         two(func(a, b *resource.Quantity) any { return a.Cmp(*b) < 0 }),
	"compareTo":          two(func(a, b *resource.Quantity) any { return int64(a.Cmp(*b)) }),
	"sign":               one(func(q *resource.Quantity) any { return int64(q.Sign()) }),
	"asApproximateFloat": one(func(q *resource.Quantity) any { return q.AsApproximateFloat64() }),
	"isInteger":          one(func(q *resource.Quantity) any { _, ok := q.AsInt64(); return ok }),
	"asInteger": one(func(q *resource.Quantity) any {
		if n, ok := q.AsInt64(); ok {
			return n
		}
		return nil
	}),
	"add": two(func(a, b *resource.Quantity) any { c := a.DeepCopy(); c.Add(*b); return &c }),
	"sub": two(func(a, b *resource.Quantity) any { c := a.DeepCopy(); c.Sub(*b); return &c }),
}

var timeMethods = map[string]func([]any) any{
	"getFullYear":  one(func(t time.Time) any { return int64(t.UTC().Year()) }),
	"getMonth":     one(func(t time.Time) any { return int64(t.UTC().Month()) - 1 }),
	"getDate":      one(func(t time.Time) any { return int64(t.UTC().Day()) }),
	"getDayOfWeek": one(func(t time.Time) any { return int64(t.UTC().Weekday()) }),
	"getHours": one(func(v any) any {
		switch v := v.(type) {
		case time.Time:
			return int64(v.UTC().Hour())
		case time.Duration:
			return int64(v.Hours())
		}
		return nil
	}),
	"getSeconds": one(func(v any) any {
		switch v := v.(type) {
		case time.Time:
			return int64(v.UTC().Second())
		case time.Duration:
			return int64(v.Seconds())
		}
		return nil
	}),
}

var netMethods = map[string]func([]any) any{
	"family": one(func(a netip.Addr) any {
		if a.Is4() {
			return int64(4)
		}
		return int64(6)
	}),
	"isLoopback":      one(func(a netip.Addr) any { return a.IsLoopback() }),
	"isGlobalUnicast": one(func(a netip.Addr) any { return a.IsGlobalUnicast() }),
	"isUnspecified":   one(func(a netip.Addr) any { return a.IsUnspecified() }),
	"ip.isCanonical": one(func(s string) any {
		a, ok := parseIP(s).(netip.Addr)
		if !ok {
			return nil
		}
		return a.String() == s
	}),
	"containsIP": two(func(p netip.Prefix, v any) any {
		a, ok := v.(netip.Addr)
		if s, isText := v.(string); isText {
			a, ok = parseIP(s).(netip.Addr)
		}
		if !ok {
			return nil
		}
		return p.Contains(a)
	}),
	"containsCIDR": two(func(p netip.Prefix, v any) any {
		q, ok := v.(netip.Prefix)
		if s, isText := v.(string); isText {
			q, ok = parseCIDR(s).(netip.Prefix)
		}
		if !ok {
			return nil
		}
		return p.Overlaps(q) && p.Bits() <= q.Bits()
	}),
	"prefixLength":   one(func(p netip.Prefix) any { return int64(p.Bits()) }),
	"masked":         one(func(p netip.Prefix) any { return p.Masked() }),
	"getScheme":      one(func(u *url.URL) any { return u.Scheme }),
	"getHost":        one(func(u *url.URL) any { return u.Host }),
	"getHostname":    one(func(u *url.URL) any { return u.Hostname() }),
	"getPort":        one(func(u *url.URL) any { return u.Port() }),
	"getEscapedPath": one(func(u *url.URL) any { return u.EscapedPath() }),
	"getQuery": one(func(u *url.URL) any {
		out := object{}
		for k, vs := range u.Query() {
			out[k] = texts(vs)
		}
		return out
	}),
}
