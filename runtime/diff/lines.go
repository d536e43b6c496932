package diff

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/policyc/policyc/compiler/emit"
)

// lines returns the lines of two texts with a sign each: - is only in the
// first, + only in the second, a blank in both. Of what is in both, only the
// neighbours of a difference are kept.
func lines(old, now string) []string {
	all := compareLines(old, now)
	var out []string
	skipped := false
	for i, line := range all {
		near := false
		for _, other := range all[max(0, i-neighbours):min(len(all), i+neighbours+1)] {
			near = near || other[0] != ' '
		}
		switch {
		case near:
			out = append(out, line)
		case !skipped:
			out = append(out, "  …")
		}
		skipped = !near
	}
	return out
}

// neighbours is how many equal lines are shown around a difference.
const neighbours = 2

func compareLines(old, now string) []string {
	a, b := splitLines(old), splitLines(now)
	if len(a)*len(b) > maxTable {
		return append(signed("- ", a), signed("+ ", b)...)
	}
	// common[i][j] is how many lines a[i:] and b[j:] have in common, in order.
	common := make([][]int, len(a)+1)
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if common[i][j] = max(common[i+1][j], common[i][j+1]); a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	var out []string
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			out = append(out, "  "+a[i])
			i, j = i+1, j+1
		case i < len(a) && (j == len(b) || common[i+1][j] >= common[i][j+1]):
			out = append(out, "- "+a[i])
			i++
		default:
			out = append(out, "+ "+b[j])
			j++
		}
	}
	return out
}

// maxTable bounds the table of lines; generated expressions are far smaller.
const maxTable = 1 << 20

func signed(sign string, lines []string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = sign + line
	}
	return out
}

func splitLines(s string) []string {
	if s == "" {
		return nil
	}
	var out []string
	for _, line := range strings.Split(strings.TrimRight(s, "\n"), "\n") {
		out = append(out, printable(line))
	}
	return out
}

// printable replaces what a terminal or a browser would act upon: control
// characters, and those that change the direction of text.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r == '\r' {
			return ' '
		}
		if unicode.Is(unicode.C, r) || r == '\u2028' || r == '\u2029' {
			return utf8.RuneError
		}
		return r
	}, s)
}

// cut shortens a text to so many runes.
func cut(s string, most int) string {
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	return string(runes[:most-1]) + "…"
}

// oneLine reports whether a field fits on a line with an arrow.
func (f Field) oneLine() bool {
	return !strings.Contains(f.Old+f.New, "\n") && utf8.RuneCountInString(f.Old)+utf8.RuneCountInString(f.New) <= 72
}

// readable is a field with its numbers as people write them.
func (f Field) readable() Field {
	if f.Aspect == Cost {
		f.Old, f.New = thousands(f.Old), thousands(f.New)
	}
	return f
}

func thousands(s string) string {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return s
	}
	return emit.Thousands(n)
}
