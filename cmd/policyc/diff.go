package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/runtime/diff"
)

// diffFlags are the flags of diff besides those of compiling.
type diffFlags struct {
	sourceFlags
	revisions, format, corpus string
	exitCode                  bool
}

func newDiff(stdio IO) *cobra.Command {
	var flags diffFlags
	c := &cobra.Command{
		Use:   "diff OLD NEW | diff --git BASE..HEAD [PATH…]",
		Short: "Compare two versions of policies: their rules, and the verdicts on objects",
		Long: `diff compiles two versions of policies and says which rules were added, removed, renamed, moved
to another backend, or changed in scope, condition, message, enforcement or cost; and which objects
get another verdict: those of the folder --corpus, or else the test cases of both versions.

OLD and NEW are files or folders. With --git they are revisions of the current git repository, read
as they were committed:

  BASE..HEAD    two revisions
  BASE...HEAD   where HEAD left BASE, and HEAD: what a pull request changes
  BASE, BASE..  a revision and the working tree

What only people read (titles, descriptions, labels, comments) is not compared. The old version may
have exceptions that have expired since, and either may be empty.

Exit status: 0 compared, 1 errors in the policies of a side, 2 usage or I/O. With --exit-code, 1 also
says that there are differences.`,
		Example: "  policyc diff old/policies new/policies\n  policyc diff --git main...HEAD -o markdown ./policies > comment.md\n" +
			"  policyc diff --git HEAD --corpus manifests ./policies   # before committing",
		RunE: func(c *cobra.Command, args []string) error { return flags.run(c.Context(), args, stdio) },
	}
	flags.register(c)
	c.Flags().StringVar(&flags.revisions, "git", "", "compare revisions: BASE..HEAD, BASE...HEAD, or BASE for the working tree")
	c.Flags().StringVarP(&flags.format, "output", "o", "text", "text, markdown or json")
	c.Flags().StringVar(&flags.corpus, "corpus", "", "folder of Kubernetes objects to compare the verdicts on (default: the test cases)")
	c.Flags().BoolVar(&flags.exitCode, "exit-code", false, "exit with 1 when there are differences")
	return c
}

var diffWriters = map[string]func(io.Writer, *diff.Diff) error{
	"text": diff.WriteText, "markdown": diff.WriteMarkdown, "json": diff.WriteJSON,
}

func (f *diffFlags) run(ctx context.Context, args []string, stdio IO) error {
	write := diffWriters[f.format]
	if write == nil {
		return usageError{fmt.Errorf("unknown output %q: use text, markdown or json", f.format)}
	}
	sides, err := f.sides(args)
	if err != nil {
		return err
	}
	defer sides.close()
	if err := errors.Join(f.compileSide(sides.old, stdio), f.compileSide(sides.new, stdio)); err != nil {
		return errFindings
	}
	if len(sides.old.result.Programs)+len(sides.new.result.Programs) == 0 {
		return usageError{errors.New("neither side has policies")}
	}
	d := diff.Compare(sides.old.result, sides.new.result)
	d.Old, d.New = sides.old.label, sides.new.label
	if err := f.compareVerdicts(ctx, d, sides, stdio); err != nil {
		return err
	}
	if err := write(stdio.Out, d); err != nil {
		return err
	}
	if f.exitCode && !d.Empty() {
		return errFindings
	}
	return nil
}

// sides are the two versions that are compared.
type sides struct{ old, new *side }

func (s *sides) close() {
	for _, x := range []*side{s.old, s.new} {
		if x != nil && x.cleanup != nil {
			x.cleanup()
		}
	}
}

// side is one version.
type side struct {
	// label is what the user called it.
	label string
	tree  tree
	// paths are relative to the tree; none means that the side is empty.
	paths []string
	// notation turns the path of a file into one that says which side it is
	// of; nil where it does already.
	notation func(path string) string
	notes    []string
	cleanup  func()
	// docs and result are what was read and compiled; docs is nil for an
	// empty side.
	docs   *syntax.Documents
	result *compiler.Result
}

// sides returns what the arguments name.
func (f *diffFlags) sides(args []string) (*sides, error) {
	if f.revisions != "" {
		return gitSides(f.revisions, args)
	}
	if len(args) != 2 {
		return nil, usageError{fmt.Errorf("diff takes OLD and NEW, or --git BASE..HEAD and paths; there are %d arguments", len(args))}
	}
	for _, name := range args {
		if _, err := os.Stat(name); err != nil {
			return nil, usageError{fmt.Errorf("cannot read `%s`: %w", name, pathReason(err))}
		}
	}
	return &sides{
		old: &side{label: args[0], tree: tree{}, paths: args[:1]},
		new: &side{label: args[1], tree: workingTree(), paths: args[1:]},
	}, nil
}

// pathReason is why a file cannot be read, without its name.
func pathReason(err error) error {
	var pathError *os.PathError
	if errors.Is(err, os.ErrNotExist) {
		return errors.New("it does not exist")
	}
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

// compileSide compiles a side like build does. Errors are printed with the
// side that they are in; warnings are left to build and check.
//
// The old side is compiled at no time at all: what has expired since then was
// in force when it was built, and its removal is a change.
func (f *diffFlags) compileSide(s *side, stdio IO) error {
	for _, note := range s.notes {
		fmt.Fprintf(stdio.Err, "policyc: %s: %s\n", s.label, note)
	}
	s.result = &compiler.Result{}
	if len(s.paths) == 0 {
		return nil
	}
	r := diag.NewReport()
	s.docs = syntax.Load(f.readIn(s.tree, s.paths, stdio, r), r)
	s.result = compiler.CompileDocuments(s.docs, f.optionsIn(s.tree), r)
	found := slices.DeleteFunc(r.Sorted(), func(d *diag.Diagnostic) bool { return d.Severity != diag.Error })
	if !slices.ContainsFunc(found, func(d *diag.Diagnostic) bool { return d.Code != diag.NoDocuments }) {
		return nil
	}
	fmt.Fprintf(stdio.Err, "policyc: %s: the policies have errors:\n", s.label)
	if err := diag.WriteText(stdio.Err, s.named(found), isTerminal(stdio.Err)); err != nil {
		return err
	}
	return errFindings
}

// named returns the diagnostics with paths that say which side they are of.
func (s *side) named(found []*diag.Diagnostic) []*diag.Diagnostic {
	if s.notation == nil {
		return found
	}
	out := make([]*diag.Diagnostic, len(found))
	for i, d := range found {
		copied := *d
		if d.At.File != nil {
			file := *d.At.File
			file.Path = s.notation(file.Path)
			copied.At.File = &file
		}
		out[i] = &copied
	}
	return out
}
