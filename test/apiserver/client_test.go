package apiserver

import "testing"

func TestWarningText(t *testing.T) {
	for header, want := range map[string]string{
		`299 - "plain"`:                `plain`,
		`299 - "say \"hi\", C:\\dir"`:  `say "hi", C:\dir`,
		`299 - "ends with \\"`:         `ends with \`,
		`299 - "a" "Sun, 22 Nov 2026"`: `a`,
		`not a warning`:                `not a warning`,
	} {
		if got := warningText(header); got != want {
			t.Errorf("%s: got %s, want %s", header, got, want)
		}
	}
}
