package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// version is set when a release is built; otherwise the module's is shown.
var version = ""

// failure marks errors of what was asked for; all others are errors of the command line.
type failure struct{ error }

// Run runs the command and returns its exit status: 0 fine, 1 failed while running, 2 a command line that cannot be run.
func Run(ctx context.Context, args []string, out, errs io.Writer, env func(string) string) int {
	root := &cobra.Command{
		Use:           "policyc-runtime",
		Short:         "Serve compiled policies as an admission webhook",
		Long:          "policyc-runtime serves the CompiledPolicies of a cluster as an admission webhook.\n\nExit status: 0 fine, 1 failed while running, 2 usage.",
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("say what to run: serve, uninstall or version")
		},
	}
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(newServe(errs, env), newUninstall(errs, env), newVersion(out))
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(errs, "policyc-runtime: %v\n", err)
	if failed := (failure{}); errors.As(err, &failed) {
		return exitFailed
	}
	return exitUsage
}

func newVersion(out io.Writer) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := version
			if info, ok := debug.ReadBuildInfo(); v == "" && ok {
				v = info.Main.Version
			}
			_, err := fmt.Fprintf(out, "policyc-runtime %s\n", v)
			return err
		},
	}
}
