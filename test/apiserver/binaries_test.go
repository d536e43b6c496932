package apiserver

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The staging modules of Kubernetes v1.X.Y are v0.X.Y, and each program must be in the build list.
func TestModules(t *testing.T) {
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range Versions() {
		wanted, err := programs(version)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range wanted {
			recipe, err := newRecipe(root, p)
			if err != nil {
				t.Fatal(err)
			}
			mod, err := os.ReadFile(filepath.Join(recipe.module, "go.mod"))
			if err != nil {
				t.Fatal(err)
			}
			if !regexp.MustCompile(`(?m)^(tool)?\s*` + regexp.QuoteMeta(p.pkg) + `$`).Match(mod) {
				t.Errorf("v%s/go.mod: no tool %s", p.version, p.pkg)
			}
			if !strings.HasPrefix(recipe.release, "v"+p.version+".") {
				t.Errorf("v%s/go.mod requires Kubernetes %s", p.version, recipe.release)
			}
			staging := strings.Replace(recipe.release, "v1.", "v0.", 1)
			for _, replaced := range regexp.MustCompile(`=> (\S+) (\S+)`).FindAllSubmatch(mod, -1) {
				if string(replaced[2]) != staging {
					t.Errorf("v%s/go.mod replaces %s by %s, not %s", p.version, replaced[1], replaced[2], staging)
				}
			}
		}
	}
}
