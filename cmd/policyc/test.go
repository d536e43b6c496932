package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/runtime/cases"
	"github.com/policyc/policyc/runtime/mutate"
	"github.com/policyc/policyc/runtime/remote"
	"github.com/policyc/policyc/runtime/suite"
)

// testFlags are those of `policyc test`.
type testFlags struct {
	sourceFlags
	serverFlags
	run         string
	format      string
	quiet       bool
	coverage    bool
	minCoverage float64
	mutate      bool
	minScore    float64
	watch       bool
}

func newTest(stdio IO) *cobra.Command {
	var flags testFlags
	c := &cobra.Command{
		Use:   "test [PATH…]",
		Short: "Run the test cases of policies",
		Long: `test compiles the policies in the files and folders, and runs the cases of the PolicyTest documents
in them: each is a request, and the rules that must deny it, warn about it or audit it. The compiled
objects are evaluated by the API server's own packages, without a server.

--mutate alters what was compiled, one place at a time (a comparison flipped, a guard or a list of
containers dropped, an operation taken out of the match), and lists the alterations that no case
notices: what these cases do not test.

--server sends the cases to the cluster of the kubeconfig, too, as dry runs, and compares its verdicts and
messages with those of this machine. Copies of the policies are installed that hold for these requests
only, in namespaces of their own, and removed afterwards. It needs the rights of a cluster administrator.

Exit status: 0 all cases pass, 1 some fail or the coverage or score is too low, 2 usage or I/O.`,
		Example: `  policyc test ./policies
  policyc test --run 'registries/unknown' ./policies
  policyc test --coverage --min-coverage 100 ./policies
  policyc test --mutate --min-score 95 ./policies
  policyc test --server ./policies
  policyc test -o junit ./policies > report.xml`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"."}
			}
			t, err := flags.newTester(args, stdio)
			if err != nil {
				return err
			}
			if flags.watch {
				return t.watch(c.Context())
			}
			return t.once(c.Context())
		},
	}
	flags.sourceFlags.register(c)
	flags.serverFlags.register(c)
	c.Flags().StringVar(&flags.run, "run", "", "only cases whose test/case matches the regular expression")
	c.Flags().StringVarP(&flags.format, "output", "o", "text", "text, json or junit")
	c.Flags().BoolVarP(&flags.quiet, "quiet", "q", false, "print only cases that fail")
	c.Flags().BoolVar(&flags.coverage, "coverage", false, "say which rules the cases violate and pass, and which conditions never mattered")
	c.Flags().Float64Var(&flags.minCoverage, "min-coverage", 0, "fail when less than this percentage of the rules is covered (implies --coverage)")
	c.Flags().BoolVar(&flags.mutate, "mutate", false, "say which alterations of the compiled policies no case notices")
	c.Flags().Float64Var(&flags.minScore, "min-score", 0, "fail when the cases notice less than this percentage of the alterations (implies --mutate)")
	c.Flags().BoolVar(&flags.watch, "watch", false, "run again whenever a file changes")
	return c
}

// tester runs the cases of some paths, once or again and again.
type tester struct {
	*testFlags
	paths []string
	stdio IO
	run   *regexp.Regexp
	// read are the files that the last run read.
	read []string
}

func (f *testFlags) newTester(paths []string, stdio IO) (*tester, error) {
	t := &tester{testFlags: f, paths: paths, stdio: stdio}
	f.coverage, f.mutate = f.coverage || f.minCoverage > 0, f.mutate || f.minScore > 0
	switch f.format {
	case "text", "json", "junit":
	default:
		return nil, usageError{fmt.Errorf("unknown output %q: use text, json or junit", f.format)}
	}
	if f.watch && f.format != "text" {
		return nil, usageError{errors.New("--watch prints text only")}
	}
	var err error
	if t.run, err = regexp.Compile(f.run); err != nil {
		return nil, usageError{fmt.Errorf("--run: %w", err)}
	}
	return t, nil
}

// outcome is everything that a run found.
type outcome struct {
	suite    *suite.Suite
	results  []suite.Result
	coverage *suite.Coverage
	mutation *mutate.Report
	// server has the server's result for each of the results; nil when none
	// was asked.
	server  []remote.Result
	elapsed time.Duration
}

// once runs the cases once and prints what came of them.
func (t *tester) once(ctx context.Context) error {
	o, err := t.test(ctx)
	if err != nil {
		return err
	}
	if err := t.print(ctx, o); err != nil {
		return err
	}
	if o.failed() > 0 || o.differs() || t.short(o) != "" {
		return errFindings
	}
	return nil
}

// short says which of the asked percentages is not reached; "" is none.
func (t *tester) short(o *outcome) string {
	switch {
	case o.coverage != nil && o.coverage.Percent() < t.minCoverage:
		return fmt.Sprintf("coverage is %s, below %s", percent(o.coverage.Percent()), percent(t.minCoverage))
	case o.mutation != nil && o.mutation.Score() < t.minScore:
		return fmt.Sprintf("the score is %s, below %s", percent(o.mutation.Score()), percent(t.minScore))
	}
	return ""
}

// test compiles the policies and runs the cases. What is wrong with the
// documents is printed, and errFindings returned.
func (t *tester) test(ctx context.Context) (*outcome, error) {
	r := diag.NewReport()
	s := t.load(r)
	if err := printDiagnostics(t.stdio.Err, r, "text"); err != nil {
		return nil, err
	}
	list := t.selected(s.Cases)
	if len(list) == 0 {
		if t.testFlags.run != "" && len(s.Cases) > 0 {
			return nil, usageError{fmt.Errorf("no case of %d matches --run %q", len(s.Cases), t.testFlags.run)}
		}
		return nil, usageError{errors.New("there are no test cases: write a PolicyTest beside the policies, or see what `policyc init` writes")}
	}
	begin := time.Now()
	o := &outcome{suite: s, results: s.Run(ctx, list)}
	if t.coverage {
		var err error
		if o.coverage, err = s.Coverage(ctx, o.results); err != nil {
			return nil, err
		}
	}
	o.elapsed = time.Since(begin)
	if t.mutate {
		options := mutate.Options{}
		if t.testFlags.run != "" {
			options.Cases = list
		}
		o.mutation = mutate.Run(ctx, s, options)
	}
	if t.server {
		var err error
		if o.server, err = t.compareServer(ctx, s, list); err != nil {
			return nil, err
		}
	}
	// Evaluations that were cut short say nothing about the policies.
	if ctx.Err() != nil {
		return nil, errors.New("interrupted")
	}
	return o, nil
}

// load compiles the policies and reads the cases; nil after an error.
func (t *tester) load(r *diag.Report) *suite.Suite {
	options := t.options()
	options.Trace = true
	inputs := t.sourceFlags.read(t.paths, t.stdio, r)
	read := options.ReadFile
	t.read = nil
	for _, in := range inputs {
		t.read = append(t.read, in.Path)
	}
	options.ReadFile = func(name string) ([]byte, error) {
		t.read = append(t.read, name)
		return read(name)
	}
	docs := syntax.Load(inputs, r)
	result := compiler.CompileDocuments(docs, options, r)
	if r.HasErrors() {
		// What is wrong with the tests is said in the same run.
		if result.Project != nil && result.Project.Schemas != nil {
			cases.Load(docs, result.Project, cases.Options{ReadFile: options.ReadFile}, r)
		}
		return nil
	}
	return suite.New(docs, result, options, r)
}

func (t *tester) selected(all []*cases.Case) []*cases.Case {
	var out []*cases.Case
	for _, c := range all {
		if t.run.MatchString(c.ID()) {
			out = append(out, c)
		}
	}
	return out
}

func (o *outcome) failed() int {
	n := 0
	for i := range o.results {
		if !o.results[i].Passed() {
			n++
		}
	}
	return n
}

// differs reports whether the server did not agree about a case. A comparison of
// nothing proves nothing, and counts as a difference.
func (o *outcome) differs() bool {
	compared := o.server == nil
	for i := range o.server {
		if serverFailed(&o.server[i]) {
			return true
		}
		compared = compared || o.server[i].Outcome == remote.Compared
	}
	return !compared
}

func (t *tester) print(ctx context.Context, o *outcome) error {
	switch t.format {
	case "json":
		return o.writeJSON(ctx, t.stdio.Out)
	case "junit":
		return o.writeJUnit(ctx, t.stdio.Out)
	}
	return t.writeText(ctx, o, t.stdio.Out)
}
