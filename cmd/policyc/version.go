package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/policyc/policyc/compiler/target"
)

// version is set when a release is built; otherwise the module's is shown.
var version = ""

func newVersion(stdio IO) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, and the Kubernetes versions that policyc compiles for",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := version
			if info, ok := debug.ReadBuildInfo(); v == "" && ok {
				v = info.Main.Version
			}
			_, err := fmt.Fprintf(stdio.Out, "policyc %s (Kubernetes %s to %s)\n", v, target.Oldest, target.Newest)
			return err
		},
	}
}
