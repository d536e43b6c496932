package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/resolve"
	"github.com/policyc/policyc/compiler/syntax"
)

// Exit statuses.
const (
	exitOK       = 0
	exitFindings = 1
	exitUsage    = 2
)

// IO is where a command reads and writes.
type IO struct {
	In       io.Reader
	Out, Err io.Writer
}

// findings is returned by a command that found errors in policies, and has
// already printed them.
var errFindings = errors.New("findings")

// usageError marks errors of the command line itself.
type usageError struct{ error }

// Run runs policyc with the arguments and returns its exit status: 0 fine,
// 1 findings (errors in policies, drift), 2 usage or I/O.
func Run(args []string, stdio IO) int {
	root := newRoot(stdio)
	root.SetArgs(args)
	// What is interrupted cleans up after itself.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errFindings):
		return exitFindings
	}
	fmt.Fprintf(stdio.Err, "policyc: %v\n", err)
	return exitUsage
}

func newRoot(stdio IO) *cobra.Command {
	root := &cobra.Command{
		Use:   "policyc",
		Short: "Compile high-level policies to Kubernetes admission objects",
		Long: `policyc compiles policies to the objects that the Kubernetes API server itself evaluates:
ValidatingAdmissionPolicies and their bindings.

Exit status: 0 fine, 1 findings in the policies or drift, 2 usage or I/O.`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(stdio.In)
	root.SetOut(stdio.Out)
	root.SetErr(stdio.Err)
	root.AddCommand(newBuild(stdio), newCheck(stdio), newDiff(stdio), newExplain(stdio), newFmt(stdio), newInit(stdio), newTest(stdio), newVersion(stdio))
	return root
}

// sourceFlags are the flags of commands that compile.
type sourceFlags struct {
	kubeVersion, project, mutation string
	allowExpired                   bool
}

func (f *sourceFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.kubeVersion, "kube-version", "", "lowest Kubernetes version to support, such as 1.34 (default: the project's minVersion)")
	c.Flags().StringVar(&f.project, "project", "", "project file (default: policyc.yaml in the given folder or in the current one)")
	c.Flags().StringVar(&f.mutation, "mutation", resolve.MutationAuto, "where mutations run: native (MutatingAdmissionPolicy), webhook, or auto: native where --kube-version has it")
	c.Flags().BoolVar(&f.allowExpired, "allow-expired", false, "leave out expired exceptions instead of failing")
}

// compile reads and compiles the paths. The base of relative output paths is
// the current folder.
func (f *sourceFlags) compile(paths []string, stdio IO, r *diag.Report) *compiler.Result {
	if len(paths) == 0 {
		paths = []string{"."}
	}
	t := workingTree()
	return compiler.Compile(f.readIn(t, paths, stdio, r), f.optionsIn(t), r)
}

// read reads the files of the paths, and the project's.
func (f *sourceFlags) read(paths []string, stdio IO, r *diag.Report) []syntax.Input {
	return f.readIn(workingTree(), paths, stdio, r)
}

// readIn is read with relative paths that start in a tree.
func (f *sourceFlags) readIn(t tree, paths []string, stdio IO, r *diag.Report) []syntax.Input {
	inputs := t.read(paths, stdio.In, r)
	return append(inputs, f.projectFile(t, inputs, r)...)
}

func (f *sourceFlags) options() compiler.Options { return f.optionsIn(workingTree()) }

func (f *sourceFlags) optionsIn(t tree) compiler.Options {
	return compiler.Options{KubeVersion: f.kubeVersion, AllowExpired: f.allowExpired, Now: t.now, ReadFile: t.readFile, Mutation: f.mutation}
}

// projectFile reads the project file that --project names, or policyc.yaml of
// the current folder when the paths hold none of their own.
func (f *sourceFlags) projectFile(t tree, inputs []syntax.Input, r *diag.Report) []syntax.Input {
	name := f.project
	if name == "" {
		for _, in := range inputs {
			if path.Base(in.Path) == "policyc.yaml" {
				return nil
			}
		}
		if !t.exists("policyc.yaml") {
			return nil
		}
		name = "policyc.yaml"
	}
	for _, in := range inputs {
		if in.Path == filepath.ToSlash(filepath.Clean(name)) {
			return nil
		}
	}
	return t.read([]string{name}, strings.NewReader(""), r)
}

// printDiagnostics writes findings in the asked form, and returns errFindings
// when there are errors among them.
func printDiagnostics(w io.Writer, r *diag.Report, format string) error {
	var err error
	switch format {
	case "", "text":
		err = diag.WriteText(w, r.Sorted(), isTerminal(w))
	case "json":
		err = diag.WriteJSON(w, r.Sorted())
	case "sarif":
		err = diag.WriteSARIF(w, r.Sorted())
	default:
		return usageError{fmt.Errorf("unknown output %q: use text, json or sarif", format)}
	}
	if err != nil {
		return err
	}
	if r.HasErrors() {
		return errFindings
	}
	return nil
}

// isTerminal reports whether w is a terminal that wants colour.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
