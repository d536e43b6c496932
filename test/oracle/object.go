package oracle

import (
	"math"
	"math/rand"
	"slices"

	"github.com/policyc/policyc/compiler/types"
)

// objects makes random objects that the schema admits.
type objects struct {
	*rand.Rand
	world *world
	// typed says that the objects are to fit Go types, most of whose integers have 32 bits.
	typed bool
}

// value makes a value of a type. Fields that the expressions of the batch are
// about are mostly present, others hardly ever.
func (o *objects) value(t *types.Type, depth int) any {
	switch t.Kind {
	case types.Object:
		return o.object(t, depth)
	case types.List:
		return o.list(t, depth)
	case types.Map:
		return o.mapping(t, depth)
	case types.Bool:
		return o.Intn(2) == 0
	case types.Int:
		return o.integer(t)
	case types.Double:
		if d := pick(o.Rand, doubles...); !t.Loose || d != math.Trunc(d) || math.Abs(d) > 1e6 || o.Intn(2) == 0 {
			return d
		}
		return int64(o.Intn(4))
	case types.String:
		if len(t.Enum) > 0 && o.Intn(10) > 0 {
			return pick(o.Rand, t.Enum...)
		}
		return pick(o.Rand, words...)
	case types.Quantity:
		return pick(o.Rand, quantityTexts...)
	case types.IntOrString:
		if o.Intn(2) == 0 {
			return o.integer(t)
		}
		return pick(o.Rand, words...)
	case types.Time:
		return pick(o.Rand, timeTexts...)
	case types.DurationText:
		return pick(o.Rand, durationTexts...)
	case types.Base64:
		return pick(o.Rand, base64Texts...)
	}
	return o.open(depth)
}

func (o *objects) integer(t *types.Type) any {
	n := pick(o.Rand, ints...)
	if o.Intn(60) == 0 {
		n = pick(o.Rand, math.MaxInt64, math.MinInt64, int64(1)<<53+1)
	}
	if o.typed {
		return min(max(n, math.MinInt32), math.MaxInt32)
	}
	if t.Loose && o.Intn(2) == 0 && n < 1<<40 && n > -1<<40 {
		return float64(n)
	}
	return n
}

func (o *objects) object(t *types.Type, depth int) any {
	out := map[string]any{}
	chosen := o.world.chosen[t.Name]
	for _, name := range t.Fields.Names() {
		f := t.Fields.Field(name)
		likely := 3
		if slices.Contains(chosen, name) {
			likely = 75
		}
		if name == "spec" { // what the expressions are about
			likely = 92
		}
		if depth <= 0 {
			likely = 0
		}
		switch {
		case !f.Required && o.Intn(100) >= likely:
		case f.Nullable && o.Intn(6) == 0:
			out[name] = nil
		default:
			if out[name] = o.value(f.Type, depth-1); name == "image" && f.Type.Kind == types.String {
				out[name] = pick(o.Rand, images...)
			}
		}
	}
	if t.Open {
		for range o.Intn(4) {
			if k := pick(o.Rand, keys...); t.Fields.Field(k) == nil {
				out[k] = o.open(depth - 1)
			}
		}
	}
	return out
}

func (o *objects) list(t *types.Type, depth int) any {
	out := []any{}
	for range o.Intn(4) {
		switch {
		case t.NullElem && o.Intn(4) == 0:
			out = append(out, nil)
		case len(out) > 0 && o.Intn(4) == 0:
			out = append(out, out[o.Intn(len(out))])
		default:
			out = append(out, o.value(t.Elem, depth-1))
		}
	}
	return out
}

func (o *objects) mapping(t *types.Type, depth int) any {
	out := map[string]any{}
	for range o.Intn(4) {
		k := pick(o.Rand, keys...)
		if o.Intn(5) == 0 {
			k = pick(o.Rand, words...)
		}
		if out[k] = o.value(t.Elem, depth-1); t.NullElem && o.Intn(4) == 0 {
			out[k] = nil
		}
	}
	return out
}

// open makes a value where the schema says nothing.
func (o *objects) open(depth int) any {
	n := 8
	if depth <= 0 {
		n = 6
	}
	switch o.Intn(n) {
	case 0:
		return nil
	case 1:
		return o.Intn(2) == 0
	case 2:
		return o.integer(types.IntType)
	case 3:
		return pick(o.Rand, doubles...)
	case 4, 5:
		return pick(o.Rand, words...)
	case 6:
		out := []any{}
		for range o.Intn(4) {
			out = append(out, o.open(depth-2))
		}
		return out
	}
	out := map[string]any{}
	for range o.Intn(4) {
		out[pick(o.Rand, keys...)] = o.open(depth - 1)
	}
	return out
}

// input makes a request about objects of the kind.
func (o *objects) input(root *types.Type) *input {
	in := &input{Operation: pick(o.Rand, "CREATE", "CREATE", "UPDATE", "UPDATE", "UPDATE", "DELETE"), kind: o.world.kind}
	in.describe(o.Rand)
	in.Typed = in.kind.builtIn() && o.Intn(2) == 0
	o.typed = in.Typed
	if in.Operation != "DELETE" {
		in.Object = o.root(root)
	}
	if in.Operation != "CREATE" {
		in.OldObject = o.root(root)
		if in.Object != nil && o.Intn(6) == 0 {
			in.OldObject = in.Object
		}
	}
	return in
}

func (o *objects) root(t *types.Type) map[string]any {
	out := o.object(t, 9).(map[string]any)
	k := o.world.kind
	out["kind"], out["apiVersion"] = k.kind, k.version
	if k.group != "" {
		out["apiVersion"] = k.group + "/" + k.version
	}
	return out
}
