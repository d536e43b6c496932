package diff

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// WriteJSON writes the difference as it is, and its summary.
func WriteJSON(w io.Writer, d *Diff) error {
	out := *d
	if out.Rules == nil {
		out.Rules = []RuleChange{}
	}
	if out.Project == nil {
		out.Project = []Field{}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(struct {
		Summary string `json:"summary"`
		*Diff
	}{d.Summary(), &out})
}

// WriteText writes the difference for a terminal.
func WriteText(w io.Writer, d *Diff) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "%s → %s: %s\n", printable(d.Old), printable(d.New), d.Summary())
	for _, f := range d.Project {
		fmt.Fprintf(b, "\nproject\n")
		writeField(b, f)
	}
	for _, g := range grouped(d.Rules) {
		fmt.Fprintln(b)
		for _, c := range g.changes {
			fmt.Fprintf(b, "%-8s %s (%s)\n", c.Kind, printable(c.name()), printable(c.Source))
		}
		if c := &g.changes[0]; c.Kind == Added || c.Kind == Removed {
			fmt.Fprintf(b, "  %s\n", c.outline())
		}
		for _, f := range g.fields {
			writeField(b, f.readable())
		}
	}
	if d.Verdicts != nil {
		writeVerdicts(b, d.Verdicts)
	}
	return b.Flush()
}

// writeField writes a field on one line where it fits.
func writeField(w io.Writer, f Field) {
	title := f.label()
	if f.oneLine() {
		fmt.Fprintf(w, "  %s: %s\n", printable(title), arrow(f))
		return
	}
	fmt.Fprintf(w, "  %s\n", printable(title))
	for _, line := range lines(f.Old, f.New) {
		fmt.Fprintf(w, "    %s\n", strings.TrimRight(line, " "))
	}
}

// arrow is a short field: old → new, or which of them there is.
func arrow(f Field) string {
	switch {
	case f.Old == "":
		return "new: " + printable(f.New)
	case f.New == "":
		return "gone: " + printable(f.Old)
	}
	return printable(f.Old) + " → " + printable(f.New)
}

func writeVerdicts(w io.Writer, v *Verdicts) {
	for _, g := range Groups {
		if v.Count(g) == 0 {
			continue
		}
		fmt.Fprintf(w, "\n%s\n", g)
		for _, c := range v.Changes {
			if c.Group != g {
				continue
			}
			fmt.Fprintf(w, "  %s: %s → %s\n", printable(c.Item), c.Old.Outcome(), c.New.Outcome())
			gone, came := c.differing()
			for _, line := range append(signed("- ", gone), signed("+ ", came)...) {
				fmt.Fprintf(w, "    %s\n", line)
			}
		}
	}
	if len(v.Failures) > 0 {
		fmt.Fprintf(w, "\nnot evaluated\n")
	}
	for _, f := range v.Failures {
		fmt.Fprintf(w, "  %s: %s\n", printable(f.Item), printable(f.Error))
	}
}

// differing returns what only the old verdict has, and only the new one.
func (c *VerdictChange) differing() (gone, came []string) {
	old, now := c.Old.lines(), c.New.lines()
	return subtract(old, now), subtract(now, old)
}

// lines has a line for each policy and what it says, with all that it does.
// Messages of policyc begin with the rules in brackets.
//
//	warn, audit by allowed-registries: [trusted-registry] container c: image evil.io/x …
func (v Verdict) lines() []string {
	var said []string
	actions := map[string][]string{}
	for _, f := range v.Findings {
		text := f.text()
		if actions[text] == nil {
			said = append(said, text)
		}
		actions[text] = append(actions[text], string(f.Action))
	}
	for i, text := range said {
		said[i] = printable(cut(strings.Join(actions[text], ", ")+" by "+text, maxMessage))
	}
	return said
}

func (f Finding) text() string {
	switch {
	case f.Message != "":
		return f.Policy + ": " + f.Message
	case len(f.Rules) > 0:
		return f.Policy + "/" + strings.Join(f.Rules, ", ")
	}
	return f.Policy
}

// maxMessage is how much of a message is shown.
const maxMessage = 400
