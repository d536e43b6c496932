package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/runtime/cases"
	"github.com/policyc/policyc/runtime/corpus"
	"github.com/policyc/policyc/runtime/diff"
)

// compareVerdicts has both sides judge the corpus: the objects of the folder,
// or the test cases.
func (f *diffFlags) compareVerdicts(ctx context.Context, d *diff.Diff, s *sides, stdio IO) error {
	items, failures, what, err := caseItems(s, stdio), []diff.Failure(nil), "test case", error(nil)
	if f.corpus != "" {
		what = "object"
		items, failures, err = corpusItems(f.corpus, s.new.result, s.old.result)
	}
	if err != nil || len(items)+len(failures) == 0 {
		return err
	}
	before, err := diff.NewJudge(s.old.result)
	if err != nil {
		return fmt.Errorf("%s: %w", d.Old, err)
	}
	after, err := diff.NewJudge(s.new.result)
	if err != nil {
		return fmt.Errorf("%s: %w", d.New, err)
	}
	d.Verdicts = diff.CompareVerdicts(ctx, items, before, after, d.Rules)
	d.Verdicts.What = what
	for _, failure := range failures {
		d.Verdicts.Fail(failure.Item, failure.Error)
	}
	return nil
}

// corpusItems reads the objects of the folder, and those that cannot be.
func corpusItems(folder string, results ...*compiler.Result) (items []diff.Item, failures []diff.Failure, err error) {
	if _, err := os.Stat(folder); err != nil {
		return nil, nil, usageError{fmt.Errorf("cannot read `%s`: %w", folder, pathReason(err))}
	}
	r := diag.NewReport()
	files := syntax.ReadPaths([]string{folder}, strings.NewReader(""), r)
	for _, d := range r.Sorted() {
		failures = append(failures, diff.Failure{Item: folder, Error: d.Message})
	}
	options := corpus.Options{}
	for _, result := range results {
		if result.Project != nil {
			options.Schemas = append(options.Schemas, result.Project.Schemas)
			options.CRDs = append(options.CRDs, result.Project.CRDs...)
		}
	}
	for _, o := range corpus.Read(files, options) {
		if o.Err != nil {
			failures = append(failures, diff.Failure{Item: o.Name, Error: o.Err.Error()})
			continue
		}
		items = append(items, diff.Item{Name: o.Name, Request: o.Request})
	}
	if len(items)+len(failures) == 0 {
		return nil, nil, usageError{fmt.Errorf("there are no objects in `%s`", folder)}
	}
	return items, failures, nil
}

// caseItems are the requests of the test cases of both sides; of a case that
// both have, the new one. Cases with values of their own are not about what
// the policies are, and what is wrong with cases, `policyc test` says.
func caseItems(s *sides, stdio IO) []diff.Item {
	var items []diff.Item
	known := map[string]bool{}
	for _, x := range []*side{s.new, s.old} {
		if x.docs == nil {
			continue
		}
		r := diag.NewReport()
		overridden := 0
		for _, c := range cases.Load(x.docs, x.result.Project, cases.Options{ReadFile: x.tree.readFile}, r) {
			switch {
			case !c.Override.IsZero():
				overridden++
			case !known[c.ID()]:
				items = append(items, diff.Item{Name: c.ID(), Request: c.Request, Policies: c.Policies})
			}
			known[c.ID()] = true
		}
		if overridden > 0 {
			fmt.Fprintf(stdio.Err, "policyc: %s: test cases that set `parameters` or `enforce` themselves are left out (%d)\n", x.label, overridden)
		}
		if r.HasErrors() {
			fmt.Fprintf(stdio.Err, "policyc: %s: test cases with errors are left out: `policyc test` says what is wrong\n", x.label)
		}
	}
	slices.SortFunc(items, func(a, b diff.Item) int { return strings.Compare(a.Name, b.Name) })
	return items
}
