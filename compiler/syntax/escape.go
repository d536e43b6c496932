package syntax

import "strconv"

// doubleQuoted matches a scalar with escapes.
func (s *scanner) doubleQuoted() bool {
	if !s.skip('"') {
		return false
	}
	for s.at < len(s.data) {
		if folded, ok := s.fold(); folded {
			if !ok {
				return false
			}
			continue
		}
		switch s.data[s.at] {
		case '"':
			s.end = s.at
			s.at++
			return s.done == len(s.value)
		case '\\':
			if !s.escape() {
				return false
			}
		default:
			if !s.expect(string(s.data[s.at:s.at+1]), s.at) {
				return false
			}
			s.at++
		}
	}
	return false
}

// simpleEscapes are what one character after the backslash stands for.
var simpleEscapes = map[byte]string{
	'0': "\x00", 'a': "\a", 'b': "\b", 't': "\t", '\t': "\t", 'n': "\n", 'v': "\v", 'f': "\f", 'r': "\r",
	'e': "\x1b", ' ': " ", '"': `"`, '\'': `'`, '/': "/", '\\': `\`,
	'N': "\u0085", '_': "\u00a0", 'L': "\u2028", 'P': "\u2029",
}

// numericEscapes are the numbers of hexadecimal digits.
var numericEscapes = map[byte]int{'x': 2, 'u': 4, 'U': 8}

// escape matches one escape; every byte that it stands for maps to the
// backslash.
func (s *scanner) escape() bool {
	from := s.at
	s.at++
	if s.at >= len(s.data) {
		return false
	}
	if n := breakLength(s.data[s.at:]); n > 0 {
		// An escaped break joins the lines; blank lines after it count.
		s.at += n
		return s.expectBreaks(s.blankLines(&s.at))
	}
	b := s.data[s.at]
	s.at++
	if text, ok := simpleEscapes[b]; ok {
		return s.expect(text, from)
	}
	digits, ok := numericEscapes[b]
	if !ok || s.at+digits > len(s.data) {
		return false
	}
	code, err := strconv.ParseUint(string(s.data[s.at:s.at+digits]), 16, 32)
	if err != nil {
		return false
	}
	s.at += digits
	return s.expect(string(rune(code)), from)
}
