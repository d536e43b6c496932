//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/runtime/remote"
	"github.com/policyc/policyc/runtime/suite"
)

// loadSuite compiles paths for the version of a server, with their cases.
func (c *cluster) loadSuite(t *testing.T, paths ...string) *suite.Suite {
	t.Helper()
	return loadSuite(t, c.version, syntax.ReadPaths(paths, nil, diag.NewReport()))
}

func loadSuite(t *testing.T, version string, inputs []syntax.Input) *suite.Suite {
	t.Helper()
	report := diag.NewReport()
	docs := syntax.Load(inputs, report)
	options := compiler.Options{KubeVersion: version, Now: time.Now(), ReadFile: os.ReadFile}
	result := compiler.CompileDocuments(docs, options, report)
	if !report.HasErrors() {
		if s := suite.New(docs, result, options, report); s != nil {
			return s
		}
	}
	t.Fatal(report.Sorted()[0])
	return nil
}

func (c *cluster) config(t *testing.T) *rest.Config {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// remote runs the cases of a suite on a server.
func (c *cluster) remote(t *testing.T, s *suite.Suite, o remote.Options) []remote.Result {
	t.Helper()
	results, err := remote.Run(t.Context(), c.config(t), s, s.Cases, o)
	if err != nil {
		t.Fatal(err)
	}
	c.expectClean(t)
	return results
}

// expectClean fails when something of a run is left. Namespaces stay while no controller runs that empties them.
func (c *cluster) expectClean(t *testing.T) {
	t.Helper()
	left := c.kubectl(t, "get", "validatingadmissionpolicies,validatingadmissionpolicybindings,clusterroles,clusterrolebindings,crds",
		"-l", "policyc.dev/test-run", "-o", "name")
	if left != "" {
		t.Errorf("a run left\n%s", left)
	}
	phases := c.kubectl(t, "get", "namespaces", "-l", "policyc.dev/test-run", "-o", "jsonpath={.items[*].status.phase}")
	if strings.Contains(phases, "Active") {
		t.Errorf("a run left namespaces: %s", phases)
	}
}

// TestRemoteLibrary runs all cases of the library offline and on the servers: verdict and message must be equal. On a cluster
// in use, cases that need objects in no namespace are skipped; on one for tests alone, only what a version does not have.
func TestRemoteLibrary(t *testing.T) {
	onEach(t, func(t *testing.T, shared *cluster) {
		// What other tests left in no namespace would be in the way.
		c, err := startCluster(shared.version)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Stop)
		for _, mode := range []struct {
			name    string
			options remote.Options
			project string
		}{{"in use", remote.Options{}, ""}, {"disposable", remote.Options{Disposable: true}, ""}, {"fused", remote.Options{Disposable: true}, fused}} {
			t.Run(mode.name, func(t *testing.T) {
				inputs := syntax.ReadPaths(natives(t), nil, diag.NewReport())
				if mode.project != "" {
					inputs = append(inputs, syntax.Input{Path: library + "/policyc.yaml", Data: []byte(mode.project)})
				}
				s := loadSuite(t, c.version, inputs)
				begin := time.Now()
				results := c.remote(t, s, mode.options)
				t.Logf("%d cases took %v\n%s", len(results), time.Since(begin).Round(time.Millisecond), remoteTable(results))
				for _, r := range results {
					old := c.version != "1.37" && regexp.MustCompile("^the server (does not know a field|does not serve it|drops or changes a field)").MatchString(r.Why)
					stored := !mode.options.Disposable && !r.Case.Namespaced && r.Case.OldObject != nil
					if r.Outcome == remote.Skipped && (old || stored || elsewhere.MatchString(r.Why)) || refusesItself(&r) {
						continue
					}
					expectAgreement(t, &r)
					if r.Foreign != "" {
						t.Errorf("%s: denied by %s", r.Case, r.Foreign)
					}
				}
				most := len(results) / 6 // cases about newer fields
				if c.version == "1.37" {
					most = len(results) / 16
				}
				if n := countSkipped(results); n > most+countElsewhere(results) {
					t.Errorf("%d cases are skipped", n)
				}
			})
		}
	})
}

// fused lays several policies into one object.
const fused = "{apiVersion: policyc.dev/v1alpha1, kind: Project, metadata: {name: fused}, spec: {layout: fused}}"

// refusesItself reports whether a server has taken over what a policy is about, so that the policy is for older ones.
func refusesItself(r *remote.Result) bool {
	return r.Outcome == remote.Invalid && strings.Contains(r.Why, "`hostUsers` must be false to use `Unmasked`")
}

// natives are the folders of the library without those that mutate: test/e2e/webhook sends their cases, of which many are
// about what only a webhook could make of a request.
func natives(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(library)
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, e := range entries {
		if e.IsDir() && e.Name() != "mutation" {
			folders = append(folders, filepath.Join(library, e.Name()))
		}
	}
	return folders
}

// countElsewhere counts the cases of policies that test/e2e/webhook sends to a server.
func countElsewhere(results []remote.Result) (n int) {
	for _, r := range results {
		if r.Outcome == remote.Skipped && elsewhere.MatchString(r.Why) {
			n++
		}
	}
	return n
}

// elsewhere is why a case is skipped that another test sends: of policies that mutate or look objects up, and changes of what
// controllers act on, which only a disposable cluster takes.
var elsewhere = regexp.MustCompile("it mutates objects|it looks up objects|^it needs a .* in the cluster|controllers may act on")

func countSkipped(results []remote.Result) (n int) {
	for _, r := range results {
		if r.Outcome == remote.Skipped {
			n++
		}
	}
	return n
}

// remoteTable counts what became of the cases of each test.
func remoteTable(results []remote.Result) string {
	var b strings.Builder
	type row struct{ cases, equal, skipped, other int }
	rows := map[string]*row{}
	var names []string
	for i := range results {
		name := strings.Join(results[i].Case.Policies, ", ")
		if rows[name] == nil {
			rows[name], names = &row{}, append(names, name)
		}
		n := rows[name]
		n.cases++
		switch {
		case results[i].Agrees():
			n.equal++
		case results[i].Outcome == remote.Skipped:
			n.skipped++
		default:
			n.other++
		}
	}
	slices.Sort(names)
	fmt.Fprintf(&b, "%-40s %6s %6s %8s %6s\n", "policies", "cases", "equal", "skipped", "other")
	for _, name := range names {
		n := rows[name]
		fmt.Fprintf(&b, "%-40s %6d %6d %8d %6d\n", name, n.cases, n.equal, n.skipped, n.other)
	}
	whys := map[string]int{}
	for _, r := range results {
		if r.Outcome != remote.Compared {
			why, _, _ := strings.Cut(r.Why, ": ")
			whys[string(r.Outcome)+": "+why]++
		}
	}
	for _, why := range sortedKeys(whys) {
		fmt.Fprintf(&b, "%d %s\n", whys[why], why)
	}
	return b.String()
}

const remoteData = "testdata/remote"

// TestRemoteNames runs cases about what differs between a scratch namespace and the one it stands for, and about what the
// server shows only in part.
func TestRemoteNames(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		s := c.loadSuite(t, remoteData)
		for _, r := range s.Run(t.Context(), s.Cases) {
			for _, d := range r.Differences {
				t.Errorf("%s: offline: %s", r.Case, d.Text)
			}
		}
		for _, r := range c.remote(t, s, remote.Options{}) {
			if r.Case.Name == "not a dry run" {
				if r.Outcome != remote.Skipped || !strings.Contains(r.Why, "request.dryRun") {
					t.Errorf("%s: %s: %s", r.Case, r.Outcome, r.Why)
				}
				continue
			}
			expectAgreement(t, &r)
		}
	})
}

func expectAgreement(t *testing.T, r *remote.Result) {
	t.Helper()
	if r.Outcome != remote.Compared {
		t.Errorf("%s: %s: %s", r.Case, r.Outcome, r.Why)
	}
	for _, d := range r.Differences {
		t.Errorf("%s: %s", r.Case, d.Text)
	}
}

// TestServerCommand runs the cases as a user does: policyc test --server, with the kubeconfig of the environment.
func TestServerCommand(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		command := exec.Command(policycBinary, "test", "-q", "--server", "--kube-version", c.version, "--run", "^(disallow|require)-", library)
		command.Env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig)
		out, err := command.CombinedOutput()
		if err != nil || !regexp.MustCompile(`(?m)^server: \d{3} equal`).Match(out) || bytes.Contains(out, []byte("DIFFERS")) {
			t.Errorf("%v\n%s", err, out)
		}
		c.expectClean(t)
	})
}
