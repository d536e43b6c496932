package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/syntax"
)

// tree is where relative paths start: the current folder, or the copy of a
// git revision. Paths that are printed are relative to it.
type tree struct {
	// base is the folder that stands for the current one; "" is itself.
	base string
	// root is the folder that no file is read outside of; "" is no limit.
	root string
	// now is the time by which exceptions expire.
	now time.Time
}

// workingTree is the current folder as it is now.
func workingTree() tree { return tree{now: time.Now()} }

func (t tree) path(name string) string {
	name = filepath.FromSlash(name)
	if t.base == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(t.base, name)
}

func (t tree) exists(name string) bool {
	_, err := os.Stat(t.path(name))
	return err == nil
}

// read is syntax.ReadPaths in the tree.
func (t tree) read(paths []string, stdin io.Reader, r *diag.Report) []syntax.Input {
	if t.base == "" {
		return syntax.ReadPaths(paths, stdin, r)
	}
	var real []string
	for _, p := range paths {
		real = append(real, t.path(p))
	}
	inputs := syntax.ReadPaths(real, strings.NewReader(""), r)
	for i := range inputs {
		if relative, err := filepath.Rel(t.base, filepath.FromSlash(inputs[i].Path)); err == nil {
			inputs[i].Path = filepath.ToSlash(relative)
		}
	}
	return inputs
}

// readFile reads a file that a project names.
func (t tree) readFile(name string) ([]byte, error) {
	if t.root == "" {
		return os.ReadFile(t.path(name))
	}
	relative, err := filepath.Rel(t.root, t.path(name))
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(t.root)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.ReadFile(relative)
}
