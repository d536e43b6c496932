package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/emit"
)

func newBuild(stdio IO) *cobra.Command {
	var flags sourceFlags
	var output string
	var checkOnly bool
	c := &cobra.Command{
		Use:   "build [PATH…]",
		Short: "Compile policies to admission objects in generated/",
		Long: `build compiles the policies in the files and folders (- is standard input, the default is the
current folder) and writes the objects to generated/, or the project's output.

Files that policyc wrote for policies that are gone are removed; others are left alone.`,
		Example: "  policyc build ./policies\n  policyc build --check ./policies   # in CI: fails when generated/ is out of date\n  kubectl apply -k generated/native",
		RunE: func(_ *cobra.Command, args []string) error {
			r := diag.NewReport()
			result := flags.compile(args, stdio, r)
			if err := printDiagnostics(stdio.Err, r, "text"); err != nil {
				return err
			}
			dir := output
			if dir == "" {
				dir = filepath.FromSlash(result.Project.Output)
			}
			plan, err := planWrites(dir, result.Files)
			if err != nil {
				return err
			}
			if checkOnly {
				return plan.report(stdio)
			}
			if err := plan.apply(); err != nil {
				return err
			}
			fmt.Fprintf(stdio.Err, "%d policies compiled to %s (%d files written, %d removed, %d unchanged)\n",
				len(result.Project.Policies), filepath.ToSlash(dir), len(plan.write), len(plan.remove), plan.unchanged)
			return nil
		},
	}
	flags.register(c)
	c.Flags().StringVarP(&output, "output", "o", "", "output folder (default: the project's output, or generated)")
	c.Flags().BoolVar(&checkOnly, "check", false, "write nothing; fail when the output folder differs")
	return c
}

// writePlan is the difference between an output folder and what it should be.
type writePlan struct {
	dir           string
	files         map[string][]byte
	write, remove []string
	unchanged     int
}

// planWrites compares the folder with the files; it changes nothing.
func planWrites(dir string, files map[string][]byte) (*writePlan, error) {
	p := &writePlan{dir: dir, files: files}
	for name, content := range files {
		old, err := os.ReadFile(p.path(name))
		switch {
		case err == nil && bytes.Equal(old, content):
			p.unchanged++
		case err == nil && !emit.Owned(name, old):
			return nil, fmt.Errorf("%s exists and was not written by policyc: move it away, or choose another folder with -o", p.path(name))
		case err == nil || errors.Is(err, fs.ErrNotExist):
			p.write = append(p.write, name)
		default:
			return nil, err
		}
	}
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		name, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if _, wanted := files[name]; wanted || !d.Type().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(file)
		if err == nil && emit.Owned(name, content) {
			p.remove = append(p.remove, name)
		}
		return err
	})
	slices.Sort(p.write)
	slices.Sort(p.remove)
	return p, err
}

func (p *writePlan) path(name string) string { return filepath.Join(p.dir, filepath.FromSlash(name)) }

// apply writes every file through a temporary one, so that none is ever seen
// half-written, and then removes what is left over.
func (p *writePlan) apply() error {
	for _, name := range p.write {
		if err := writeFile(p.path(name), p.files[name]); err != nil {
			return err
		}
	}
	for _, name := range p.remove {
		if err := os.Remove(p.path(name)); err != nil {
			return err
		}
	}
	return nil
}

// writeFile replaces a file in one step.
func writeFile(name string, content []byte) error {
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, ".policyc-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(content)
	if err = errors.Join(err, tmp.Chmod(0o644), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), name)
}

// report prints how the folder differs and fails when it does.
func (p *writePlan) report(stdio IO) error {
	for _, name := range p.write {
		fmt.Fprintf(stdio.Out, "out of date: %s\n", filepath.ToSlash(p.path(name)))
	}
	for _, name := range p.remove {
		fmt.Fprintf(stdio.Out, "left over: %s\n", filepath.ToSlash(p.path(name)))
	}
	if len(p.write)+len(p.remove) == 0 {
		return nil
	}
	fmt.Fprintf(stdio.Err, "%s differs from what the policies compile to: run `policyc build`\n", filepath.ToSlash(p.dir))
	return errFindings
}
