package syntax

import (
	"bytes"
	"strings"
	"testing"

	"github.com/policyc/policyc/compiler/diag"
)

const begin = "apiVersion: policyc.dev/v1alpha1\nkind: Policy\n"

func TestFormat(t *testing.T) {
	cases := []struct{ name, before, after string }{
		{"keys in order",
			"kind: Policy\nspec:\n  enforce: audit\n  rules:\n  - require: a\n    name: x\n  match:\n    names: [a]\n    kinds: [Pod]\nmetadata:\n  name: a\napiVersion: policyc.dev/v1alpha1\n",
			begin + "metadata:\n  name: a\nspec:\n  match:\n    kinds: [Pod]\n    names: [a]\n  rules:\n  - name: x\n    require: a\n  enforce: audit\n"},
		{"indentation",
			begin + "spec:\n    match:\n        kinds:\n            - Pod\n            -   Deployment\n    rules:\n        -   name:   x\n            require:    a\n",
			begin + "spec:\n  match:\n    kinds:\n    - Pod\n    - Deployment\n  rules:\n  - name: x\n    require: a\n"},
		{"comments move with their key",
			"# licence\n\n# the kind\nkind: Policy\n# the version\napiVersion: policyc.dev/v1alpha1\nspec:\n  # on\n  enforce: audit # really\n    # for now\n  # what\n  match: {kinds: [Pod]}\n",
			"# licence\n\n# the kind\n# the version\napiVersion: policyc.dev/v1alpha1\nkind: Policy\nspec:\n  # what\n  match: {kinds: [Pod]}\n  # on\n  enforce: audit # really\n  # for now\n"},
		{"comment above the key that gets the dash",
			begin + "spec:\n  rules:\n  - require: a\n    # its name\n    name: x\n",
			begin + "spec:\n  rules:\n  # its name\n  - name: x\n    require: a\n"},
		{"block scalars",
			begin + "spec:\n    rules:\n      - name: x\n        require: >-\n            a &&\n            b\n        message: |2+\n            kept\n          # text\n\n\n",
			begin + "spec:\n  rules:\n  - name: x\n    require: >-\n      a &&\n      b\n    message: |2+\n        kept\n      # text\n\n\n"},
		{"texts in several lines",
			begin + "spec:\n    title: \"a\n\n      b \\\n      c\"\n    description: a\n       b # c\n",
			begin + "spec:\n  title: \"a\n\n    b \\\n    c\"\n  description: a\n     b # c\n"},
		{"flow collections stay",
			begin + "spec:\n    match: {names: [a,\n      b], # why\n      kinds: [Pod]}\n",
			begin + "spec:\n  match: {names: [a,\n    b], # why\n    kinds: [Pod]}\n"},
		{"blank lines",
			begin + "\n\n\nspec:   \n\n  title: a  \n\n\n  severity: low\n\n\n",
			begin + "\nspec:\n  title: a\n\n  severity: low\n"},
		{"line breaks",
			strings.ReplaceAll(begin+"spec:\n  title: a\n  description: |\n    b\n    c", "\n", "\r\n"),
			begin + "spec:\n  title: a\n  description: |\n    b\n    c"}, // a final break would become part of the text
		{"names keep their order",
			begin + "spec:\n  parameters:\n    b: {type: int}\n    a:\n      default: 1\n      type: int\n",
			begin + "spec:\n  parameters:\n    b: {type: int}\n    a:\n      type: int\n      default: 1\n"},
		{"unknown keys come last",
			begin + "spec:\n  foo: 1\n  bar: 2\n  title: a\n",
			begin + "spec:\n  title: a\n  foo: 1\n  bar: 2\n"},
		{"an alias stays behind its anchor",
			begin + "spec:\n  exclude: &x\n      names: [a]\n  match: *x\n",
			begin + "spec:\n  exclude: &x\n    names: [a]\n  match: *x\n"},
		{"lists in lists",
			begin + "spec:\n    foo:\n        - - a\n          - b\n        -\n            - c\n",
			begin + "spec:\n  foo:\n  - - a\n    - b\n  -\n    - c\n"},
		{"foreign documents",
			"a:    1\n---\n" + begin + "spec:\n    title: a\n---\n\n\nb:     2\n...\n",
			"a:    1\n---\n" + begin + "spec:\n  title: a\n---\n\n\nb:     2\n...\n"},
		{"byte order mark", "\ufeff" + begin + "spec:\n    title: a\n", "\ufeff" + begin + "spec:\n  title: a\n"},
		{"nothing", "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := format(t, c.before)
			if got != c.after {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.after)
			}
			if again := format(t, got); again != got {
				t.Errorf("formatting again gives:\n%s", again)
			}
		})
	}
}

func format(t *testing.T, document string) string {
	t.Helper()
	r := diag.NewReport()
	formatted, ok := Format("a.yaml", []byte(document), r)
	if !ok || r.Len() > 0 {
		t.Fatalf("ok %v, diagnostics:\n%s", ok, strings.Join(lines(t, r), "\n"))
	}
	return string(formatted)
}

func TestFormatReportsInvalidYAML(t *testing.T) {
	r := diag.NewReport()
	document := []byte(begin + "spec: [a\n")
	formatted, ok := Format("a.yaml", document, r)
	if ok || !bytes.Equal(formatted, document) {
		t.Errorf("ok %v, %q", ok, formatted)
	}
	equalLines(t, lines(t, r), []string{"a.yaml:3:1: error[PC1001]: invalid YAML: did not find expected ',' or ']'"})
}

func TestFormatKeepsCanonicalDocuments(t *testing.T) {
	if got := format(t, registries); got != registries {
		t.Errorf("got:\n%s", got)
	}
}

// FuzzFormat: formatting keeps the meaning, succeeds on all that can be
// parsed, and is idempotent.
func FuzzFormat(f *testing.F) {
	f.Add([]byte(registries))
	f.Add([]byte("kind: Policy\napiVersion: policyc.dev/v1alpha1\nspec:\n    - a: |2\n        b\n      # c\n    -\n     - x\n"))
	f.Add([]byte("# a\nkind: Policy\n\n\napiVersion: policyc.dev/v1alpha1 # b\nspec: {a: [b,\n c]}\n---\nb:   1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := diag.NewReport()
		once, ok := Format("a.yaml", data, r)
		for _, d := range r.Sorted() {
			if d.Code == diag.Internal && !strings.Contains(d.Message, "YAML parser failed") {
				t.Fatalf("%s on %q", d.Message, data)
			}
		}
		if !ok {
			return
		}
		twice, ok := Format("a.yaml", once, diag.NewReport())
		if !ok || !bytes.Equal(once, twice) {
			t.Errorf("of %q\nonce:  %q\ntwice: %q", data, once, twice)
		}
	})
}
