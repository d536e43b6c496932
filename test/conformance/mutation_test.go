package conformance

import (
	"context"
	"testing"
	"time"

	"github.com/policyc/policyc/runtime/mutate"
)

// minScore is how many of the mutants of the library its cases must kill, in
// percent.
const minScore = 95

// TestMutants alters the library in the ways that runtime/mutate knows, and
// asserts that its cases notice. It makes a quarter of the mutants; `make
// mutate` makes all of them.
func TestMutants(t *testing.T) {
	begin := time.Now()
	report := mutate.Run(context.Background(), loadLibrary(t).suite, mutate.Options{Every: 4})
	for _, name := range report.Policies() {
		p := report.For(name)
		t.Logf("%-34s %5.1f %%  %d killed, %d survived, %d equivalent, %d invalid", name, p.Score(), p.Count(mutate.Killed),
			p.Count(mutate.Survived), p.Count(mutate.Equivalent), p.Count(mutate.Invalid))
	}
	t.Logf("%.1f %% of %d mutants, %v", report.Score(), len(report.Mutants), time.Since(begin))
	for _, m := range report.Mutants {
		if m.Status == mutate.Survived || m.Status == mutate.Invalid {
			t.Logf("%s %s %s", m.Status, m.String(), m.Reason)
		}
	}
	if report.Score() < minScore {
		t.Errorf("%.1f %% of the mutants were noticed, and %d %% have to be", report.Score(), minScore)
	}
	if len(report.Failing) > 0 {
		t.Errorf("cases fail without mutants: %q", report.Failing)
	}
}
