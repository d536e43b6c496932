package syntax

import (
	"bytes"
	"unicode/utf8"

	"github.com/policyc/policyc/compiler/source"
)

// chunk is the part of a file that holds one YAML document. Chunks are parsed
// one by one, so that a document that is not YAML does not hide the others.
type chunk struct {
	file *source.File
	// start and end are offsets in the file.
	start, end int
	// lines holds the offset in the file of each line, as YAML counts lines.
	lines []int
}

func (c *chunk) data() []byte { return c.file.Data[c.start:c.end] }

func (c *chunk) span(start, end int) source.Span {
	return source.Span{File: c.file, Start: start, End: end}
}

// offset returns the offset in the file of a line and column as yaml.Node
// has them: from 1, columns in runes.
func (c *chunk) offset(line, column int) int {
	if line < 1 || line > len(c.lines) {
		return c.start
	}
	at := c.lines[line-1]
	for ; column > 1 && at < c.end; column-- {
		_, size := utf8.DecodeRune(c.file.Data[at:c.end])
		at += size
	}
	return at
}

// splitChunks splits a file at its `---` and `...` lines. A chunk begins with
// its comments, directives and `---` line; the chunks together are the file,
// without a byte order mark.
//
//	# licence ↵ a: 1 ↵ --- ↵ b: 2   →   "# licence ↵ a: 1 ↵", "--- ↵ b: 2"
func splitChunks(file *source.File) []*chunk {
	var chunks []*chunk
	start := 0
	if bytes.HasPrefix(file.Data, byteOrderMark) {
		start = len(byteOrderMark)
	}
	current := &chunk{file: file, start: start}
	finish := func(at int) {
		if at > current.start {
			current.end = at
			chunks = append(chunks, current)
		}
		current = &chunk{file: file, start: at}
	}
	hasContent := false
	for at := start; at < len(file.Data); {
		next := at + lineLength(file.Data[at:])
		line := file.Data[at:next]
		switch {
		case isMarker(line, "---"):
			if hasContent {
				finish(at)
			}
			hasContent = true
		case isMarker(line, "..."):
			current.lines = append(current.lines, at)
			finish(next)
			hasContent = false
			at = next
			continue
		case isContent(line):
			hasContent = true
		}
		current.lines = append(current.lines, at)
		at = next
	}
	finish(len(file.Data))
	for _, c := range chunks {
		if len(c.lines) == 0 || c.lines[len(c.lines)-1] < c.end {
			c.lines = append(c.lines, c.end)
		}
	}
	return chunks
}

var byteOrderMark = []byte("\ufeff")

// isMarker reports whether a line begins with --- or ... as a marker of YAML
// documents. Inside a scalar such a line ends the document all the same.
func isMarker(line []byte, marker string) bool {
	rest, ok := bytes.CutPrefix(line, []byte(marker))
	return ok && (len(rest) == 0 || isBlank(rest[0]) || breakLength(rest) > 0)
}

// isContent reports whether a line is part of a YAML document: no blank line,
// comment or directive.
func isContent(line []byte) bool {
	if len(line) > 0 && line[0] == '%' {
		return false
	}
	for i, b := range line {
		if isBlank(b) {
			continue
		}
		return b != '#' && breakLength(line[i:]) == 0
	}
	return false
}

// lineLength returns the length of the first line of data with its break.
func lineLength(data []byte) int {
	for i := range data {
		if n := breakLength(data[i:]); n > 0 {
			return i + n
		}
	}
	return len(data)
}

// breakLength returns the length of the line break that data begins with, or
// 0. NEL, LS and PS are breaks to yaml.v3, as they were in YAML 1.1.
func breakLength(data []byte) int {
	switch {
	case len(data) == 0:
		return 0
	case data[0] == '\n':
		return 1
	case data[0] == '\r':
		if len(data) > 1 && data[1] == '\n' {
			return 2
		}
		return 1
	case data[0] == 0xc2 && len(data) > 1 && data[1] == 0x85:
		return 2
	case data[0] == 0xe2 && len(data) > 2 && data[1] == 0x80 && (data[2] == 0xa8 || data[2] == 0xa9):
		return 3
	}
	return 0
}

func isBlank(b byte) bool { return b == ' ' || b == '\t' }
