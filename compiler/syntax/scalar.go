package syntax

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/policyc/policyc/compiler/source"
)

// scalarText returns the text of a scalar node, with the offset of each byte
// of its value. The source is scanned a second time with the value known; a
// scan that does not give yaml.v3's value is not trusted, and then the whole
// text stands at the scalar's start.
//
//	'it''s'  →  Value it's, Span over it''s, offsets 1 2 3 5
func scalarText(c *chunk, n *yaml.Node) source.Text {
	s, start, ok := scanScalar(c, n)
	if !ok {
		return source.Opaque(n.Value, c.span(start, max(start, endOfLine(c, start))))
	}
	if n.Value == "" {
		return source.NewText("", c.span(start, s.at), nil)
	}
	first := s.offsets[0]
	text := source.NewText(n.Value, c.span(first, max(first, s.end)), s.offsets)
	if string(c.file.Data[first:max(first, s.end)]) == n.Value {
		text = source.NewText(n.Value, c.span(first, s.end), nil)
	}
	return text
}

// scanScalar scans a scalar a second time; ok is false when the result is not
// the node's value.
func scanScalar(c *chunk, n *yaml.Node) (s *scanner, start int, ok bool) {
	start = skipProperties(c, c.offset(n.Line, n.Column))
	s = &scanner{data: c.file.Data[:c.end], at: start, value: n.Value}
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		ok = s.doubleQuoted()
	case n.Style&yaml.SingleQuotedStyle != 0:
		ok = s.singleQuoted()
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		ok = s.block(n.Style&yaml.LiteralStyle != 0)
	default:
		ok = s.plain()
	}
	return s, start, ok
}

// skipProperties returns where a node's content begins: yaml.v3 gives the
// position of its anchor or tag, if there is one.
func skipProperties(c *chunk, at int) int {
	data := c.file.Data[:c.end]
	for at < len(data) && (data[at] == '&' || data[at] == '!') {
		for at < len(data) && !isBlank(data[at]) && breakLength(data[at:]) == 0 {
			at++
		}
		at = skipSpace(data, at)
	}
	return at
}

// skipSpace skips blanks, line breaks and comments.
func skipSpace(data []byte, at int) int {
	for at < len(data) {
		switch {
		case isBlank(data[at]):
			at++
		case breakLength(data[at:]) > 0:
			at += breakLength(data[at:])
		case data[at] == '#' && (at == 0 || isBlank(data[at-1]) || data[at-1] == '\n' || data[at-1] == '\r'):
			for at < len(data) && breakLength(data[at:]) == 0 {
				at++
			}
		default:
			return at
		}
	}
	return at
}

// endOfLine returns the offset of the end of the line, without blanks.
func endOfLine(c *chunk, at int) int {
	end := at
	for i := at; i < c.end && breakLength(c.file.Data[i:]) == 0; i++ {
		if !isBlank(c.file.Data[i]) {
			end = i + 1
		}
	}
	return end
}

// scanner walks a scalar in the source and its value side by side.
type scanner struct {
	data []byte
	// at is the offset in data, done the number of bytes of value found.
	at      int
	value   string
	done    int
	offsets []int
	// end is the offset after the last byte of the scalar's content.
	end int
}

// expect matches text, which stands at the offset from, with the value.
func (s *scanner) expect(text string, from int) bool {
	if !strings.HasPrefix(s.value[s.done:], text) {
		return false
	}
	for range len(text) {
		s.offsets = append(s.offsets, from)
	}
	s.done += len(text)
	return true
}

// fold matches blanks and line breaks between two lines of a plain or quoted
// scalar: one break is a space, each further one a line break. It reports
// false for both when there is no break here.
func (s *scanner) fold() (folded, ok bool) {
	at := s.at
	for at < len(s.data) && isBlank(s.data[at]) {
		at++
	}
	if at == len(s.data) || breakLength(s.data[at:]) == 0 {
		return false, false
	}
	first := at
	at += breakLength(s.data[at:])
	breaks := s.blankLines(&at)
	s.at = at
	if len(breaks) == 0 {
		return true, s.expect(" ", first)
	}
	return true, s.expectBreaks(breaks)
}

// blankLines skips blanks and blank lines, and returns the offsets of the
// breaks that it passed.
func (s *scanner) blankLines(at *int) []int {
	var breaks []int
	for *at < len(s.data) {
		if n := breakLength(s.data[*at:]); n > 0 {
			breaks = append(breaks, *at)
			*at += n
		} else if isBlank(s.data[*at]) {
			*at++
		} else {
			break
		}
	}
	return breaks
}

func (s *scanner) expectBreaks(breaks []int) bool {
	for _, at := range breaks {
		if !s.expect("\n", at) {
			return false
		}
	}
	return true
}

// plain matches a plain scalar, whose end is not marked.
func (s *scanner) plain() bool {
	for s.done < len(s.value) {
		if folded, ok := s.fold(); folded {
			if !ok {
				return false
			}
			continue
		}
		if s.at >= len(s.data) || !s.expect(string(s.data[s.at:s.at+1]), s.at) {
			return false
		}
		s.at++
	}
	s.end = s.at
	return true
}

// singleQuoted matches a scalar in which a doubled quote stands for one.
func (s *scanner) singleQuoted() bool {
	if !s.skip('\'') {
		return false
	}
	for s.at < len(s.data) {
		if folded, ok := s.fold(); folded {
			if !ok {
				return false
			}
			continue
		}
		from := s.at
		if s.data[from] == '\'' {
			s.at++
			if s.at >= len(s.data) || s.data[s.at] != '\'' {
				s.end = from
				return s.done == len(s.value)
			}
		}
		if !s.expect(string(s.data[from:from+1]), from) {
			return false
		}
		s.at++
	}
	return false
}

func (s *scanner) skip(b byte) bool {
	if s.at >= len(s.data) || s.data[s.at] != b {
		return false
	}
	s.at++
	return true
}
