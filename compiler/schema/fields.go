package schema

import (
	"fmt"
	"sort"
	"strings"
	"sync"

	"github.com/policyc/policyc/compiler/types"
)

// lineFields are the fields of a type of Kubernetes, read when first asked
// for; a type may contain itself.
type lineFields struct {
	builtin *builtin
	name    string
	line    string
	once    sync.Once
	fields  fieldMap
}

// Field returns the field of that name, or nil.
func (l *lineFields) Field(name string) *types.Field {
	l.once.Do(l.parse)
	return l.fields[name]
}

// Names returns the names of all fields, sorted.
func (l *lineFields) Names() []string {
	l.once.Do(l.parse)
	return l.fields.Names()
}

func (l *lineFields) parse() {
	l.fields = fieldMap{}
	for part := range strings.SplitSeq(l.line, "\t") {
		name, code, ok := strings.Cut(part, " ")
		if !ok {
			continue // a type without fields
		}
		f := &types.Field{Name: name, Type: l.builtin.typeOf(code)}
		if f.Name, f.Required = strings.CutSuffix(name, "!"); !f.Required {
			f.Name, f.Nullable = strings.CutSuffix(name, "?")
		}
		l.fields[f.Name] = f
	}
	l.addNewer()
}

// addNewer adds the fields that only later versions have. The target is the
// oldest server that a policy must run on: on a later one, a policy that
// could not name them would let through what stands in them.
func (l *lineFields) addNewer() {
	if l.builtin.minor == newestMinor {
		return
	}
	newest, err := loaded[newestMinor]()
	if err != nil {
		return // reported when the newest minor itself is asked for
	}
	t, ok := newest.object(l.name)
	if !ok {
		return
	}
	for _, name := range t.Fields.Names() {
		if l.fields[name] == nil {
			f := *t.Fields.Field(name)
			f.Required, f.Newer = false, true
			l.fields[name] = &f
		}
	}
}

// codes are the types without parts, by the letters of gen/openapi.go.
var codes = map[string]*types.Type{
	"*": types.DynType, "s": types.StringType, "i": types.IntType, "n": types.DoubleType, "b": types.BoolType,
	"q": types.QuantityType, "x": types.IntOrStringType, "t": types.TimeType, "d": types.DurationTextType,
	"y": types.Base64Type,
}

// typeOf reads a code: [@io.k8s.api.core.v1.Container is a list of containers,
// {?y a map of base64 text or null.
func (b *builtin) typeOf(code string) *types.Type {
	if t, ok := codes[code]; ok {
		return t
	}
	rest := code[1:]
	if code[0] == '@' {
		if t, ok := b.object(rest); ok {
			return t
		}
		panic("schema: embedded data refers to unknown type " + rest)
	}
	rest, nullElem := strings.CutPrefix(rest, "?")
	elem := b.typeOf(rest)
	switch code[0] {
	case '[':
		return &types.Type{Kind: types.List, Elem: elem, NullElem: nullElem}
	case '{':
		return &types.Type{Kind: types.Map, Key: types.StringType, Elem: elem, NullElem: nullElem}
	}
	panic(fmt.Sprintf("schema: embedded data has unknown code %q", code))
}

// fieldMap is fields by name.
type fieldMap map[string]*types.Field

// Field returns the field of that name, or nil.
func (m fieldMap) Field(name string) *types.Field { return m[name] }

// Names returns the names of all fields, sorted.
func (m fieldMap) Names() []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
