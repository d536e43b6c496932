//go:build e2e

package e2e

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/policyc/policyc/test/apiserver"
)

// outcome is what a user sees of a request, and what the audit log keeps.
type outcome struct {
	status   int
	denial   string
	warnings []string
	audited  int
}

// Joined policies give the verdicts and messages of policies that are alone.
func TestLayouts(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		c.namespace(t, "layouts")
		c.namespace(t, "layouts-warn")
		requests := map[string]object{}
		add := func(name string, change func(spec object)) {
			p := podOf(object{"name": "c", "image": "good"})
			change(p["spec"].(object))
			requests[name] = p
			for _, w := range workloads {
				requests[name+" "+w.kind] = wrap(t, p, w.apiVersion, w.kind)
			}
		}
		hostPath := func(name string) []any { return []any{object{"name": name, "hostPath": object{"path": "/"}}} }
		add("good", func(object) {})
		add("better", func(s object) { s["containers"].([]any)[0].(object)["image"] = "better" })
		add("bad image", func(s object) { s["initContainers"] = []any{object{"name": "i", "image": "bad"}} })
		add("logs", func(s object) { s["volumes"] = hostPath("logs") })
		add("data", func(s object) { s["volumes"] = hostPath("data") })
		add("privileged", func(s object) {
			s["containers"].([]any)[0].(object)["securityContext"] = object{"privileged": true}
		})
		requests["password"] = configMap("m", map[string]string{"password": "x", "b": "y"})
		requests["no password"] = configMap("m", map[string]string{"b": "y"})

		outcomes := map[string]map[string]outcome{}
		for _, layout := range []string{"policy", "fused"} {
			seen := map[string]outcome{}
			out := t.TempDir()
			cmd := exec.Command(policycBinary, "build", "--kube-version", c.version, "-o", out, "--project", "testdata/layouts/"+layout+".yaml", "testdata/layouts/policies")
			if output, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, output)
			}
			t.Run(layout, func(t *testing.T) {
				c.apply(t, out)
				for name, o := range requests {
					for _, ns := range []string{"layouts", "layouts-warn"} {
						seen[name+" in "+ns] = c.outcome(t, c.create(t, call{namespace: ns}, o))
					}
				}
			})
			outcomes[layout] = seen
		}
		denied, warned := 0, 0
		for name, alone := range outcomes["policy"] {
			if fused := outcomes["fused"][name]; fmt.Sprintf("%+v", alone) != fmt.Sprintf("%+v", fused) {
				t.Errorf("%s:\n  policy %+v\n  fused  %+v", name, alone, fused)
			}
			if alone.denial != "" {
				denied++
			}
			if len(alone.warnings) > 0 {
				warned++
			}
		}
		if denied != 8*3+1 || warned != 8*4 {
			t.Errorf("%d of %d requests were denied and %d warned about", denied, len(outcomes["policy"]), warned)
		}
	})
}

func (c *cluster) outcome(t *testing.T, r apiserver.Response) outcome {
	t.Helper()
	d, _ := denialOf(r)
	o := outcome{status: r.Status, denial: d.message}
	for _, w := range policyWarnings(r) {
		o.warnings = append(o.warnings, w.message)
	}
	slices.Sort(o.warnings)
	if len(o.warnings) > 0 {
		o.audited = strings.Count(c.annotation(t, r), `"message":`)
	}
	return o
}
