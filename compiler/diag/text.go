package diag

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/policyc/policyc/compiler/source"
)

// tabWidth is how many columns a tab takes in an excerpt.
const tabWidth = 4

// maxExcerpt is how many runes of a line are shown; a minified file would
// fill the screen.
const maxExcerpt = 240

// The ANSI colours of a terminal.
const (
	bold  = "\x1b[1m"
	red   = "\x1b[1;31m"
	amber = "\x1b[1;33m"
	blue  = "\x1b[1;34m"
	cyan  = "\x1b[1;36m"
	reset = "\x1b[0m"
)

// WriteText writes diagnostics for people, with the line they are about:
//
//	policies/limits.yaml:14:15: error[PC2003]: no field `securityContxt`
//	   14 |     require: container.securityContxt.privileged == false
//	      |                        ^^^^^^^^^^^^^^ did you mean `securityContext`?
func WriteText(w io.Writer, ds []*Diagnostic, color bool) error {
	buffered := bufio.NewWriter(w)
	p := painter{color}
	for _, d := range ds {
		writeText(buffered, d, p)
	}
	return buffered.Flush()
}

type painter struct{ color bool }

func (p painter) paint(color, text string) string {
	if !p.color || text == "" {
		return text
	}
	return color + text + reset
}

func (p painter) severity(s Severity) string {
	switch s {
	case Error:
		return red
	case Warning:
		return amber
	default:
		return cyan
	}
}

func writeText(w *bufio.Writer, d *Diagnostic, p painter) {
	place := "policyc"
	if !d.At.IsZero() {
		place = d.At.String()
	}
	kind := fmt.Sprintf("%s[%s]", d.Severity, d.id())
	fmt.Fprintf(w, "%s %s: %s\n", p.paint(bold, place+":"), p.paint(p.severity(d.Severity), kind), oneLine(d.Message))

	gutter := "   "
	if !d.At.IsZero() {
		gutter = writeExcerpt(w, d, p)
	}
	equals := p.paint(blue, "=")
	for _, note := range d.Notes {
		fmt.Fprintf(w, "%s%s note: %s\n", gutter, equals, indentRest(note, gutter+"        "))
	}
	for _, help := range d.Helps {
		fmt.Fprintf(w, "%s%s help: %s\n", gutter, equals, indentRest(help, gutter+"        "))
	}
}

// writeExcerpt writes the line of a diagnostic with carets under the span,
// and returns the indentation of the notes that follow.
func writeExcerpt(w *bufio.Writer, d *Diagnostic, p painter) string {
	number, text, underline := excerpt(d.At)
	gutter := fmt.Sprintf("%5d", number)
	blank := strings.Repeat(" ", len(gutter))
	notes := strings.Repeat(" ", 3)
	if strings.TrimSpace(text) == "" && d.Label == "" {
		return notes
	}
	bar := p.paint(blue, "|")
	fmt.Fprintf(w, "%s %s %s\n", p.paint(blue, gutter), bar, strings.TrimRight(text, " "))
	indent := strings.TrimRight(underline, "^")
	line := indent + p.paint(p.severity(d.Severity), underline[len(indent):])
	if d.Label != "" {
		line += " " + oneLine(d.Label)
	}
	fmt.Fprintf(w, "%s %s %s\n", blank, bar, line)
	return notes
}

// excerpt returns the first line of a span, with tabs expanded and control
// characters made visible, and a line of carets to go under it.
func excerpt(at source.Span) (number int, text, underline string) {
	start := at.File.Position(at.Start)
	end := at.File.Position(max(at.Start, at.End))
	line := at.File.Line(start.Line)
	endColumn := end.Column
	if end.Line > start.Line {
		// The first line only, without what trails it.
		endColumn = utf8.RuneCountInString(strings.TrimRight(line, " \t")) + 1
	}
	endColumn = max(endColumn, start.Column+1)

	var shown, carets strings.Builder
	column, width := 1, 0
	skip := 0
	if start.Column > maxExcerpt-40 {
		skip = start.Column - 40
	}
	for _, r := range line {
		if column > skip && column <= skip+maxExcerpt {
			cells := 1
			if r == '\t' {
				cells = tabWidth - width%tabWidth
				shown.WriteString(strings.Repeat(" ", cells))
			} else {
				shown.WriteRune(visible(r))
			}
			width += cells
			mark(&carets, column, start.Column, endColumn, cells)
		}
		column++
	}
	if start.Column >= column { // at the end of the line
		mark(&carets, start.Column, start.Column, endColumn, 1)
	}
	return start.Line, shown.String(), carets.String()
}

// mark adds the cells of one column to the line of carets.
func mark(carets *strings.Builder, column, start, end, cells int) {
	switch {
	case column < start:
		carets.WriteString(strings.Repeat(" ", cells))
	case column < end:
		carets.WriteString(strings.Repeat("^", cells))
	}
}

// visible replaces what a terminal would act upon.
func visible(r rune) rune {
	if r < ' ' || (r >= 0x7f && r <= 0x9f) || r == '\u2028' || r == '\u2029' || (r >= '\u202a' && r <= '\u202e') || (r >= '\u2066' && r <= '\u2069') {
		return utf8.RuneError
	}
	return r
}

// oneLine keeps a first line greppable when a message quotes a line break.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == '\t' {
			return ' '
		}
		return visible(r)
	}, s)
}

func indentRest(text, indent string) string {
	return strings.ReplaceAll(text, "\n", "\n"+indent)
}
