package syntax

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
)

// parseYAML returns the root of the chunk's document, or nil when it holds
// nothing. yaml.v3 panics on some malformed input; that is returned as a
// *parserPanic.
func parseYAML(data []byte) (root *yaml.Node, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			root, err = nil, &parserPanic{cause}
		}
	}()
	var document, rest yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, err
	case len(document.Content) == 0:
		return nil, nil
	}
	// A chunk is one document: what follows its root is a mistake.
	switch err := decoder.Decode(&rest); {
	case errors.Is(err, io.EOF):
		return document.Content[0], nil
	case err != nil:
		return nil, err
	}
	return nil, errors.New("yaml: something follows the end of the document")
}

// parserPanic is a panic of the YAML parser.
type parserPanic struct{ cause any }

func (p *parserPanic) Error() string { return fmt.Sprint(p.cause) }

// reportYAML reports why a chunk is not YAML, as near to the cause as can be
// found, and what to write instead.
func reportYAML(c *chunk, err error, r *diag.Report) {
	var panicked *parserPanic
	if errors.As(err, &panicked) {
		r.Errorf(diag.Internal, c.span(c.start, c.start), "the YAML parser failed on this document: %v", panicked.cause).
			Helpf("look for malformed YAML in `%s`, and please report the file", c.file.Path)
		return
	}
	reported, message := splitYAMLError(err)
	line := problemLine(c, reported)
	at := lineSpan(c, line)
	text := string(c.file.Data[at.Start:at.End])
	for _, known := range yamlMistakes {
		match := known.text.FindStringSubmatchIndex(text)
		if strings.Contains(message, known.message) && match != nil {
			span := c.span(at.Start+match[2], at.Start+match[3])
			r.Errorf(diag.InvalidYAML, span, "invalid YAML: %s", known.say).Helpf("%s", known.help)
			return
		}
	}
	r.Errorf(diag.InvalidYAML, at, "invalid YAML: %s", message)
}

// yamlMistakes are the ones that people make in policies, with words that say
// more than the parser's. The first group of text is what is wrong.
var yamlMistakes = []struct {
	message   string
	text      *regexp.Regexp
	say, help string
}{
	{"tab character", regexp.MustCompile(`(\t+)`), "a tab cannot indent", "indent with two spaces"},
	{"", regexp.MustCompile(`^\s*(\t+)`), "a tab cannot indent", "indent with two spaces"},
	{"mapping values are not allowed", regexp.MustCompile(`^[^:]*:\s+[^#]*?(:)(?:\s|$)`),
		"a text with a colon and a space needs quotes", `put the whole text in double quotes: message: "a: b"`},
	{"alphabetic or numeric character", regexp.MustCompile(`(?:^|[\s\[,])(\*)`),
		"`*` begins an alias", "put it in quotes: '*'"},
	{"unknown anchor", regexp.MustCompile(`(?:^|[\s\[,])(\*[^\s,\]}]*)`),
		"`*` begins an alias", "put a glob in quotes: '*-dev'"},
	{"cannot start any token", regexp.MustCompile("(?:^|[\\s\\[,{])([@`%\t])"),
		"a text cannot begin with this character", "put the text in quotes; indent with spaces, not tabs"},
	{"", regexp.MustCompile(`:\s+(["'][^"']*["'])\s*[^\s#,}\]]`),
		"text goes on after a closing quote", "put the whole text in quotes of the other kind, or use a block: `require: |`"},
	{"", regexp.MustCompile(`[\[{,:]\s*(\$\{[^"']*\})`),
		"`{` inside a flow list or map begins a map", `put the text in quotes: "${…}"`},
	{"", regexp.MustCompile(`:\s+([\[{].*[\]}])\s*[^\s#,}\]]`),
		"a text that begins with `[` or `{` needs quotes", "put the whole expression in quotes, or use a block: `require: |`"},
}

var yamlErrorForm = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// splitYAMLError takes apart "yaml: line 5: did not find expected key".
func splitYAMLError(err error) (line int, message string) {
	parts := yamlErrorForm.FindStringSubmatch(err.Error())
	if parts == nil {
		return 1, oneLine(err.Error())
	}
	line, _ = strconv.Atoi(parts[1])
	return max(1, line), parts[2]
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

const (
	// maxSearched is the size up to which the line of an error is looked for:
	// the search parses the document a few hundred times.
	maxSearched = 32 << 10
	// maxConstruct is how many lines a list or text in several lines may have
	// to be told from an error.
	maxConstruct = 12
)

// problemLine finds the line at fault. yaml.v3 names the line where the
// enclosing block begins, often far above; the last line up to which the
// document is YAML is nearer to the truth.
func problemLine(c *chunk, reported int) int {
	last := len(c.lines) - 1 // the last entry is the end of the chunk
	if c.end-c.start > maxSearched {
		return min(reported, max(1, last))
	}
	good, bad := 0, last
	for good+1 < bad {
		middle := (good + bad) / 2
		found := 0
		for k := middle; k < min(bad, middle+maxConstruct) && found == 0; k++ {
			if _, err := parseYAML(c.file.Data[c.start:c.lines[k]]); err == nil {
				found = k
			}
		}
		if found > 0 {
			good = found
		} else {
			bad = middle
		}
	}
	for line := good + 1; line <= last; line++ {
		if isContent(c.file.Data[c.lines[line-1]:c.lines[line]]) {
			return line
		}
	}
	return max(1, min(good+1, last))
}

// lineSpan is a line of a chunk, counted from 1, without what surrounds it.
func lineSpan(c *chunk, line int) source.Span {
	if line < 1 || line > len(c.lines) {
		return c.span(c.start, c.start)
	}
	at := c.lines[line-1]
	for at < c.end && c.file.Data[at] == ' ' {
		at++
	}
	return c.span(at, max(at, endOfLine(c, at)))
}
