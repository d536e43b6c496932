package diag

import (
	"slices"
	"strings"
)

// Code documents one kind of finding. Its texts feed `policyc explain`, JSON,
// SARIF and the website; the ID is never used again for something else.
type Code struct {
	// ID is PC and four digits; the first digit is the family.
	ID string
	// Title is one line, Text a paragraph or more.
	Title, Text string
	// Before is YAML that gives the finding, After the same put right.
	Before, After string
	// Since is the version of policyc that brought the code.
	Since string
}

// Codes returns every code, sorted by ID.
func Codes() []*Code {
	all := slices.Concat(fileCodes, syntaxCodes, nameCodes, typeCodes, targetCodes, lintCodes, internalCodes)
	slices.SortFunc(all, func(a, b *Code) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// Lookup returns the code of an ID, in any case.
func Lookup(id string) (*Code, bool) {
	for _, c := range Codes() {
		if strings.EqualFold(c.ID, id) {
			return c, true
		}
	}
	return nil, false
}
