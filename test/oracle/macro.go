package oracle

import (
	"cmp"
	"fmt"
	"slices"
)

// pair is what a macro goes over: index and element of a list, key and value of
// a map.
type pair struct{ key, value any }

// pairs of an absent collection, or of what is none, are none. Keys of a map
// come in their order, since CEL says nothing of it.
func pairs(v any) []pair {
	var out []pair
	switch v := v.(type) {
	case []any:
		for i, e := range v {
			out = append(out, pair{int64(i), e})
		}
	case object:
		for k, e := range v {
			out = append(out, pair{k, e})
		}
		slices.SortFunc(out, func(a, b pair) int { return cmp.Compare(fmt.Sprint(a.key), fmt.Sprint(b.key)) })
	}
	return out
}

// evalMacro evaluates a comprehension. Of several bodies, all but the last one
// are conditions.
func evalMacro(e *Expr, s *scope) any {
	rng := eval(e.Args[0], s)
	_, isMap := rng.(object)
	bind := func(p pair) *scope {
		switch {
		case len(e.Vars) == 2:
			return s.with(e.Vars[0], p.key).with(e.Vars[1], p.value)
		case isMap:
			return s.with(e.Vars[0], p.key)
		}
		return s.with(e.Vars[0], p.value)
	}
	all := pairs(rng)
	switch e.Name {
	case "all", "exists", "exists_one", "existsOne", "filter":
		return quantify(e, all, bind)
	}
	kept := all
	if len(e.Args) == 3 {
		kept = slices.DeleteFunc(all, func(p pair) bool { return !condition(eval(e.Args[1], bind(p))) })
	}
	last := e.Args[len(e.Args)-1]
	switch e.Name {
	case "map", "transformList":
		out := []any{}
		for _, p := range kept {
			if v := eval(last, bind(p)); v != nil {
				out = append(out, v)
			}
		}
		return out
	case "transformMap":
		out := object{}
		for _, p := range kept {
			if v := eval(last, bind(p)); v != nil {
				out[p.key] = v
			}
		}
		return out
	case "sortBy":
		return sortBy(kept, func(p pair) any { return eval(last, bind(p)) })
	}
	panic("no such macro: " + e.Name)
}

func quantify(e *Expr, all []pair, bind func(pair) *scope) any {
	var hold []any
	for _, p := range all {
		if condition(eval(e.Args[1], bind(p))) {
			hold = append(hold, bind(p).lookup(e.Vars[0]))
		} else if e.Name == "all" {
			return false
		}
		if e.Name == "exists" && len(hold) > 0 {
			return true
		}
	}
	switch e.Name {
	case "all":
		return true
	case "exists":
		return false
	case "filter":
		return append([]any{}, hold...)
	}
	return len(hold) == 1
}

// sortBy orders by a key, keeping the order of equals. What has no key is left
// out, as an absent result of map is.
func sortBy(all []pair, by func(pair) any) any {
	type keyed struct{ key, value any }
	var rows []keyed
	for _, p := range all {
		if k := by(p); k != nil {
			rows = append(rows, keyed{k, p.value})
		}
	}
	slices.SortStableFunc(rows, func(a, b keyed) int { order, _ := compare(a.key, b.key); return order })
	out := []any{}
	for _, r := range rows {
		out = append(out, r.value)
	}
	return out
}
