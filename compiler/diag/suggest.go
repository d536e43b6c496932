package diag

import "strings"

// Suggest returns the name among the candidates that a person most likely
// meant by name. The first of equally near ones wins.
func Suggest(name string, among []string) (string, bool) {
	best, bestDistance := "", allowedDistance(name)+1
	for _, candidate := range among {
		if candidate == name || candidate == "" {
			continue
		}
		if strings.EqualFold(candidate, name) {
			return candidate, true
		}
		d := distance(strings.ToLower(name), strings.ToLower(candidate))
		if d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	if best == "" {
		best = longerOrShorter(name, among)
	}
	return best, best != ""
}

// minStem is how long a word must be to be taken for the stem of another.
const minStem = 6

// longerOrShorter returns a candidate that goes on where name stops, or the
// other way round: enforcement for enforce.
func longerOrShorter(name string, among []string) string {
	for _, candidate := range among {
		if min(len(name), len(candidate)) >= minStem && candidate != name &&
			(strings.HasPrefix(candidate, name) || strings.HasPrefix(name, candidate)) {
			return candidate
		}
	}
	return ""
}

// allowedDistance is one slip per three characters: more makes unlike words
// alike.
func allowedDistance(name string) int {
	return min(3, (len([]rune(name))+2)/3)
}

// distance counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b (optimal string alignment).
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	if abs := len(from) - len(to); abs > 3 || abs < -3 {
		return 4 // more than any allowed distance; long names cost nothing
	}
	var beforeLast []int
	last := make([]int, len(to)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(from); i++ {
		row := make([]int, len(to)+1)
		row[0] = i
		for j := 1; j <= len(to); j++ {
			replace := last[j-1]
			if from[i-1] != to[j-1] {
				replace++
			}
			row[j] = min(replace, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && from[i-1] == to[j-2] && from[i-2] == to[j-1] {
				row[j] = min(row[j], beforeLast[j-2]+1)
			}
		}
		beforeLast, last = last, row
	}
	return last[len(to)]
}
