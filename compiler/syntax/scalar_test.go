package syntax

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/policyc/policyc/compiler/source"
)

// textAt parses a document and returns the text of its first scalar that is
// not a key.
func textAt(t *testing.T, document string) (*source.File, source.Text) {
	t.Helper()
	file := source.NewFile("a.yaml", []byte(document))
	c := splitChunks(file)[0]
	root, err := parseYAML(c.data())
	if err != nil {
		t.Fatal(err)
	}
	var find func(n *yaml.Node) *yaml.Node
	find = func(n *yaml.Node) *yaml.Node {
		switch n.Kind {
		case yaml.MappingNode:
			return find(n.Content[1])
		case yaml.SequenceNode:
			return find(n.Content[0])
		}
		return n
	}
	return file, scalarText(c, find(root))
}

// Each case names a part of the value and where it must be found.
func TestScalarPositions(t *testing.T) {
	cases := []struct {
		name, document string
		value          string
		// part is looked for in the value, and must stand at line:column.
		part         string
		line, column int
	}{
		{"plain", "k: a.b == c\n", "a.b == c", "c", 1, 11},
		{"plain in a list", "- a.b == c\n", "a.b == c", "b", 1, 5},
		{"plain non-ASCII", "k: é ☃ c\n", "é ☃ c", "c", 1, 8},
		{"plain on the next line", "k:\n  a.b\n", "a.b", "b", 2, 5},
		{"plain folded", "k: a &&\n   b\n   || c\n", "a && b || c", "c", 3, 7},
		{"plain folded, blank line", "k: a\n\n\n  b\n", "a\n\nb", "b", 4, 3},
		{"plain folded, CRLF", "k: a &&\r\n   b\r\nz: 1\r\n", "a && b", "b", 2, 4},
		{"plain folded, trailing blanks", "k: a  \t\n   b  \n", "a b", "b", 2, 4},
		{"plain with a tab", "k: a\tb\n", "a\tb", "b", 1, 6},
		{"plain in flow", "{k: a b, z: 1}\n", "a b", "b", 1, 7},
		{"plain with an anchor", "k: &x a.b\n", "a.b", "b", 1, 9},
		{"plain with anchor, tag and comment", "k: &x !!str # c\n  a.b\n", "a.b", "b", 2, 5},
		{"plain after a comment", "# é\nk: # c\n  a.b\n", "a.b", "b", 3, 5},
		{"single", "k: 'a.b == c'\n", "a.b == c", "c", 1, 12},
		{"single with quotes", "k: 'it''s ''x'' y'\n", "it's 'x' y", "y", 1, 17},
		{"single folded", "k: 'a\n   b\n\n   ''c'\n", "a b\n'c", "c", 4, 6},
		{"single folded at both ends", "k: '\n  a\n  '\n", " a ", "a", 2, 3},
		{"single, CRLF", "k: 'a\r\n   b'\r\n", "a b", "b", 2, 4},
		{"double", "k: \"a.b == c\"\n", "a.b == c", "c", 1, 12},
		{"double with escapes", `k: "a\"b\u00e9\x41\U0001F600\tc"` + "\n", "a\"béA😀\tc", "c", 1, 31},
		{"double folded", "k: \"a\n  b\n\n  c\"\n", "a b\nc", "c", 4, 3},
		{"double with escaped breaks", "k: \"a \\\n   b\\\n   \\  c\"\n", "a b  c", "c", 3, 7},
		{"double with escaped break and blank line", "k: \"a\\\n\n   c\"\n", "a\nc", "c", 3, 4},
		{"double non-ASCII", "k: \"é☃c\"\n", "é☃c", "c", 1, 7},
		{"literal", "k: |\n  a\n  b.c\n", "a\nb.c\n", "c", 3, 5},
		{"literal stripped", "k: |-\n  a\n    b.c\n", "a\n  b.c", "c", 3, 7},
		{"literal kept", "k: |+\n  a\n  c\n\n\n", "a\nc\n\n\n", "c", 3, 3},
		{"literal with an indicator", "k: |2\n    a\n  c\n", "  a\nc\n", "c", 3, 3},
		{"literal with indicator and chomping", "k: |1-\n   a\n  c\n", "  a\n c", "c", 3, 3},
		{"literal after blank lines", "k: |\n\n\n  a\n  c\n", "\n\na\nc\n", "c", 5, 3},
		{"literal with a header comment", "k: | # c\n  a.c\n", "a.c\n", "c", 2, 5},
		{"literal with tabs", "k: |\n  a\tc\n  \tb\n", "a\tc\n\tb\n", "b", 3, 4},
		{"literal, CRLF", "k: |\r\n  a\r\n  c\r\n", "a\nc\n", "c", 3, 3},
		{"literal with hashes", "k: |\n  a\n  # c\nz: 1\n", "a\n# c\n", "c", 3, 5},
		{"literal without a final break", "k: |\n  a\n  c", "a\nc", "c", 3, 3},
		{"literal in a list", "- |\n  a\n  c\n", "a\nc\n", "c", 3, 3},
		{"literal in a list of maps", "- k: |\n    a\n    c\n", "a\nc\n", "c", 3, 5},
		{"folded", "k: >\n  a\n  && b\n  || c\n", "a && b || c\n", "c", 4, 6},
		{"folded stripped", "k: >-\n  a\n  && c\n", "a && c", "c", 3, 6},
		{"folded with paragraphs", "k: >\n  a\n\n  b\n\n\n  c\n", "a\nb\n\nc\n", "c", 7, 3},
		{"folded with deeper lines", "k: >\n  a\n    b\n    d\n  c\n", "a\n  b\n  d\nc\n", "c", 5, 3},
		{"folded with deeper lines and blank ones", "k: >\n  a\n\n    b\n\n  c\n", "a\n\n  b\n\nc\n", "c", 6, 3},
		{"folded non-ASCII", "k: >-\n  é\n  ☃ c\n", "é ☃ c", "c", 3, 5},
		{"folded, CRLF", "k: >-\r\n  a\r\n  c\r\n", "a c", "c", 3, 3},
		{"folded kept", "k: >+\n  a\n  c\n\n", "a c\n\n", "c", 3, 3},
		{"after a byte order mark", "\ufeffk: a.c\n", "a.c", "c", 1, 6},
		{"after a marker", "---\nk: a.c\n", "a.c", "c", 2, 6},
		{"after NEL, which is a break", "# a\u0085k: a.c\n", "a.c", "c", 1, 10},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			file, text := textAt(t, c.document)
			if text.Value != c.value {
				t.Fatalf("value %q, want %q", text.Value, c.value)
			}
			at := strings.LastIndex(c.value, c.part)
			span := text.Slice(at, at+len(c.part))
			if got := file.Position(span.Start); got != (source.Position{Line: c.line, Column: c.column}) {
				t.Errorf("%q stands at %v, want %d:%d", c.part, got, c.line, c.column)
			}
			checkOffsets(t, file, text)
		})
	}
}

// checkOffsets checks that each byte of the value stands where it is said to
// stand: it is the same byte there, or a break or an escape.
func checkOffsets(t *testing.T, file *source.File, text source.Text) {
	t.Helper()
	last := -1
	for i := range len(text.Value) {
		at := text.Slice(i, i+1).Start
		if at < last || at >= len(file.Data) {
			t.Fatalf("byte %d of %q stands at %d, after one at %d, in a file of %d", i, text.Value, at, last, len(file.Data))
		}
		last = at
		switch inFile := file.Data[at]; {
		case inFile == text.Value[i], inFile == '\\':
		case (text.Value[i] == ' ' || text.Value[i] == '\n') && breakLength(file.Data[at:]) > 0:
		default:
			t.Errorf("byte %d of %q is %q, but in the file %q", i, text.Value, text.Value[i], inFile)
		}
	}
}

func TestEmptyScalars(t *testing.T) {
	for _, document := range []string{"k: ''\n", "k: \"\"\n", "k: |\n\nz: 1\n", "k:\n", "k: >-\n"} {
		file, text := textAt(t, document)
		if text.Value != "" || text.Span.File != file || text.Span.Start < 2 {
			t.Errorf("%q: %q at %v", document, text.Value, text.Span)
		}
	}
}

// FuzzScalar writes a value in each style, with yaml.v3's own emitter, and
// checks that every byte is found again.
func FuzzScalar(f *testing.F) {
	for _, seed := range []string{"a.b == 'c'", "a\nb\n", " a", "é ☃\n\n\tb", "it's \"x\"", "a\n  b\nc\n\n", "a: b # c", ""} {
		f.Add(seed)
	}
	styles := []yaml.Style{0, yaml.SingleQuotedStyle, yaml.DoubleQuotedStyle, yaml.LiteralStyle, yaml.FoldedStyle}
	f.Fuzz(func(t *testing.T, value string) {
		if _, what := notText([]byte(value)); what != "" || strings.TrimSpace(value) == "" {
			t.Skip()
		}
		for _, style := range styles {
			node := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value, Style: style}
			key := &yaml.Node{Kind: yaml.ScalarNode, Value: "k"}
			document, err := yaml.Marshal(&yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{key, node}})
			if err != nil {
				t.Skip()
			}
			if _, err := parseYAML(document); err != nil || strings.ContainsAny(string(document), "\u2028\u2029\u0085") {
				continue // yaml.v3 cannot read everything that it writes
			}
			if len(splitChunks(source.NewFile("a.yaml", document))) != 1 {
				continue
			}
			file, text := textAt(t, string(document))
			checkOffsets(t, file, text)
			if text.Slice(0, 0) == text.Span { // a point, unless only the whole is known
				t.Errorf("style %d: %q was not found in %q", style, value, document)
			}
		}
	})
}
