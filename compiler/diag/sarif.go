package diag

import (
	"io"
	"net/url"
	"strings"
)

// The parts of SARIF 2.1.0 that GitHub code scanning and editors read.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name  string      `json:"name"`
		Rules []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string    `json:"id"`
		ShortDescription sarifText `json:"shortDescription"`
		FullDescription  sarifText `json:"fullDescription"`
		Help             sarifHelp `json:"help"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifHelp struct {
		Text     string `json:"text"`
		Markdown string `json:"markdown"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations,omitempty"`
	}
	sarifLocation struct {
		PhysicalLocation sarifPhysicalLocation `json:"physicalLocation"`
	}
	sarifPhysicalLocation struct {
		ArtifactLocation sarifArtifact `json:"artifactLocation"`
		Region           sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
		EndLine     int `json:"endLine"`
		EndColumn   int `json:"endColumn"`
	}
)

// WriteSARIF writes diagnostics as SARIF 2.1.0, with every code as a rule, so
// that code scanning shows the documentation beside the finding.
func WriteSARIF(w io.Writer, ds []*Diagnostic) error {
	run := sarifRun{
		Tool:       sarifTool{Driver: sarifDriver{Name: "policyc", Rules: []sarifRule{}}},
		ColumnKind: "unicodeCodePoints",
		Results:    make([]sarifResult, 0, len(ds)),
	}
	indexes := map[string]int{}
	for i, c := range Codes() {
		indexes[c.ID] = i
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, ruleOf(c))
	}
	for _, d := range ds {
		run.Results = append(run.Results, resultOf(d, indexes[d.id()]))
	}
	return writeIndented(w, sarifLog{
		Schema:  "https://json.schemastore.org/sarif-2.1.0.json",
		Version: "2.1.0",
		Runs:    []sarifRun{run},
	})
}

func ruleOf(c *Code) sarifRule {
	markdown := c.Text
	if c.Before != "" {
		markdown += "\n\n```yaml\n" + c.Before + "```"
	}
	if c.After != "" {
		markdown += "\n\nWrite instead:\n\n```yaml\n" + c.After + "```"
	}
	return sarifRule{
		ID:               c.ID,
		ShortDescription: sarifText{c.Title},
		FullDescription:  sarifText{c.Text},
		Help:             sarifHelp{Text: c.Text, Markdown: markdown},
	}
}

func resultOf(d *Diagnostic, rule int) sarifResult {
	result := sarifResult{
		RuleID:    d.id(),
		RuleIndex: rule,
		Level:     sarifLevel(d.Severity),
		Message:   sarifText{plainMessage(d)},
	}
	if location := locationOf(d.At); location != nil {
		result.Locations = []sarifLocation{{sarifPhysicalLocation{
			ArtifactLocation: sarifArtifact{URI: pathURI(location.Path)},
			Region: sarifRegion{
				StartLine: location.Start.Line, StartColumn: location.Start.Column,
				EndLine: location.End.Line, EndColumn: location.End.Column,
			},
		}}}
	}
	return result
}

func sarifLevel(s Severity) string {
	switch s {
	case Error:
		return "error"
	case Warning:
		return "warning"
	default:
		return "note"
	}
}

// plainMessage joins all that is said about a finding, for viewers that show
// one text.
func plainMessage(d *Diagnostic) string {
	lines := []string{d.Message}
	if d.Label != "" {
		lines = append(lines, d.Label)
	}
	lines = append(lines, d.Notes...)
	return strings.Join(append(lines, d.Helps...), "\n")
}

// pathURI is a path as a relative URI reference.
func pathURI(path string) string {
	return (&url.URL{Path: path}).String()
}
