package oracle

import "testing"

// TestLookupsAgree is the fixed share of `make fuzz` in policies with lookups.
func TestLookupsAgree(t *testing.T) {
	o := newOracle(t)
	o.Size = Size{Rules: 20, Objects: 10, Depth: 3}
	total := agree(t, o, 60, o.CheckLookups)
	switch {
	case total.Rejected*20 > total.Compilations, total.Exempt*20 > total.Evaluations, total.Webhook < 500, total.Pushed < 40,
		total.Violations*10 < total.Evaluations, total.Violations*10 > total.Evaluations*9:
		t.Errorf("the generator is of little use: %s", total)
	}
}
