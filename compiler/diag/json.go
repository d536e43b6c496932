package diag

import (
	"encoding/json"
	"io"

	"github.com/policyc/policyc/compiler/source"
)

// jsonReport is what WriteJSON writes; its names are a public contract.
type jsonReport struct {
	Diagnostics []jsonDiagnostic `json:"diagnostics"`
}

type jsonDiagnostic struct {
	Code     string        `json:"code"`
	Severity string        `json:"severity"`
	Message  string        `json:"message"`
	Label    string        `json:"label,omitempty"`
	Notes    []string      `json:"notes,omitempty"`
	Helps    []string      `json:"help,omitempty"`
	Location *jsonLocation `json:"location,omitempty"`
}

type jsonLocation struct {
	Path  string       `json:"path"`
	Start jsonPosition `json:"start"`
	// End is the position after the last byte.
	End jsonPosition `json:"end"`
}

type jsonPosition struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

// WriteJSON writes diagnostics for programs: one object with a list.
func WriteJSON(w io.Writer, ds []*Diagnostic) error {
	report := jsonReport{Diagnostics: make([]jsonDiagnostic, 0, len(ds))}
	for _, d := range ds {
		report.Diagnostics = append(report.Diagnostics, jsonDiagnostic{
			Code:     d.id(),
			Severity: d.Severity.String(),
			Message:  d.Message,
			Label:    d.Label,
			Notes:    d.Notes,
			Helps:    d.Helps,
			Location: locationOf(d.At),
		})
	}
	return writeIndented(w, report)
}

func locationOf(at source.Span) *jsonLocation {
	if at.IsZero() {
		return nil
	}
	start, end := at.File.Position(at.Start), at.File.Position(max(at.Start, at.End))
	return &jsonLocation{
		Path:  at.File.Path,
		Start: jsonPosition{start.Line, start.Column},
		End:   jsonPosition{end.Line, end.Column},
	}
}

func writeIndented(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
