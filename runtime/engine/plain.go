package engine

import (
	"fmt"
	"time"

	celtypes "github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// plain turns a CEL value into what JSON would have: nil, bool, int64,
// float64, string, []any, map[string]any. Other values become text.
func plain(v ref.Val) any {
	switch v := v.(type) {
	case nil, celtypes.Null:
		return nil
	case celtypes.Bool, celtypes.Int, celtypes.Double, celtypes.String:
		return v.Value()
	case celtypes.Uint:
		return int64(v)
	case celtypes.Bytes:
		return string(v)
	case celtypes.Duration:
		return v.Duration.String()
	case celtypes.Timestamp:
		return v.Format(time.RFC3339Nano)
	case *celtypes.Optional:
		if !v.HasValue() {
			return nil
		}
		return plain(v.GetValue())
	case *celtypes.Type:
		return v.TypeName()
	case traits.Lister:
		out := []any{}
		for it := v.Iterator(); it.HasNext() == celtypes.True; {
			out = append(out, plain(it.Next()))
		}
		return out
	case traits.Mapper:
		out := map[string]any{}
		for it := v.Iterator(); it.HasNext() == celtypes.True; {
			key := it.Next()
			out[fmt.Sprint(plain(key))] = plain(v.Get(key))
		}
		return out
	}
	if s, ok := v.Value().(fmt.Stringer); ok {
		return s.String()
	}
	return fmt.Sprint(v.Value())
}
