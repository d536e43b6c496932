package syntax

import (
	"time"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
)

// parseException reads the spec of an Exception. Match is never nil.
func parseException(r *diag.Report, h header) *Exception {
	const what = "the exception"
	f, ok := fieldsOf(r, h.spec, "`spec` of an Exception", exceptionKeys)
	e := &Exception{Span: h.span, Name: h.name, Match: &Match{Span: h.span}}
	if !ok {
		return e
	}
	f.require("policies", what, "policies: [allowed-registries]")
	e.Policies = f.nonEmptyTexts("policies")
	if match := f.require("match", what, "match: {namespaces: [legacy]}"); match != nil {
		e.Match = parseMatch(r, match, "`match`")
	}
	e.Reason = f.text("reason")
	e.Owner = f.text("owner")
	e.Expires = f.scalar("expires")
	checkDate(r, e.Expires)
	return e
}

// checkDate reports a text that is not a date YYYY-MM-DD.
func checkDate(r *diag.Report, date source.Text) {
	if date.IsZero() {
		return
	}
	if _, err := time.Parse(time.DateOnly, date.Value); err != nil {
		r.Errorf(diag.InvalidValue, date.Span, "`%s` is not a date", oneLine(date.Value)).
			Helpf("write the last day on which the exception holds as YYYY-MM-DD, such as 2027-01-31")
	}
}
