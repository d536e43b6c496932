package expr

import (
	"strings"

	"github.com/google/cel-go/common"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/parser"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
)

// Limits of one expression; past them CEL itself would refuse the output.
const (
	maxExpressionRunes = 10_000
	maxDepth           = 100
)

// Parsed is an expression that is syntactically right.
type Parsed struct {
	Text source.Text
	ast  *ast.AST
	// offsets maps a code point of the text, as CEL counts, to a byte.
	offsets []int
}

// Parse parses the text of one expression. It returns nil after reporting
// what is wrong with it.
func Parse(text source.Text, r *diag.Report) *Parsed {
	p := &Parsed{Text: text, offsets: runeOffsets(text.Value)}
	if strings.TrimSpace(text.Value) == "" {
		r.Errorf(diag.InvalidCEL, text.Span, "empty expression")
		return nil
	}
	if len(p.offsets) > maxExpressionRunes {
		r.Errorf(diag.InvalidCEL, text.Span, "expression of %d characters; at most %d are allowed", len(p.offsets)-1, maxExpressionRunes).
			Helpf("move parts of it into `variables` or a library function")
		return nil
	}
	if depth := nesting(text.Value); depth > maxDepth {
		r.Errorf(diag.InvalidCEL, text.Span, "expression is nested %d deep; at most %d levels are allowed", depth, maxDepth)
		return nil
	}
	// Macros stay calls, so that the checker sees what was written.
	ps, err := parser.NewParser(
		parser.EnableOptionalSyntax(true),
		parser.EnableIdentEscapeSyntax(true),
		parser.MaxRecursionDepth(250),
		parser.ErrorReportingLimit(10),
	)
	if err != nil {
		r.Errorf(diag.Internal, text.Span, "CEL parser: %v", err)
		return nil
	}
	parsed, errs := ps.Parse(common.NewTextSource(text.Value))
	if list := errs.GetErrors(); len(list) > 0 {
		// Those that follow the first are mostly its echo.
		e := list[0]
		offset := p.lineOffset(e.Location.Line(), e.Location.Column())
		at := p.at(offset)
		message := strings.TrimPrefix(e.Message, "Syntax error: ")
		if i := strings.Index(message, " expecting "); i > 0 {
			message = message[:i]
		}
		d := r.Errorf(diag.InvalidCEL, at, "invalid CEL: %s", lowerFirst(message))
		if hint := syntaxHint(text.Value, offset); hint != "" {
			d.Helpf("%s", hint)
		}
		return nil
	}
	p.ast = parsed
	return p
}

// nesting returns how deep brackets nest, or unary operators repeat: what
// a recursive parser recurses on.
func nesting(s string) int {
	depth, deepest, run := 0, 0, 0
	var quote byte
	for i := 0; i < len(s); i++ {
		if quote != 0 {
			if s[i] == '\\' {
				i++
			} else if s[i] == quote {
				quote = 0
			}
			continue
		}
		switch s[i] {
		case '\'', '"':
			quote, run = s[i], 0
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		case '!', '-', '?':
			run++
		case ' ', '\n', '\t':
		default:
			deepest = max(deepest, run)
			run = 0
		}
		deepest = max(deepest, depth, run)
	}
	return deepest
}

func runeOffsets(s string) []int {
	offsets := make([]int, 0, len(s)+1)
	for i := range s {
		offsets = append(offsets, i)
	}
	return append(offsets, len(s))
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// byteAt returns the byte offset of a code point.
func (p *Parsed) byteAt(runeOffset int) int {
	return p.offsets[min(max(runeOffset, 0), len(p.offsets)-1)]
}

// lineOffset returns the byte offset of CEL's line (from 1) and column (from 0).
func (p *Parsed) lineOffset(line, column int) int {
	runes := 0
	for _, r := range p.Text.Value {
		if line <= 1 {
			break
		}
		runes++
		if r == '\n' {
			line--
		}
	}
	return p.byteAt(runes + column)
}

// at returns the token that begins at or after a byte offset.
func (p *Parsed) at(offset int) source.Span {
	s := p.Text.Value
	offset = min(max(offset, 0), len(s))
	end := offset
	for end < len(s) && isWord(s[end]) {
		end++
	}
	if end == offset && end < len(s) {
		end++
	}
	if offset == len(s) && offset > 0 {
		return p.Text.Slice(offset-1, offset)
	}
	return p.Text.Slice(offset, end)
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// span returns the smallest piece of source that stands for a node.
func (p *Parsed) span(e ast.Expr) source.Span {
	rng, ok := p.ast.SourceInfo().GetOffsetRange(e.ID())
	if !ok {
		return p.Text.Span
	}
	start, stop := p.byteAt(int(rng.Start)), p.byteAt(int(rng.Stop))
	s := p.Text.Value
	switch e.Kind() {
	case ast.SelectKind:
		return p.fieldAfter(start)
	case ast.CallKind:
		name := e.AsCall().FunctionName()
		if name == "_?._" {
			return p.fieldAfter(start)
		}
		// The parser gives calls the position of their parenthesis.
		if start < len(s) && s[start] == '(' && isWord(name[0]) {
			end := start
			for end > 0 && (s[end-1] == ' ' || s[end-1] == '\n') {
				end--
			}
			begin := end
			for begin > 0 && isWord(s[begin-1]) {
				begin--
			}
			if begin < end {
				return p.Text.Slice(begin, end)
			}
		}
		return p.operator(start)
	}
	if stop <= start {
		return p.at(start)
	}
	return p.Text.Slice(start, stop)
}

// operator returns the operator that begins at a byte offset.
func (p *Parsed) operator(start int) source.Span {
	s := p.Text.Value
	end := start
	for end < len(s) && strings.IndexByte("=!<>&|+-*/%", s[end]) >= 0 {
		end++
	}
	if end == start {
		return p.at(start)
	}
	return p.Text.Slice(start, end)
}

// fieldAfter returns the field name behind the dot at a byte offset.
func (p *Parsed) fieldAfter(start int) source.Span {
	s := p.Text.Value
	for start < len(s) && strings.IndexByte(".? \n\t`", s[start]) >= 0 {
		start++
	}
	return p.at(start)
}
