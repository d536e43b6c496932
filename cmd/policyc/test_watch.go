package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long files must be quiet before the cases run again: editors
// write a file in several steps.
const settle = 150 * time.Millisecond

// watch runs the cases now and after every change, until it is interrupted.
func (t *tester) watch(ctx context.Context) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	defer w.Close()
	for {
		if err := t.once(ctx); err != nil && !errors.Is(err, errFindings) {
			fmt.Fprintf(t.stdio.Err, "policyc: %v\n", err)
		}
		if err := t.follow(w); err != nil {
			return err
		}
		fmt.Fprintln(t.stdio.Err, "waiting for changes")
		if !changed(ctx, w) {
			return nil
		}
	}
}

// follow watches every folder below the paths, and those of the files that the
// last run read: a folder tells of files that are new, too.
func (t *tester) follow(w *fsnotify.Watcher) error {
	folders := map[string]bool{}
	for _, p := range t.paths {
		err := filepath.WalkDir(p, func(name string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				folders[name] = true
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, file := range t.read {
		folders[filepath.Dir(filepath.FromSlash(file))] = true
	}
	for folder := range folders {
		if err := w.Add(folder); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("watch %s: %w", folder, err)
		}
	}
	return nil
}

// changed waits until files have changed and are quiet again; false means that
// it was interrupted.
func changed(ctx context.Context, w *fsnotify.Watcher) bool {
	var quiet <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return false
		case e, ok := <-w.Events:
			if !ok {
				return false
			}
			if e.Op != fsnotify.Chmod {
				quiet = time.After(settle)
			}
		case _, ok := <-w.Errors:
			// Events were lost: look again.
			if !ok {
				return false
			}
			quiet = time.After(settle)
		case <-quiet:
			return true
		}
	}
}
