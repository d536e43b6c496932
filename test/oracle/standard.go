package oracle

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// standard are the functions that policyc ships (docs/language.md); glob is
// among the methods of text.
var standard = map[string]func([]any) any{
	"image":   one(func(s string) any { return parseImage(s) }),
	"isImage": one(func(s string) any { return parseImage(s) != nil }),
	"cpu":     one(amount),
	"memory":  one(amount),
}

// amount is a quantity as a number.
func amount(v any) any {
	if q, ok := asQuantity(v).(*resource.Quantity); ok {
		return q.AsApproximateFloat64()
	}
	return nil
}

// parseImage takes a reference apart as Docker's distribution does:
// [domain/]path[:tag][@digest]. It is nil for what is no reference.
func parseImage(ref string) any {
	name, digest, hasDigest := strings.Cut(ref, "@")
	if hasDigest && !isDigest(digest) {
		return nil
	}
	out := object{}
	if hasDigest {
		out["digest"] = digest
	}
	if colon := strings.LastIndexByte(name, ':'); colon > strings.LastIndexByte(name, '/') {
		tag := name[colon+1:]
		if name = name[:colon]; !isTag(tag) {
			return nil
		}
		out["tag"] = tag
	}
	domain, path, hasDomain := strings.Cut(name, "/")
	if hasDomain = hasDomain && (domain == "localhost" || strings.ContainsAny(domain, ".:") || strings.ToLower(domain) != domain); !hasDomain {
		domain, path = "docker.io", name
	}
	if domain == "index.docker.io" {
		domain = "docker.io"
	}
	if domain == "docker.io" && !strings.Contains(path, "/") {
		path = "library/" + path
	}
	if !isDomain(domain) {
		return nil
	}
	for _, part := range strings.Split(path, "/") {
		if !isPathPart(part) {
			return nil
		}
	}
	domain = strings.ToLower(domain)
	out["registry"], out["repository"], out["name"] = domain, path, domain+"/"+path
	return out
}

const (
	digits  = "0123456789"
	lower   = "abcdefghijklmnopqrstuvwxyz" + digits
	letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + lower
)

// only reports whether text is made of some characters, and is not empty.
func only(s, of string) bool { return s != "" && strings.Trim(s, of) == "" }

func isTag(s string) bool {
	return only(s, letters+"_.-") && len(s) <= 128 && s[0] != '.' && s[0] != '-'
}

// isDigest: an algorithm in lower case, and at least 32 hexadecimal digits.
func isDigest(s string) bool {
	algorithm, hex, _ := strings.Cut(s, ":")
	for _, part := range strings.FieldsFunc("x"+algorithm+"x", func(r rune) bool { return strings.ContainsRune("+._-", r) }) {
		if !only(part, lower) {
			return false
		}
	}
	return only(algorithm, lower+"+._-") && only(algorithm[:1], lower) && only(algorithm[len(algorithm)-1:], lower) &&
		!hasPair(algorithm, "+._-") && only(hex, digits+"abcdefABCDEF") && len(hex) >= 32
}

// hasPair reports whether two of the characters stand side by side.
func hasPair(s, of string) bool {
	for i := 1; i < len(s); i++ {
		if strings.IndexByte(of, s[i]) >= 0 && strings.IndexByte(of, s[i-1]) >= 0 {
			return true
		}
	}
	return false
}

// isDomain: a name or an address, maybe with a port.
func isDomain(s string) bool {
	host := s
	if colon := strings.LastIndexByte(s, ':'); colon > strings.LastIndexByte(s, ']') {
		if host = s[:colon]; !only(s[colon+1:], digits) {
			return false
		}
	}
	if strings.HasPrefix(host, "[") {
		return strings.HasSuffix(host, "]") && only(host[1:len(host)-1], digits+"abcdefABCDEF:")
	}
	for _, label := range strings.Split(host, ".") {
		if !only(label, letters+"-") || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return true
}

// isPathPart: words in lower case, with one of `.`, `_`, `__`, or any number of
// dashes between two of them.
func isPathPart(s string) bool {
	if !only(s, lower+"._-") {
		return false
	}
	for s != "" {
		word := len(s) - len(strings.TrimLeft(s, lower))
		if word == 0 {
			return false
		}
		if s = s[word:]; s == "" {
			return true
		}
		next := strings.TrimLeft(s, "._-")
		separator := s[:len(s)-len(next)]
		if separator != "." && separator != "_" && separator != "__" && strings.Trim(separator, "-") != "" || next == "" {
			return false
		}
		s = next
	}
	return false
}
