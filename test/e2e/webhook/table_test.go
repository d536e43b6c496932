//go:build e2e

package webhook_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
)

// table collects what is shown at the end: what each engine made of each case.
type table struct {
	mutex         sync.Mutex
	rows          []row
	disagreements int
}

type row struct{ policy, what, native, webhook, offline, note string }

// none is the verdict of an engine that does not run the policy.
const none = "–"

func (b *table) add(t *testing.T, r row) {
	t.Helper()
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if r.note != "" {
		b.disagreements++
		t.Errorf("%s, %s: %s", r.policy, r.what, r.note)
	}
	b.rows = append(b.rows, r)
}

// print shows the table, whether tests passed or not.
func (b *table) print(version string) {
	fmt.Printf("\nKubernetes %s:\n", version)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "policy\tcase\tnative\twebhook\toffline\t")
	for _, r := range b.rows {
		mark := ""
		if r.note != "" {
			mark = "DISAGREE"
		}
		fmt.Fprintln(w, strings.Join([]string{r.policy, r.what, r.native, r.webhook, r.offline, mark}, "\t"))
	}
	w.Flush()
	fmt.Printf("%d requests, %d disagreements\n", len(b.rows), b.disagreements)
}
