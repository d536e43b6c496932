package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/policyc/policyc/compiler/diag"
)

func newCheck(stdio IO) *cobra.Command {
	var flags sourceFlags
	var format string
	c := &cobra.Command{
		Use:   "check [PATH…]",
		Short: "Report everything that is wrong with policies, and write nothing",
		Long: `check compiles the policies in the files and folders and prints every finding to standard
output. It fails when one of them is an error.`,
		Example: "  policyc check ./policies\n  policyc check -o sarif ./policies > policyc.sarif",
		RunE: func(_ *cobra.Command, args []string) error {
			r := diag.NewReport()
			result := flags.compile(args, stdio, r)
			if err := printDiagnostics(stdio.Out, r, format); err != nil {
				return err
			}
			if format == "text" {
				fmt.Fprintf(stdio.Err, "%d policies checked for Kubernetes %s and later\n",
					len(result.Project.Policies), result.Project.Target)
			}
			return nil
		},
	}
	flags.register(c)
	c.Flags().StringVarP(&format, "output", "o", "text", "text, json or sarif")
	return c
}
