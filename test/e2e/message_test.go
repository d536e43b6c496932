//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func podOf(containers ...any) object {
	return object{"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": "p"}, "spec": object{"containers": containers}}
}

// One denial tells everything: every violated rule, every container, in one line that the server accepts.
func TestMessages(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		c.namespace(t, "messages")
		c.install(t, "testdata/messages")
		k := call{namespace: "messages"}

		pod := podOf(object{"name": "a", "image": "one"}, object{"name": "b", "image": "two:1", "env": []any{object{"name": "X", "value": "bad"}},
			"resources":       object{"limits": object{"memory": "1Gi", "cpu": "2"}},
			"securityContext": object{"privileged": true}})
		pod["spec"].(object)["initContainers"] = []any{object{"name": "i", "image": "three"}}
		pod["metadata"].(object)["annotations"] = object{"note": "line\r\nbreak\tand “quotes” äöü 日本語 🙂 ' \" \\ ${x} %s; end", "title": "x"}
		r := c.create(t, k, pod)
		d, _ := denialOf(r)
		for _, want := range []string{
			"[tag] container a: one has no tag; [tag] container i: three has no tag; ",
			"[env] container b has a bad variable, limits ",
			"privileged true; ",
			"[annotation] note: line break and “quotes” äöü 日本語 🙂 ' \" \\ ${x} %s; end; ",
			"[no-message] The title has",
		} {
			if !strings.Contains(d.message, want) {
				t.Errorf("no %q in %q", want, d.message)
			}
		}
		if strings.ContainsFunc(d.message, unicode.IsControl) {
			t.Errorf("a control character in %q", d.message)
		}
		t.Log(d.message)

		// Values that have no end: the server would discard a message of more than 5 KiB, and with it all that it says.
		for _, unit := range []string{"x", "é", "日", "🙂", "\n", "'", "\\"} {
			for _, size := range []int{1, 100, 700, 1300, 2600, 5000, 20000} {
				pod := podOf(object{"name": "a", "image": "one:1"})
				pod["metadata"].(object)["annotations"] = object{"note": strings.Repeat(unit, size)}
				d, _ := denialOf(c.create(t, k, pod))
				checkCut(t, fmt.Sprintf("%d × %q", size, unit), d.message, "[annotation] note: ")
			}
		}
		for _, n := range []int{2, 8, 9, 30, 100, 200} {
			var containers []any
			for i := range n {
				containers = append(containers, object{"name": fmt.Sprintf("c%d", i), "image": strings.Repeat("a", 10+i)})
			}
			d, _ := denialOf(c.create(t, k, podOf(containers...)))
			checkCut(t, fmt.Sprintf("%d containers", n), d.message, "[tag] container c0: aaaaaaaaaa has no tag")
			shown := strings.Count(d.message, "[tag] ")
			rest := 0
			if _, tail, cut := strings.Cut(d.message, "; and "); cut {
				if _, err := fmt.Sscanf(tail, "%d more", &rest); err != nil {
					t.Errorf("%d containers: %q", n, tail)
				}
			}
			if shown+rest != n {
				t.Errorf("%d containers: %d are shown and %d counted in %q", n, shown, rest, d.message)
			}
		}
	})
}

func checkCut(t *testing.T, what, message, prefix string) {
	t.Helper()
	if !strings.HasPrefix(message+" ", prefix) { // the server takes space off the ends
		t.Errorf("%s: the message is %q", what, message)
	}
	if !utf8.ValidString(message) || len(message) > 5<<10 {
		t.Errorf("%s: %d bytes, valid %v", what, len(message), utf8.ValidString(message))
	}
}
