package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// workingTreeLabel is what the files of the current folder are called.
const workingTreeLabel = "working tree"

// gitSides reads the two versions that a range of revisions names.
func gitSides(revisions string, args []string) (*sides, error) {
	repo, err := openRepository()
	if err != nil {
		return nil, usageError{err}
	}
	paths, err := repo.localPaths(args)
	if err != nil {
		return nil, usageError{err}
	}
	base, head, fork := cutRange(revisions)
	if base == "" {
		return nil, usageError{fmt.Errorf("`--git %s` names no revision: write BASE..HEAD, or BASE", revisions)}
	}
	label, from := base, base
	if fork {
		other := head
		if other == "" {
			other = "HEAD"
		}
		if from, err = repo.mergeBase(base, other); err != nil {
			return nil, usageError{err}
		}
		label = "merge base with " + base
	}
	s := &sides{}
	if s.old, err = repo.side(label, from, paths); err != nil {
		return nil, usageError{err}
	}
	if head == "" {
		s.new = &side{label: workingTreeLabel, tree: workingTree(), paths: existing(workingTree(), paths)}
	} else if s.new, err = repo.side(head, head, paths); err != nil {
		s.close()
		return nil, usageError{err}
	}
	if len(s.old.paths)+len(s.new.paths) == 0 {
		s.close()
		return nil, usageError{fmt.Errorf("`%s` is in neither %s nor %s", strings.Join(paths, "`, `"), s.old.label, s.new.label)}
	}
	return s, nil
}

// cutRange reads BASE..HEAD and BASE...HEAD. Without HEAD the working tree is
// meant; without BASE, HEAD, as git has it.
func cutRange(revisions string) (base, head string, fork bool) {
	base, head, fork = strings.Cut(revisions, "...")
	if !fork {
		base, head, _ = strings.Cut(revisions, "..")
	}
	if base == "" && head != "" {
		base = "HEAD"
	}
	return base, head, fork
}

// localPaths returns the paths relative to the current folder, all of which
// must lie in the repository.
func (r *repository) localPaths(args []string) ([]string, error) {
	if len(args) == 0 {
		args = []string{"."}
	}
	var out []string
	for _, arg := range args {
		if arg == "-" {
			return nil, errors.New("standard input is in no revision: name files and folders")
		}
		local := filepath.Clean(arg)
		if filepath.IsAbs(local) {
			here, err := os.Getwd()
			if err == nil {
				local, err = filepath.Rel(here, local)
			}
			if err != nil {
				return nil, err
			}
		}
		local = filepath.ToSlash(local)
		if full := path.Join(r.prefix, local); full == ".." || strings.HasPrefix(full, "../") {
			return nil, fmt.Errorf("`%s` is outside of the repository", arg)
		}
		out = append(out, local)
	}
	return out, nil
}

// existing returns the paths that a tree has.
func existing(t tree, paths []string) []string {
	return slices.DeleteFunc(slices.Clone(paths), func(p string) bool { return !t.exists(p) })
}

// side copies a revision, and returns the paths in it. A revision of zeros is
// what CI systems call the state before the first commit.
func (r *repository) side(label, revision string, paths []string) (*side, error) {
	s := &side{label: label}
	if strings.Trim(revision, "0") == "" {
		return s, nil
	}
	id, err := r.commit(revision)
	if err != nil {
		return nil, err
	}
	var named []string
	for _, p := range paths {
		named = append(named, path.Join(r.prefix, p))
	}
	folder, left, err := r.copyTree(id, named)
	if err != nil {
		return nil, err
	}
	s.notes = left
	s.cleanup = func() { os.RemoveAll(folder) }
	s.tree = tree{base: filepath.Join(folder, filepath.FromSlash(r.prefix)), root: folder}
	s.paths = existing(s.tree, paths)
	// The notation of git: what it prints can be given to `git show`.
	s.notation = func(name string) string {
		if short := revision; short != label {
			return short[:min(len(short), 12)] + ":" + path.Join(r.prefix, name)
		}
		return label + ":" + path.Join(r.prefix, name)
	}
	return s, nil
}
