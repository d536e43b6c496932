package diff

import (
	"fmt"
	"io"
	"strings"
)

// maxComment is the length at which a comment is cut: GitHub takes 65,536
// characters.
const maxComment = 60000

// WriteMarkdown writes the difference as a comment on a pull request: a
// summary line, a table, and what has much to say in lists that are closed.
//
// Text of policies and objects stands in code only, so that no name and no
// message can become markup, a link or a mention: in code spans behind fences
// that are longer than any in the text, and in fenced blocks.
func WriteMarkdown(w io.Writer, d *Diff) error {
	var b strings.Builder
	fmt.Fprintf(&b, "**Policies** %s → %s: %s\n", span(d.Old), span(d.New), d.Summary())
	if len(d.Project) > 0 {
		b.WriteString("\n| project | old | new |\n|---|---|---|\n")
		for _, f := range d.Project {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", cell(f.Name), cell(f.Old), cell(f.New))
		}
	}
	writeTable(&b, d.Rules)
	sections := append(ruleSections(d.Rules), verdictSections(d.Verdicts)...)
	left := 0
	for _, s := range sections {
		if left > 0 || b.Len()+len(s) > maxComment {
			left++
			continue
		}
		b.WriteString(s)
	}
	if left > 0 {
		fmt.Fprintf(&b, "\n%s left out, for the length of a comment: `policyc diff` prints all.\n", plural(left, "section"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeTable writes a row for every rule, as far as they fit.
func writeTable(b *strings.Builder, changes []RuleChange) {
	if len(changes) == 0 {
		return
	}
	b.WriteString("\n| | rule | what | where |\n|---|---|---|---|\n")
	for i, c := range changes {
		if b.Len() > maxComment/2 {
			fmt.Fprintf(b, "| … | %s | | |\n", plural(len(changes)-i, "more rule"))
			return
		}
		what := c.outline()
		if c.Kind == Changed || c.Kind == Renamed {
			what = c.aspects()
		} else if what != "" {
			what = cell(cut(what, maxMessage))
		}
		name := cell(c.Policy + "/" + c.Rule)
		if c.Kind == Renamed {
			name = cell(c.OldPolicy+"/"+c.OldRule) + " → " + name
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", c.Kind, name, what, cell(c.Source))
	}
}

// aspects lists in what a rule differs.
func (c *RuleChange) aspects() string {
	var all []string
	for _, a := range Aspects {
		if c.Has(a) {
			all = append(all, string(a))
		}
	}
	return strings.Join(all, ", ")
}

// ruleSections has a closed list for each group of changed rules.
func ruleSections(changes []RuleChange) []string {
	var out []string
	for _, g := range grouped(changes) {
		if len(g.fields) == 0 {
			continue
		}
		var names []string
		for _, c := range g.changes {
			names = append(names, html(c.Policy+"/"+c.Rule))
		}
		var b strings.Builder
		b.WriteString(details(strings.Join(names, ", ")))
		var block []string
		for _, f := range g.fields {
			f = f.readable()
			block = append(block, "@@ "+printable(f.label())+" @@")
			block = append(block, lines(cut(f.Old, maxValue), cut(f.New, maxValue))...)
		}
		b.WriteString("\n" + fenced(block))
		b.WriteString("\n</details>\n")
		out = append(out, b.String())
	}
	return out
}

// maxValue is how much of an expression is shown.
const maxValue = 4000

// verdictSections has a closed list for each group of objects. Long lists are
// cut into several, of which the last may be left out.
func verdictSections(v *Verdicts) []string {
	if v == nil {
		return nil
	}
	var out []string
	for _, g := range Groups {
		var of []VerdictChange
		for _, c := range v.Changes {
			if c.Group == g {
				of = append(of, c)
			}
		}
		for first := 0; first < len(of); first += sectionItems {
			last := min(first+sectionItems, len(of))
			title := fmt.Sprintf("%s: %s", g, plural(len(of), v.What))
			if len(of) > sectionItems {
				title = fmt.Sprintf("%s: %ss %d to %d of %d", g, v.What, first+1, last, len(of))
			}
			out = append(out, verdictSection(title, of[first:last]))
		}
	}
	if len(v.Failures) > 0 {
		var b strings.Builder
		b.WriteString(details("not evaluated: "+plural(len(v.Failures), v.What)) + "\n")
		for _, f := range v.Failures[:min(sectionItems, len(v.Failures))] {
			fmt.Fprintf(&b, "- %s: %s\n", span(f.Item), span(cut(f.Error, maxMessage)))
		}
		b.WriteString("\n</details>\n")
		out = append(out, b.String())
	}
	return out
}

// sectionItems is how many objects one list has.
const sectionItems = 50

func verdictSection(title string, changes []VerdictChange) string {
	var b strings.Builder
	b.WriteString(details(title) + "\n")
	for _, c := range changes {
		fmt.Fprintf(&b, "- %s: %s → %s\n", span(c.Item), c.Old.Outcome(), c.New.Outcome())
		gone, came := c.differing()
		for _, line := range gone {
			fmt.Fprintf(&b, "  - was %s\n", span(line))
		}
		for _, line := range came {
			fmt.Fprintf(&b, "  - is %s\n", span(line))
		}
	}
	b.WriteString("\n</details>\n")
	return b.String()
}

// details opens a closed list; a blank line ends its HTML. The title is HTML.
func details(title string) string { return "\n<details><summary>" + title + "</summary>\n" }

// html is text in code inside of HTML.
func html(s string) string {
	var b strings.Builder
	b.WriteString("<code>")
	for _, r := range printable(s) {
		switch {
		case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r > 0x7f || strings.ContainsRune(" -/,", r):
			b.WriteRune(r)
		default:
			// All else may be markup, of HTML or of Markdown.
			fmt.Fprintf(&b, "&#%d;", r)
		}
	}
	return b.String() + "</code>"
}

// span is text as a code span.
func span(s string) string {
	s = printable(s)
	if strings.TrimSpace(s) == "" {
		return "(empty)"
	}
	fence := strings.Repeat("`", longestRun(s)+1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return fence + s + fence
}

// cell is text in a table. A | ends a cell even in a code span, and how it is
// escaped there is not the same everywhere.
func cell(s string) string {
	switch {
	case s == "":
		return ""
	case strings.ContainsAny(s, "|\\"):
		return html(s)
	}
	return span(s)
}

// fenced is a block of code whose lines begin with their sign.
func fenced(lines []string) string {
	fence := strings.Repeat("`", max(2, longestRun(strings.Join(lines, "\n")))+1)
	var b strings.Builder
	b.WriteString(fence + "diff\n")
	for _, line := range lines {
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String() + fence + "\n"
}

// longestRun is the length of the longest run of backquotes.
func longestRun(s string) int {
	longest, run := 0, 0
	for _, r := range s {
		if r != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}
