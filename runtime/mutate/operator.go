package mutate

import "github.com/policyc/policyc/compiler/code"

// The operators on expressions.
const (
	flip       = "comparison" // == ↔ !=, < ↔ <= and >=
	connective = "connective" // && ↔ ||
	dropped    = "dropped"    // an operand of &&, ||, +, or(); a filter; an entry of a literal
	negation   = "negation"   // ! dropped, in negated
	decided    = "condition"  // a condition that is always true, or always false
	guard      = "guard"      // .?a → .a, x.orValue(y) → x
	otherwise  = "default"    // another value for what is absent
	quantifier = "quantifier" // exists ↔ all
	literal    = "literal"    // a string, a number
	loosened   = "loosened"   // startsWith → contains
	arithmetic = "arithmetic" // - ↔ +
)

// Operators says what the operators do, for people.
var Operators = []struct{ Name, Text string }{
	{flip, "`==` and `!=` exchanged; `<`, `<=`, `>` and `>=` moved by one, or turned round"},
	{connective, "`&&` and `||` exchanged"},
	{dropped, "an operand of `&&`, `||`, `+` and `.or()` left out; a filter; an entry of a literal"},
	{negation, "`!` left out; `in` negated"},
	{decided, "a condition that is always true, or always false"},
	{guard, "a question mark or `.orValue()` left out, so that an absent field is an error"},
	{otherwise, "another value for what is absent"},
	{quantifier, "`exists` and `all` exchanged"},
	{literal, "a string or number that is a little different; a pattern without its anchor"},
	{loosened, "`startsWith` or `endsWith` that looks anywhere"},
	{arithmetic, "`+` and `-` exchanged"},
	{matching, "a resource, operation, excluded namespace or selector of the match left out"},
	{enforcement, "another action; a selector of the binding left out"},
	{lookingUp, "namespaces, names or a label of a lookup left out; In for NotIn"},
}

// own returns the alterations of an expression itself.
func own(e *code.Expr, c scope) []change {
	w := &writer{e: e, scope: c}
	w.decide()
	w.absent()
	switch e.Kind {
	case code.KindAnd, code.KindOr:
		w.chain()
	case code.KindNot:
		w.add(negation, e.Args[0])
	case code.KindBinary:
		w.binary()
	case code.KindSelect, code.KindIndex:
		w.selection()
	case code.KindCall:
		w.call()
	case code.KindList, code.KindMap:
		w.entries()
	case code.KindLit:
		w.literal()
	}
	return w.out
}

// writer collects the alterations of one expression.
type writer struct {
	e *code.Expr
	scope
	out []change
}

func (w *writer) add(operator string, after *code.Expr) {
	w.addEquivalent(operator, after, "")
}

// addEquivalent adds an alteration that makes no difference when there is a
// reason.
func (w *writer) addEquivalent(operator string, after *code.Expr, reason string) {
	w.out = append(w.out, change{operator: operator, before: w.e, after: after, whole: after, equivalent: reason})
}

func (w *writer) decide() {
	if w.at == condition || w.at == some {
		w.add(decided, code.True)
	}
	if w.at == condition || w.at == every {
		w.add(decided, code.False)
	}
}

func (w *writer) chain() {
	other := *w.e
	other.Kind = code.KindAnd + code.KindOr - w.e.Kind
	reason := ""
	if len(w.e.Args) == 2 && w.redundant(0) != "" && w.redundant(1) != "" {
		reason = w.redundant(0)
	}
	w.addEquivalent(connective, &other, reason)
	for i := range w.e.Args {
		reason := w.redundant(i)
		w.addEquivalent(dropped, without(w.e, i, 1), reason)
	}
}

// redundant says why an operand of a conjunction can go, or "".
func (w *writer) redundant(i int) string {
	switch {
	case w.e.Kind != code.KindAnd:
	case implied(w.e, i):
		return impliedReason
	case w.sameResources(w.e, i):
		return "of the matched resources, it is true of the same"
	}
	return ""
}

// opposite and nearby are what comparisons become.
var (
	opposite = map[string]string{"==": "!=", "!=": "==", "<": ">=", ">=": "<", "<=": ">", ">": "<="}
	nearby   = map[string]string{"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
)

func (w *writer) binary() {
	a, b := w.e.Args[0], w.e.Args[1]
	switch op := w.e.Name; op {
	case "in":
		w.add(negation, &code.Expr{Kind: code.KindNot, Args: []*code.Expr{w.e}})
	case "+":
		// The left operand of a sum of three is a sum of two, whose operands
		// are dropped one by one.
		if a.Kind != code.KindBinary || a.Name != "+" {
			w.add(dropped, b)
		}
		w.add(dropped, a)
	case "-":
		w.add(arithmetic, code.Binary("+", a, b))
	default:
		if opposite[op] != "" {
			w.add(flip, code.Binary(opposite[op], a, b))
		}
		if nearby[op] != "" && !isInt(a) && !isInt(b) { // a literal is moved instead
			w.add(flip, code.Binary(nearby[op], a, b))
		}
	}
}

func isInt(e *code.Expr) bool {
	_, ok := e.Value.(int64)
	return ok
}

// selection drops question marks, at the end of a chain for all of it.
// `a.?b.?c` is an optional until the last one is gone, which is left to
// orValue.
func (w *writer) selection() {
	if w.at == step {
		return
	}
	total := marks(w.e)
	for n := 1; n < total; n++ {
		w.addEquivalent(guard, unmark(w.e, total-n), w.guardReason(w.e, total-n))
	}
}

// marks counts the question marks of a chain of selections.
func marks(e *code.Expr) int {
	if e.Kind != code.KindSelect && e.Kind != code.KindIndex {
		return 0
	}
	n := marks(e.Args[0])
	if e.Optional {
		n++
	}
	return n
}

// unmark drops the question marks of a chain but for the last ones.
func unmark(e *code.Expr, keep int) *code.Expr {
	if e.Kind != code.KindSelect && e.Kind != code.KindIndex {
		return e
	}
	below := keep
	if e.Optional {
		below = max(keep-1, 0)
	}
	out := replaceArg(e, 0, unmark(e.Args[0], below))
	out.Optional = e.Optional && keep > 0
	return out
}

func (w *writer) call() {
	e := w.e
	if !e.Method {
		return
	}
	switch e.Name {
	case "orValue":
		if plain, depth, ok := e.Args[0].Plain(); ok && depth > 0 {
			w.addEquivalent(guard, plain, w.guardReason(e.Args[0], 0))
		} else {
			w.addEquivalent(guard, code.Method(e.Args[0], "value"), w.presence(e.Args[0]))
		}
	case "or":
		w.add(dropped, e.Args[0])
		w.add(dropped, e.Args[1])
	case "exists", "all":
		other, reason := "all", ""
		if e.Name == "all" {
			other = "exists"
		}
		if isSingle(e.Args[0]) {
			reason = "of exactly one element, some and all is the same"
		}
		w.addEquivalent(quantifier, rename(e, other), reason)
	case "exists_one", "existsOne":
		w.add(quantifier, rename(e, "exists"))
	case "filter":
		w.add(dropped, e.Args[0])
	case "startsWith", "endsWith":
		w.add(loosened, rename(e, "contains"))
	}
}

func rename(e *code.Expr, name string) *code.Expr {
	out := *e
	out.Name = name
	return &out
}

// entries drops those of a literal list or map.
func (w *writer) entries() {
	n := 1
	if w.e.Kind == code.KindMap {
		n = 2
	}
	if w.at == violations || w.at == subject {
		return
	}
	for i := 0; i < len(w.e.Args); i += n {
		w.add(dropped, without(w.e, i, n))
	}
}
