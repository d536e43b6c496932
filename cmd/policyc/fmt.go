package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/syntax"
)

func newFmt(stdio IO) *cobra.Command {
	var checkOnly bool
	c := &cobra.Command{
		Use:   "fmt [PATH…]",
		Short: "Format policy files",
		Long: `fmt puts the fields of policy documents in their usual order and indents them evenly. Comments
and the meaning stay. Standard input (-) is formatted to standard output.`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"."}
			}
			r := diag.NewReport()
			inputs := syntax.ReadPaths(args, stdio.In, r)
			differ := 0
			for _, in := range inputs {
				formatted, ok := syntax.Format(in.Path, in.Data, r)
				switch {
				case in.Path == syntax.StdinPath:
					if _, err := stdio.Out.Write(formatted); err != nil {
						return err
					}
				case !ok || bytes.Equal(formatted, in.Data):
				case checkOnly:
					differ++
					fmt.Fprintln(stdio.Out, in.Path)
				default:
					if err := rewrite(filepath.FromSlash(in.Path), formatted); err != nil {
						return err
					}
					fmt.Fprintln(stdio.Out, in.Path)
				}
			}
			if err := printDiagnostics(stdio.Err, r, "text"); err != nil {
				return err
			}
			if differ > 0 {
				return errFindings
			}
			return nil
		},
	}
	c.Flags().BoolVar(&checkOnly, "check", false, "write nothing; list the files that differ and fail")
	return c
}

// rewrite replaces a source file, keeping its permissions.
func rewrite(name string, content []byte) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if err := writeFile(name, content); err != nil {
		return err
	}
	return os.Chmod(name, info.Mode().Perm())
}
