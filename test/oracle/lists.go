package oracle

import (
	"slices"
	"strings"
)

var listMethods = map[string]func([]any) any{
	"isSorted":        one(func(l []any) any { return alikeTypes(l) && slices.IsSortedFunc(l, order) }),
	"min":             one(func(l []any) any { return extreme(l, -1) }),
	"max":             one(func(l []any) any { return extreme(l, 1) }),
	"sum":             one(sum),
	"join":            joinTexts,
	"lists.range":     one(numbersTo),
	"indexOf":         two(func(l []any, v any) any { return int64(slices.IndexFunc(l, func(e any) bool { return equal(e, v) })) }),
	"lastIndexOf":     two(lastIndex),
	"distinct":        one(distinct),
	"sort":            one(sorted),
	"reverse":         one(func(l []any) any { out := slices.Clone(l); slices.Reverse(out); return out }),
	"flatten":         one(flatten),
	"slice":           slice,
	"first":           one(func(l []any) any { return member(l, int64(0)) }),
	"last":            one(func(l []any) any { return member(l, int64(len(l)-1)) }),
	"sets.contains":   two(func(a, b []any) any { return subset(b, a) }),
	"sets.equivalent": two(func(a, b []any) any { return subset(a, b) && subset(b, a) }),
	"sets.intersects": two(func(a, b []any) any {
		return slices.ContainsFunc(a, func(v any) bool { return holds(b, v) })
	}),
}

// alikeTypes reports whether members are of one type: CEL orders no others.
func alikeTypes(l []any) bool {
	return !slices.ContainsFunc(l, func(v any) bool {
		return typeOf(v) == nil || typeOf(v) == typeName("list") || typeOf(v) == typeName("map") || typeOf(v) != typeOf(l[0])
	})
}

func sorted(l []any) any {
	if !alikeTypes(l) {
		return nil
	}
	out := slices.Clone(l)
	slices.SortStableFunc(out, order)
	return out
}

func order(a, b any) int { o, _ := compare(a, b); return o }

func subset(a, b []any) bool {
	return !slices.ContainsFunc(a, func(v any) bool { return !holds(b, v) })
}

// holds reports whether a list has a member, which may be null: lists compare
// with what is in them.
func holds(l []any, v any) bool {
	return slices.ContainsFunc(l, func(e any) bool { return equal(e, v) })
}

// extreme is the smallest or largest member; there is none of an empty list.
func extreme(l []any, sign int) any {
	if len(l) == 0 || !alikeTypes(l) {
		return nil
	}
	best := l[0]
	for _, v := range l[1:] {
		if order(v, best)*sign > 0 {
			best = v
		}
	}
	return best
}

func sum(l []any) any {
	var total any = int64(0)
	for i, v := range l {
		if i == 0 {
			total = v
			continue
		}
		switch x := total.(type) {
		case int64:
			total = integers("+", x, v.(int64))
		case float64:
			total = x + v.(float64)
		}
	}
	return total
}

func joinTexts(args []any) any {
	l, ok := args[0].([]any)
	if !ok {
		return nil
	}
	sep := ""
	if len(args) == 2 {
		if sep, ok = args[1].(string); !ok {
			return nil
		}
	}
	var out []string
	for _, v := range l {
		s, ok := v.(string)
		if !ok {
			return nil
		}
		out = append(out, s)
	}
	return strings.Join(out, sep)
}

// numbersTo is lists.range(n), for the million that docs/language.md promises.
func numbersTo(n int64) any {
	if n < 0 || n > 1_000_000 {
		return nil
	}
	out := make([]any, n)
	for i := range out {
		out[i] = int64(i)
	}
	return out
}

func lastIndex(l []any, v any) any {
	for i := len(l) - 1; i >= 0; i-- {
		if equal(l[i], v) {
			return int64(i)
		}
	}
	return int64(-1)
}

func distinct(l []any) any {
	out := []any{}
	for _, v := range l {
		if !holds(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// flatten takes apart the lists in a list, one level.
func flatten(l []any) any {
	out := []any{}
	for _, v := range l {
		if inner, ok := v.([]any); ok {
			out = append(out, inner...)
		} else {
			out = append(out, v)
		}
	}
	return out
}

func slice(args []any) any {
	l, ok := args[0].([]any)
	from, okFrom := args[1].(int64)
	to, okTo := args[2].(int64)
	if !ok || !okFrom || !okTo || from < 0 || from > to || to > int64(len(l)) {
		return nil
	}
	return append([]any{}, l[from:to]...)
}
