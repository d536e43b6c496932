package syntax

import "strings"

// block matches a literal (|) or folded (>) scalar.
//
//	require: >-      value: "a && b", whose space stands where the first
//	  a              line breaks
//	  && b
func (s *scanner) block(literal bool) bool {
	chomping, ok := s.blockHeader(literal)
	if !ok {
		return false
	}
	if s.value == "" {
		return true
	}
	indent, ok := s.blockIndent()
	if !ok {
		return false
	}
	return s.blockLines(literal, chomping, indent) && s.done == len(s.value)
}

// blockHeader skips `|2-  # comment` and its line break; the chomping is '-',
// '+' or 0.
func (s *scanner) blockHeader(literal bool) (chomping byte, ok bool) {
	indicator := byte('>')
	if literal {
		indicator = '|'
	}
	if !s.skip(indicator) {
		return 0, false
	}
	for s.at < len(s.data) && strings.IndexByte("+-0123456789", s.data[s.at]) >= 0 {
		if s.data[s.at] == '+' || s.data[s.at] == '-' {
			chomping = s.data[s.at]
		}
		s.at++
	}
	header := s.at
	for s.at < len(s.data) && breakLength(s.data[s.at:]) == 0 {
		s.at++
	}
	if s.at == len(s.data) {
		s.at = header
		return chomping, s.value == ""
	}
	if s.value == "" {
		s.at = header
		return chomping, true
	}
	s.at += breakLength(s.data[s.at:])
	return chomping, true
}

// blockIndent finds by how much the content is indented: the first line of
// the value that is not blank is indented by as much less than in the source.
// This needs neither the parent's indentation nor the indicator.
func (s *scanner) blockIndent() (int, bool) {
	inValue := -1
	for line := range strings.SplitSeq(s.value, "\n") {
		if content := strings.TrimLeft(line, " "); content != "" {
			inValue = len(line) - len(content)
			break
		}
	}
	if inValue < 0 {
		return 0, false
	}
	for at := s.at; at < len(s.data); {
		spaces := at
		for at < len(s.data) && s.data[at] == ' ' {
			at++
		}
		n := 0
		if at < len(s.data) {
			if n = breakLength(s.data[at:]); n == 0 {
				indent := at - spaces - inValue
				return indent, indent >= 0
			}
		}
		at += n
	}
	return 0, false
}

// blockLines follows yaml.v3's yaml_parser_scan_block_scalar line by line. A
// break is pending until it is known what follows: in a folded scalar one
// break between two lines that are not indented becomes a space.
func (s *scanner) blockLines(literal bool, chomping byte, indent int) bool {
	pending := -1
	blank := s.blockBreaks(indent)
	leadingBlank := false
	for s.column(indent) {
		trailingBlank := isBlank(s.data[s.at])
		folded := !literal && !leadingBlank && !trailingBlank && pending >= 0
		switch {
		case folded && len(blank) == 0:
			if !s.expect(" ", pending) {
				return false
			}
		case !folded && pending >= 0:
			if !s.expect("\n", pending) {
				return false
			}
		}
		if !s.expectBreaks(blank) {
			return false
		}
		leadingBlank = trailingBlank

		from := s.at
		for s.at < len(s.data) && breakLength(s.data[s.at:]) == 0 {
			s.at++
		}
		line := string(s.data[from:s.at])
		if !strings.HasPrefix(s.value[s.done:], line) {
			return false
		}
		for i := range len(line) {
			s.offsets = append(s.offsets, from+i)
		}
		s.done += len(line)
		s.end = s.at
		pending = -1
		if s.at < len(s.data) {
			pending = s.at
			s.at += breakLength(s.data[s.at:])
		}
		blank = s.blockBreaks(indent)
	}
	if chomping != '-' && pending >= 0 && !s.expect("\n", pending) {
		return false
	}
	if chomping == '+' {
		return s.expectBreaks(blank)
	}
	return true
}

// blockBreaks skips indentation and blank lines, and returns the offsets of
// their breaks. It stops at content, which column then judges.
func (s *scanner) blockBreaks(indent int) []int {
	var breaks []int
	for s.at < len(s.data) {
		at := s.at
		for at < len(s.data) && at-s.at < indent && s.data[at] == ' ' {
			at++
		}
		if at >= len(s.data) || breakLength(s.data[at:]) == 0 {
			break
		}
		breaks = append(breaks, at)
		s.at = at + breakLength(s.data[at:])
	}
	return breaks
}

// column skips the indentation of a content line; it reports false at the
// end of the scalar.
func (s *scanner) column(indent int) bool {
	at := s.at
	for at < len(s.data) && at-s.at < indent && s.data[at] == ' ' {
		at++
	}
	if at-s.at < indent || at >= len(s.data) {
		return false
	}
	s.at = at
	return true
}
