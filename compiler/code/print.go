package code

import (
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Width is the column at which Print begins to break lines.
const Width = 100

// tinyArgs is the width of arguments that are not worth a line of their own,
// as in `.orValue(false)`.
const tinyArgs = 12

// CEL's precedences, loosest first.
const (
	precCond = iota + 1
	precOr
	precAnd
	precRelation
	precSum
	precProduct
	precUnary
	precMember
)

var binaryPrec = map[string]int{
	"==": precRelation, "!=": precRelation, "<": precRelation, "<=": precRelation,
	">": precRelation, ">=": precRelation, "in": precRelation,
	"+": precSum, "-": precSum, "*": precProduct, "/": precProduct, "%": precProduct,
}

func (e *Expr) prec() int {
	switch e.Kind {
	case KindCond:
		return precCond
	case KindOr:
		return precOr
	case KindAnd:
		return precAnd
	case KindBinary:
		return binaryPrec[e.Name]
	case KindNot, KindNeg:
		return precUnary
	case KindLit:
		// `-1` before a dot or another minus needs parentheses.
		if n, ok := e.Value.(int64); ok && n < 0 {
			return precUnary
		}
		if f, ok := e.Value.(float64); ok && math.Signbit(f) {
			return precUnary
		}
	}
	return precMember
}

// String returns the expression on one line.
func (e *Expr) String() string {
	var b strings.Builder
	e.flat(&b)
	return b.String()
}

func (e *Expr) flat(b *strings.Builder) {
	switch e.Kind {
	case KindIdent:
		b.WriteString(e.Name)
	case KindLit:
		b.WriteString(literal(e.Value))
	case KindSelect:
		e.Args[0].operand(b, precMember)
		b.WriteString(e.dot())
		b.WriteString(e.Name)
	case KindIndex:
		e.Args[0].operand(b, precMember)
		b.WriteString(e.bracket())
		e.Args[1].flat(b)
		b.WriteByte(']')
	case KindCall:
		args := e.Args
		if e.Method {
			e.Args[0].operand(b, precMember)
			b.WriteByte('.')
			args = args[1:]
		}
		b.WriteString(e.Name)
		b.WriteByte('(')
		writeItems(b, args, nil)
		b.WriteByte(')')
	case KindList:
		b.WriteByte('[')
		writeItems(b, e.Args, e.OptionalArgs)
		b.WriteByte(']')
	case KindMap, KindMessage:
		b.WriteString(e.opening())
		for i := 0; i < len(e.Args); i += 2 {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(e.entryMark(i / 2))
			e.key(i).flat(b)
			b.WriteString(": ")
			e.Args[i+1].flat(b)
		}
		b.WriteByte('}')
	case KindNot:
		b.WriteByte('!')
		e.Args[0].operand(b, precMember)
	case KindNeg:
		b.WriteByte('-')
		e.Args[0].operand(b, precMember)
	case KindCond:
		e.Args[0].operand(b, precOr)
		b.WriteString(" ? ")
		e.Args[1].operand(b, precOr)
		b.WriteString(" : ")
		e.Args[2].operand(b, precCond)
	default:
		op, prec := e.operator()
		for i, a := range e.Args {
			if i > 0 {
				b.WriteString(" " + op + " ")
				a.operand(b, prec+1)
				continue
			}
			a.operand(b, prec)
		}
	}
}

func (e *Expr) operator() (string, int) {
	switch e.Kind {
	case KindAnd:
		return "&&", precAnd
	case KindOr:
		return "||", precOr
	}
	return e.Name, binaryPrec[e.Name]
}

func (e *Expr) dot() string {
	if e.Optional {
		return ".?"
	}
	return "."
}

func (e *Expr) bracket() string {
	if e.Optional {
		return "[?"
	}
	return "["
}

// opening is how a map or message begins.
func (e *Expr) opening() string {
	if e.Kind == KindMessage {
		return e.Name + "{"
	}
	return "{"
}

// key is the key of an entry as it is printed: the field of a message is a
// name, and no text.
func (e *Expr) key(i int) *Expr {
	if e.Kind == KindMessage {
		return Ident(e.Args[i].Value.(string))
	}
	return e.Args[i]
}

func (e *Expr) entryMark(i int) string {
	if i < len(e.OptionalArgs) && e.OptionalArgs[i] {
		return "?"
	}
	return ""
}

func writeItems(b *strings.Builder, items []*Expr, optional []bool) {
	for i, a := range items {
		if i > 0 {
			b.WriteString(", ")
		}
		if i < len(optional) && optional[i] {
			b.WriteByte('?')
		}
		a.flat(b)
	}
}

// operand writes the expression, in parentheses when it binds more loosely
// than prec.
func (e *Expr) operand(b *strings.Builder, prec int) {
	if e.prec() < prec {
		b.WriteByte('(')
		e.flat(b)
		b.WriteByte(')')
		return
	}
	e.flat(b)
}

// Print returns the expression formatted over lines of about Width columns,
// for people to read. It has no trailing line break.
func Print(e *Expr) string {
	p := &printer{}
	p.expr(e, 0, 0)
	return p.b.String()
}

type printer struct {
	b      strings.Builder
	column int
}

func (p *printer) write(s string) {
	p.b.WriteString(s)
	p.column += len([]rune(s))
}

func (p *printer) newline(indent int) {
	p.b.WriteByte('\n')
	p.b.WriteString(strings.Repeat(" ", indent))
	p.column = indent
}

// expr prints e at the current column; lines it opens begin at indent. It is
// put in parentheses when it binds more loosely than prec.
func (p *printer) expr(e *Expr, indent, prec int) {
	var flat strings.Builder
	e.operand(&flat, prec)
	if p.column+len([]rune(flat.String())) <= Width || !e.breakable() {
		p.write(flat.String())
		return
	}
	if e.prec() < prec {
		p.write("(")
		p.newline(indent + 2)
		p.expr(e, indent+2, 0)
		p.newline(indent)
		p.write(")")
		return
	}
	p.broken(e, indent)
}

// breakable reports whether a line break can stand anywhere inside.
func (e *Expr) breakable() bool {
	switch e.Kind {
	case KindIdent, KindLit:
		return false
	case KindSelect:
		return e.Args[0].breakable()
	case KindCall:
		return len(e.Args) > 0
	}
	return true
}

func (p *printer) broken(e *Expr, indent int) {
	switch e.Kind {
	case KindSelect:
		p.expr(e.Args[0], indent, precMember)
		p.write(e.dot() + e.Name)
	case KindIndex:
		p.expr(e.Args[0], indent, precMember)
		p.write(e.bracket())
		p.expr(e.Args[1], indent+2, 0)
		p.write("]")
	case KindCall:
		args := e.Args
		if e.Method {
			p.expr(e.Args[0], indent, precMember)
			p.write(".")
			args = args[1:]
		}
		p.write(e.Name + "(")
		var flat strings.Builder
		writeItems(&flat, args, nil)
		if n := len([]rune(flat.String())); p.column+n < Width || n <= tinyArgs {
			p.write(flat.String())
		} else {
			p.callArgs(args, indent)
		}
		p.write(")")
	case KindList:
		p.write("[")
		p.items(e, indent, 1)
		p.write("]")
	case KindMap, KindMessage:
		p.write(e.opening())
		p.items(e, indent, 2)
		p.write("}")
	case KindNot:
		p.write("!")
		p.expr(e.Args[0], indent, precMember)
	case KindNeg:
		p.write("-")
		p.expr(e.Args[0], indent, precMember)
	case KindCond:
		p.expr(e.Args[0], indent, precOr)
		p.newline(indent + 2)
		p.write("? ")
		p.expr(e.Args[1], indent+4, precOr)
		p.newline(indent + 2)
		p.write(": ")
		p.expr(e.Args[2], indent+2, precCond)
	default:
		op, prec := e.operator()
		for i, a := range e.Args {
			if i > 0 {
				p.newline(indent)
				p.write(op + " ")
				p.expr(a, indent+2, prec+1)
				continue
			}
			p.expr(a, indent, prec)
		}
	}
}

// callArgs keeps short leading arguments (a macro's variables) on the line of
// the call and breaks before the first other one.
func (p *printer) callArgs(args []*Expr, indent int) {
	lead := 0
	for lead < len(args)-1 && args[lead].Kind == KindIdent {
		lead++
	}
	for i, a := range args {
		if i < lead {
			p.write(a.Name + ",")
			if i < lead-1 {
				p.write(" ")
			}
			continue
		}
		p.newline(indent + 2)
		p.expr(a, indent+2, 0)
		if i < len(args)-1 {
			p.write(",")
		}
	}
	p.newline(indent)
}

func (p *printer) items(e *Expr, indent, step int) {
	for i := 0; i < len(e.Args); i += step {
		p.newline(indent + 2)
		p.write(e.entryMark(i / step))
		if step == 2 {
			p.expr(e.key(i), indent+2, 0)
			p.write(": ")
		}
		p.expr(e.Args[i+step-1], indent+2, 0)
		if i+step < len(e.Args) {
			p.write(",")
		}
	}
	p.newline(indent)
}

func literal(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case uint64:
		return strconv.FormatUint(v, 10) + "u"
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return "double('" + strconv.FormatFloat(v, 'g', -1, 64) + "')"
		}
		s := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(s, ".e") {
			s += ".0"
		}
		return s
	case string:
		return Quote(v)
	case []byte:
		return "b'" + quoteBytes(v) + "'"
	}
	panic(fmt.Sprintf("code: no literal for %T", v))
}

// Quote returns s as a CEL string literal. Text with many backslashes, as
// patterns have, is written raw.
func Quote(s string) string {
	if strings.Contains(s, `\`) && !strings.ContainsAny(s, "'\n\r") && printable(s) {
		return "r'" + s + "'"
	}
	var b strings.Builder
	b.WriteByte('\'')
	for _, r := range s {
		switch {
		case r == '\'' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case !unicode.IsPrint(r) && r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('\'')
	return b.String()
}

func printable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

func quoteBytes(v []byte) string {
	var b strings.Builder
	for _, c := range v {
		if c >= ' ' && c < 0x7f && c != '\'' && c != '\\' {
			b.WriteByte(c)
			continue
		}
		b.WriteString(`\x` + hex.EncodeToString([]byte{c}))
	}
	return b.String()
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
