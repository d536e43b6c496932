package lower

import (
	"slices"
	"strconv"

	"github.com/policyc/policyc/compiler/check"
	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/expr"
)

// siteChanges are the changes at a site and below it, each a list. at is the
// pointer of what the site is in.
func siteChanges(s *check.Site, at pointer) []*code.Expr {
	at = at.then(code.Lit(s.Pointer))
	if s.Change != nil {
		return change(s, at)
	}
	var out []*code.Expr
	if s.Present != nil {
		if needed := creates(s); !needed.IsLit(false) {
			out = append(out, code.Cond(absent(s, needed), one(patch("add", at, code.Map(nil, nil))), nothing))
		}
	}
	for _, f := range s.Fields {
		out = append(out, siteChanges(f, at)...)
	}
	if s.Items != nil {
		out = append(out, eachElement(expr.List(s.Items.List, s.Locals...), s.Items.Local, at, code.True, s.Items.Tree))
	}
	return out
}

// absent is true when nothing stands at a site and something is needed there.
func absent(s *check.Site, needed *code.Expr) *code.Expr {
	return code.And(code.Not(expr.Condition(s.Present, s.Locals...)), needed)
}

// creates is true when something is written at a site or below it.
func creates(s *check.Site) *code.Expr {
	var any []*code.Expr
	for _, f := range s.Fields {
		any = append(any, creates(f))
	}
	if c := s.Change; c != nil {
		switch {
		case c.Kind == check.Remove:
		case c.Kind == check.Append && c.Sure, c.Kind != check.Append && !c.Value.Optional:
			any = append(any, code.True)
		case c.Kind == check.Append:
			any = append(any, code.Binary(">", code.Call("size", c.Values), code.Lit(int64(0))))
		default:
			any = append(any, code.Method(c.Value.Code, "hasValue"))
		}
	}
	return code.Or(any...)
}

// change is what is done at the end of a path.
func change(s *check.Site, at pointer) []*code.Expr {
	c := s.Change
	present := expr.Condition(s.Present, s.Locals...)
	switch {
	case c.Kind == check.Set:
		return []*code.Expr{write(c.Value, at)}
	case c.Kind == check.Default:
		return []*code.Expr{code.Cond(present, nothing, write(c.Value, at))}
	case c.Kind == check.Append:
		return appended(s, at)
	case c.Values != nil:
		current, v := expr.List(c.Current, s.Locals...), element(s)
		isOne := code.Binary("in", v, c.Values)
		kept := code.Method(current, "filter", v, code.Not(isOne))
		return []*code.Expr{code.Cond(code.Method(current, "exists", v, isOne), one(patch("replace", at, kept)), nothing)}
	}
	return []*code.Expr{code.Cond(present, one(patch("remove", at, nil)), nothing)}
}

func write(v check.Value, at pointer) *code.Expr {
	if !v.Optional {
		return one(patch("add", at, v.Code))
	}
	name := code.Ident("given")
	for i := 2; v.Code.Mentions(name.Name) || at.code().Mentions(name.Name); i++ {
		name = code.Ident("given" + strconv.Itoa(i))
	}
	return code.Method(code.Method(v.Code, "optMap", name, one(patch("add", at, name))), "orValue", nothing)
}

// appended adds the list if there is none, and what is not in it.
func appended(s *check.Site, at pointer) []*code.Expr {
	c := s.Change
	out := []*code.Expr{code.Cond(absent(s, creates(s)), one(patch("add", at, code.List(nil, nil))), nothing)}
	current, v := expr.List(c.Current, s.Locals...), element(s)
	end := at.then(code.Lit("/-"))
	if c.Values != nil {
		fresh := code.Method(c.Values, "filter", v, code.Not(code.Binary("in", v, current)))
		if !c.Sure || len(c.Values.Args) > 1 {
			fresh = code.Method(fresh, "distinct")
		}
		return append(out, code.Method(fresh, "map", v, patch("add", end, v)))
	}
	for _, a := range c.Additions {
		out = append(out, code.Cond(code.Method(current, "exists", v, same(v, a)), nothing, one(patch("add", end, a.Value.Code))))
	}
	return out
}

// same is true of an element that has the keys of what is added.
func same(v *code.Expr, a check.Addition) *code.Expr {
	var keys []*code.Expr
	for _, k := range a.Keys {
		value := k.Value.Code
		if !k.Value.Optional {
			value = code.Some(value)
		}
		keys = append(keys, code.Eq(code.OptSelect(v, k.Field), value))
	}
	return code.And(keys...)
}

// element is a name for the elements of a list that no expression beside it has.
func element(s *check.Site) *code.Expr {
	name := "element"
	for i := 2; slices.ContainsFunc(s.Locals, func(l *expr.Local) bool { return l.Name == name }); i++ {
		name = "element" + strconv.Itoa(i)
	}
	return code.Ident(name)
}
