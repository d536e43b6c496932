// Package diag holds what the compiler has to say about the user's files:
// diagnostics with stable codes, and how they are printed.
//
//	r.Errorf(diag.UnknownKey, span, "unknown key `spce`").Helpf("did you mean `spec`?")
//	→ policies/limits.yaml:4:1: error[PC1005]: unknown key `spce`
//	     4 | spce:
//	       | ^^^^
//	     = help: did you mean `spec`?
package diag

import (
	"fmt"

	"github.com/policyc/policyc/compiler/source"
)

// Severity says how bad a diagnostic is.
type Severity int

// The severities, worst first. Only an Error makes a command fail.
const (
	Error Severity = iota
	Warning
	Note
)

// String returns error, warning or info.
func (s Severity) String() string {
	switch s {
	case Error:
		return "error"
	case Warning:
		return "warning"
	default:
		return "info"
	}
}

// Diagnostic is one finding at one place.
type Diagnostic struct {
	Code     *Code
	Severity Severity
	// At is the smallest range that is wrong; zero when there is none.
	At      source.Span
	Message string
	// Label is printed beside the carets.
	Label string
	// Notes say more about the cause, Helps what to write instead.
	Notes, Helps []string
}

// Labelf sets the text beside the carets.
func (d *Diagnostic) Labelf(format string, args ...any) *Diagnostic {
	d.Label = fmt.Sprintf(format, args...)
	return d
}

// Notef adds a `= note:` line.
func (d *Diagnostic) Notef(format string, args ...any) *Diagnostic {
	d.Notes = append(d.Notes, fmt.Sprintf(format, args...))
	return d
}

// Helpf adds a `= help:` line, which says what to write instead.
func (d *Diagnostic) Helpf(format string, args ...any) *Diagnostic {
	d.Helps = append(d.Helps, fmt.Sprintf(format, args...))
	return d
}

// path is the file of a diagnostic, or "" when it has none.
func (d *Diagnostic) path() string {
	if d.At.File == nil {
		return ""
	}
	return d.At.File.Path
}

// id is the diagnostic's code, such as PC1005.
func (d *Diagnostic) id() string {
	if d.Code == nil {
		return "PC9001"
	}
	return d.Code.ID
}
