package remote

import (
	"fmt"
	"slices"
	"time"

	"github.com/policyc/policyc/runtime/cases"
	"github.com/policyc/policyc/runtime/suite"
)

// Outcome is what became of a case on the server.
type Outcome string

// The outcomes.
const (
	// Compared cases have a verdict of the server.
	Compared Outcome = "compared"
	// Skipped cases cannot be sent to a server, or not to this one.
	Skipped Outcome = "skipped"
	// Invalid cases have an object that the server refuses whatever policies say.
	Invalid Outcome = "invalid"
	// Blocked cases were refused by something else before the policies were asked, or perhaps so: a webhook, a plugin.
	Blocked Outcome = "blocked"
)

// Result is what came of a case.
type Result struct {
	Case    *cases.Case
	Outcome Outcome
	// Why says why a case was skipped, or what refused it.
	Why string
	// Offline is the verdict of the engine, Server that of the server: nil unless the outcome is Compared.
	Offline, Server *suite.Verdict
	// Differences are those between the two, none when they agree. Missing is what only the engine says, Extra what only the
	// server says.
	Differences []suite.Difference
	// Foreign names what else refused the request: a policy of the cluster, for example. The verdict stands all the same.
	Foreign string
	Elapsed time.Duration
}

// Agrees reports whether the server said what the engine says.
func (r *Result) Agrees() bool { return r.Outcome == Compared && len(r.Differences) == 0 }

// compare says how the server's verdict differs from the engine's.
func compare(c *cases.Case, offline, server *suite.Verdict) []suite.Difference {
	var out []suite.Difference
	for _, part := range []struct {
		name            string
		offline, server []string
	}{{"deny", offline.Deny, server.Deny}, {"warn", offline.Warn, server.Warn}, {"audit", offline.Audit, server.Audit}} {
		if slices.Equal(part.offline, part.server) {
			continue
		}
		out = append(out, suite.Difference{What: part.name, Missing: without(part.offline, part.server), Extra: without(part.server, part.offline),
			Text: fmt.Sprintf("%s: offline %v, on the server %v", part.name, part.offline, part.server)})
	}
	// An error is worded differently by different versions; that there is one must be the same.
	if (len(offline.Errors) > 0) != (len(server.Errors) > 0) {
		out = append(out, suite.Difference{What: "error", Text: fmt.Sprintf("error: offline %q, on the server %q", offline.Errors, server.Errors)})
	}
	for _, part := range []struct{ offline, server []string }{{offline.Denials, server.Denials}, {offline.Others, server.Others}} {
		if !sameMessages(c, part.offline, part.server) {
			out = append(out, suite.Difference{What: "message", Text: fmt.Sprintf("message: offline %q, on the server %q", part.offline, part.server)})
		}
	}
	return out
}

// sameMessages compares messages regardless of order. A name that the server generates differs from the one offline.
func sameMessages(c *cases.Case, offline, server []string) bool {
	offline, server = slices.Sorted(slices.Values(offline)), slices.Sorted(slices.Values(server))
	return slices.EqualFunc(offline, server, func(a, b string) bool {
		return a == b || generatedPattern(c, a).MatchString(b)
	})
}

func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(other, s) })
}
