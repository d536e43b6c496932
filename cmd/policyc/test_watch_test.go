package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWatch changes a test file while `policyc test --watch` runs: the cases
// run again, and an interrupt ends it.
func TestWatch(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("p.yaml", "apiVersion: policyc.dev/v1alpha1\nkind: Policy\nmetadata: {name: p}\nspec:\n  match: {kinds: [Pod]}\n"+
		"  rules: [{name: r, deny: object.spec.hostPID}]\n  enforce: deny\n")
	test := "apiVersion: policyc.dev/v1alpha1\nkind: PolicyTest\nmetadata: {name: p}\nspec:\n  cases:\n" +
		"  - {name: c, object: {apiVersion: v1, kind: Pod, metadata: {name: a}}, expect: {}}\n"
	write("p_test.yaml", test)

	read, written := io.Pipe()
	flags := &testFlags{format: "text"}
	tester, err := flags.newTester([]string{dir}, IO{Out: written, Err: written})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() {
		err := tester.watch(ctx)
		written.Close()
		done <- err
	}()
	lines := bufio.NewScanner(read)
	until := func(prefix string) {
		t.Helper()
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), prefix) {
				return
			}
		}
		t.Fatalf("the output ended without %q", prefix)
	}
	until("1 passed in")
	until("waiting for changes")
	write("p_test.yaml", strings.Replace(test, "expect: {}", "expect: {deny: [r]}", 1))
	until("FAIL p/c")
	until("waiting for changes")
	// A mistake is told, and does not end the watch.
	write("p.yaml", "apiVersion: policyc.dev/v1alpha1\nkind: Polcy\n")
	until(filepath.ToSlash(filepath.Join(dir, "p.yaml")))
	until("waiting for changes")
	go func() {
		for lines.Scan() {
			continue
		}
	}()
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
