package syntax

import (
	"slices"
	"strings"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
)

// fields reads a map key by key. A key that is absent or has the wrong shape
// reads as the zero value; the latter is reported.
type fields struct {
	report *diag.Report
	node   *node
	// known are the keys that the map may have.
	known []string
	// at is where a missing key is reported.
	at source.Span
}

// fieldsOf checks that a node is a map with known keys only. A nil node reads
// as an empty map.
func fieldsOf(r *diag.Report, n *node, what string, known []string) (*fields, bool) {
	f := &fields{report: r, node: n, known: known}
	if n == nil {
		f.node = &node{}
		return f, false
	}
	f.at = firstKey(n)
	if n.shape != mapShape {
		wrongShape(r, n, what, "a map")
		f.node = &node{}
		return f, false
	}
	for _, p := range n.pairs {
		if !slices.Contains(known, p.key.Value) {
			unknownKey(r, p.key, what, known)
		}
	}
	return f, true
}

// firstKey is a small span that stands for a map: its first key.
func firstKey(n *node) source.Span {
	if len(n.pairs) > 0 {
		return n.pairs[0].key.Span
	}
	return n.span
}

// otherNames are keys that other policy languages have, with ours.
var otherNames = map[string]string{
	"validate": "require", "validations": "rules", "expression": "require", "any": "kinds", "all": "kinds",
	"resources": "kinds", "selector": "labels", "namespaceSelector": "namespaceLabels", "params": "parameters",
	"validationActions": "enforce", "validationFailureAction": "enforce", "preconditions": "when",
	"matchConditions": "when", "subjects": "users", "foreach": "forEach", "returnType": "returns", "type": "returns",
}

func unknownKey(r *diag.Report, key source.Text, what string, known []string) {
	d := r.Errorf(diag.UnknownKey, key.Span, "unknown key `%s` in %s", key.Value, what)
	if other := otherNames[key.Value]; slices.Contains(known, other) {
		d.Helpf("policyc calls it `%s`", other)
	} else if near, ok := diag.Suggest(key.Value, known); ok {
		d.Helpf("did you mean `%s`?", near)
	} else {
		d.Notef("keys of %s: %s", what, quoteAll(known))
	}
}

func quoteAll(words []string) string {
	return "`" + strings.Join(words, "`, `") + "`"
}

// wrongShape reports a value that is not what is wanted there.
func wrongShape(r *diag.Report, n *node, what, wanted string) *diag.Diagnostic {
	if n.shape == emptyShape {
		return r.Errorf(diag.WrongShape, n.span, "%s has no value, want %s", what, wanted)
	}
	return r.Errorf(diag.WrongShape, n.span, "%s is %s, want %s", what, describe(n), wanted)
}

func describe(n *node) string {
	switch n.shape {
	case mapShape:
		return "a map"
	case listShape:
		return "a list"
	case emptyShape:
		return "empty"
	}
	switch n.data.(type) {
	case string:
		return "a text"
	case bool:
		return "a boolean"
	default:
		return "a number"
	}
}

func (f *fields) get(key string) *node { return f.node.get(key) }

// require reports a missing key, with an example of what to write.
func (f *fields) require(key, what, example string) *node {
	n := f.get(key)
	if n == nil && f.node.shape == mapShape && !f.misspelt(key) {
		f.report.Errorf(diag.MissingField, f.at, "%s has no `%s`", what, key).Helpf("write `%s`", example)
	}
	return n
}

// misspelt reports whether an unknown key was most likely meant for this one,
// which is then reported there and not as missing.
func (f *fields) misspelt(key string) bool {
	return slices.ContainsFunc(f.node.pairs, func(p pair) bool {
		near, ok := diag.Suggest(p.key.Value, f.known)
		return !slices.Contains(f.known, p.key.Value) && (ok && near == key || otherNames[p.key.Value] == key)
	})
}

// text reads a key whose value is a text.
func (f *fields) text(key string) source.Text {
	return textOf(f.report, f.get(key), "`"+key+"`")
}

// textOf reads a text that is written as one: a number, boolean or null is
// not what it looks like in YAML, and is reported.
func textOf(r *diag.Report, n *node, what string) source.Text {
	if n == nil {
		return source.Text{}
	}
	if _, isString := n.data.(string); n.shape != scalarShape || !isString {
		d := wrongShape(r, n, what, "a text")
		if n.shape == scalarShape {
			d.Helpf("put it in quotes: '%s'", n.text.Value)
		}
		return source.Text{}
	}
	if strings.TrimSpace(n.text.Value) == "" {
		r.Errorf(diag.EmptyText, n.span, "%s is empty", what)
		return source.Text{}
	}
	return n.text
}

// expression reads a key whose value is CEL: any scalar as it is written, so
// that `true` and `1` are expressions.
func (f *fields) expression(key string) source.Text {
	return expressionOf(f.report, f.get(key), "`"+key+"`")
}

func expressionOf(r *diag.Report, n *node, what string) source.Text {
	switch {
	case n == nil:
		return source.Text{}
	case n.shape == mapShape || n.shape == listShape:
		wrongShape(r, n, what, "an expression").
			Helpf("put an expression that begins with `[` or `{` in quotes, or use a block: `|`")
		return source.Text{}
	case n.shape == emptyShape:
		wrongShape(r, n, what, "an expression")
		return source.Text{}
	case strings.TrimSpace(n.text.Value) == "":
		r.Errorf(diag.EmptyText, n.span, "%s is empty", what)
		return source.Text{}
	}
	return n.text
}

// scalar reads a key whose value is taken as it is written, such as a date
// or a version, which YAML would make something else of.
func (f *fields) scalar(key string) source.Text {
	n := f.get(key)
	if n != nil && n.shape == scalarShape && strings.TrimSpace(n.text.Value) != "" {
		return n.text
	}
	return f.text(key)
}

// choice reads a key whose value is one of a few words.
func (f *fields) choice(key string, choices []string) source.Text {
	text := f.text(key)
	checkChoice(f.report, text, "`"+key+"`", choices)
	return text
}

// checkChoice reports a word that is none of the choices.
func checkChoice(r *diag.Report, word source.Text, what string, choices []string) bool {
	if word.IsZero() || slices.Contains(choices, word.Value) {
		return true
	}
	d := r.Errorf(diag.InvalidChoice, word.Span, "unknown %s `%s`", strings.Trim(what, "`"), oneLine(word.Value))
	if near, ok := diag.Suggest(word.Value, choices); ok {
		d.Helpf("did you mean `%s`?", near)
	} else {
		d.Helpf("write one of %s", quoteAll(choices))
	}
	return false
}

// texts reads a key whose value is a list of texts.
func (f *fields) texts(key string) []source.Text {
	return textsOf(f.report, f.get(key), "`"+key+"`")
}

func textsOf(r *diag.Report, n *node, what string) []source.Text {
	var texts []source.Text
	for _, item := range itemsOf(r, n, what) {
		if text := textOf(r, item, "an entry of "+what); !text.IsZero() {
			texts = append(texts, text)
		}
	}
	return texts
}

// nonEmptyTexts is texts where an empty list could be read both ways.
func (f *fields) nonEmptyTexts(key string) []source.Text {
	if n := f.get(key); n != nil && n.shape == listShape && len(n.items) == 0 {
		f.report.Errorf(diag.EmptyList, n.span, "`%s` is an empty list", key).
			Helpf("name at least one entry, or leave `%s` out", key)
	}
	return f.texts(key)
}

// itemsOf returns the items of a list.
func itemsOf(r *diag.Report, n *node, what string) []*node {
	if n == nil {
		return nil
	}
	if n.shape != listShape {
		d := wrongShape(r, n, what, "a list")
		if n.shape == scalarShape && n.text.Value != "" {
			d.Helpf("write `[%s]`", oneLine(n.text.Value))
		}
		return nil
	}
	return n.items
}

// pairsOf returns the entries of a map.
func pairsOf(r *diag.Report, n *node, what string) []pair {
	if n == nil {
		return nil
	}
	if n.shape != mapShape {
		wrongShape(r, n, what, "a map")
		return nil
	}
	return n.pairs
}

// bool reads a key whose value is true or false.
func (f *fields) bool(key string) Bool {
	n := f.get(key)
	if n == nil {
		return Bool{}
	}
	value, isBool := n.data.(bool)
	if !isBool {
		wrongShape(f.report, n, "`"+key+"`", "true or false")
		return Bool{}
	}
	return Bool{Value: value, Span: n.span}
}

// value reads a key whose value has any shape.
func (f *fields) value(key string) Value {
	if n := f.get(key); n != nil {
		return n.value()
	}
	return Value{}
}

// labels reads a key whose value is a map of texts, such as labels.
func (f *fields) labels(key string) []Entry {
	return labelsOf(f.report, f.get(key), "`"+key+"`")
}

func labelsOf(r *diag.Report, n *node, what string) []Entry {
	var entries []Entry
	for _, p := range pairsOf(r, n, what) {
		if _, isString := p.value.data.(string); !isString {
			d := wrongShape(r, p.value, "`"+p.key.Value+"`", "a text")
			if p.value.shape == scalarShape {
				d.Helpf("put it in quotes: '%s'", p.value.text.Value)
			}
			continue
		}
		entries = append(entries, Entry{Key: p.key, Value: p.value.value()})
	}
	return entries
}
