package syntax

import "github.com/policyc/policyc/compiler/diag"

// parseTest reads the spec of a PolicyTest. Only what the compiler needs to
// know is checked; the cases are decoded by whoever runs them.
func parseTest(r *diag.Report, h header) *Test {
	t := &Test{Span: h.span, Name: h.name}
	f, ok := fieldsOf(r, h.spec, "`spec` of a PolicyTest", testKeys)
	if !ok {
		return t
	}
	t.Spec = h.spec.value()
	f.texts("policies")
	cases := f.require("cases", "the test", "cases: [{name: …, object: {…}, expect: {deny: [rule]}}]")
	seen := newNames(r, "test case")
	for _, item := range itemsOf(r, cases, "`cases`") {
		const what = "a test case"
		if c, ok := fieldsOf(r, item, what, caseKeys); ok {
			c.require("name", what, "name: a pod without limits is denied")
			seen.add(c.text("name"))
		}
	}
	return t
}
