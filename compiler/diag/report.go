package diag

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/policyc/policyc/compiler/source"
)

// Report collects the diagnostics of a run. It is not safe for concurrent
// use: a pass that runs in parallel gives each part its own and merges them.
type Report struct {
	diagnostics []*Diagnostic
}

// NewReport returns an empty report.
func NewReport() *Report { return &Report{} }

// Errorf adds an error. The zero span is for findings that stand in no file.
func (r *Report) Errorf(c *Code, at source.Span, format string, args ...any) *Diagnostic {
	return r.add(c, Error, at, fmt.Sprintf(format, args...))
}

// Warnf adds a warning.
func (r *Report) Warnf(c *Code, at source.Span, format string, args ...any) *Diagnostic {
	return r.add(c, Warning, at, fmt.Sprintf(format, args...))
}

// Infof adds a remark that asks for nothing.
func (r *Report) Infof(c *Code, at source.Span, format string, args ...any) *Diagnostic {
	return r.add(c, Note, at, fmt.Sprintf(format, args...))
}

func (r *Report) add(c *Code, severity Severity, at source.Span, message string) *Diagnostic {
	d := &Diagnostic{Code: c, Severity: severity, At: at, Message: message}
	if r == nil {
		return d
	}
	r.diagnostics = append(r.diagnostics, d)
	return d
}

// HasErrors reports whether an error was added.
func (r *Report) HasErrors() bool {
	return r != nil && slices.ContainsFunc(r.diagnostics, func(d *Diagnostic) bool { return d.Severity == Error })
}

// ErrorsSince reports whether an error was added after the first n
// diagnostics: what Len said before a step tells whether the step failed.
func (r *Report) ErrorsSince(n int) bool {
	return r != nil && slices.ContainsFunc(r.diagnostics[n:], func(d *Diagnostic) bool { return d.Severity == Error })
}

// Len returns the number of diagnostics, duplicates included.
func (r *Report) Len() int {
	if r == nil {
		return 0
	}
	return len(r.diagnostics)
}

// Merge adds the diagnostics of another report, which may be nil.
func (r *Report) Merge(other *Report) {
	if r != nil && other != nil {
		r.diagnostics = append(r.diagnostics, other.diagnostics...)
	}
}

// Sorted returns the diagnostics by file, line, column and code, each once.
// Those that stand in no file come first.
func (r *Report) Sorted() []*Diagnostic {
	if r == nil {
		return nil
	}
	sorted := slices.Clone(r.diagnostics)
	slices.SortStableFunc(sorted, compare)
	return slices.CompactFunc(sorted, same)
}

// compare orders by place, then by what is printed, so that the order does
// not depend on the order in which passes ran.
func compare(a, b *Diagnostic) int {
	return cmp.Or(
		cmp.Compare(a.path(), b.path()),
		// Offsets order as lines and columns do.
		cmp.Compare(a.At.Start, b.At.Start),
		cmp.Compare(a.id(), b.id()),
		cmp.Compare(a.Severity, b.Severity),
		cmp.Compare(a.At.End, b.At.End),
		cmp.Compare(a.Message, b.Message),
		cmp.Compare(a.Label, b.Label),
		slices.Compare(a.Notes, b.Notes),
		slices.Compare(a.Helps, b.Helps),
	)
}

// same reports whether two diagnostics say the same at the same place; a
// label or note that differs does not make the finding another one.
func same(a, b *Diagnostic) bool {
	return a.path() == b.path() && a.At.Start == b.At.Start && a.id() == b.id() &&
		a.Severity == b.Severity && a.Message == b.Message
}
