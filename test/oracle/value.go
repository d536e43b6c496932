package oracle

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Values of the interpreter are nil for absent, bool, int64, float64, string,
// []byte, time.Time, time.Duration, *resource.Quantity, netip.Addr,
// netip.Prefix, *url.URL, typeName, []any, and object for maps.

// object is a map of CEL. Keys are strings, ints or bools.
type object map[any]any

// typeName is the type that `type(x)` returns.
type typeName string

// fromJSON turns decoded JSON into values. A null member stays as it is: it is
// absent when it is read, but it takes its place in a list.
func fromJSON(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = fromJSON(e)
		}
		return out
	case map[string]any:
		if v == nil {
			return nil
		}
		out := object{}
		for k, e := range v {
			out[k] = fromJSON(e)
		}
		return out
	}
	return v
}

// equal is `==` of two present values: numbers compare by value whatever their
// type, values of different types are unequal.
func equal(a, b any) bool {
	switch x := a.(type) {
	case nil:
		return b == nil
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, equal)
	case object:
		y, ok := b.(object)
		if !ok || len(x) != len(y) {
			return false
		}
		for k, v := range x {
			w, found := y[k]
			if !found || !equal(v, w) {
				return false
			}
		}
		return true
	case string:
		y, ok := b.(string)
		return ok && x == y
	case bool:
		y, ok := b.(bool)
		return ok && x == y
	case []byte:
		y, ok := b.([]byte)
		return ok && slices.Equal(x, y)
	case typeName, time.Duration, netip.Addr, netip.Prefix:
		return a == b
	case *url.URL:
		y, ok := b.(*url.URL)
		return ok && x.String() == y.String()
	}
	order, ok := compare(a, b)
	return ok && order == 0
}

// compare orders two values. It is false where they cannot be ordered.
func compare(a, b any) (int, bool) {
	switch x := a.(type) {
	case int64:
		switch y := b.(type) {
		case int64:
			return cmp.Compare(x, y), true
		case float64:
			order, ok := compareFloat(y, x)
			return -order, ok
		}
	case float64:
		switch y := b.(type) {
		case int64:
			return compareFloat(x, y)
		case float64:
			return cmp.Compare(x, y), !math.IsNaN(x) && !math.IsNaN(y)
		}
	case string:
		if y, ok := b.(string); ok {
			return cmp.Compare(x, y), true
		}
	case bool:
		if y, ok := b.(bool); ok {
			return cmp.Compare(truth(x), truth(y)), true
		}
	case time.Time:
		if y, ok := b.(time.Time); ok {
			return x.Compare(y), true
		}
	case time.Duration:
		if y, ok := b.(time.Duration); ok {
			return cmp.Compare(x, y), true
		}
	case *resource.Quantity:
		if y, ok := b.(*resource.Quantity); ok {
			return x.Cmp(*y), true
		}
	}
	return 0, false
}

// compareFloat compares without losing digits of large integers.
func compareFloat(x float64, y int64) (int, bool) {
	switch {
	case math.IsNaN(x):
		return 0, false
	case x < -9.3e18:
		return -1, true
	case x > 9.3e18:
		return 1, true
	}
	return cmp.Compare(x, float64(y)), true
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

// style is how an API server writes the members of what it formats with `%s`:
// servers before cel-go's second formatter quote text and write keys as JSON.
type style struct{ quote, colon string }

var styles = []style{{"", ": "}, {`"`, ":"}}

// show is the text of a value in a message.
func (t style) show(v any) string {
	switch v := v.(type) {
	case nil:
		return "<unset>"
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return showFloat(v)
	case bool:
		return strconv.FormatBool(v)
	case time.Duration:
		return strconv.FormatFloat(v.Seconds(), 'f', -1, 64) + "s"
	case []any:
		texts := make([]string, len(v))
		for i, e := range v {
			texts[i] = t.member(e)
		}
		return "[" + strings.Join(texts, ", ") + "]"
	case object:
		var texts []string
		for k, e := range v {
			texts = append(texts, t.member(k)+t.colon+t.member(e))
		}
		slices.Sort(texts)
		return "{" + strings.Join(texts, ", ") + "}"
	}
	return fmt.Sprint(v)
}

// member shows a member of a list or map; a null is no unset value there.
func (t style) member(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return t.quote + v + t.quote
	case float64:
		switch {
		case t.quote == "":
		case math.IsInf(v, 0): // "+Inf"
			return t.quote + strconv.FormatFloat(v, 'f', 6, 64) + t.quote
		case !math.IsNaN(v):
			return strconv.FormatFloat(v, 'f', 6, 64)
		}
	}
	return t.show(v)
}

func showFloat(v float64) string {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 1):
		return "Infinity"
	case math.IsInf(v, -1):
		return "-Infinity"
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}
