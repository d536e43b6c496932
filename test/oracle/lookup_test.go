package oracle

import (
	"runtime"
	"sync"
	"testing"
)

// TestLookupsAgree is the fixed share of `make fuzz` in policies with lookups.
func TestLookupsAgree(t *testing.T) {
	o := newOracle(t)
	o.Size = Size{Rules: 20, Objects: 10, Depth: 3}
	var total Counts
	var lock sync.Mutex
	var wait sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for seed := int64(1); seed <= 60; seed++ {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			counts, findings := o.CheckLookups(seed)
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
	switch {
	case total.Rejected*20 > total.Compilations, total.Exempt*20 > total.Evaluations, total.Webhook < 500, total.Pushed < 40,
		total.Violations*10 < total.Evaluations, total.Violations*10 > total.Evaluations*9:
		t.Errorf("the generator is of little use: %s", total)
	}
}
