package syntax

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// parts divides lines [from, to) among the entries of a block map or list.
// Comments between two entries belong to the upper one if they are indented
// deeper than the entries, else to the lower one.
func (p *printer) parts(n *yaml.Node, from, to int) []part {
	column := p.column(n)
	step := 1
	if n.Kind == yaml.MappingNode {
		step = 2
	}
	var parts []part
	free := from // the first line that is not the content of an entry above
	for i := 0; i+step <= len(n.Content); i += step {
		e := part{value: n.Content[i+step-1], end: to, column: column}
		first := n.Content[i]
		e.line = first.Line - 1
		if step == 2 {
			e.key = first
			if p.column(first) != column {
				p.failed = true // `? key`, or a key after an anchor
			}
		} else {
			e.line = p.dashLine(free, first, column)
		}
		if p.failed || e.line < free || e.line >= to {
			p.failed = true
			return nil
		}
		e.lead = p.leadLine(free, e.line, column)
		if i == 0 {
			e.lead = free
		} else {
			parts[len(parts)-1].end = e.lead
		}
		parts = append(parts, e)
		free = max(e.line, p.lastLine(e.value)) + 1
	}
	return parts
}

// leadLine returns the first of the lines that belong to the entry at line.
func (p *printer) leadLine(free, line, column int) int {
	lead := free
	for i := free; i < line; i++ {
		content := strings.TrimLeft(p.lines[i], " \t")
		if content == "" {
			continue
		}
		if len(p.lines[i])-len(content) <= column {
			break
		}
		lead = i + 1
	}
	return lead
}

// dashLine finds the line of an item's dash, which may stand above the item.
func (p *printer) dashLine(free int, item *yaml.Node, column int) int {
	for i := free; i <= item.Line-1 && i < len(p.lines); i++ {
		line := p.lines[i]
		if len(line) > column && line[column] == '-' && (i == free || strings.TrimLeft(line[:column], " ") == "") &&
			(len(line) == column+1 || isBlank(line[column+1])) {
			return i
		}
	}
	p.failed = true
	return 0
}

// column is the byte of its line at which a node begins: a list with its
// first dash, a map with its first key, whatever anchor stands before it.
func (p *printer) column(n *yaml.Node) int {
	switch {
	case n.Kind == yaml.MappingNode && len(n.Content) > 0:
		n = n.Content[0]
	case n.Kind == yaml.SequenceNode:
		at := skipProperties(p.chunk, p.chunk.offset(n.Line, n.Column))
		return at - p.chunk.lines[p.lineAt(at)]
	}
	return p.chunk.offset(n.Line, n.Column) - p.chunk.lines[n.Line-1]
}

// lastLine returns the last line of a value's content.
func (p *printer) lastLine(n *yaml.Node) int {
	switch n.Kind {
	case yaml.AliasNode:
		return n.Line - 1
	case yaml.ScalarNode:
		return p.lastLineOfScalar(n)
	}
	last := n.Line - 1
	if len(n.Content) > 0 {
		last = max(last, p.lastLine(n.Content[len(n.Content)-1]))
	}
	if n.Style&yaml.FlowStyle == 0 {
		return last
	}
	return p.closingLine(n, last)
}

func (p *printer) lastLineOfScalar(n *yaml.Node) int {
	s, _, ok := scanScalar(p.chunk, n)
	if !ok {
		p.failed = true
		return n.Line - 1
	}
	end := s.at
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 && n.Value != "" {
		// s.at is behind the blank lines, which count with `+` only.
		if end = s.end; strings.HasSuffix(n.Value, "\n\n") || strings.Trim(n.Value, "\n") == "" {
			end = max(end, s.at-1)
		}
	}
	return p.lineAt(end)
}

// lineAt returns the line of an offset.
func (p *printer) lineAt(offset int) int {
	line := 0
	for i, start := range p.chunk.lines {
		if start <= offset && i < len(p.lines) {
			line = i
		}
	}
	return line
}

// closingLine returns the line of the bracket that closes a flow collection:
// the first one after its last part that balances.
func (p *printer) closingLine(n *yaml.Node, last int) int {
	at := p.chunk.offset(n.Line, n.Column) + 1
	if len(n.Content) > 0 {
		at = p.endOf(n.Content[len(n.Content)-1])
	}
	data := p.chunk.file.Data[:p.chunk.end]
	at = skipSpace(data, at)
	if at < len(data) && data[at] == ',' {
		at = skipSpace(data, at+1)
	}
	if at >= len(data) || (data[at] != ']' && data[at] != '}') {
		p.failed = true
		return last
	}
	return p.lineAt(at)
}

// endOf returns the offset after a value inside a flow collection.
func (p *printer) endOf(n *yaml.Node) int {
	switch n.Kind {
	case yaml.AliasNode:
		return p.chunk.offset(n.Line, n.Column) + 1 + len(n.Value)
	case yaml.ScalarNode:
		s, _, ok := scanScalar(p.chunk, n)
		if !ok {
			p.failed = true
		}
		return s.at
	}
	at := skipProperties(p.chunk, p.chunk.offset(n.Line, n.Column)) + 1
	if len(n.Content) > 0 {
		at = p.endOf(n.Content[len(n.Content)-1])
	}
	data := p.chunk.file.Data[:p.chunk.end]
	at = skipSpace(data, at)
	if at < len(data) && data[at] == ',' {
		at = skipSpace(data, at+1)
	}
	if at < len(data) && (data[at] == ']' || data[at] == '}') {
		return at + 1
	}
	return at // `[a: b]`: a map without brackets of its own
}
