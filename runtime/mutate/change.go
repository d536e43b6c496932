package mutate

import (
	"slices"
	"strconv"

	"github.com/policyc/policyc/compiler/code"
)

// change is one alteration of an expression.
type change struct {
	operator string
	// path is the way from the root: the indexes of operands.
	path string
	// before and after are the part that changed, whole all of it.
	before, after, whole *code.Expr
	// equivalent says why the change makes no difference; "" when it may.
	equivalent string
}

// scope is what is known around an expression.
type scope struct {
	at place
	// parameters are the variables that optMap and optFlatMap bind: the
	// parameters of functions that were inlined.
	parameters []string
	// unused says why a fallback is never needed; "" when it may be.
	unused string
	*facts
}

// walker collects the alterations of an expression.
type walker struct {
	// functions are the bodies of inlined functions, which are altered on
	// their own.
	functions []*code.Expr
}

// changes returns the alterations of an expression, one place at a time,
// outer ones first.
//
//	a && b → a || b; b; a; and those of a and of b
func (w *walker) changes(e *code.Expr, c scope) []change {
	if c.at == none {
		return nil
	}
	out := own(e, c)
	for i, a := range e.Args {
		inner := c.enter(e, i)
		if isFunction(e, i, inner) {
			w.functions = append(w.functions, a)
			continue
		}
		for _, x := range w.changes(a, inner) {
			x.path = strconv.Itoa(i) + "." + x.path
			x.whole = replaceArg(e, i, x.whole)
			if x.equivalent == "" && x.path == strconv.Itoa(i)+".1." && implied(e, i) {
				x.equivalent = impliedReason
			}
			out = append(out, x)
		}
	}
	return out
}

// enter returns the context of the i-th operand of e.
func (c scope) enter(e *code.Expr, i int) scope {
	out := c
	out.at, out.unused = placeOf(e, i, c.at), ""
	if out.at == fallback {
		out.unused = c.presence(e.Args[0])
	}
	switch {
	case e.Kind == code.KindAnd:
		out.facts = c.withPresent(e, i)
	case isMacro(e) && i > 1 && (e.Name == "optMap" || e.Name == "optFlatMap"):
		out.parameters = append(slices.Clone(c.parameters), e.Args[1].Name)
	case isMacro(e) && i > 1:
		out.facts = c.withElements(e)
	}
	return out
}

// minFunction is the size from which on the body of a function is one: the
// conditions that people write out are smaller.
const minFunction = 12

// isFunction reports whether the i-th operand is the body of a function that
// was inlined: it depends on nothing but parameters.
//
//	container.?image.optFlatMap(ref, ref.matches(…) ? optional.of(ref.find(…)) : optional.none())
func isFunction(e *code.Expr, i int, c scope) bool {
	if !isMacro(e) || i != 2 || e.Name != "optMap" && e.Name != "optFlatMap" {
		return false
	}
	size, own := 0, true
	var bound []string
	e.Args[i].Walk(func(x *code.Expr) {
		size++
		if isMacro(x) {
			bound = append(bound, x.Args[1].Name)
		}
	})
	e.Args[i].Walk(func(x *code.Expr) {
		if x.Kind == code.KindIdent && x.Name != "optional" && !slices.Contains(c.parameters, x.Name) && !slices.Contains(bound, x.Name) {
			own = false
		}
	})
	return own && size >= minFunction
}

// distinct drops changes that leave the text as it is, and those that make
// the same text as an earlier one.
func distinct(e *code.Expr, list []change) []change {
	seen := map[string]bool{e.String(): true}
	return slices.DeleteFunc(list, func(c change) bool {
		text := c.whole.String()
		defer func() { seen[text] = true }()
		return seen[text]
	})
}

func replaceArg(e *code.Expr, i int, by *code.Expr) *code.Expr {
	out := *e
	out.Args = slices.Clone(e.Args)
	out.Args[i] = by
	return &out
}

// replaceAll puts an expression in the place of every one with that text.
func replaceAll(e *code.Expr, text string, by *code.Expr) *code.Expr {
	if e.String() == text {
		return by
	}
	out := *e
	out.Args = make([]*code.Expr, len(e.Args))
	for i, a := range e.Args {
		out.Args[i] = replaceAll(a, text, by)
	}
	return &out
}

// without returns a chain (&&, ||), a list or a map without some operands.
func without(e *code.Expr, from, n int) *code.Expr {
	out := *e
	out.Args = slices.Delete(slices.Clone(e.Args), from, from+n)
	if i := from / n; i < len(e.OptionalArgs) {
		out.OptionalArgs = slices.Delete(slices.Clone(e.OptionalArgs), i, i+1)
	}
	if (e.Kind == code.KindAnd || e.Kind == code.KindOr) && len(out.Args) == 1 {
		return out.Args[0]
	}
	return &out
}
