package diff

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// hostile are texts that would be markup if they stood in Markdown as they
// are.
var hostile = []string{
	"</code></summary></details><img src=x onerror=alert(1)>",
	"``` \n# heading\n```",
	"` `` ``` @octocat #1 [link](https://evil.io) | ``",
	"\\` | `<b>` \\| | x",
	"line\nbreak\r\n\n| a | b |\n|---|---|",
	"--> <!-- ]]>",
	"right\u202eto left\x1b[31m",
	"www.evil.io https://evil.io",
}

func hostileDiff(text string) *Diff {
	return &Diff{Old: text, New: text, Project: []Field{{Name: text, Old: text, New: text}},
		Rules: []RuleChange{
			{Kind: Added, Policy: text, Rule: text, Source: text, Fields: []Field{{Aspect: Enforcement, Name: text, New: text}}},
			{Kind: Renamed, Policy: text, Rule: text, OldPolicy: text, OldRule: text, Source: text},
			{Kind: Changed, Policy: text, Rule: text, Source: text, Fields: []Field{{Aspect: Message, Name: text, Environments: []string{text}, Old: "```\n" + text + "\nold", New: "```\n" + text + "\nnew"}}},
		},
		Verdicts: &Verdicts{Changes: []VerdictChange{{Group: NewlyDenied, Item: text,
			New: Verdict{[]Finding{{Action: Deny, Policy: text, Rules: []string{text}, Message: text}}}}},
			Failures: []Failure{{text, text}}},
	}
}

var tags = regexp.MustCompile(`</?(details|summary|code)>`)

// withoutBlocks removes fenced blocks as CommonMark has them: up to a line of
// at least as many backquotes, which may be indented.
func withoutBlocks(text string) string {
	var out []string
	fence := ""
	for _, line := range strings.Split(text, "\n") {
		bare := strings.TrimLeft(line, " ")
		switch {
		case fence == "" && strings.HasPrefix(line, "```"):
			fence = strings.TrimSuffix(line, "diff")
		case fence == "":
			out = append(out, line)
		case len(line)-len(bare) < 4 && strings.Trim(bare, "`") == "" && len(bare) >= len(fence):
			fence = ""
		}
	}
	return strings.Join(out, "\n") + fence
}

// withoutSpans removes code spans as CommonMark has them: a run of backquotes up
// to the next run of the same length.
func withoutSpans(line string) string {
	var out strings.Builder
	runs := regexp.MustCompile("`+").FindAllStringIndex(line, -1)
	at := 0
	for i := 0; i < len(runs); i++ {
		for j := i + 1; j < len(runs); j++ {
			if runs[j][1]-runs[j][0] == runs[i][1]-runs[i][0] {
				out.WriteString(line[at:runs[i][0]] + "CODE")
				at, i = runs[j][1], j
				break
			}
		}
	}
	return out.String() + line[at:]
}

// TestMarkdownIsInert takes code, tags of our own and entities out of a
// comment: what is left has nothing of the text.
func TestMarkdownIsInert(t *testing.T) {
	for _, text := range hostile {
		var b bytes.Buffer
		if err := WriteMarkdown(&b, hostileDiff(text)); err != nil {
			t.Fatal(err)
		}
		rest := withoutBlocks(b.String())
		left := 0
		for _, line := range strings.Split(rest, "\n") {
			left += strings.Count(withoutSpans(line), "<details>") - strings.Count(withoutSpans(line), "</details>")
			if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| |") && !strings.HasPrefix(line, "| project") {
				if n := strings.Count(line, "|"); n != 5 && n != 4 {
					t.Errorf("%q: a row of %d bars: %s", text, n, line)
				}
			}
			plain := tags.ReplaceAllString(withoutSpans(line), "")
			plain = regexp.MustCompile(`&#\d+;`).ReplaceAllString(plain, "")
			if strings.ContainsAny(plain, "<>`@[]\\\x1b\u202e") {
				t.Errorf("%q: %s", text, line)
			}
		}
		if left != 0 {
			t.Errorf("%q: %d lists are left open", text, left)
		}
	}
}

func TestTextIsInert(t *testing.T) {
	for _, text := range hostile {
		var b bytes.Buffer
		if err := WriteText(&b, hostileDiff(text)); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(b.String(), "\x1b\r\u202e") {
			t.Errorf("%q", b.String())
		}
	}
}

// GitHub refuses a comment of 65,536 characters, and a policy of any size can
// change.
func TestMarkdownIsShort(t *testing.T) {
	d := &Diff{Verdicts: &Verdicts{}}
	for i := range 3000 {
		d.Rules = append(d.Rules, RuleChange{Kind: Changed, Policy: "p", Rule: fmt.Sprint("r", i),
			Fields: []Field{{Aspect: Condition, Name: "expression", Old: strings.Repeat("a\n", i), New: "b"}}})
		d.Verdicts.Changes = append(d.Verdicts.Changes, VerdictChange{Group: NewlyDenied, Item: strings.Repeat("x", 200)})
	}
	var b bytes.Buffer
	if err := WriteMarkdown(&b, d); err != nil {
		t.Fatal(err)
	}
	if b.Len() > 65000 {
		t.Errorf("%d bytes", b.Len())
	}
	for _, want := range []string{"more rules | | |", "sections left out"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q", want)
		}
	}
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	if err := WriteJSON(&b, &Diff{Old: "<a>", New: "b"}); err != nil {
		t.Fatal(err)
	}
	want := `{"summary":"no rule differs","old":"<a>","new":"b","project":[],"rules":[]}`
	var compact bytes.Buffer
	if err := json.Compact(&compact, b.Bytes()); err != nil || compact.String() != want {
		t.Errorf("got %s, %v", compact.String(), err)
	}
}

func TestLines(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"", "", ""},
		{"a", "", "- a"},
		{"", "a\nb\n", "+ a|+ b"},
		{"a\nb\nc", "a\nx\nc", "  a|- b|+ x|  c"},
		{"a\nb", "b\na", "- a|  b|+ a"},
		{"a\nb\nc\nd\nx\ne\nf\ng\nh", "a\nb\nc\nd\ny\ne\nf\ng\nh", "  …|  c|  d|- x|+ y|  e|  f|  …"},
	} {
		if got := strings.Join(lines(c.old, c.new), "|"); got != c.want {
			t.Errorf("%q, %q: got %s, want %s", c.old, c.new, got, c.want)
		}
	}
}
