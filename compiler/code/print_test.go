package code

import (
	"math"
	"strings"
	"testing"

	"github.com/google/cel-go/common"
	"github.com/google/cel-go/parser"
)

// parse returns CEL's own text for an expression: one text for one tree.
func parse(t *testing.T, text string) string {
	t.Helper()
	p, err := parser.NewParser(parser.EnableOptionalSyntax(true))
	if err != nil {
		t.Fatal(err)
	}
	parsed, errs := p.Parse(common.NewTextSource(text))
	if len(errs.GetErrors()) > 0 {
		t.Fatalf("%s\n%s", text, errs.ToDisplayString())
	}
	out, err := parser.Unparse(parsed.Expr(), parsed.SourceInfo())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var a, b, c = Ident("a"), Ident("b"), Ident("c")

func TestString(t *testing.T) {
	one := Lit(int64(1))
	for _, test := range []struct {
		x    *Expr
		want string
	}{
		{And(Or(a, b), c), "(a || b) && c"},
		{Or(And(a, b), c), "a && b || c"},
		{And(a, And(b, a)), "a && b"},
		{And(a, False), "false"},
		{Or(), "false"},
		{Not(Eq(a, b)), "a != b"},
		{Not(And(a, b)), "!(a && b)"},
		{Not(Not(a)), "a"},
		{Eq(Eq(a, b), c), "a == b == c"},
		{Eq(a, Eq(b, c)), "a == (b == c)"},
		{Binary("-", a, Binary("-", b, c)), "a - (b - c)"},
		{Binary("-", Binary("-", a, b), c), "a - b - c"},
		{Binary("*", Binary("+", a, b), c), "(a + b) * c"},
		{Binary("-", a, Lit(int64(-1))), "a - -1"},
		{Neg(Lit(int64(-1))), "-(-1)"},
		{Neg(Neg(a)), "-(-a)"},
		{Select(Lit(int64(-1)), "f"), "(-1).f"},
		{Method(Binary("+", a, b), "size"), "(a + b).size()"},
		{Cond(a, Cond(b, one, c), Cond(c, a, b)), "a ? (b ? 1 : c) : c ? a : b"},
		{Cond(Cond(a, b, c), b, c), "(a ? b : c) ? b : c"},
		{Cond(a, True, b), "a || b"},
		{Cond(a, b, False), "a && b"},
		{Method(Cond(a, b, c), "orValue", one), "(a ? b : c).orValue(1)"},
		{Binary("in", a, List([]*Expr{one}, nil)), "a in [1]"},
		{Select(a, "x-y"), "a['x-y']"},
		{OptSelect(a, "in"), "a[?'in']"},
		{OptSelect(a, "namespace"), "a.?namespace"},
		{OptIndex(a, b), "a[?b]"},
		{List([]*Expr{a, b}, []bool{true, false}), "[?a, b]"},
		{Map([]*Expr{a, b, b, c}, []bool{false, true}), "{a: b, ?b: c}"},
		{Message("JSONPatch", Lit("op"), Lit("add"), Lit("value"), Map([]*Expr{Lit("op"), a}, nil)), "JSONPatch{op: 'add', value: {'op': a}}"},
		{Value([]any{"a", int64(1)}), "[dyn('a'), dyn(1)]"},
		{Value(map[string]any{"b": true, "a": false}), "{'a': false, 'b': true}"},
		{Value([]any{[]any{}, []any{"a"}}), "[dyn([]), dyn(['a'])]"},
		{Lit(int64(math.MinInt64)), "-9223372036854775808"},
		{Lit(uint64(math.MaxUint64)), "18446744073709551615u"},
		{Lit(1e21), "1e+21"},
		{Lit(0.1), "0.1"},
		{Lit(3.0), "3.0"},
		{Lit(math.Copysign(0, -1)), "-0.0"},
		{Lit([]byte("a'\x00\xff")), `b'a\x27\x00\xff'`},
		{None, "optional.none()"},
	} {
		if got := test.x.String(); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
			continue
		}
		parse(t, test.want)
	}
}

// TestParentheses prints every pair of operators nested both ways: CEL must
// read back the tree that was meant, which extra parentheses show.
func TestParentheses(t *testing.T) {
	forms := []func(x, y *Expr) *Expr{
		func(x, y *Expr) *Expr { return &Expr{Kind: KindAnd, Args: []*Expr{x, y}} },
		func(x, y *Expr) *Expr { return &Expr{Kind: KindOr, Args: []*Expr{x, y}} },
		func(x, y *Expr) *Expr { return &Expr{Kind: KindCond, Args: []*Expr{x, y, c}} },
		func(x, y *Expr) *Expr { return &Expr{Kind: KindCond, Args: []*Expr{c, x, y}} },
		func(x, y *Expr) *Expr { return Index(x, y) },
		func(x, y *Expr) *Expr { return Method(x, "f", y) },
		func(x, _ *Expr) *Expr { return &Expr{Kind: KindNot, Args: []*Expr{x}} },
		func(x, _ *Expr) *Expr { return Neg(x) },
		func(x, _ *Expr) *Expr { return OptSelect(x, "f") },
	}
	for op := range binaryPrec {
		forms = append(forms, func(x, y *Expr) *Expr { return Binary(op, x, y) })
	}
	for _, outer := range forms {
		for _, inner := range forms {
			for _, x := range []*Expr{outer(inner(a, b), c), outer(c, inner(a, b))} {
				got, want := parse(t, x.String()), parse(t, explicit(x))
				// How a chain of one operator is grouped makes no difference.
				sameChain := (x.Kind == KindAnd || x.Kind == KindOr) && (x.Args[0].Kind == x.Kind || x.Args[1].Kind == x.Kind)
				if got != want && !sameChain {
					t.Errorf("%s is read as %s, not as %s", x, got, want)
				}
			}
		}
	}
}

// explicit prints an expression with parentheses around every operator.
func explicit(e *Expr) string {
	args := make([]string, len(e.Args))
	for i, x := range e.Args {
		args[i] = explicit(x)
	}
	switch e.Kind {
	case KindSelect:
		return "(" + args[0] + ").?" + e.Name
	case KindIndex:
		return "(" + args[0] + ")[" + args[1] + "]"
	case KindCall:
		return "(" + args[0] + ").f(" + args[1] + ")"
	case KindNot:
		return "(!(" + args[0] + "))"
	case KindNeg:
		return "(-(" + args[0] + "))"
	case KindCond:
		return "((" + args[0] + ") ? (" + args[1] + ") : (" + args[2] + "))"
	case KindAnd, KindOr, KindBinary:
		op, _ := e.operator()
		return "((" + strings.Join(args, ") "+op+" (") + "))"
	}
	return e.String()
}

func TestQuote(t *testing.T) {
	for _, s := range []string{"", "a", "it's", `"`, `\`, `\\'`, `^\d+$`, `a\`, "a\nb", "\r\t\x00\x7f", "é😀", "\u200b\u2028", "\U000e0001", `${a}`, "a\\\nb"} {
		quoted := Quote(s)
		p, err := parser.NewParser()
		if err != nil {
			t.Fatal(err)
		}
		parsed, errs := p.Parse(common.NewTextSource(quoted))
		if len(errs.GetErrors()) > 0 {
			t.Errorf("%q → %s: %s", s, quoted, errs.ToDisplayString())
			continue
		}
		if got := parsed.Expr().AsLiteral().Value(); got != s {
			t.Errorf("%q → %s is read as %q", s, quoted, got)
		}
		if strings.ContainsAny(quoted, "\n\r") {
			t.Errorf("%q → a literal over several lines", s)
		}
	}
}

func TestPrint(t *testing.T) {
	long := func(s string) *Expr { return Ident(strings.Repeat(s, 40)) }
	for _, test := range []struct {
		name string
		x    *Expr
		want []string
	}{
		{"short", And(a, b), []string{"a && b"}},
		{"chain", And(long("a"), Or(long("b"), long("c")), c), []string{
			strings.Repeat("a", 40),
			"&& (" + strings.Repeat("b", 40) + " || " + strings.Repeat("c", 40) + ")",
			"&& c",
		}},
		{"condition", Cond(long("a"), long("b"), long("c")), []string{
			strings.Repeat("a", 40),
			"  ? " + strings.Repeat("b", 40),
			"  : " + strings.Repeat("c", 40),
		}},
		{"macro", Method(a, "exists", b, And(long("b"), long("c"), long("d"))), []string{
			"a.exists(b,",
			"  " + strings.Repeat("b", 40),
			"  && " + strings.Repeat("c", 40),
			"  && " + strings.Repeat("d", 40),
			")",
		}},
		{"tiny arguments stay", Method(Ident(strings.Repeat("a", 95)), "orValue", False), []string{
			strings.Repeat("a", 95) + ".orValue(false)",
		}},
		{"no arguments stay", Method(Ident(strings.Repeat("a", 95)), "hasValue"), []string{
			strings.Repeat("a", 95) + ".hasValue()",
		}},
		{"list", List([]*Expr{long("a"), long("b"), long("c")}, []bool{false, true, false}), []string{
			"[",
			"  " + strings.Repeat("a", 40) + ",",
			"  ?" + strings.Repeat("b", 40) + ",",
			"  " + strings.Repeat("c", 40),
			"]",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := Print(test.x)
			if want := strings.Join(test.want, "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if parse(t, got) != parse(t, test.x.String()) {
				t.Errorf("the lines are not the same expression as %s", test.x)
			}
		})
	}
}
