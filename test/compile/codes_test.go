package compile

import (
	"strings"
	"testing"

	"github.com/policyc/policyc/compiler/diag"
)

// withoutGolden are the codes that no archive shows, with the reason.
var withoutGolden = map[string]string{
	"PC0002": "a file of 4 MiB; TestLargeFile, and huge.txtar of cmd/policyc",
	"PC9001": "a fault of policyc: no input is known that causes it",
}

// TestEveryCodeHasAGolden asserts that each diagnostic is shown by an
// archive, so that its text and its position are read once.
func TestEveryCodeHasAGolden(t *testing.T) {
	if *update {
		t.Skip("archives are being rewritten")
	}
	shown := map[string]bool{}
	for _, c := range loadCases(t) {
		for _, f := range c.archive.Files {
			if f.Name != diagnosticsFile {
				continue
			}
			for _, code := range diag.Codes() {
				shown[code.ID] = shown[code.ID] || strings.Contains(string(f.Data), "["+code.ID+"]:")
			}
		}
	}
	for _, code := range diag.Codes() {
		switch reason, excused := withoutGolden[code.ID]; {
		case !shown[code.ID] && !excused:
			t.Errorf("%s (%s) has no golden", code.ID, code.Title)
		case shown[code.ID] && excused:
			t.Errorf("%s has a golden, but is listed as one without: %s", code.ID, reason)
		}
	}
}
