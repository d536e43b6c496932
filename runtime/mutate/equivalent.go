package mutate

import (
	"maps"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/policyc/policyc/compiler/code"
)

// What follows proves that alterations make no difference. Each rule is a
// proof from the meaning of CEL, or from what the API server does to every
// object before admission; whatever is merely unlikely has to be tested.

// withPresent adds the optionals that another operand of a conjunction asks
// for. `false && error` is false in CEL, on either side.
//
//	x.hasValue() && x.orValue('') != 'a'
func (f *facts) withPresent(and *code.Expr, except int) *facts {
	out := *f
	if asksForUpdate(and, except) {
		out = *f.duringUpdate()
	}
	for i, a := range and.Args {
		if i != except && a.Kind == code.KindCall && a.Name == "hasValue" {
			out.present = extended(out.present, a.Args[0].String(), "its presence is a condition beside it")
			out.filled = extended(out.filled, path(a.Args[0]), "its presence is a condition beside it")
		}
	}
	return &out
}

// withElements adds what is known of the elements that a macro goes through.
func (f *facts) withElements(macro *code.Expr) *facts {
	out := *f
	out.present, out.filled = withKeys(f.present, macro), withFiltered(f.filled, macro)
	if f.lists[unfiltered(macro.Args[0]).String()] {
		out.filled = maps.Clone(out.filled)
		maps.Copy(out.filled, withSpec(macro.Args[1].Name))
	}
	if f.containers && isContainers(macro.Args[0]) {
		out.filled = extended(out.filled, macro.Args[1].Name+".resources", "it is no pointer in the Go type, so that the API server writes it out")
		out.present = extended(out.present, macro.Args[1].Name+".?imagePullPolicy", "the API server fills it in")
	}
	return &out
}

// withFiltered adds that the elements of a list have what it was filtered by.
//
//	volumes.filter(v, has(v.image)).map(volume, … volume.?image.?reference …)
func withFiltered(filled map[string]string, macro *code.Expr) map[string]string {
	list := macro.Args[0]
	if !isMacro(list) || list.Name != "filter" {
		return filled
	}
	test := list.Args[2]
	if test.Kind != code.KindCall || test.Name != "has" || test.Args[0].Kind != code.KindSelect {
		return filled
	}
	if field := test.Args[0]; field.Args[0].Kind == code.KindIdent && field.Args[0].Name == list.Args[1].Name {
		return extended(filled, macro.Args[1].Name+"."+field.Name, "the list holds only what has it")
	}
	return filled
}

// withKeys adds that the keys of a map are in it.
//
//	object.?data.orValue([]).map(key, … object.?data[?key] …)
func withKeys(present map[string]string, macro *code.Expr) map[string]string {
	list := macro.Args[0]
	for isMacro(list) && list.Name == "filter" {
		list = list.Args[0]
	}
	if list.Kind == code.KindCall && list.Name == "orValue" {
		list = list.Args[0]
	}
	if _, _, ok := list.Plain(); !ok {
		return present
	}
	return extended(present, code.OptIndex(list, macro.Args[1]).String(), "the key comes from the same map")
}

func extended(m map[string]string, key, reason string) map[string]string {
	out := maps.Clone(m)
	if out == nil {
		out = map[string]string{}
	}
	out[key] = reason
	return out
}

// presence says why an optional has a value, or "".
func (c scope) presence(x *code.Expr) string {
	if isMacro(x) && x.Name == "optMap" {
		return c.presence(x.Args[0])
	}
	return c.present[x.String()]
}

// guardReason says why the question marks of a chain can go, but for the last
// ones.
func (c scope) guardReason(chain *code.Expr, keep int) string {
	if reason := c.presence(chain); reason != "" {
		return reason
	}
	if keep == 0 {
		return ""
	}
	if isOptional(root(chain)) {
		return "a selection from an optional is one, with a mark or without"
	}
	// The last step without a mark, after dropping, is what has to be there.
	for x := chain; x.Kind == code.KindSelect || x.Kind == code.KindIndex; x = x.Args[0] {
		if x.Optional && keep == 0 {
			return c.filled[path(x)]
		}
		if x.Optional {
			keep--
		}
	}
	return ""
}

// root is what a chain of selections begins with.
func root(chain *code.Expr) *code.Expr {
	for chain.Kind == code.KindSelect || chain.Kind == code.KindIndex {
		chain = chain.Args[0]
	}
	return chain
}

// path returns a chain of selections without its marks, and its root without
// the dyn() around it.
func path(chain *code.Expr) string {
	switch {
	case chain.Kind == code.KindSelect:
		return path(chain.Args[0]) + "." + chain.Name
	case chain.Kind == code.KindCall && !chain.Method && chain.Name == "dyn":
		return path(chain.Args[0])
	case chain.Kind == code.KindIdent:
		return chain.Name
	}
	return chain.String()
}

// isOptional reports whether an expression is an optional for certain.
func isOptional(x *code.Expr) bool {
	switch x.Name {
	case "or", "optMap", "optFlatMap":
		return x.Kind == code.KindCall && x.Method
	}
	return false
}

const impliedReason = "the pattern beside it asks for the text, too"

// implied reports whether the i-th operand of a conjunction looks for a text
// that a pattern beside it cannot match without: it only saves time.
//
//	x.contains('AKIA') && x.matches('AKIA[A-Z0-9]{16}')
func implied(and *code.Expr, i int) bool {
	if and.Kind != code.KindAnd {
		return false
	}
	x := and.Args[i]
	if x.Kind != code.KindCall || x.Name != "contains" || x.Args[1].Kind != code.KindLit {
		return false
	}
	text, _ := x.Args[1].Value.(string)
	for _, y := range and.Args {
		if y.Kind == code.KindCall && y.Name == "matches" && y.Args[1].Kind == code.KindLit && y.Args[0].String() == x.Args[0].String() {
			pattern, _ := y.Args[1].Value.(string)
			re, err := syntax.Parse(pattern, syntax.Perl)
			return err == nil && needs(re, text)
		}
	}
	return false
}

// needs reports whether a text is in whatever a pattern matches.
func needs(re *syntax.Regexp, text string) bool {
	switch re.Op {
	case syntax.OpLiteral:
		return re.Flags&syntax.FoldCase == 0 && strings.Contains(string(re.Rune), text)
	case syntax.OpCapture, syntax.OpPlus:
		return needs(re.Sub[0], text)
	case syntax.OpRepeat:
		return re.Min > 0 && needs(re.Sub[0], text)
	case syntax.OpAlternate:
		return !slices.ContainsFunc(re.Sub, func(sub *syntax.Regexp) bool { return !needs(sub, text) })
	case syntax.OpConcat:
		run := ""
		for _, sub := range re.Sub {
			if sub.Op == syntax.OpLiteral && sub.Flags&syntax.FoldCase == 0 {
				run += string(sub.Rune)
			} else {
				run = ""
			}
			if strings.Contains(run, text) || needs(sub, text) {
				return true
			}
		}
	}
	return false
}

// isAtom reports whether a test of a text has a default for what is absent,
// so that it is known what it says of that.
//
//	x.orValue('').startsWith('a')
func isAtom(e *code.Expr) bool { _, _, ok := atomValue(e); return ok }

// atomValue returns the optional that an atom tests, and what it says when
// the optional is absent.
func atomValue(e *code.Expr) (x *code.Expr, holds, ok bool) {
	if len(e.Args) != 2 || e.Kind != code.KindBinary && !(e.Kind == code.KindCall && e.Method) {
		return nil, false, false
	}
	tested, other := e.Args[0], e.Args[1]
	if tested.Kind != code.KindCall || tested.Name != "orValue" {
		return nil, false, false
	}
	text, isText := tested.Args[1].Value.(string)
	with, isLiteral := other.Value.(string)
	if !isText || !isLiteral {
		return nil, false, false
	}
	switch e.Name {
	case "==":
		holds = text == with
	case "!=":
		holds = text != with
	case "startsWith":
		holds = strings.HasPrefix(text, with)
	case "endsWith":
		holds = strings.HasSuffix(text, with)
	case "contains":
		holds = strings.Contains(text, with)
	case "matches":
		re, err := regexp.Compile(with)
		if err != nil {
			return nil, false, false
		}
		holds = re.MatchString(text)
	default:
		return nil, false, false
	}
	return tested.Args[0], holds, true
}

// absent turns round what an atom says of an absent value.
//
//	x.orValue('') == 'a' → !x.hasValue() || x.orValue('') == 'a'
func (w *writer) absent() {
	x, holds, ok := atomValue(w.e)
	if !ok {
		return
	}
	has := code.Method(x, "hasValue")
	after := code.And(has, w.e)
	if !holds {
		after = code.Or(code.Not(has), w.e)
	}
	w.addEquivalent(otherwise, after, w.presence(x))
}
