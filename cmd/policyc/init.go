package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

// template is the project that init writes: it builds at once.
//
//go:embed template
var template embed.FS

func newInit(stdio IO) *cobra.Command {
	return &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write a project with one policy and its test",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			return writeProject(dir, stdio)
		},
	}
}

// writeProject copies the template. It writes nothing when one of the files
// is there already.
func writeProject(dir string, stdio IO) error {
	root, err := fs.Sub(template, "template")
	if err != nil {
		return err
	}
	var names []string
	err = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(name))); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s already exists: nothing was written", filepath.ToSlash(filepath.Join(dir, name)))
		}
	}
	for _, name := range names {
		content, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := writeFile(file, content); err != nil {
			return err
		}
		fmt.Fprintln(stdio.Out, filepath.ToSlash(file))
	}
	fmt.Fprintf(stdio.Err, "now run: %spolicyc test policies && policyc build policies\n", changeDir(dir))
	return nil
}

func changeDir(dir string) string {
	if dir == "." {
		return ""
	}
	return "cd " + dir + " && "
}
