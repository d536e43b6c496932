package oracle

import (
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

// The conversions of text return nil where the text is no such value.

func parseQuantity(s string) any {
	q, err := resource.ParseQuantity(s)
	if err != nil {
		return nil
	}
	return &q
}

// parseTime takes the years that docs/language.md promises.
func parseTime(s string) any {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.Year() < 1000 || t.Year() > 8999 {
		return nil
	}
	return t
}

// durationText has every unit at most once, the large ones first.
var durationText = regexp.MustCompile(`^[-+]?((\d+(\.\d+)?)h)?((\d+(\.\d+)?)m)?((\d+(\.\d+)?)s)?((\d+(\.\d+)?)ms)?((\d+(\.\d+)?)(us|µs))?((\d+(\.\d+)?)ns)?$`)

func parseDuration(s string) any {
	d, err := time.ParseDuration(s)
	if err != nil || !durationText.MatchString(s) {
		return nil
	}
	return d
}

// parseInt takes the 18 digits that docs/language.md promises.
func parseInt(s string) any {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || len(strings.TrimLeft(s, "+-")) > 18 {
		return nil
	}
	return n
}

func parseIP(s string) any {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" || a.Is4In6() {
		return nil
	}
	return a
}

func parseCIDR(s string) any {
	p, err := netip.ParsePrefix(s)
	if err != nil || p.Addr().Is4In6() {
		return nil
	}
	return p
}

func parseURL(s string) any {
	if _, err := url.ParseRequestURI(s); err != nil {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil {
		return nil
	}
	return u
}

// toInt is int(x).
func toInt(v any) any {
	switch v := v.(type) {
	case int64:
		return v
	case float64:
		if math.IsNaN(v) || math.Abs(v) >= 1<<63 {
			return nil
		}
		return int64(v)
	case string:
		return parseInt(v)
	case time.Time:
		return v.Unix()
	}
	return nil
}

// doubleText is what docs/language.md promises: no names, no hexadecimals, and
// no exponent that a double cannot have.
var doubleText = regexp.MustCompile(`^[+-]?(\d{1,15}(\.\d{0,15})?|\.\d{1,15})([eE][+-]?\d{1,2})?$`)

// toDouble is double(x).
func toDouble(v any) any {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	case string:
		if f, err := strconv.ParseFloat(v, 64); err == nil && doubleText.MatchString(v) {
			return f
		}
	}
	return nil
}

// toString is string(x).
func toString(v any) any {
	switch v := v.(type) {
	case string, int64, bool, time.Duration:
		return styles[0].show(v)
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case float64:
		return fmt.Sprintf("%g", v)
	case netip.Addr:
		return v.String()
	case netip.Prefix:
		return v.String()
	}
	return nil
}

// toBool is bool(x).
func toBool(v any) any {
	switch v := v.(type) {
	case bool:
		return v
	case string:
		switch v {
		case "1", "t", "true", "TRUE", "True":
			return true
		case "0", "f", "false", "FALSE", "False":
			return false
		}
	}
	return nil
}

// typeOf is type(x).
func typeOf(v any) any {
	switch v.(type) {
	case bool:
		return typeName("bool")
	case int64:
		return typeName("int")
	case float64:
		return typeName("double")
	case string:
		return typeName("string")
	case []any:
		return typeName("list")
	case object:
		return typeName("map")
	}
	return nil
}
