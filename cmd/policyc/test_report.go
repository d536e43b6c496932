package main

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/policyc/policyc/runtime/mutate"
	"github.com/policyc/policyc/runtime/remote"
	"github.com/policyc/policyc/runtime/suite"
)

// testReport is the outcome of a run as JSON.
type testReport struct {
	Passed   int             `json:"passed"`
	Failed   int             `json:"failed"`
	Seconds  float64         `json:"seconds"`
	Cases    []caseReport    `json:"cases"`
	Coverage *coverageReport `json:"coverage,omitempty"`
	Mutation *mutationReport `json:"mutation,omitempty"`
}

type caseReport struct {
	Test     string   `json:"test"`
	Case     string   `json:"case"`
	Position string   `json:"position"`
	Passed   bool     `json:"passed"`
	Seconds  float64  `json:"seconds"`
	Deny     []string `json:"deny,omitempty"`
	Warn     []string `json:"warn,omitempty"`
	Audit    []string `json:"audit,omitempty"`
	Messages []string `json:"messages,omitempty"`
	// Differences say how the verdict is not what was expected.
	Differences []string `json:"differences,omitempty"`
	// Why has a line for each part of the rules in the differences.
	Why []string `json:"why,omitempty"`
	// Server is what came of the case on the server.
	Server *serverReport `json:"server,omitempty"`
}

// serverReport is what came of a case on a server.
type serverReport struct {
	// Outcome is equal, differs, invalid, blocked or skipped.
	Outcome string   `json:"outcome"`
	Details []string `json:"details,omitempty"`
}

type coverageReport struct {
	Percent float64      `json:"percent"`
	Rules   []ruleReport `json:"rules"`
}

type ruleReport struct {
	Rule     string   `json:"rule"`
	Position string   `json:"position"`
	Violated int      `json:"violated"`
	Passed   int      `json:"passed"`
	Idle     []string `json:"conditionsThatNeverMattered,omitempty"`
}

// mutationReport is what mutation testing found.
type mutationReport struct {
	Score      float64        `json:"score"`
	Killed     int            `json:"killed"`
	Survived   int            `json:"survived"`
	Equivalent int            `json:"equivalent"`
	Invalid    int            `json:"invalid"`
	Survivors  []mutantReport `json:"survivors"`
}

type mutantReport struct {
	Policy   string `json:"policy"`
	Rule     string `json:"rule,omitempty"`
	Position string `json:"position"`
	Part     string `json:"part"`
	Operator string `json:"operator"`
	Before   string `json:"before"`
	After    string `json:"after"`
}

func newMutationReport(r *mutate.Report) *mutationReport {
	if r == nil {
		return nil
	}
	out := &mutationReport{Score: r.Score(), Killed: r.Count(mutate.Killed), Survived: r.Count(mutate.Survived),
		Equivalent: r.Count(mutate.Equivalent), Invalid: r.Count(mutate.Invalid), Survivors: []mutantReport{}}
	for _, m := range r.Mutants {
		if m.Status == mutate.Survived {
			out.Survivors = append(out.Survivors, mutantReport{Policy: m.Policy, Rule: m.Rule, Position: m.Source, Part: m.Part,
				Operator: m.Operator, Before: m.Before, After: m.After})
		}
	}
	return out
}

func (o *outcome) writeJSON(ctx context.Context, w io.Writer) error {
	failed := o.failed()
	out := testReport{Passed: len(o.results) - failed, Failed: failed, Seconds: o.elapsed.Seconds(), Cases: []caseReport{},
		Mutation: newMutationReport(o.mutation)}
	for i := range o.results {
		r := &o.results[i]
		differences, why := o.texts(ctx, r)
		var server *serverReport
		if o.server != nil {
			word, lines := serverLines(&o.server[i])
			server = &serverReport{word, lines}
		}
		out.Cases = append(out.Cases, caseReport{Server: server, Test: r.Case.Test, Case: r.Case.Name, Position: r.Case.Span.String(), Passed: r.Passed(),
			Seconds: r.Elapsed.Seconds(), Deny: r.Verdict.Deny, Warn: r.Verdict.Warn, Audit: r.Verdict.Audit,
			Messages: r.Verdict.Messages(), Differences: differences, Why: why})
	}
	if o.coverage != nil {
		out.Coverage = &coverageReport{Percent: o.coverage.Percent()}
		for _, r := range o.coverage.Rules {
			rule := ruleReport{Rule: r.Rule, Position: r.Position, Violated: r.Violated, Passed: r.Passed}
			for _, idle := range r.Idle() {
				rule.Idle = append(rule.Idle, idleText(idle))
			}
			out.Coverage.Rules = append(out.Coverage.Rules, rule)
		}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(out)
}

// texts are the differences of a result, and the explanations of the rules in
// them, line by line.
func (o *outcome) texts(ctx context.Context, r *suite.Result) (differences, why []string) {
	if r.Passed() {
		return nil, nil
	}
	var b strings.Builder
	p := &testPrinter{w: &b, suite: o.suite}
	for _, d := range r.Differences {
		differences = append(differences, d.Text)
		for _, rule := range slices.Concat(d.Missing, d.Extra) {
			if e, err := o.suite.Explain(ctx, r.Case, rule); err == nil {
				p.explanation(e, r.Verdict.Violates(rule))
			}
		}
	}
	for line := range strings.Lines(b.String()) {
		why = append(why, strings.TrimSpace(line))
	}
	return differences, why
}

// The elements of a JUnit report, as CI servers read them.
type (
	junitReport struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Time     string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
		seconds  float64
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		File    string        `xml:"file,attr"`
		Line    int           `xml:"line,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitFailure `xml:"failure,omitempty"`
		Skipped *junitSkipped `xml:"skipped,omitempty"`
	}
	junitSkipped struct {
		Message string `xml:"message,attr"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

func (o *outcome) writeJUnit(ctx context.Context, w io.Writer) error {
	out := junitReport{Tests: len(o.results), Time: seconds(o.elapsed.Seconds())}
	for i := range o.results {
		r := &o.results[i]
		if n := len(out.Suites); n == 0 || out.Suites[n-1].Name != r.Case.Test {
			out.Suites = append(out.Suites, junitSuite{Name: r.Case.Test})
		}
		s := &out.Suites[len(out.Suites)-1]
		at := r.Case.Span.File.Position(r.Case.Span.Start)
		c := junitCase{Name: r.Case.Name, Class: r.Case.Test, File: r.Case.Span.File.Path, Line: at.Line, Time: seconds(r.Elapsed.Seconds())}
		if !r.Passed() {
			differences, why := o.texts(ctx, r)
			c.Failure = &junitFailure{Message: differences[0], Text: "\n" + strings.Join(slices.Concat(differences, why), "\n") + "\n"}
		}
		if o.server != nil {
			c.addServer(&o.server[i])
		}
		if c.Failure != nil {
			s.Failures++
			out.Failures++
		}
		s.Tests++
		s.seconds += r.Elapsed.Seconds()
		s.Time = seconds(s.seconds)
		s.Cases = append(s.Cases, c)
	}
	text, err := xml.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, text)
	return err
}

// addServer adds what came of a case on the server.
func (c *junitCase) addServer(r *remote.Result) {
	word, lines := serverLines(r)
	text := strings.Join(lines, "\n")
	switch {
	case c.Failure != nil:
	case r.Outcome == remote.Skipped:
		c.Skipped = &junitSkipped{Message: "not sent to the server: " + r.Why}
	case serverFailed(r):
		c.Failure = &junitFailure{Message: "on the server: " + word, Text: "\n" + text + "\n"}
	}
}

func seconds(s float64) string { return fmt.Sprintf("%.6f", s) }
