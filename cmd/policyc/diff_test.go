package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func runDiff(args ...string) (status int, out, stderr string) {
	var o, e bytes.Buffer
	status = Run(append([]string{"diff"}, args...), IO{In: strings.NewReader(""), Out: &o, Err: &e})
	return status, o.String(), e.String()
}

func TestDiffWithoutGit(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	status, _, stderr := runDiff("--git", "main")
	if want := "policyc: --git needs the command git, which is not in PATH: give two folders instead\n"; status != exitUsage || stderr != want {
		t.Errorf("status %d, %s", status, stderr)
	}
}

func TestCutRange(t *testing.T) {
	for in, want := range map[string]struct {
		base, head string
		fork       bool
	}{
		"a": {"a", "", false}, "a..": {"a", "", false}, "a..b": {"a", "b", false}, "..b": {"HEAD", "b", false},
		"a...b": {"a", "b", true}, "a...": {"a", "", true}, "...b": {"HEAD", "b", true}, "..": {}, "...": {fork: true},
		"origin/x..v1.2": {"origin/x", "v1.2", false},
	} {
		if base, head, fork := cutRange(in); base != want.base || head != want.head || fork != want.fork {
			t.Errorf("%s: %s, %s, %v", in, base, head, fork)
		}
	}
}

const hostPID = `apiVersion: policyc.dev/v1alpha1
kind: Policy
metadata: {name: NAME}
spec: {match: {kinds: [Pod]}, rules: [{name: r, deny: object.spec.hostPID}], enforce: deny}
`

// repo makes a git repository of files and links, commits it, and changes
// into it.
func repo(t *testing.T, files, links map[string]string) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git")
	}
	dir := t.TempDir()
	t.Chdir(dir)
	for name, content := range files {
		os.MkdirAll(filepath.Dir(name), 0o755)
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range links {
		os.MkdirAll(filepath.Dir(name), 0o755)
		if err := os.Symlink(to, name); err != nil {
			t.Skip(err)
		}
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "1"}} {
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %s: %s", args, out)
		}
	}
	return dir
}

// Links in a revision lead to files of the revision. One that leads out of it
// reads nothing of the machine, however it goes.
func TestDiffLinks(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	outside := t.TempDir()
	secret := filepath.Join(outside, "secret.yaml")
	if err := os.WriteFile(secret, []byte(strings.Replace(hostPID, "NAME", "outside", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"all/one.yaml": strings.Replace(hostPID, "NAME", "one", 1), "policies/two.yaml": strings.Replace(hostPID, "NAME", "two", 1),
		"d1/d2/x.yaml": "a: 1\n",
	}
	// d1/d2/up is the root, so that up/.. is outside although d1/d2/up/../.. is not.
	repo(t, files, map[string]string{"policies/link.yaml": "../all/one.yaml", "policies/out.yaml": secret, "policies/nothing.yaml": "nowhere",
		"d1/d2/up": "../..", "policies/deep": "../d1/d2/up/.."})
	status, out, stderr := runDiff("--git", strings.Repeat("0", 40)+"..HEAD", "policies")
	if status != 0 || !strings.Contains(out, "one/r (policies/link.yaml") || !strings.Contains(out, "two/r") || strings.Contains(out+stderr, "outside") {
		t.Errorf("status %d\n%s%s", status, out, stderr)
	}
	for _, name := range []string{"out", "nothing"} {
		if want := "the link `policies/" + name + ".yaml` is left out: it leads to nothing in the repository that is YAML"; !strings.Contains(stderr, want) {
			t.Errorf("no %q in\n%s", want, stderr)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(temporary, "policyc-diff-*")); len(left) > 0 {
		t.Errorf("left behind: %s", left)
	}
}

// A project of a revision reads no CRD from outside of the repository.
func TestDiffCRDOutside(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("password: x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	repo(t, map[string]string{"p.yaml": strings.Replace(hostPID, "NAME", "p", 1),
		"policyc.yaml": "apiVersion: policyc.dev/v1alpha1\nkind: Project\nmetadata: {name: p}\nspec: {crds: [../../../../../../../../../../" + secret + "]}\n"}, nil)
	status, _, stderr := runDiff("--git", "HEAD..HEAD")
	if status != exitFindings || !strings.Contains(stderr, "HEAD:policyc.yaml:4:15: error[PC0001]: cannot read CRD file") || strings.Contains(stderr, "password") {
		t.Errorf("status %d\n%s", status, stderr)
	}
}

// Names that git quotes, and a submodule.
func TestDiffOddNames(t *testing.T) {
	repo(t, map[string]string{"päth with \"spaces\"/täb\t.yaml": strings.Replace(hostPID, "NAME", "odd", 1)}, nil)
	status, out, stderr := runDiff("--git", strings.Repeat("0", 40)+"..HEAD")
	if status != 0 || !strings.Contains(out, "odd/r") {
		t.Errorf("status %d\n%s%s", status, out, stderr)
	}
	for _, args := range [][]string{{"update-index", "--add", "--cacheinfo", "160000," + strings.Repeat("1", 40) + ",vendor/module"},
		{"-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "2"}} {
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %s: %s", args, out)
		}
	}
	if _, _, stderr := runDiff("--git", "HEAD~1..HEAD"); !strings.Contains(stderr, "policyc: HEAD: the submodule `vendor/module` is left out") {
		t.Errorf("%s", stderr)
	}
	if _, _, stderr := runDiff("--git", "HEAD~1..HEAD", "päth with \"spaces\""); stderr != "" {
		t.Errorf("%s", stderr)
	}
}

// The same comparison gives the same bytes.
func TestDiffIsDeterministic(t *testing.T) {
	for _, format := range []string{"text", "markdown", "json"} {
		_, first, _ := runDiff("-o", format, "../../policies/pod-security", "../../policies/supply-chain")
		for range 3 {
			if _, again, _ := runDiff("-o", format, "../../policies/pod-security", "../../policies/supply-chain"); again != first {
				t.Errorf("%s differs", format)
			}
		}
		if len(first) < 500 {
			t.Errorf("%s: %s", format, first)
		}
	}
}
