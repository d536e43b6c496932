package mutate

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/policyc/policyc/compiler/code"
)

// literal alters a constant, a little: what is far off is noticed by anything.
func (w *writer) literal() {
	if w.at == element {
		return
	}
	switch v := w.e.Value.(type) {
	case bool:
		// A condition is decided anyway, and a comparison turned round.
		if w.at == fallback || w.at == value {
			w.addEquivalent(w.operator(), code.Lit(!v), w.unused)
		}
	case int64:
		w.addEquivalent(w.operator(), code.Lit(v+1), w.unused)
		if v > 0 || w.at != compared { // sizes are not negative
			w.addEquivalent(w.operator(), code.Lit(v-1), w.unused)
		}
	case string:
		for _, s := range w.strings(v) {
			reason := w.unused
			if w.at == pattern && strings.HasPrefix(v, "(?s)") && s+"$" == v && strings.HasSuffix(s, ".*") {
				reason = "`.*` goes to the end anyway"
			}
			w.addEquivalent(w.operator(), code.Lit(s), reason)
		}
	}
}

func (w *writer) operator() string {
	if w.at == fallback {
		return otherwise
	}
	return literal
}

// number begins what parses as a quantity or a duration.
var number = regexp.MustCompile(`^\d+`)

func (w *writer) strings(s string) []string {
	switch {
	case w.at == fallback && s != "":
		return []string{""}
	case w.at == prefix && s != "":
		_, n := utf8.DecodeLastRuneInString(s)
		return []string{s[:len(s)-n]}
	case w.at == suffix && s != "":
		_, n := utf8.DecodeRuneInString(s)
		return []string{s[n:]}
	case w.at == pattern:
		return patterns(s)
	}
	if digits := number.FindString(s); digits != "" && len(digits) < 10 {
		n, _ := strconv.Atoi(digits)
		return []string{strconv.Itoa(n+1) + s[len(digits):]}
	}
	return []string{s + "~"}
}

// patterns drops the anchors of a regular expression, one at a time.
func patterns(s string) []string {
	var out []string
	if strings.HasPrefix(s, "^") {
		out = append(out, s[1:])
	}
	if strings.HasSuffix(s, "$") && !strings.HasSuffix(s, `\$`) {
		out = append(out, s[:len(s)-1])
	}
	if out == nil {
		out = []string{s + "~"}
	}
	return out
}
