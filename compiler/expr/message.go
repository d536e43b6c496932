package expr

import (
	"maps"
	"strings"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/types"
)

// Unset is what an absent value prints as in a message.
const Unset = "<unset>"

// Part is a piece of a template: text, or an expression.
type Part struct {
	Text string
	Expr *Parsed
}

// ParseTemplate splits text with `${expr}` into its parts; `$${` stands for a
// plain `${`.
func ParseTemplate(text source.Text, r *diag.Report) []Part {
	s := text.Value
	if i := strings.Index(s, "{{"); i >= 0 && strings.Contains(s[i:], "}}") && (i == 0 || s[i-1] != '$') {
		r.Warnf(diag.InvalidCEL, text.Slice(i, i+2), "`{{ }}` is plain text here").Helpf("write `${…}` for an expression")
	}
	var parts []Part
	var plain strings.Builder
	flush := func() {
		if plain.Len() > 0 {
			parts = append(parts, Part{Text: plain.String()})
			plain.Reset()
		}
	}
	for i := 0; i < len(s); {
		switch {
		case strings.HasPrefix(s[i:], "$${"):
			plain.WriteString("${")
			i += 3
		case strings.HasPrefix(s[i:], "${"):
			end := templateEnd(s, i+2)
			if end < 0 {
				r.Errorf(diag.InvalidCEL, text.Slice(i, i+2), "`${` without a closing `}`").
					Helpf("write `$${` for the plain characters")
				return parts
			}
			flush()
			if p := Parse(text.Sub(i+2, end), r); p != nil {
				parts = append(parts, Part{Expr: p})
			}
			i = end + 1
		default:
			plain.WriteByte(s[i])
			i++
		}
	}
	flush()
	return parts
}

// templateEnd returns the offset of the brace that closes an expression which
// begins at start; -1 when there is none.
func templateEnd(s string, start int) int {
	depth := 0
	for i := start; i < len(s); i++ {
		switch s[i] {
		case '\'', '"':
			quote := s[i]
			for i++; i < len(s) && s[i] != quote; i++ {
				if s[i] == '\\' {
					i++
				}
			}
		case '{':
			depth++
		case '}':
			if depth == 0 {
				return i
			}
			depth--
		}
	}
	return -1
}

// Template lowers the parts of a message to one CEL text.
func Template(parts []Part, scope *Scope, r *diag.Report, locals ...*Local) *code.Expr {
	var out *code.Expr
	add := func(x *code.Expr) {
		switch {
		case out == nil:
			out = x
		case out.Kind == code.KindLit && x.Kind == code.KindLit:
			out = code.Lit(out.Value.(string) + x.Value.(string))
		default:
			out = code.Binary("+", out, x)
		}
	}
	for _, p := range parts {
		if p.Expr == nil {
			add(code.Lit(p.Text))
			continue
		}
		n := CheckLocal(p.Expr, scope, r, false, locals...)
		if n.Bad() {
			add(code.Lit(Unset))
			continue
		}
		if !printable(n.Type) {
			r.Errorf(diag.WrongType, n.Span, "%s cannot be printed in a message", n.Type)
			continue
		}
		l := newLowerer(n)
		l.free(locals)
		add(l.text(n))
	}
	if out == nil {
		return code.Lit("")
	}
	return out
}

// Text lowers the parts of a value that is text. Unlike in a message, it is
// absent as a whole when a part is.
//
//	team-${object.metadata.labels.team}
//	→ object.metadata.?labels.?team.optMap(team, 'team-' + team)
func Text(parts []Part, scope *Scope, r *diag.Report, locals ...*Local) (x *code.Expr, optional bool) {
	l := &lowerer{names: map[*Local]string{}, taken: map[string]bool{}}
	var terms []term
	var nodes []*Node
	for _, p := range parts {
		if p.Expr == nil {
			continue
		}
		n := CheckLocal(p.Expr, scope, r, false, locals...)
		if n.Bad() {
			return code.Lit(""), false
		}
		if !printable(n.Type) {
			r.Errorf(diag.WrongType, n.Span, "%s cannot be part of a text", n.Type)
			return code.Lit(""), false
		}
		maps.Copy(l.taken, newLowerer(n).taken)
		nodes = append(nodes, n)
	}
	l.free(locals)
	for _, n := range nodes {
		terms = append(terms, l.lazy(n))
	}
	t := l.force(l.apply(terms, types.StringType, "text", func(v []*code.Expr) result {
		var out *code.Expr
		next := 0
		for _, p := range parts {
			piece := code.Lit(p.Text)
			if p.Expr != nil {
				piece = show(v[next], nodes[next].Type)
				next++
			}
			if out == nil {
				out = piece
			} else {
				out = code.Binary("+", out, piece)
			}
		}
		return result{x: out}
	}))
	if t.total() {
		return t.x, false
	}
	return l.opt(t), true
}

func printable(t *types.Type) bool {
	switch t.Kind {
	case types.Opaque:
		return t.Name == "net.IP" || t.Name == "net.CIDR"
	case types.TypeOf, types.Bytes:
		return false
	}
	return true
}

// text lowers a value to the text it has in a message.
func (l *lowerer) text(n *Node) *code.Expr {
	t := l.term(n)
	if n.Op == OpAbsent {
		return code.Lit(Unset)
	}
	if len(n.Constants) == 1 && (n.Op == OpVar || n.Op == OpLit) {
		if s, ok := n.Constants[0].(string); ok {
			return code.Lit(s)
		}
	}
	if n.Type.Kind == types.String && t.optional && !t.nullable {
		return code.Method(t.x, "orValue", code.Lit(Unset))
	}
	shown := l.force(l.apply([]term{l.lazy(n)}, types.StringType, t.hint, func(v []*code.Expr) result {
		return result{x: show(v[0], n.Type)}
	}))
	if shown.optional {
		return code.Method(shown.x, "orValue", code.Lit(Unset))
	}
	return shown.x
}

func show(x *code.Expr, t *types.Type) *code.Expr {
	switch t.Kind {
	case types.String:
		return x
	case types.List:
		if t.Elem.Kind == types.String && !t.NullElem {
			return code.Method(x, "join", code.Lit(", "))
		}
	case types.Map, types.Object, types.Dyn:
	default:
		return stringOf(code.Call("string", exact(x, t)), x, t)
	}
	// The API server's type checker does not let objects be printed.
	return code.Method(code.Lit("%s"), "format", code.List([]*code.Expr{agree(x, types.TypeType, types.NullType)}, nil))
}
