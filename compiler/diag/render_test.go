package diag

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/policyc/policyc/compiler/source"
)

// spanOf returns where text stands in a file.
func spanOf(t *testing.T, f *source.File, text string) source.Span {
	t.Helper()
	at := bytes.Index(f.Data, []byte(text))
	if at < 0 {
		t.Fatalf("no %q in the file", text)
	}
	return source.Span{File: f, Start: at, End: at + len(text)}
}

func TestWriteText(t *testing.T) {
	f := source.NewFile("policies/limits.yaml", []byte("spec:\n  require: a.securityContxt\n\tx:\té = ☃☃ + b\n  long: one\n    two\n"))
	cases := []struct {
		name   string
		report func(r *Report)
		want   string
	}{
		{"label and help", func(r *Report) {
			r.Errorf(UnknownField, spanOf(t, f, "securityContxt"), "no field `%s`", "securityContxt").
				Labelf("did you mean `securityContext`?").Notef("on %s", "Container").Helpf("a\nb")
		}, "policies/limits.yaml:2:14: error[PC2003]: no field `securityContxt`\n" +
			"    2 |   require: a.securityContxt\n" +
			"      |              ^^^^^^^^^^^^^^ did you mean `securityContext`?\n" +
			"   = note: on Container\n" +
			"   = help: a\n" +
			"           b\n"},
		{"tabs and runes", func(r *Report) {
			r.Warnf(UnknownName, spanOf(t, f, "☃☃"), "a snow\nman")
		}, "policies/limits.yaml:3:9: warning[PC2002]: a snow man\n" +
			"    3 |     x:  é = ☃☃ + b\n" +
			"      |             ^^\n"},
		{"several lines", func(r *Report) {
			r.Errorf(UnknownName, spanOf(t, f, "one\n    two"), "two lines")
		}, "policies/limits.yaml:4:9: error[PC2002]: two lines\n" +
			"    4 |   long: one\n" +
			"      |         ^^^\n"},
		{"an empty span at the end of a line", func(r *Report) {
			at := spanOf(t, f, "spec:").End
			r.Errorf(UnknownName, source.Span{File: f, Start: at, End: at}, "nothing here")
		}, "policies/limits.yaml:1:6: error[PC2002]: nothing here\n" +
			"    1 | spec:\n" +
			"      |      ^\n"},
		{"nowhere", func(r *Report) {
			r.Errorf(Internal, source.Span{}, "lost").Helpf("report it")
		}, "policyc: error[PC9001]: lost\n" +
			"   = help: report it\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := NewReport()
			c.report(r)
			var out bytes.Buffer
			if err := WriteText(&out, r.Sorted(), false); err != nil {
				t.Fatal(err)
			}
			if out.String() != c.want {
				t.Errorf("got:\n%s\nwant:\n%s", out.String(), c.want)
			}
		})
	}
}

func TestWriteTextInColor(t *testing.T) {
	f := source.NewFile("a.yaml", []byte("abc\n"))
	r := NewReport()
	r.Errorf(UnknownName, spanOf(t, f, "b"), "no b")
	var plain, colored bytes.Buffer
	if err := errors.Join(WriteText(&plain, r.Sorted(), false), WriteText(&colored, r.Sorted(), true)); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(plain.String(), "\x1b") || !strings.Contains(colored.String(), red+"^"+reset) {
		t.Errorf("plain %q, colored %q", plain.String(), colored.String())
	}
}

// A hostile file must not be able to move the cursor or reorder the text.
func TestWriteTextHidesControlCharacters(t *testing.T) {
	f := source.NewFile("a.yaml", []byte("a\x1b[2Jb\u202ec\n"))
	r := NewReport()
	r.Errorf(UnknownName, source.Span{File: f, Start: 0, End: 1}, "no \x1b[2J")
	var out bytes.Buffer
	if err := WriteText(&out, r.Sorted(), false); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\x1b\u202e") {
		t.Errorf("got %q", out.String())
	}
}

// A line of a minified file is cut around the span.
func TestWriteTextCutsLongLines(t *testing.T) {
	f := source.NewFile("a.yaml", []byte(strings.Repeat("x", 5000)+"NEEDLE"+strings.Repeat("y", 5000)))
	r := NewReport()
	r.Errorf(UnknownName, spanOf(t, f, "NEEDLE"), "found")
	var out bytes.Buffer
	if err := WriteText(&out, r.Sorted(), false); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	if len(lines[1]) > 300 || strings.Index(lines[1], "NEEDLE") != strings.Index(lines[2], "^^^^^^") {
		t.Errorf("got:\n%s", out.String())
	}
}

func TestSorted(t *testing.T) {
	a, b := source.NewFile("a.yaml", []byte("one\ntwo\n")), source.NewFile("b.yaml", []byte("one\n"))
	r := NewReport()
	r.Errorf(UnknownName, spanOf(t, b, "one"), "4")
	r.Errorf(UnknownName, spanOf(t, a, "two"), "3")
	other := NewReport()
	other.Errorf(UnknownField, spanOf(t, a, "one"), "2")
	other.Errorf(UnknownName, spanOf(t, a, "one"), "1")
	other.Errorf(UnknownName, spanOf(t, a, "one"), "1")
	other.Warnf(Internal, source.Span{}, "0")
	r.Merge(other)
	r.Merge(nil)
	got := ""
	for _, d := range r.Sorted() {
		got += d.Message
	}
	if got != "01234" {
		t.Errorf("got %s", got)
	}
	if r.Len() != 6 || !r.HasErrors() {
		t.Errorf("Len %d, HasErrors %v", r.Len(), r.HasErrors())
	}
}

func TestWarningsAreNoErrors(t *testing.T) {
	r := NewReport()
	r.Warnf(Internal, source.Span{}, "hm")
	r.Infof(Internal, source.Span{}, "by the way")
	if r.HasErrors() {
		t.Error("a warning counts as an error")
	}
}

func TestWriteJSON(t *testing.T) {
	f := source.NewFile("a.yaml", []byte("x: <é>\n"))
	r := NewReport()
	r.Errorf(UnknownName, spanOf(t, f, "<é>"), "no <é>").Helpf("write it")
	r.Warnf(Internal, source.Span{}, "nowhere")
	var out bytes.Buffer
	if err := WriteJSON(&out, r.Sorted()); err != nil {
		t.Fatal(err)
	}
	want := `{
  "diagnostics": [
    {
      "code": "PC9001",
      "severity": "warning",
      "message": "nowhere"
    },
    {
      "code": "PC2002",
      "severity": "error",
      "message": "no <é>",
      "help": [
        "write it"
      ],
      "location": {
        "path": "a.yaml",
        "start": {
          "line": 1,
          "column": 4
        },
        "end": {
          "line": 1,
          "column": 7
        }
      }
    }
  ]
}
`
	if out.String() != want {
		t.Errorf("got:\n%s", out.String())
	}
	out.Reset()
	if err := WriteJSON(&out, nil); err != nil || out.String() != "{\n  \"diagnostics\": []\n}\n" {
		t.Errorf("nothing found: %v %s", err, out.String())
	}
}

func TestWriteSARIF(t *testing.T) {
	f := source.NewFile("my policies/a.yaml", []byte("x: y\n"))
	r := NewReport()
	r.Errorf(UnknownName, spanOf(t, f, "y"), "no y").Helpf("write z")
	var out bytes.Buffer
	if err := WriteSARIF(&out, r.Sorted()); err != nil {
		t.Fatal(err)
	}
	var log sarifLog
	if err := json.Unmarshal(out.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	result := run.Results[0]
	location := result.Locations[0].PhysicalLocation
	if log.Version != "2.1.0" || len(run.Tool.Driver.Rules) != len(Codes()) {
		t.Errorf("version %s, %d rules", log.Version, len(run.Tool.Driver.Rules))
	}
	if run.Tool.Driver.Rules[result.RuleIndex].ID != result.RuleID || result.RuleID != "PC2002" {
		t.Errorf("rule %d is %s, result %s", result.RuleIndex, run.Tool.Driver.Rules[result.RuleIndex].ID, result.RuleID)
	}
	if location.ArtifactLocation.URI != "my%20policies/a.yaml" || location.Region != (sarifRegion{1, 4, 1, 5}) {
		t.Errorf("at %+v", location)
	}
	if result.Message.Text != "no y\nwrite z" || result.Level != "error" {
		t.Errorf("result %+v", result)
	}
}

func TestSuggest(t *testing.T) {
	among := []string{"match", "exclude", "message", "namespaces", "namespaceLabels", "enforce", "CREATE"}
	cases := map[string]string{
		"mesage": "message", "mathc": "match", "Match": "match", "namespace": "namespaces", "create": "CREATE",
		"enforcement": "enforce", "banana": "", "x": "", "": "", "namespaceLables": "namespaceLabels",
	}
	for name, want := range cases {
		got, ok := Suggest(name, among)
		if got != want || ok != (want != "") {
			t.Errorf("Suggest(%q) = %q, %v, want %q", name, got, ok, want)
		}
	}
}
