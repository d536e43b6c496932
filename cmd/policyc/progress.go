package main

import (
	"fmt"
	"io"
)

// progress shows on one line of a terminal how far long work has got.
type progress struct {
	w     io.Writer
	shown bool
}

// newProgress returns a progress that shows nothing where w is no terminal.
func newProgress(w io.Writer) *progress {
	if !isTerminal(w) {
		return &progress{}
	}
	return &progress{w: w}
}

func (p *progress) show(format string, args ...any) {
	if p.w != nil {
		p.shown = true
		fmt.Fprintf(p.w, "\r\x1b[K"+format, args...)
	}
}

// clear makes room for what comes after.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
