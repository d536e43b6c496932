//go:build e2e

package apiserver

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// A test that panics leaves no server behind. The test runs itself as the process that panics.
func TestChildDiesWithParent(t *testing.T) {
	const variable = "POLICYC_TEST_PANIC_IN"
	if dir := os.Getenv(variable); dir != "" {
		child, err := startProcess("sleep", "/bin/sleep", dir, []string{"600"})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("child %d\n", child.cmd.Process.Pid)
		panic("on purpose")
	}
	parent := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	parent.Env = append(os.Environ(), variable+"="+t.TempDir())
	output, err := parent.Output()
	if err == nil {
		t.Fatal("the parent did not panic")
	}
	_, after, found := strings.Cut(string(output), "child ")
	pid, _, _ := strings.Cut(after, "\n")
	if !found {
		t.Fatalf("no child in %s", output)
	}
	for range 500 {
		if status, err := os.ReadFile("/proc/" + pid + "/stat"); err != nil || strings.Contains(string(status), ") Z ") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("process %s is still there", pid)
}
