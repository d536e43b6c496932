// Package mutate tests the tests of policies: it alters what was compiled, one place at a time, and looks which
// alterations no case notices.
//
//	container.?securityContext.?privileged.orValue(false)
//	→ Mutant{Policy: disallow-privileged, Rule: privileged, Operator: default, Before: false, After: true, Status: Killed,
//	  KilledBy: disallow-privileged/a container that says nothing}
//
// A mutant is an alteration of something that its author wrote once. Where the compiler writes it into several objects
// (one for each environment with values of its own; the excluded namespaces of the project; a function that is inlined),
// all of them are altered at once. Cases that set values of their own run on objects altered in the same way.
//
// Left out is what cannot tell a good test from a bad one: the text of messages, the validation `size(…) == 0` that is
// the same everywhere, and alterations that do the same as another one.
package mutate
