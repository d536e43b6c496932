package mutate

import "github.com/policyc/policyc/compiler/code"

// equivalent says why an alteration makes no difference, or "". Each rule is
// a proof from the meaning of CEL, whatever the objects are.
func equivalent(before, after *code.Expr, at place) string {
	if before.Kind == code.KindCall && after.Kind == code.KindCall && isMacro(before) && isMacro(after) && before.Name != after.Name {
		if isSingle(before.Args[0]) {
			return "of exactly one element, some and all is the same"
		}
	}
	return ""
}
