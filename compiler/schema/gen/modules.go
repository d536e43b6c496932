package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
)

// download returns the folder of a module in the module cache, and fetches
// it first when it is not there.
func download(module, version string) (string, error) {
	cmd := exec.Command("go", "mod", "download", "-json", module+"@"+version)
	// Outside of any module, so that no go.mod or go.sum is touched.
	cmd.Dir = os.TempDir()
	out, err := cmd.Output()
	var answer struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(out, &answer); jsonErr != nil {
		return "", fmt.Errorf("go mod download %s@%s: %w", module, version, jsonErr)
	}
	if answer.Error != "" {
		return "", fmt.Errorf("go mod download: %s", answer.Error)
	}
	return answer.Dir, err
}
