package schema

import (
	"slices"

	"github.com/policyc/policyc/compiler/diag"
)

// Suggest returns the name among the given ones that was probably meant by
// name; of equally near ones, the first in alphabetical order.
func Suggest(name string, among []string) (string, bool) {
	return diag.Suggest(name, slices.Sorted(slices.Values(among)))
}
