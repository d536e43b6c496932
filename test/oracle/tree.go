package oracle

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/policyc/policyc/compiler/types"
)

// Op is the form of an Expr.
type Op string

// The forms of an expression.
const (
	opLit     Op = "literal"  // Value
	opVar     Op = "variable" // Name
	opSelect  Op = "select"   // Args[0].Name
	opIndex   Op = "index"    // Args[0][Args[1]]
	opHas     Op = "has"      // has(Args[0])
	opOrValue Op = "orValue"  // Args[0].orValue(Args[1])
	opNot     Op = "not"
	opAnd     Op = "and"
	opOr      Op = "or"
	opCond    Op = "conditional"
	opEqual   Op = "equal"   // Name: == !=
	opCompare Op = "compare" // Name: < <= > >=
	opIn      Op = "in"
	opArith   Op = "arithmetic" // Name: + - * / %
	opNegate  Op = "negate"
	opCall    Op = "call"   // Name(Args…)
	opMethod  Op = "method" // Args[0].Name(Args[1:]…)
	opList    Op = "list"
	opMap     Op = "map"   // Args: keys and values alternate
	opMacro   Op = "macro" // Args[0].Name(Vars…, Args[1:]…)
	opLet     Op = "let"   // Args[0].optMap(Vars[0], Args[1])
)

// asOptional is the Value of what is written as CEL's optionals are: `.?` means
// what `.` does, and hasValue() what has() does.
const asOptional = "optional"

// Expr is an expression of policy CEL as the generator makes it. It knows its
// type, so that the interpreter need not ask the compiler's checker.
type Expr struct {
	Op    Op
	Name  string
	Value any
	Vars  []string
	Args  []*Expr
	Type  *types.Type
	// Function is what a call of a function of a library calls.
	Function *function
}

// String prints the expression as the source of a policy, with the parentheses
// that it needs and no others.
func (e *Expr) String() string {
	switch e.Op {
	case opLit:
		return literalText(e.Value)
	case opVar:
		return e.Name
	case opSelect:
		if e.Value == asOptional {
			return e.Args[0].operand() + strings.Replace(selection(e.Name), ".", ".?", 1)
		}
		return e.Args[0].operand() + selection(e.Name)
	case opIndex:
		return e.Args[0].operand() + "[" + e.Args[1].String() + "]"
	case opHas:
		if e.Value == asOptional {
			return e.Args[0].operand() + ".hasValue()"
		}
		return "has(" + e.Args[0].String() + ")"
	case opNot, opNegate:
		return map[Op]string{opNot: "!", opNegate: "-"}[e.Op] + e.Args[0].operand()
	case opAnd, opOr, opIn, opEqual, opCompare, opArith:
		sign := map[Op]string{opAnd: "&&", opOr: "||", opIn: "in"}[e.Op] + e.Name
		return e.Args[0].at(e.level()) + " " + sign + " " + e.Args[1].at(e.level()+1)
	case opCond:
		return e.Args[0].at(atOr) + " ? " + e.Args[1].at(atOr) + " : " + e.Args[2].String()
	case opCall:
		return e.Name + "(" + join(e.Args) + ")"
	case opOrValue:
		return e.Args[0].operand() + ".orValue(" + e.Args[1].String() + ")"
	case opMethod:
		if e.Name == "format" {
			return e.Args[0].operand() + ".format([" + join(e.Args[1:]) + "])"
		}
		return e.Args[0].operand() + "." + e.Name + "(" + join(e.Args[1:]) + ")"
	case opMacro:
		return e.Args[0].operand() + "." + e.Name + "(" + strings.Join(e.Vars, ", ") + ", " + join(e.Args[1:]) + ")"
	case opLet:
		return e.Args[0].operand() + ".optMap(" + e.Vars[0] + ", " + e.Args[1].String() + ")"
	case opList:
		return "[" + join(e.Args) + "]"
	case opMap:
		var entries []string
		for i := 0; i < len(e.Args); i += 2 {
			entries = append(entries, e.Args[i].String()+": "+e.Args[i+1].String())
		}
		return "{" + strings.Join(entries, ", ") + "}"
	}
	panic("no such form: " + e.Op)
}

// How tightly the forms of an expression bind, the loosest first.
const (
	atCond = iota
	atOr
	atAnd
	atRelation
	atSum
	atProduct
	atUnary
	atMember
)

// level is how tightly the expression binds.
func (e *Expr) level() int {
	switch e.Op {
	case opCond:
		return atCond
	case opOr:
		return atOr
	case opAnd:
		return atAnd
	case opEqual, opCompare, opIn:
		return atRelation
	case opArith:
		if e.Name == "+" || e.Name == "-" {
			return atSum
		}
		return atProduct
	case opNot, opNegate:
		return atUnary
	case opLit:
		if _, ok := e.Value.(string); !ok && e.Value != nil {
			return atUnary // -1, and 1 in front of a point
		}
	}
	return atMember
}

// at prints the expression where at least that level is needed.
func (e *Expr) at(level int) string {
	if e.level() < level {
		return "(" + e.String() + ")"
	}
	return e.String()
}

// operand prints the expression so that a selection may follow.
func (e *Expr) operand() string { return e.at(atMember) }

// selection prints `.name`, or an index where name is no identifier.
func selection(name string) string {
	for i, r := range name {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return "['" + name + "']"
		}
	}
	switch name {
	case "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop",
		"package", "namespace", "return", "var", "void", "while", "true", "false", "null":
		return "['" + name + "']"
	}
	return "." + name
}

func join(args []*Expr) string {
	texts := make([]string, len(args))
	for i, a := range args {
		texts[i] = a.String()
	}
	return strings.Join(texts, ", ")
}

func literalText(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`).Replace(v) + "'"
	case float64:
		s := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(s, ".e") {
			s += ".0"
		}
		return s
	case typeName:
		return string(v)
	}
	return fmt.Sprint(v)
}

// walk calls visit for e and every expression below it.
func (e *Expr) walk(visit func(*Expr)) {
	visit(e)
	for _, a := range e.Args {
		a.walk(visit)
	}
}

func lit(v any, t *types.Type) *Expr { return &Expr{Op: opLit, Value: v, Type: t} }
func text(s string) *Expr            { return lit(s, types.StringType) }
func integer(n int64) *Expr          { return lit(n, types.IntType) }

func node(op Op, t *types.Type, args ...*Expr) *Expr { return &Expr{Op: op, Type: t, Args: args} }

func named(op Op, name string, t *types.Type, args ...*Expr) *Expr {
	return &Expr{Op: op, Name: name, Type: t, Args: args}
}
