// Package script runs the command line as people do. Each archive of testdata
// is a script of testscript (https://pkg.go.dev/github.com/rogpeppe/go-internal/testscript)
// with its files; `go test ./test/script -update` rewrites the outputs that
// are compared.
//
//	exec policyc build policies      must succeed
//	status 1 policyc check policies  must exit with this status
//	huge file.yaml 5000000           writes a policy file of that many bytes
package script

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the outputs that scripts compare")

func TestScripts(t *testing.T) {
	bin := buildPolicyc(t)
	testscript.Run(t, testscript.Params{
		Dir:           "testdata",
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("NO_COLOR", "1")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status":  status,
			"huge":    huge,
			"bytes":   writeBytes,
			"nesting": nesting,
		},
		Condition: func(name string) (bool, error) {
			if name == "root" {
				return os.Getuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
	})
}

// buildPolicyc builds the command once for all scripts, and returns its folder.
func buildPolicyc(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	command := exec.Command("go", "build", "-o", filepath.Join(bin, "policyc"), "../../cmd/policyc")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

// status runs a command that must exit with a status.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status number command [arg…]")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Logf("[stdout]\n%s[stderr]\n%s", ts.ReadFile("stdout"), ts.ReadFile("stderr"))
		ts.Fatalf("exit status %d, want %s", got, args[0])
	}
}

const header = "apiVersion: policyc.dev/v1alpha1\nkind: Policy\nmetadata:\n  name: big\nspec:\n"

// huge writes a policy whose description fills the file.
func huge(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	text := header + "  match: {kinds: [Pod]}\n  rules: [{name: r, deny: object.spec.hostPID}]\n  enforce: audit\n  description: "
	text += strings.Repeat("x", n-len(text)-1) + "\n"
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o644))
}

// writeBytes writes a policy with the bytes that are given in hexadecimal as
// its title: an archive holds text only.
func writeBytes(ts *testscript.TestScript, _ bool, args []string) {
	var b bytes.Buffer
	b.WriteString(header + "  title: \"")
	for _, x := range args[1:] {
		n, err := strconv.ParseUint(x, 16, 8)
		ts.Check(err)
		b.WriteByte(byte(n))
	}
	b.WriteString("\"\n")
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b.Bytes(), 0o644))
}

// nesting writes a policy whose rule is nested so many parentheses deep.
func nesting(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	text := header + "  match: {kinds: [Pod]}\n  enforce: audit\n  rules:\n  - name: r\n    deny: " +
		strings.Repeat("(", n) + "object.spec.hostPID" + strings.Repeat(")", n) + "\n"
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o644))
}
