package syntax

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
)

// group is the API group of policyc's documents.
const group = "policyc.dev"

// documentKinds are the kinds of document that people write.
var documentKinds = []string{"Policy", "Exception", "Library", "PolicyTest", "Project"}

// writtenKind is the kind of policyc's own output, which may stand in a
// folder that is read.
const writtenKind = "CompiledPolicy"

// header is what every document has.
type header struct {
	span                source.Span
	name                source.Text
	labels, annotations []Entry
	spec                *node
}

// isOurs reports whether a document is policyc's, or was meant to be: its
// apiVersion is, or is misspelt, or is missing beside a kind that only
// policyc has.
func isOurs(root *yaml.Node) bool {
	if root.Kind != yaml.MappingNode {
		return false
	}
	var apiVersion, kind string
	for i := 0; i+1 < len(root.Content); i += 2 {
		switch root.Content[i].Value {
		case "apiVersion":
			apiVersion = root.Content[i+1].Value
		case "kind":
			kind = root.Content[i+1].Value
		}
	}
	known := slices.Contains(documentKinds, kind)
	if apiVersion == "" {
		return known
	}
	name, _, _ := strings.Cut(apiVersion, "/")
	if name == group {
		return kind != writtenKind
	}
	near, misspelt := diag.Suggest(name, []string{group})
	return known && misspelt && near == group
}

// add parses a document of ours and keeps it.
func (l *loader) add(n *node, r *diag.Report) {
	kind, ok := parseKind(r, n)
	if !ok {
		return
	}
	h := parseHeader(r, n, kind)
	switch kind {
	case "Policy":
		p := parsePolicy(r, h)
		p.Broken = r.HasErrors()
		l.documents.Policies = append(l.documents.Policies, p)
	case "Exception":
		e := parseException(r, h)
		e.Broken = r.HasErrors()
		l.documents.Exceptions = append(l.documents.Exceptions, e)
	case "Library":
		lib := parseLibrary(r, h)
		lib.Broken = r.HasErrors()
		l.documents.Libraries = append(l.documents.Libraries, lib)
	case "PolicyTest":
		t := parseTest(r, h)
		l.documents.Tests = append(l.documents.Tests, t)
	case "Project":
		l.addProject(parseProject(r, h), r)
	}
}

func (l *loader) addProject(p *Project, r *diag.Report) {
	if len(l.documents.Projects) == 0 {
		l.documents.Projects = append(l.documents.Projects, p)
		return
	}
	r.Errorf(diag.SecondProject, firstLine(p.Span), "a second Project").
		Notef("first at %s", l.documents.Projects[0].Span).
		Helpf("keep one, in `policyc.yaml` beside the policies")
}

// parseKind checks apiVersion and kind; without them the rest means nothing.
func parseKind(r *diag.Report, n *node) (kind string, ok bool) {
	f := &fields{report: r, node: n, known: documentKeys, at: firstKey(n)}
	version := f.get("apiVersion")
	if version == nil {
		r.Errorf(diag.UnsupportedVersion, f.at, "the document has no `apiVersion`").Helpf("write `apiVersion: %s`", APIVersion)
		return "", false
	}
	if text := textOf(r, version, "`apiVersion`"); text.IsZero() {
		return "", false
	} else if text.Value != APIVersion {
		r.Errorf(diag.UnsupportedVersion, text.Span, "unsupported apiVersion `%s`", oneLine(text.Value)).
			Helpf("write `apiVersion: %s`", APIVersion)
		return "", false
	}
	f.require("kind", "the document", "kind: Policy")
	text := f.text("kind")
	if text.IsZero() {
		return "", false
	}
	if slices.Contains(documentKinds, text.Value) {
		return text.Value, true
	}
	d := r.Errorf(diag.UnknownDocumentKind, text.Span, "unknown kind `%s` of %s", oneLine(text.Value), APIVersion)
	if near, ok := diag.Suggest(text.Value, documentKinds); ok {
		d.Helpf("did you mean `%s`?", near)
	} else {
		d.Helpf("write one of %s", quoteAll(documentKinds))
	}
	return "", false
}

// parseHeader reads what all kinds share.
func parseHeader(r *diag.Report, n *node, kind string) header {
	what := "the document"
	f := &fields{report: r, node: n, known: documentKeys, at: firstKey(n)}
	for _, p := range n.pairs {
		if slices.Contains(documentKeys, p.key.Value) {
			continue
		}
		if slices.Contains(specKeys(kind), p.key.Value) {
			r.Errorf(diag.UnknownKey, p.key.Span, "unknown key `%s` in %s", p.key, what).
				Helpf("move `%s` into `spec`", p.key)
			continue
		}
		unknownKey(r, p.key, what, documentKeys)
	}
	h := header{span: n.span, spec: f.require("spec", what, "spec: {…}")}
	if metadata, ok := fieldsOf(r, f.require("metadata", what, "metadata: {name: my-"+strings.ToLower(kind)+"}"), "`metadata`", metadataKeys); ok {
		metadata.require("name", "`metadata`", "name: my-"+strings.ToLower(kind))
		h.name = metadata.text("name")
		checkDocumentName(r, h.name)
		h.labels = metadata.labels("labels")
		h.annotations = metadata.labels("annotations")
	}
	return h
}

// specKeys are the keys of a kind's spec.
func specKeys(kind string) []string {
	switch kind {
	case "Policy":
		return policyKeys
	case "Exception":
		return exceptionKeys
	case "Library":
		return libraryKeys
	case "Project":
		return projectKeys
	default:
		return testKeys
	}
}

// firstLine is the beginning of a long span.
func firstLine(s source.Span) source.Span {
	if s.File == nil {
		return s
	}
	line := s.File.Line(s.File.Position(s.Start).Line)
	return source.Span{File: s.File, Start: s.Start, End: min(s.End, s.Start+len(line))}
}

func countFiles(n int) string {
	if n == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", n)
}
