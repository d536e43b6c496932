package expr

import "strings"

// other are names that people bring along from other languages.
var other = map[string]string{
	"beginsWith": "startsWith", "hasPrefix": "startsWith", "hasSuffix": "endsWith", "finishesWith": "endsWith",
	"len": "size", "length": "size", "count": "size", "any": "exists", "some": "exists", "every": "all", "forall": "all",
	"includes": "contains", "regex": "matches", "match": "matches", "test": "matches", "toLower": "lowerAscii", "lower": "lowerAscii",
	"toUpper": "upperAscii", "upper": "upperAscii", "toInt": "int", "toString": "string",
	"True": "true", "TRUE": "true", "False": "false", "FALSE": "false",
	"None": "null", "nil": "null", "undefined": "null", "Null": "null", "NULL": "null",
}

// syntaxHint says what to write instead of what the parser stumbled over at a
// byte offset; "" when nothing is known of it.
//
//	object.spec.hostPID = false → write `==` to compare
func syntaxHint(text string, offset int) string {
	rest := text[min(offset, len(text)):]
	before := strings.TrimRight(text[:min(offset, len(text))], " \n\t")
	word := strings.ToLower(rest[:wordEnd(rest)])
	last := strings.ToLower(before[len(before)-wordStart(before):])
	switch {
	case word == "and":
		return "write `&&` for and"
	case word == "or":
		return "write `||` for or"
	case last == "not":
		return "write `!` for not"
	case strings.HasPrefix(rest, "=~"):
		return "write `x.matches('pattern')` for a regular expression"
	case strings.HasPrefix(rest, "="):
		return "write `==` to compare"
	case strings.HasPrefix(rest, ">") && strings.HasSuffix(before, "<"):
		return "write `!=` for unequal"
	case strings.HasPrefix(rest, "*") && strings.HasSuffix(before, "["):
		return "write `.all(x, …)` or `.exists(x, …)` for every or some element"
	case strings.HasPrefix(rest, ":") && strings.LastIndexByte(before, '(') > strings.LastIndexByte(before, '{'):
		return "write a comma behind the variable: `list.all(x, …)`"
	case rest == "" && strings.Count(text, "(") > strings.Count(text, ")"):
		return "close the parenthesis"
	}
	return ""
}

// wordEnd is the length of the word at the beginning of a text, wordStart that
// of the one at its end.
func wordEnd(s string) int {
	n := 0
	for n < len(s) && isWord(s[n]) {
		n++
	}
	return n
}

func wordStart(s string) int {
	n := 0
	for n < len(s) && isWord(s[len(s)-1-n]) {
		n++
	}
	return n
}
