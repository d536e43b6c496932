package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/policyc/policyc/runtime/suite"
)

// writeText prints a line for each case, what is wrong with those that fail
// and why, and a summary.
func (t *tester) writeText(ctx context.Context, o *outcome, w io.Writer) error {
	p := &testPrinter{w: w, colour: isTerminal(w), suite: o.suite}
	for i := range o.results {
		r := &o.results[i]
		if r.Passed() {
			if !t.quiet {
				p.linef("%s %s", p.paint(green, "ok  "), r.Case.ID())
			}
			continue
		}
		if err := p.failure(ctx, r); err != nil {
			return err
		}
	}
	if o.coverage != nil {
		p.coverage(o.coverage)
	}
	if o.mutation != nil {
		p.mutants(o.mutation)
	}
	if o.server != nil {
		p.server(o.server)
	}
	failed := o.failed()
	verdict := p.paint(green, fmt.Sprintf("%d passed", len(o.results)-failed))
	if failed > 0 {
		verdict += ", " + p.paint(red, fmt.Sprintf("%d failed", failed))
	}
	p.linef("%s in %s", verdict, o.elapsed.Round(time.Millisecond))
	if short := t.short(o); short != "" {
		p.linef("%s", p.paint(red, short))
	}
	return p.err
}

// Colours of a terminal.
const (
	red   = "31"
	green = "32"
	dim   = "2"
)

type testPrinter struct {
	w      io.Writer
	colour bool
	suite  *suite.Suite
	err    error
}

// linef prints a line. Control characters in names and messages must not reach
// a terminal: they are shown as escapes.
func (p *testPrinter) linef(format string, args ...any) {
	if p.err != nil {
		return
	}
	var b strings.Builder
	for _, r := range fmt.Sprintf(format, args...) {
		switch {
		case r == escape:
			b.WriteByte(0x1b)
		case unicode.IsControl(r) && r != '\n':
			fmt.Fprintf(&b, "\\x%02x", r)
		default:
			b.WriteRune(r)
		}
	}
	_, p.err = fmt.Fprintln(p.w, b.String())
}

// escape stands for the escape character of colours until a line is printed; it
// is a noncharacter of Unicode, which YAML does not allow.
const escape = '\uffff'

func (p *testPrinter) paint(colour, text string) string {
	if !p.colour {
		return text
	}
	return string(escape) + "[" + colour + "m" + text + string(escape) + "[0m"
}

// failure prints how a verdict differs from what was expected, and for each
// rule in the difference why it fired or did not.
func (p *testPrinter) failure(ctx context.Context, r *suite.Result) error {
	p.linef("%s %s (%s)", p.paint(red, "FAIL"), r.Case.ID(), r.Case.Span)
	var explained []string
	for _, d := range r.Differences {
		p.linef("     %s", d.Text)
		for _, line := range d.Lines {
			p.linef("       %s", p.paintLine(line))
		}
		for _, rule := range slices.Concat(d.Missing, d.Extra) {
			if slices.Contains(explained, rule) {
				continue
			}
			explained = append(explained, rule)
			e, err := p.suite.Explain(ctx, r.Case, rule)
			if err != nil {
				return err
			}
			p.explanation(e, r.Verdict.Violates(rule))
		}
	}
	for _, m := range r.Verdict.Messages() {
		p.linef("     message was: %s", m)
	}
	return nil
}

// paintLine colours a line of a difference.
func (p *testPrinter) paintLine(line string) string {
	switch {
	case strings.HasPrefix(line, "- "):
		return p.paint(green, line)
	case strings.HasPrefix(line, "+ "):
		return p.paint(red, line)
	}
	return line
}

// maxElements is how many elements of a forEach are shown.
const maxElements = 5

func (p *testPrinter) explanation(e *suite.Explanation, fired bool) {
	verb := "did not fire"
	if fired {
		verb = "fired"
	}
	p.linef("       %s %s (%s)", e.Rule, verb, e.Position)
	switch {
	case e.WhyNot.Text != "":
		p.linef("         the policy does not apply: %s", strings.Join(strings.Fields(e.WhyNot.Text), " "))
		return
	case len(e.Elements) == 0:
		p.linef("         forEach has no elements")
	}
	if !fired && slices.ContainsFunc(e.Elements, func(x suite.Element) bool { return x.Violated }) {
		p.linef("         an exception lets the request off, or ratchet does since the old object violated the rule already")
	}
	shown := 0
	for i, element := range e.Elements {
		if fired && !element.Violated {
			continue
		}
		if shown++; shown > maxElements {
			p.linef("         and more elements")
			break
		}
		indent := "         "
		if element.Name != "" {
			verb := "passes"
			if element.Violated {
				verb = "violates it"
			}
			p.linef("%s%s[%d] %s: %s", indent, element.Name, i, verb, p.paint(dim, suite.Compact(element.Value)))
			indent += "  "
		}
		for _, part := range element.Parts {
			word := ""
			if part.When {
				word = "when "
			}
			p.linef("%s%s%s", indent, word, part)
		}
	}
}

// coverage prints a line for each rule, with what is missing.
func (p *testPrinter) coverage(c *suite.Coverage) {
	width := 0
	for _, r := range c.Rules {
		width = max(width, len(r.Rule))
	}
	p.linef("\n%-*s  violated  passed", width, "rule")
	for _, r := range c.Rules {
		note := ""
		switch {
		case r.Violated == 0 && r.Passed == 0:
			note = "no case reaches it"
		case r.Violated == 0 && r.Mutates:
			note = "it changes the object of no case"
		case r.Violated == 0:
			note = "no case violates it"
		case r.Passed == 0 && r.Mutates:
			note = "it changes the object of every case"
		case r.Passed == 0:
			note = "no case passes it"
		}
		if note != "" {
			note = "  " + p.paint(red, note)
		}
		p.linef("%-*s  %8d  %6d%s", width, r.Rule, r.Violated, r.Passed, note)
		for _, idle := range r.Idle() {
			p.linef("%s", p.paint(dim, "  "+idleText(idle)))
		}
	}
	p.linef("%s of %d rules have a case that violates them and one that passes\n", percent(c.Percent()), len(c.Rules))
}

// idleText says which value a condition never had.
func idleText(c *suite.ConditionCoverage) string {
	text := c.Text
	if c.When {
		text = "when " + text
	}
	switch {
	case c.True+c.False == 0:
		return "never evaluated: " + text
	case c.True == 0:
		return "never true: " + text
	}
	return "never false: " + text
}

func percent(p float64) string { return strings.TrimSuffix(fmt.Sprintf("%.1f", p), ".0") + " %" }
