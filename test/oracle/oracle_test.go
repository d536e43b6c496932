package oracle

import (
	"runtime"
	"sync"
	"testing"

	"github.com/policyc/policyc/compiler/target"
)

// oracle is what the tests compare with.
func newOracle(t testing.TB) *Oracle {
	t.Helper()
	var targets []target.Version
	for v := target.Oldest; v <= target.Newest; v++ {
		targets = append(targets, v)
	}
	o, err := New(Size{Rules: 20, Targets: 2, Objects: 20, Depth: 3}, targets...)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestAgree is the fixed share of `make fuzz`.
func TestAgree(t *testing.T) {
	o := newOracle(t)
	total := agree(t, o, 45, o.Check)
	if total.Rejected*20 > total.Compilations {
		t.Errorf("the generator is of little use: %s", total)
	}
}

// agree checks the seeds from 1 to last, several at a time, and reports what they find.
func agree(t *testing.T, o *Oracle, last int64, check func(seed int64) (Counts, []*Finding)) Counts {
	t.Helper()
	var total Counts
	var lock sync.Mutex
	var wait sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for seed := int64(1); seed <= last; seed++ {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			counts, findings := check(seed)
			lock.Lock()
			defer lock.Unlock()
			total.Add(counts)
			for i, f := range findings {
				if i < 2 {
					f = o.Shrink(f)
				}
				t.Errorf("%s", f)
			}
		})
	}
	wait.Wait()
	t.Log(total)
	return total
}

// FuzzAgree is TestAgree without an end.
func FuzzAgree(f *testing.F) {
	f.Add(int64(1))
	o := newOracle(f)
	o.Size = Size{Rules: 4, Targets: 8, Objects: 8, Depth: 4}
	f.Fuzz(func(t *testing.T, seed int64) {
		_, findings := o.Check(seed)
		_, more := o.CheckLookups(seed)
		if findings = append(findings, more...); len(findings) > 0 {
			t.Errorf("%s", o.Shrink(findings[0]))
		}
	})
}
