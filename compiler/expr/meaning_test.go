package expr

import (
	"math"
	"math/rand"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/cel-go/common/ast"
	celtypes "github.com/google/cel-go/common/types"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/types"
)

// TestLoweredMeans compares lowered conditions with meaning, which evaluates
// section 4 of DESIGN.md on the source as it was parsed.
func TestLoweredMeans(t *testing.T) {
	for seed := int64(1); seed <= 800; seed++ {
		checkMeaning(t, seed)
	}
}

func FuzzMeaning(f *testing.F) {
	f.Add(int64(1))
	f.Fuzz(func(t *testing.T, seed int64) { checkMeaning(t, seed) })
}

func checkMeaning(t *testing.T, seed int64) {
	g := &generator{Rand: rand.New(rand.NewSource(seed)), core: true}
	text := g.bool(1 + g.Intn(4))
	v := testTargets[seed%int64(len(testTargets))]
	env := testEnvs[v]()
	n, report := checkText(env.scope, text)
	if n.Bad() || report.HasErrors() {
		return
	}
	x := Condition(n)
	program := compileLowered(t, env, v, text, x)
	if program == nil {
		return
	}
	for range 6 {
		input := g.input()
		want, ok := means(text, input)
		if !ok {
			continue
		}
		got, _, err := program.Eval(input)
		if err != nil || got != celtypes.Bool(want) {
			t.Errorf("seed %d, %s: %s\n\t→ %s\n\tis %v (%v), want %v\n\tinput %v", seed, v, text, code.Print(x), got, err, want, input)
			return
		}
	}
}

// absent is the value that is not there.
type absent struct{}

// overflow ends an evaluation that CEL may end with an error.
type overflow struct{}

// seen is a value with what the schema says of it, present or not.
type seen struct {
	v any
	t *types.Type
}

func (s seen) absent() bool { return s.v == absent{} }

func none(t *types.Type) seen { return seen{absent{}, t} }

func of(v any, t *types.Type) seen {
	if v == nil {
		v = absent{}
	}
	return seen{v, t}
}

// means evaluates a condition; ok is false where it overflows.
func means(text string, input map[string]any) (result, ok bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, isOverflow := r.(overflow); !isOverflow {
				panic(r)
			}
			ok = false
		}
	}()
	p := Parse(source.Synthetic(text), diag.NewReport())
	m := &meaning{vars: map[string]seen{
		"object": of(input["object"], thingType), "oldObject": of(input["oldObject"], thingType),
		"any":          of(input["any"], types.DynType),
		"params.words": of(testParams["words"], types.NewList(types.StringType)),
		"params.none":  of(testParams["none"], types.NewList(types.StringType)),
	}}
	return m.holds(p.ast.Expr()), true
}

// meaning is the state of an evaluation: what names stand for.
type meaning struct{ vars map[string]seen }

func (m *meaning) holds(e ast.Expr) bool { return m.eval(e).v == true }

func (m *meaning) eval(e ast.Expr) seen {
	switch e.Kind() {
	case ast.LiteralKind:
		return literalSeen(e.AsLiteral().Value())
	case ast.IdentKind:
		return m.vars[e.AsIdent()]
	case ast.SelectKind:
		s := e.AsSelect()
		if s.Operand().Kind() == ast.IdentKind && s.Operand().AsIdent() == "params" {
			return m.vars["params."+s.FieldName()]
		}
		return m.index(m.eval(s.Operand()), of(s.FieldName(), types.StringType))
	case ast.ListKind:
		out := []any{}
		var elem *types.Type
		for _, item := range e.AsList().Elements() {
			v := m.eval(item)
			elem = joint(elem, v.t)
			if !v.absent() {
				out = append(out, v.v)
			}
		}
		return of(out, types.NewList(joint(elem, elem)))
	}
	return m.call(e.AsCall())
}

// joint is what is known of a value that is either one; nil stands for none.
func joint(a, b *types.Type) *types.Type {
	if a == nil {
		a = b
	}
	if a == nil || a.Kind != b.Kind {
		return types.DynType
	}
	return a
}

func literalSeen(v any) seen {
	switch v := v.(type) {
	case bool:
		return of(v, types.BoolType)
	case int64:
		return of(v, types.IntType)
	case float64:
		return of(v, types.DoubleType)
	case string:
		return of(v, types.StringType)
	}
	return none(types.NullType)
}

func (m *meaning) call(c ast.CallExpr) seen {
	args := c.Args()
	truth := func(b bool) seen { return of(b, types.BoolType) }
	switch c.FunctionName() {
	case "_&&_":
		for _, a := range args {
			if !m.holds(a) {
				return truth(false)
			}
		}
		return truth(true)
	case "_||_":
		for _, a := range args {
			if m.holds(a) {
				return truth(true)
			}
		}
		return truth(false)
	case "!_":
		return truth(!m.holds(args[0]))
	case "_?_:_":
		return either(m.holds(args[0]), m.eval(args[1]), m.eval(args[2]))
	case "_==_":
		return truth(same(m.eval(args[0]).v, m.eval(args[1]).v))
	case "_!=_":
		return truth(!same(m.eval(args[0]).v, m.eval(args[1]).v))
	case "has":
		return truth(!m.eval(args[0]).absent())
	case "@in":
		return truth(contains(m.eval(args[1]), m.eval(args[0])))
	case "_[_]":
		return m.index(m.eval(args[0]), m.eval(args[1]))
	case "_<_", "_<=_", "_>_", "_>=_":
		return truth(ordered(strings.Trim(c.FunctionName(), "_"), m.eval(args[0]).v, m.eval(args[1]).v))
	case "_+_", "_-_", "_*_", "_/_", "_%_":
		return arith(c.FunctionName()[1], m.eval(args[0]), m.eval(args[1]))
	case "-_":
		return arith('-', of(int64(0), types.IntType), m.eval(args[0]))
	case "orValue":
		v := m.eval(c.Target())
		return either(!v.absent(), v, m.eval(args[0]))
	case "startsWith":
		s, ok := m.eval(c.Target()).v.(string)
		prefix, both := m.eval(args[0]).v.(string)
		return truth(ok && both && strings.HasPrefix(s, prefix))
	case "size":
		if c.IsMemberFunction() {
			return sizeOf(m.eval(c.Target()))
		}
		return sizeOf(m.eval(args[0]))
	case "int":
		return toInt(m.eval(args[0]))
	case "double":
		return toDouble(m.eval(args[0]))
	}
	return m.macro(c)
}

// either chooses between values. Of the choice, only what both types have in
// joint is known.
func either(first bool, a, b seen) seen {
	t := joint(a.t, b.t)
	if first {
		return seen{a.v, t}
	}
	return seen{b.v, t}
}

func (m *meaning) macro(c ast.CallExpr) seen {
	rng := m.eval(c.Target())
	items, _ := rng.v.([]any)
	elem := types.DynType
	if rng.t.Kind == types.List {
		elem = rng.t.Elem
	}
	name, body := c.Args()[0].AsIdent(), c.Args()[1]
	outer, shadows := m.vars[name]
	kept, results, count := []any{}, []any{}, 0
	var result *types.Type
	for _, item := range items {
		m.vars[name] = of(item, elem)
		v := m.eval(body)
		result = joint(result, v.t)
		if v.v == true {
			count++
			kept = append(kept, item)
		}
		if !v.absent() {
			results = append(results, v.v)
		}
	}
	delete(m.vars, name)
	if shadows {
		m.vars[name] = outer
	}
	switch c.FunctionName() {
	case "all":
		return of(count == len(items), types.BoolType)
	case "exists":
		return of(count > 0, types.BoolType)
	case "exists_one":
		return of(count == 1, types.BoolType)
	case "filter":
		return of(kept, types.NewList(elem))
	case "map":
		return of(results, types.NewList(joint(result, result)))
	}
	panic("no meaning for " + c.FunctionName())
}

// exactly reads a number as what its schema says it is.
func exactly(s seen) any {
	switch v := s.v.(type) {
	case float64:
		if s.t.Kind == types.Int {
			return int64(v)
		}
	case int64:
		if s.t.Kind == types.Double {
			return float64(v)
		}
	}
	return s.v
}

func (m *meaning) index(x, key seen) seen {
	elem := types.DynType
	switch x.t.Kind {
	case types.List, types.Map:
		elem = x.t.Elem
	case types.Object:
		if name, ok := key.v.(string); ok && x.t.Fields.Field(name) != nil {
			elem = x.t.Fields.Field(name).Type
		}
	}
	switch v := x.v.(type) {
	case []any:
		if i, ok := exactly(key).(int64); ok && i >= 0 && int(i) < len(v) {
			return of(v[i], elem)
		}
	case map[string]any:
		if k, ok := key.v.(string); ok && v[k] != nil {
			return of(v[k], elem)
		}
	}
	return none(elem)
}

func asFloat(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

func same(a, b any) bool {
	if x, ok := asFloat(a); ok {
		y, both := asFloat(b)
		return both && x == y
	}
	switch x := a.(type) {
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !same(x[i], y[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for k := range x {
			if _, both := y[k]; !both || !same(x[k], y[k]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a, b)
}

func contains(set, x seen) bool {
	if x.absent() {
		return false
	}
	switch s := set.v.(type) {
	case []any:
		for _, item := range s {
			if same(item, x.v) {
				return true
			}
		}
	case map[string]any:
		k, ok := x.v.(string)
		return ok && s[k] != nil
	}
	return false
}

func ordered(op string, a, b any) bool {
	var c int
	x, ok := asFloat(a)
	y, both := asFloat(b)
	switch {
	case ok && both && x < y:
		c = -1
	case ok && both && x > y:
		c = 1
	case ok && both:
	default:
		s, ok := a.(string)
		u, both := b.(string)
		if p, isBool := a.(bool); isBool {
			if q, both := b.(bool); both {
				s, u, ok = strconv.FormatBool(p), strconv.FormatBool(q), true
				return compareHolds(op, strings.Compare(s, u))
			}
		}
		if !ok || !both {
			return false
		}
		c = strings.Compare(s, u)
	}
	return compareHolds(op, c)
}

func compareHolds(op string, c int) bool {
	switch op {
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	}
	return c >= 0
}

func arith(op byte, a, b seen) seen {
	if op == '+' && a.t.Kind == types.List && b.t.Kind == types.List {
		x, _ := a.v.([]any)
		y, _ := b.v.([]any)
		t := types.NewList(types.DynType)
		if types.Equal(a.t, b.t) {
			t = a.t
		}
		return of(append(append([]any{}, x...), y...), t)
	}
	switch x := exactly(a).(type) {
	case int64:
		if y, ok := exactly(b).(int64); ok {
			return intArith(op, x, y)
		}
	case float64:
		if y, ok := exactly(b).(float64); ok {
			return floatArith(op, x, y)
		}
	case string:
		if y, ok := b.v.(string); ok && op == '+' {
			return of(x+y, types.StringType)
		}
	case []any:
		if y, ok := b.v.([]any); ok && op == '+' {
			return of(append(append([]any{}, x...), y...), types.NewList(types.DynType))
		}
	}
	for _, t := range []*types.Type{a.t, b.t} {
		if numeric(t) || t.Kind == types.String {
			return none(t)
		}
	}
	return none(types.DynType)
}

func intArith(op byte, x, y int64) seen {
	if y == 0 && (op == '/' || op == '%') {
		return none(types.IntType)
	}
	var v int64
	switch op {
	case '+':
		v = x + y
	case '-':
		v = x - y
	case '*':
		v = x * y
	case '/':
		v = x / y
	case '%':
		v = x % y
	}
	if math.Abs(float64(x)) > 1<<31 || math.Abs(float64(y)) > 1<<31 {
		panic(overflow{})
	}
	return of(v, types.IntType)
}

func floatArith(op byte, x, y float64) seen {
	switch op {
	case '+':
		return of(x+y, types.DoubleType)
	case '-':
		return of(x-y, types.DoubleType)
	case '*':
		return of(x*y, types.DoubleType)
	case '/':
		if y != 0 {
			return of(x/y, types.DoubleType)
		}
	}
	return none(types.DoubleType)
}

func sizeOf(x seen) seen {
	n := 0
	switch v := x.v.(type) {
	case string:
		n = len([]rune(v))
	case []any:
		n = len(v)
	case map[string]any:
		n = len(v)
	default:
		if x.t.Kind != types.List && x.t.Kind != types.Map {
			return none(types.IntType)
		}
	}
	return of(int64(n), types.IntType)
}

var wholeNumber = regexp.MustCompile(`^[+-]?[0-9]{1,18}$`)

func toInt(x seen) seen {
	switch v := x.v.(type) {
	case int64:
		return of(v, types.IntType)
	case float64:
		if math.Abs(v) <= 9.2e18 {
			return of(int64(v), types.IntType)
		}
	case string:
		if n, err := strconv.ParseInt(v, 10, 64); err == nil && wholeNumber.MatchString(v) {
			return of(n, types.IntType)
		}
	}
	return none(types.IntType)
}

func toDouble(x seen) seen {
	switch v := x.v.(type) {
	case int64:
		return of(float64(v), types.DoubleType)
	case float64:
		return of(v, types.DoubleType)
	case string:
		if f, err := strconv.ParseFloat(v, 64); err == nil {
			return of(f, types.DoubleType)
		}
	}
	return none(types.DoubleType)
}
