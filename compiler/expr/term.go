package expr

import (
	"slices"
	"strconv"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/types"
)

// term is a lowered value.
type term struct {
	// x is the value or, when optional, an optional that holds it.
	x        *code.Expr
	optional bool
	// nullable says that the value, if there is one, may be null, which
	// means that it is absent.
	nullable bool
	// typ is what is known of a present value.
	typ *types.Type
	// hint names a variable that holds the value.
	hint string
	// app is set, and x is not, while it is open who will use the value: an
	// operation on other terms. Its user either joins it (truthFrom,
	// applyFrom), which gives shorter CEL, or forces it.
	app *application
}

// application is an operation on terms, not yet lowered.
type application struct {
	terms []term
	f     func([]*code.Expr) result
}

func (t term) total() bool { return !t.optional && !t.nullable }

// notNull returns the test that x is not null. dyn() keeps CEL's checkers
// content: for the API server's own, text or a list is never null, and a
// variable of open type would be taken for a null (see pin).
func notNull(x *code.Expr, t *types.Type) *code.Expr {
	if t.Kind == types.Object || t.Kind == types.Dyn && x.Kind != code.KindIdent {
		return code.Binary("!=", x, code.Null)
	}
	return code.Binary("!=", code.Call("dyn", x), code.Null)
}

// opt returns the term as an optional that holds no null.
func (l *lowerer) opt(t term) *code.Expr {
	switch {
	case t.total():
		return code.Some(t.x)
	case !t.optional && t.x.Simple():
		return code.Cond(notNull(t.x, t.typ), code.Some(t.x), code.None)
	case !t.optional:
		t.x = code.Some(t.x)
		t.optional = true
	}
	if t.nullable {
		name := l.fresh(t.hint)
		defer l.release(name)
		v := code.Ident(name)
		return bound(t.x, "optFlatMap", v, code.Cond(notNull(v, t.typ), code.Some(v), code.None), t.typ)
	}
	return t.x
}

// bound returns x.optMap(v, body), or optFlatMap.
func bound(x *code.Expr, macro string, v, body *code.Expr, t *types.Type) *code.Expr {
	if body == code.None { // CEL would have to guess its type.
		return body
	}
	return code.Method(x, macro, v, pin(body, v, x, t))
}

// result is what an operation on present operands gives.
type result struct {
	// guard says when there is a result; nil means always.
	guard *code.Expr
	x     *code.Expr
	// optional says that x is an optional.
	optional bool
}

func (r result) when() *code.Expr {
	if r.guard == nil {
		return code.True
	}
	return r.guard
}

// truth applies a boolean operation to terms: false when one is absent.
func (l *lowerer) truth(terms []term, f func([]*code.Expr) result) *code.Expr {
	return l.truthFrom(terms, nil, f)
}

func (l *lowerer) truthFrom(rest []term, values []*code.Expr, f func([]*code.Expr) result) *code.Expr {
	if len(rest) == 0 {
		r := f(values)
		return code.And(r.when(), r.x)
	}
	t := rest[0]
	if t.app != nil {
		return l.truthFrom(t.app.terms, nil, l.joinTruth(t, rest[1:], values, f))
	}
	switch {
	case t.x == code.None:
		return code.False
	case t.total():
		return l.truthFrom(rest[1:], append(values, t.x), f)
	case !t.optional && t.x.Simple():
		body := l.truthFrom(rest[1:], append(values, t.x), f)
		if tested(body, t.x) {
			return body
		}
		return code.And(notNull(t.x, t.typ), body)
	case !t.optional:
		t = term{x: code.Some(t.x), optional: true, nullable: true, typ: t.typ, hint: t.hint}
	}
	name := l.fresh(t.hint)
	v := code.Ident(name)
	body := l.truthFrom(rest[1:], append(values, v), f)
	if t.nullable && !tested(body, v) {
		body = code.And(notNull(v, t.typ), body)
	}
	l.release(name)
	return code.Method(bound(t.x, "optMap", v, body, t.typ), "orValue", code.False)
}

// joinTruth is join for a boolean operation: what is bound gives false when
// it is absent.
func (l *lowerer) joinTruth(t term, rest []term, values []*code.Expr, f func([]*code.Expr) result) func([]*code.Expr) result {
	joined := l.join(t, func(value term) (*code.Expr, bool) {
		return l.truthFrom(append([]term{value}, rest...), slices.Clip(values), f), false
	})
	return func(v []*code.Expr) result {
		r := joined(v)
		if r.optional {
			r = result{guard: r.guard, x: code.Method(r.x, "orValue", code.False)}
		}
		return r
	}
}

// tested reports whether a condition begins with a test of v's type, which a
// null does not pass.
func tested(body, v *code.Expr) bool {
	first := body
	if body.Kind == code.KindAnd {
		first = body.Args[0]
	}
	if first.Kind == code.KindOr {
		for _, alternative := range first.Args {
			if !testsType(alternative, v) {
				return false
			}
		}
		return true
	}
	return testsType(first, v)
}

func testsType(x, v *code.Expr) bool {
	return x.Kind == code.KindBinary && x.Name == "==" && x.Args[0].Kind == code.KindCall &&
		x.Args[0].Name == "type" && v.Kind == code.KindIdent && isName(x.Args[0].Args[0], v) && x.Args[1].Kind == code.KindIdent && x.Args[1].Name != "null_type"
}

// apply applies an operation to terms: absent when one is absent, or when the
// operation has no result.
func (l *lowerer) apply(terms []term, t *types.Type, hint string, f func([]*code.Expr) result) term {
	return term{typ: t, hint: hint, app: &application{terms, f}}
}

// force lowers an open application.
func (l *lowerer) force(t term) term {
	if t.app != nil {
		t.x, t.optional = l.applyFrom(t.app.terms, nil, t.app.f)
		t.app = nil
	}
	return t
}

// join lowers an open application in a place where its value is used by use,
// which gets the value and says what to do with it. A value that is used more
// than once is bound to a variable.
func (l *lowerer) join(t term, use func(term) (*code.Expr, bool)) func([]*code.Expr) result {
	return func(v []*code.Expr) result {
		r := t.app.f(v)
		if r.optional || t.nullable {
			x, optional := use(term{x: r.x, optional: r.optional, nullable: t.nullable, typ: t.typ, hint: t.hint})
			return result{guard: r.guard, x: x, optional: optional}
		}
		name := l.fresh(t.hint)
		defer l.release(name)
		// Parts of x that were lowered before may bind the same name: only
		// what stands in the hole is ours.
		l.holes++
		hole := "#" + strconv.Itoa(l.holes)
		x, optional := use(term{x: code.Ident(hole), typ: t.typ, hint: t.hint})
		if r.x.Simple() || x.Count(hole) <= 1 {
			return result{guard: r.guard, x: x.Replace(hole, r.x), optional: optional}
		}
		bind := "optMap"
		if optional {
			bind = "optFlatMap"
		}
		local := code.Ident(name)
		return result{guard: r.guard, x: bound(code.Some(r.x), bind, local, x.Replace(hole, local), t.typ), optional: true}
	}
}

func (l *lowerer) applyFrom(rest []term, values []*code.Expr, f func([]*code.Expr) result) (*code.Expr, bool) {
	if len(rest) == 0 {
		r := f(values)
		if r.when().IsLit(true) {
			return r.x, r.optional
		}
		return code.Cond(r.when(), some(r.x, r.optional), code.None), true
	}
	t := rest[0]
	if t.app != nil {
		return l.applyFrom(t.app.terms, nil, l.join(t, func(value term) (*code.Expr, bool) {
			return l.applyFrom(append([]term{value}, rest[1:]...), slices.Clip(values), f)
		}))
	}
	switch {
	case t.x == code.None:
		return code.None, true
	case t.total():
		return l.applyFrom(rest[1:], append(values, t.x), f)
	case !t.optional && t.x.Simple():
		x, optional := l.applyFrom(rest[1:], append(values, t.x), f)
		if x.Kind == code.KindCond && x.Args[2] == code.None && tested(x.Args[0], t.x) {
			return x, true
		}
		return code.Cond(notNull(t.x, t.typ), some(x, optional), code.None), true
	case !t.optional:
		t = term{x: code.Some(t.x), optional: true, nullable: true, typ: t.typ, hint: t.hint}
	}
	name := l.fresh(t.hint)
	defer l.release(name)
	v := code.Ident(name)
	x, optional := l.applyFrom(rest[1:], append(values, v), f)
	switch {
	case t.nullable && x.Kind == code.KindCond && x.Args[2] == code.None && tested(x.Args[0], v):
		return bound(t.x, "optFlatMap", v, x, t.typ), true
	case t.nullable:
		return bound(t.x, "optFlatMap", v, code.Cond(notNull(v, t.typ), some(x, optional), code.None), t.typ), true
	case optional:
		return bound(t.x, "optFlatMap", v, x, t.typ), true
	}
	return bound(t.x, "optMap", v, x, t.typ), true
}

func some(x *code.Expr, optional bool) *code.Expr {
	if optional {
		return x
	}
	return code.Some(x)
}
