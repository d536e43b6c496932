package client

import (
	"fmt"
	"os/exec"
	"path/filepath"
)

// Build builds commands of this module into a folder, and returns their paths.
//
//	client.Build(dir, "policyc", "policyc-runtime") → [dir/policyc dir/policyc-runtime]
func Build(dir string, names ...string) ([]string, error) {
	var out []string
	for _, name := range names {
		path := filepath.Join(dir, name)
		if output, err := exec.Command("go", "build", "-o", path, "github.com/policyc/policyc/cmd/"+name).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build %s: %w\n%s", name, err, output)
		}
		out = append(out, path)
	}
	return out, nil
}
