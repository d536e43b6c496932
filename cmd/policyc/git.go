package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// repository is the git repository of the current folder, read with the git
// command that users have.
type repository struct {
	// top is the folder of the working tree; prefix leads from it to the
	// current folder, "" or with a slash at its end.
	top, prefix string
}

func openRepository() (*repository, error) {
	out, err := git(nil, "rev-parse", "--show-toplevel", "--show-prefix")
	if err != nil {
		return nil, err
	}
	top, prefix, _ := strings.Cut(strings.TrimSuffix(string(out), "\n"), "\n")
	return &repository{top: filepath.FromSlash(top), prefix: strings.TrimSuffix(prefix, "\n")}, nil
}

// git runs a command. Its error is the first line that git wrote, in English.
func git(stdin io.Reader, args ...string) ([]byte, error) {
	c := exec.Command("git", args...)
	c.Env = append(os.Environ(), "LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0")
	c.Stdin = stdin
	var out, stderr bytes.Buffer
	c.Stdout, c.Stderr = &out, &stderr
	err := c.Run()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, errors.New("--git needs the command git, which is not in PATH: give two folders instead")
	case err != nil && strings.Contains(stderr.String(), "not a git repository"):
		return nil, errors.New("--git: not in a git repository: change into it, or give two folders instead")
	case err != nil:
		line, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n")
		if line == "" {
			line = err.Error()
		}
		return nil, fmt.Errorf("git %s: %s", args[0], line)
	}
	return out.Bytes(), nil
}

// commit returns the id of what a revision names: a commit, or a tree.
func (r *repository) commit(revision string) (string, error) {
	out, err := git(nil, "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{tree}")
	if err != nil {
		return "", fmt.Errorf("unknown revision `%s`%s", revision, shallowHint())
	}
	return strings.TrimSpace(string(out)), nil
}

// mergeBase returns the commit at which two revisions parted.
func (r *repository) mergeBase(a, b string) (string, error) {
	for _, revision := range []string{a, b} {
		if _, err := r.commit(revision); err != nil {
			return "", err
		}
	}
	out, err := git(nil, "merge-base", "--end-of-options", a, b)
	if err != nil {
		return "", fmt.Errorf("`%s` and `%s` have no commit in common%s", a, b, shallowHint())
	}
	return strings.TrimSpace(string(out)), nil
}

// shallowHint says what to do when history is missing because the clone has
// only the last commits, as in most CI systems.
func shallowHint() string {
	out, err := git(nil, "rev-parse", "--is-shallow-repository")
	if err != nil || strings.TrimSpace(string(out)) != "true" {
		return ""
	}
	return ": the clone is shallow; fetch its history, with `git fetch --unshallow` or, in actions/checkout, `fetch-depth: 0`"
}

// treeEntry is a file of a tree.
type treeEntry struct {
	mode, id, path string
}

// Modes of tree entries that are not plain files.
const (
	modeLink      = "120000"
	modeSubmodule = "160000"
)

// list returns the files of a tree, with paths from its root.
func (r *repository) list(tree string) ([]treeEntry, error) {
	out, err := git(nil, "ls-tree", "-r", "-z", "--full-tree", tree)
	if err != nil {
		return nil, err
	}
	var entries []treeEntry
	for _, line := range strings.Split(string(out), "\x00") {
		head, name, ok := strings.Cut(line, "\t")
		words := strings.Fields(head)
		if ok && len(words) == 3 {
			entries = append(entries, treeEntry{mode: words[0], id: words[2], path: name})
		}
	}
	return entries, nil
}

// contents calls f with the content of each entry, in their order.
func (r *repository) contents(entries []treeEntry, f func(treeEntry, []byte) error) error {
	if len(entries) == 0 {
		return nil
	}
	var ids strings.Builder
	for _, e := range entries {
		ids.WriteString(e.id + "\n")
	}
	out, err := git(strings.NewReader(ids.String()), "cat-file", "--batch")
	if err != nil {
		return err
	}
	in := bufio.NewReader(bytes.NewReader(out))
	for _, e := range entries {
		head, err := in.ReadString('\n')
		words := strings.Fields(head)
		if err != nil || len(words) != 3 {
			return fmt.Errorf("git cat-file: `%s` is missing from the repository", e.path)
		}
		size, err := strconv.Atoi(words[2])
		if err != nil {
			return fmt.Errorf("git cat-file: %w", err)
		}
		content := make([]byte, size+1) // and a line break
		if _, err := io.ReadFull(in, content); err != nil {
			return fmt.Errorf("git cat-file: %w", err)
		}
		if err := f(e, content[:size]); err != nil {
			return err
		}
	}
	return nil
}

// copyTree writes what policies may be made of into a new folder: YAML and
// JSON, links, and the files that are named. It returns the folder, and what
// was left out and why.
func (r *repository) copyTree(tree string, named []string) (folder string, left []string, err error) {
	entries, err := r.list(tree)
	if err != nil {
		return "", nil, err
	}
	var files, links []treeEntry
	for _, e := range entries {
		switch {
		case e.mode == modeSubmodule && slices.ContainsFunc(named, func(p string) bool { return p == "." || within(e.path, p) || within(p, e.path) }):
			left = append(left, fmt.Sprintf("the submodule `%s` is left out: compare its revisions in its own repository", e.path))
		case e.mode == modeSubmodule:
		case e.mode == modeLink:
			links = append(links, e)
		case slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(e.path)) || slices.Contains(named, e.path):
			files = append(files, e)
		}
	}
	if folder, err = os.MkdirTemp("", "policyc-diff-"); err != nil {
		return "", nil, err
	}
	outside, err := r.write(folder, files, links)
	if err != nil {
		os.RemoveAll(folder)
		return "", nil, err
	}
	return folder, append(left, outside...), nil
}

// write writes the files and then the links, so that nothing is written
// through one. A link that leads out of the folder is taken away again: what
// stands there is of no revision. It returns what was taken away.
func (r *repository) write(folder string, files, links []treeEntry) (left []string, err error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	err = r.contents(slices.Concat(files, links), func(e treeEntry, content []byte) error {
		name := filepath.FromSlash(e.path)
		if err := root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		if e.mode == modeLink {
			return root.Symlink(filepath.FromSlash(string(content)), name)
		}
		return root.WriteFile(name, content, 0o600)
	})
	if err != nil {
		return nil, err
	}
	for _, e := range links {
		name := filepath.FromSlash(e.path)
		if _, err := root.Stat(name); err == nil {
			continue
		}
		if err := root.Remove(name); err != nil {
			return nil, err
		}
		if x := path.Ext(e.path); x == ".yaml" || x == ".yml" {
			left = append(left, fmt.Sprintf("the link `%s` is left out: it leads to nothing in the repository that is YAML", e.path))
		}
	}
	return left, nil
}

// within reports whether a path is a folder, or lies in it.
func within(name, folder string) bool { return name == folder || strings.HasPrefix(name, folder+"/") }
