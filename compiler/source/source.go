// Package source holds files as they were read, and positions in them.
//
//	a CEL error at byte 17 of a `require` scalar → policies/limits.yaml:14:15
package source

import (
	"bytes"
	"fmt"
	"sort"
	"unicode/utf8"
)

// File is a file as it was read.
type File struct {
	// Path is relative to where policyc runs, with forward slashes.
	Path string
	Data []byte
	// lines holds the offset of the first byte of each line.
	lines []int
}

// Position is a place in a file as a person counts: lines and columns start
// at 1, and columns are in runes.
type Position struct {
	Line, Column int
}

// NewFile returns a file whose positions can be asked for. Lines end with LF,
// CRLF or a lone CR, as in YAML.
func NewFile(path string, data []byte) *File {
	lines := []int{0}
	for i, c := range data {
		loneReturn := c == '\r' && (i+1 == len(data) || data[i+1] != '\n')
		if c == '\n' || loneReturn {
			lines = append(lines, i+1)
		}
	}
	return &File{Path: path, Data: data, lines: lines}
}

// byteOrderMark may open a UTF-8 file; it takes no column.
var byteOrderMark = []byte("\ufeff")

// Position returns the line and column of the byte at offset. An offset
// outside the file is moved to its nearest end.
func (f *File) Position(offset int) Position {
	offset = max(0, min(offset, len(f.Data)))
	if len(f.lines) == 0 { // a File that NewFile did not make
		return Position{Line: 1, Column: 1 + utf8.RuneCount(f.Data[:offset])}
	}
	line := sort.SearchInts(f.lines, offset+1) - 1
	before := f.Data[f.lines[line]:offset]
	if line == 0 {
		before = bytes.TrimPrefix(before, byteOrderMark)
	}
	return Position{Line: line + 1, Column: 1 + utf8.RuneCount(before)}
}

// Line returns the text of line n, counted from 1, without its line break; or
// "" when the file has no such line.
func (f *File) Line(n int) string {
	if n < 1 || n > len(f.lines) {
		return ""
	}
	start, end := f.lines[n-1], len(f.Data)
	if n < len(f.lines) {
		end = f.lines[n]
	}
	line := bytes.TrimRight(f.Data[start:end], "\r\n")
	if n == 1 {
		line = bytes.TrimPrefix(line, byteOrderMark)
	}
	return string(line)
}

// LineStart returns the offset of the first byte of line n, counted from 1,
// moved to the nearest end of the file when there is no such line.
func (f *File) LineStart(n int) int {
	switch {
	case n < 1 || len(f.lines) == 0:
		return 0
	case n > len(f.lines):
		return len(f.Data)
	}
	return f.lines[n-1]
}

// Span is a range of bytes of a file. The zero Span means "nowhere".
type Span struct {
	File       *File
	Start, End int
}

// IsZero reports whether the span is nowhere.
func (s Span) IsZero() bool { return s.File == nil }

// String returns path:line:column, or "" for a span that is nowhere.
func (s Span) String() string {
	if s.File == nil {
		return ""
	}
	p := s.File.Position(s.Start)
	return fmt.Sprintf("%s:%d:%d", s.File.Path, p.Line, p.Column)
}
