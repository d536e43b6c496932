package oracle

import (
	"github.com/policyc/policyc/compiler/target"
)

// features says since when functions and macros can be used.
type features map[string]target.Version

// newFeatures asks the API server's own environments.
func newFeatures() features {
	f := features{}
	for _, table := range []map[string]func([]any) any{conversions, textMethods, listMethods, quantityMethods, timeMethods, netMethods, {"lists.range": nil, "format": nil}} {
		for name := range table {
			if since, ok := target.FunctionSince(name); ok {
				f[name] = since
			}
		}
	}
	for name, args := range map[string]int{"sortBy": 2, "existsOne": 3, "transformList": 3, "transformMap": 3} {
		if since, ok := target.MacroSince(name, args, true); ok {
			f[name] = since
		}
	}
	// all(k, v, …) and exists(k, v, …) came with the others of two variables.
	f["two variables"] = f["transformList"]
	return f
}

// of is the first version that has all of an expression.
func (f features) of(e *Expr) target.Version {
	var since target.Version
	e.walk(func(e *Expr) {
		if e.Op == opCall || e.Op == opMethod || e.Op == opMacro {
			since = max(since, f[e.Name])
		}
		if e.Function != nil {
			since = max(since, f.of(e.Function.Body))
		}
		if e.Op == opMacro && len(e.Vars) == 2 {
			since = max(since, f["two variables"])
		}
	})
	return since
}
