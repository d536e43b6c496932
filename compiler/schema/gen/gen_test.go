package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestNewestIsUpToDate makes the file of the newest minor anew, where the
// module cache has the modules, and compares it with the embedded one.
func TestNewestIsUpToDate(t *testing.T) {
	out, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Skip("no go command")
	}
	cache := strings.TrimSpace(string(out))
	cached := func(module, version string) (string, error) {
		dir := filepath.Join(cache, filepath.FromSlash(module)+"@"+version)
		_, err := os.Stat(dir)
		return dir, err
	}
	s, err := load(releases[len(releases)-1], cached)
	if os.IsNotExist(err) {
		t.Skip("the module cache lacks the modules of Kubernetes:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.settle(nil)
	if err := s.checkFacts(); err != nil {
		t.Error(err)
	}
	file, err := os.Open(filepath.FromSlash("../data/1.37.txt.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unzip, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	want, err := io.ReadAll(unzip)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(s.text(), want) {
		t.Error("data/1.37.txt.gz is out of date: run go generate ./compiler/schema")
	}
}
