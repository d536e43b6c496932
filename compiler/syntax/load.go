// Package syntax reads YAML files into typed documents that know where each
// part of them stands. Everything about their shape is checked here: unknown
// and duplicate keys, maps where texts are wanted, names, dates, the few words
// that a field allows. What names refer to is for later passes.
//
//	kind: Policy ↵ … require: a.b == 1   →   Policy{Rules: […{Require: "a.b == 1" at limits.yaml:14:15}]}
package syntax

import (
	"bytes"
	"cmp"
	"slices"
	"unicode/utf8"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
)

// maxFile is the size of the largest file that is read.
const maxFile = 4 << 20

// groupMark is in every file that holds a policyc document. A file or
// document without it that is not even YAML is somebody else's: a Helm
// template, for example.
var groupMark = []byte(group + "/")

// Load parses files and checks the shape of their documents. A document with
// errors is returned with what could be read of it, and is marked Broken.
// Documents of other apiVersions are passed over.
func Load(inputs []Input, r *diag.Report) *Documents {
	inputs = slices.Clone(inputs)
	slices.SortStableFunc(inputs, func(a, b Input) int { return cmp.Compare(a.Path, b.Path) })
	l := &loader{report: r, documents: &Documents{}}
	for _, input := range inputs {
		before := l.found
		l.load(input)
		if l.found == before && !input.Walked {
			l.idle = append(l.idle, input.Path)
		}
	}
	l.checkFound(inputs)
	l.checkNames()
	return l.documents
}

type loader struct {
	report    *diag.Report
	documents *Documents
	// found counts the documents that are, or mean to be, policyc's, and the
	// files that cannot be judged because of an error.
	found int
	// idle are the named files that hold none.
	idle []string
}

// load reads one file. A panic becomes a diagnostic that names the file.
func (l *loader) load(input Input) {
	file := source.NewFile(input.Path, input.Data)
	defer func() {
		if cause := recover(); cause != nil {
			l.found++
			l.report.Errorf(diag.Internal, source.Span{File: file}, "reading `%s` failed: %v", input.Path, cause)
		}
	}()
	ours := !input.Walked || bytes.Contains(input.Data, groupMark)
	if len(input.Data) > maxFile {
		if ours {
			l.found++
			l.report.Errorf(diag.FileTooLarge, source.Span{File: file}, "file is larger than %d MiB", maxFile>>20)
		}
		return
	}
	if at, what := notText(input.Data); what != "" {
		if ours {
			l.found++
			l.report.Errorf(diag.NotText, source.Span{File: file, Start: at, End: at + 1}, "file is not UTF-8 text: %s", what)
		}
		return
	}
	aliased := 0
	for _, c := range splitChunks(file) {
		l.loadChunk(c, !input.Walked, &aliased)
	}
}

// notText finds the first byte that YAML does not allow.
func notText(data []byte) (at int, what string) {
	for i := 0; i < len(data); {
		char, size := utf8.DecodeRune(data[i:])
		switch {
		case char == utf8.RuneError && size <= 1:
			return i, "this byte is not UTF-8"
		case char == '\ufeff' && i > 0:
			return i, "a byte order mark inside the file"
		case char < ' ' && char != '\t' && char != '\n' && char != '\r',
			char >= 0x7f && char < 0xa0 && char != 0x85, char == 0xfffe, char == 0xffff:
			return i, "a control character"
		}
		i += size
	}
	return 0, ""
}

// loadChunk reads one YAML document.
func (l *loader) loadChunk(c *chunk, named bool, aliased *int) {
	root, err := parseYAML(c.data())
	if err != nil {
		if named || bytes.Contains(c.data(), groupMark) {
			l.found++
			reportYAML(c, err, l.report)
		}
		return
	}
	if root == nil || !isOurs(root) {
		return
	}
	l.found++
	report := diag.NewReport()
	converter := converter{chunk: c, report: report, aliased: aliased}
	if n := converter.convert(root, 1); !converter.stopped {
		l.add(n, report)
	}
	l.report.Merge(report)
}

// checkFound reports that there was nothing to do.
func (l *loader) checkFound(inputs []Input) {
	if l.found == 0 && !l.report.HasErrors() {
		d := l.report.Errorf(diag.NoDocuments, source.Span{}, "no policyc document found in %s", countFiles(len(inputs)))
		d.Helpf("a policy begins with `apiVersion: %s`", APIVersion)
		return
	}
	for _, path := range l.idle {
		at := source.Span{File: source.NewFile(path, nil)}
		l.report.Warnf(diag.ForeignFile, at, "no policyc document in this file; it is passed over")
	}
}

// checkNames reports names that several documents of a kind share.
func (l *loader) checkNames() {
	policies := newNames(l.report, "policy")
	for _, p := range l.documents.Policies {
		policies.add(p.Name)
	}
	exceptions := newNames(l.report, "exception")
	for _, e := range l.documents.Exceptions {
		exceptions.add(e.Name)
	}
	libraries := newNames(l.report, "library")
	for _, lib := range l.documents.Libraries {
		libraries.add(lib.Name)
	}
	tests := newNames(l.report, "test")
	for _, t := range l.documents.Tests {
		tests.add(t.Name)
	}
}
