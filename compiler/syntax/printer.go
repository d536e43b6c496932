package syntax

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// printer moves and indents the lines of a document. It never writes a scalar
// anew, so that comments, quoting and line breaks survive.
type printer struct {
	chunk *chunk
	// lines are the chunk's lines, from 0, without breaks.
	lines []string
	// failed is set on YAML that is not understood well enough to be moved.
	failed bool
}

// part is an entry of a map or list: lines [lead, end), of which those before
// line are comments above it.
type part struct {
	lead, line, end int
	// column is the byte of the line at which its key or dash stands.
	column     int
	key, value *yaml.Node
}

// print returns the document with its keys in order; false when it holds
// YAML that the printer does not move, such as `? key`.
func (p *printer) print(root *yaml.Node, order *layout) ([]byte, bool) {
	p.failed = false
	p.lines = p.lines[:0]
	for i := 0; i+1 < len(p.chunk.lines); i++ {
		line := p.chunk.file.Data[p.chunk.lines[i]:p.chunk.lines[i+1]]
		p.lines = append(p.lines, string(bytes.TrimRight(line, "\r\n")))
	}
	if root.Kind != yaml.MappingNode || len(root.Content) == 0 || p.column(root) != 0 {
		return nil, false
	}
	head := p.lines[:root.Line-1]
	above, body := p.mapping(root, root.Line-1, len(p.lines), 0, order)
	if p.failed {
		return nil, false
	}
	text := strings.Join(tidy(slices.Concat(p.comments(head, 0), above, body)), "\n")
	return []byte(strings.ReplaceAll(text, keptBlank, "") + "\n"), true
}

// keptBlank stands for a blank line that is part of a text, so that tidy
// leaves it alone; no file that is read holds it.
const keptBlank = "\x00"

// tidy drops blank lines at both ends. Runs of them were joined before, where
// it was known that they are in no text.
func tidy(lines []string) []string {
	for len(lines) > 0 && lines[0] == "" {
		lines = lines[1:]
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// mapping prints a block map whose entries are in lines [from, to). The
// comments above its first entry come apart, for whoever puts a dash there.
func (p *printer) mapping(n *yaml.Node, from, to, indent int, order *layout) (head, body []string) {
	parts := p.parts(n, from, to)
	if p.failed {
		return nil, nil
	}
	if order != nil && order.keys != nil {
		slices.SortStableFunc(parts, func(a, b part) int {
			return cmp.Compare(order.rank(a.key.Value), order.rank(b.key.Value))
		})
	}
	for i, e := range parts {
		lead := p.comments(p.lines[e.lead:e.line], indent)
		if i == 0 {
			head = tidy(lead)
		} else {
			body = append(body, lead...)
		}
		body = append(body, p.entry(e, indent, order.child(e.key.Value))...)
	}
	return head, body
}

// entry prints `key: value` with the comments that belong inside it.
func (p *printer) entry(e part, indent int, order *layout) []string {
	key, _, ok := scanScalar(p.chunk, e.key)
	if !ok || e.key.Kind != yaml.ScalarNode {
		p.failed = true
		return nil
	}
	line := p.lines[e.line]
	afterKey := key.at - p.chunk.lines[e.line]
	if afterKey < e.column || afterKey > len(line) {
		p.failed = true
		return nil
	}
	rest := strings.TrimLeft(line[afterKey:], " \t")
	if !strings.HasPrefix(rest, ":") {
		p.failed = true
		return nil
	}
	prefix := strings.Repeat(" ", indent) + line[e.column:afterKey] + ":"
	return p.value(e, prefix, rest[1:], indent, order)
}

// value prints what follows `key:` or `-`, on its line and the next ones.
func (p *printer) value(e part, prefix, rest string, indent int, order *layout) []string {
	v := e.value
	first := prefix + gap(rest) + strings.TrimLeft(rest, " \t")
	switch {
	case v.Kind == yaml.MappingNode && v.Style&yaml.FlowStyle == 0:
		head, body := p.mapping(v, e.line+1, e.end, indent+2, order)
		return slices.Concat([]string{trimRight(first)}, indentLines(head, 0), body)
	case v.Kind == yaml.SequenceNode && v.Style&yaml.FlowStyle == 0:
		inner := indent
		if e.key == nil {
			inner += 2
		}
		return slices.Concat([]string{trimRight(first)}, p.sequence(v, e.line+1, e.end, inner, order))
	}
	last := p.lastLine(v)
	if last < e.line || last >= e.end {
		p.failed = true
		return nil
	}
	if last == e.line || v.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		first = trimRight(first)
	}
	out := append([]string{first}, p.continuation(v, e, last, indent)...)
	return append(out, p.comments(p.lines[last+1:e.end], indent)...)
}

// gap is what stands between a colon or dash and what follows: one space, but
// a comment keeps its distance.
func gap(rest string) string {
	content := strings.TrimLeft(rest, " \t")
	if strings.HasPrefix(content, "#") {
		return rest[:len(rest)-len(content)]
	}
	if content == "" {
		return ""
	}
	return " "
}

func trimRight(s string) string { return strings.TrimRight(s, " \t") }

// continuation prints the further lines of a scalar or flow collection. They
// move with their key; the lines of a block scalar stand two spaces inside.
func (p *printer) continuation(v *yaml.Node, e part, last, indent int) []string {
	lines := p.lines[e.line+1 : last+1]
	shift := indent - e.column
	block := v.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0
	if block && !p.hasIndicator(v) {
		for _, line := range lines {
			if content := strings.TrimLeft(line, " "); content != "" {
				shift = indent + 2 - (len(line) - len(content))
				break
			}
		}
	}
	var out []string
	for _, line := range lines {
		if strings.TrimLeft(line, " ") == "" && (!block || len(line)+shift <= indent+2) {
			line = keptBlank
		} else {
			line = shiftLine(line, shift)
		}
		out = append(out, line)
	}
	return out
}

// hasIndicator reports whether a block scalar says by how much it is indented.
func (p *printer) hasIndicator(v *yaml.Node) bool {
	at := skipProperties(p.chunk, p.chunk.offset(v.Line, v.Column))
	for at++; at < p.chunk.end && strings.IndexByte("+-0123456789", p.chunk.file.Data[at]) >= 0; at++ {
		if b := p.chunk.file.Data[at]; b != '+' && b != '-' {
			return true
		}
	}
	return false
}

func shiftLine(line string, by int) string {
	if by >= 0 {
		return strings.Repeat(" ", by) + line
	}
	spaces := len(line) - len(strings.TrimLeft(line, " "))
	return line[min(spaces, -by):]
}

// sequence prints a block list.
func (p *printer) sequence(n *yaml.Node, from, to, indent int, order *layout) []string {
	var out []string
	for i, item := range p.parts(n, from, to) {
		lead := p.comments(p.lines[item.lead:item.line], indent)
		if i == 0 {
			lead = tidy(lead)
		}
		out = append(out, lead...)
		out = append(out, p.item(item, indent, order)...)
	}
	return out
}

// item prints `- value`. What stands on the line of the dash is printed as a
// block of its own, and the dash put into its indentation.
func (p *printer) item(e part, indent int, order *layout) []string {
	v, dash := e.value, strings.Repeat(" ", indent)+"-"
	inline := v.Line-1 == e.line && v.Style&yaml.FlowStyle == 0 && v.Anchor == "" && v.Style&yaml.TaggedStyle == 0
	if inline && (v.Kind == yaml.MappingNode || v.Kind == yaml.SequenceNode) {
		var head, body []string
		if v.Kind == yaml.MappingNode {
			head, body = p.mapping(v, e.line, e.end, indent+2, order)
		} else {
			body = p.sequence(v, e.line, e.end, indent+2, order)
		}
		if p.failed || len(body) == 0 || len(body[0]) < indent+2 {
			p.failed = true
			return nil
		}
		body[0] = dash + body[0][indent+1:]
		return append(indentLines(head, -2), body...)
	}
	return p.value(e, dash, p.lines[e.line][e.column+1:], indent, order)
}

func indentLines(lines []string, by int) []string {
	out := make([]string, 0, len(lines))
	for _, line := range lines {
		out = append(out, shiftLine(line, by))
	}
	return out
}

// comments prints lines that hold comments and blanks only, or the markers
// of the document.
func (p *printer) comments(lines []string, indent int) []string {
	var out []string
	for _, line := range lines {
		content := strings.TrimSpace(line)
		switch {
		case content == "" && len(out) > 0 && out[len(out)-1] == "":
		case strings.HasPrefix(content, "#"):
			out = append(out, strings.Repeat(" ", indent)+content)
		default:
			out = append(out, trimRight(line))
		}
	}
	return out
}
