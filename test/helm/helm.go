// Package helm runs the Helm that test/tools pins, built with the Go tool chain the first time (some 100 seconds; then from the
// build cache).
//
//	out, err := helm.Run(ctx, "", "template", "policyc-runtime", "runtime/chart") // the objects, as YAML
package helm

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/policyc/policyc/test/apiserver"
)

// Run runs helm with arguments, and returns what it wrote to stdout. The kubeconfig says which cluster it works on; "" means none.
func Run(ctx context.Context, kubeconfig string, args ...string) (string, error) {
	binary, err := build(ctx)
	if err != nil {
		return "", err
	}
	home, err := os.MkdirTemp("", "policyc-helm-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(home)
	if kubeconfig == "" {
		kubeconfig = os.DevNull
	}
	cmd := exec.CommandContext(ctx, binary, args...)
	// The settings, plugins and clusters of whoever runs the tests must not change them.
	cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "KUBECONFIG=" + kubeconfig}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("helm %s: %w\n%s", strings.Join(args, " "), err, errs.String())
	}
	return out.String(), nil
}

// build returns the path of the program, which is in Go's build cache. Only the first call compiles.
func build(ctx context.Context) (string, error) {
	root, err := apiserver.FindModule(filepath.Join("test", "tools"))
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "-C", filepath.Join(root, "test", "tools"), "tool", "-n", "helm")
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off") // flags make another program of it, which is built again
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("build helm: %w\n%s", err, errs.String())
	}
	return strings.TrimSpace(string(out)), nil
}
