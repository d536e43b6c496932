package oracle

import (
	"regexp"
	"strings"
)

var textMethods = map[string]func([]any) any{
	"size":       one(size),
	"startsWith": two(func(a, b string) any { return strings.HasPrefix(a, b) }),
	"endsWith":   two(func(a, b string) any { return strings.HasSuffix(a, b) }),
	"contains":   two(func(a, b string) any { return strings.Contains(a, b) }),
	"matches":    two(func(a, b string) any { return regexp.MustCompile(b).MatchString(a) }),
	"glob":       two(func(a, b string) any { return globPattern(b).MatchString(a) }),
	"find":       two(func(a, b string) any { return regexp.MustCompile(b).FindString(a) }),
	"findAll":    two(func(a, b string) any { return texts(regexp.MustCompile(b).FindAllString(a, -1)) }),
	"lowerAscii": one(func(s string) any { return mapASCII(s, 'A', 'Z', 'a'-'A') }),
	"upperAscii": one(func(s string) any { return mapASCII(s, 'a', 'z', 'A'-'a') }),
	"trim":       one(func(s string) any { return strings.TrimSpace(s) }),
	"substring":  substring,
	"charAt": two(func(s string, i int64) any {
		runes := []rune(s)
		switch {
		case i == int64(len(runes)):
			return ""
		case i < 0 || i > int64(len(runes)):
			return nil
		}
		return string(runes[i])
	}),
	"indexOf":     indexOf(func(at, offset int) bool { return at >= offset }, false),
	"lastIndexOf": indexOf(func(at, offset int) bool { return at <= offset }, true),
	"format":      format,
	"split":       two(func(s, sep string) any { return texts(strings.Split(s, sep)) }),
	"replace": func(args []any) any {
		s, ok1 := args[0].(string)
		from, ok2 := args[1].(string)
		to, ok3 := args[2].(string)
		if !ok1 || !ok2 || !ok3 {
			return nil
		}
		return strings.ReplaceAll(s, from, to)
	},
}

func size(v any) any {
	switch v := v.(type) {
	case string:
		return int64(len([]rune(v)))
	case []any:
		return int64(len(v))
	case object:
		return int64(len(v))
	}
	return nil
}

func globPattern(pattern string) *regexp.Regexp {
	quoted := strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(pattern))
	return regexp.MustCompile(`(?s)^(` + quoted + `)$`)
}

func texts(in []string) any {
	out := []any{}
	for _, s := range in {
		out = append(out, s)
	}
	return out
}

func mapASCII(s string, first, last, shift rune) string {
	return strings.Map(func(r rune) rune {
		if r >= first && r <= last {
			return r + shift
		}
		return r
	}, s)
}

func substring(args []any) any {
	s, ok := args[0].(string)
	if !ok {
		return nil
	}
	runes := []rune(s)
	from, ok := args[1].(int64)
	to := int64(len(runes))
	if len(args) == 3 && ok {
		to, ok = args[2].(int64)
	}
	if !ok || from < 0 || from > to || to > int64(len(runes)) {
		return nil
	}
	return string(runes[from:to])
}

// indexOf looks for text in text: the first place, or the last one, that an
// offset allows. An offset outside of the text has no result.
func indexOf(allowed func(at, offset int) bool, last bool) func([]any) any {
	return func(args []any) any {
		s, ok1 := args[0].(string)
		sub, ok2 := args[1].(string)
		if !ok1 || !ok2 {
			return nil
		}
		found, runes := int64(-1), []rune(s)
		for at := 0; at <= len(runes); at++ {
			if len(args) == 3 {
				offset, ok := args[2].(int64)
				if !ok || offset < 0 || offset > int64(len(runes)) {
					return nil
				}
				if !allowed(at, int(offset)) {
					continue
				}
			}
			if strings.HasPrefix(string(runes[at:]), sub) && (last || found < 0) {
				found = int64(at)
			}
		}
		return found
	}
}

// format puts values in the place of `%s`; it has no result when one is absent.
func format(args []any) any {
	s, ok := args[0].(string)
	if !ok {
		return nil
	}
	for _, v := range args[1:] {
		if v == nil {
			return nil
		}
		before, after, _ := strings.Cut(s, "%s")
		s = before + styles[0].show(v) + strings.ReplaceAll(after, "%s", "%s")
	}
	return s
}
