package expr

import (
	"regexp"
	"slices"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/types"
)

// equal lowers total equality: two absent values are equal, an absent and a
// present one are not.
func (l *lowerer) equal(a, b *Node) *code.Expr {
	switch {
	case a.Op == OpAbsent && b.Op == OpAbsent:
		return code.True
	case a.Op == OpAbsent:
		return code.Not(l.has(b))
	case b.Op == OpAbsent:
		return code.Not(l.has(a))
	}
	if as := sugar(a.Type, b.Type); as != nil {
		return l.equalAs(a, b, as)
	}
	if b.Type.Kind == types.Dyn && composite(a.Type) || mayBeBuiltIn(a) && !mayBeBuiltIn(b) {
		// Since Kubernetes 1.37 a built-in object, or a list or map in it, raises an
		// error when it is asked whether it equals a value of another type
		// (k8s.io/apiserver/pkg/cel/common/valuesschemalesstyped.go). The other one
		// may be asked.
		a, b = b, a
	}
	ta, tb := l.term(a), l.term(b)
	if !ta.total() && tb.total() {
		return l.equalTo(ta, tb, false)
	}
	if ta.total() && !tb.total() {
		return l.equalTo(tb, ta, mayBeBuiltIn(b))
	}
	if ta.total() {
		if samePlace(ta.x, tb.x) {
			return code.Eq(ta.x, tb.x)
		}
		return code.Eq(agree(ta.x, ta.typ, tb.typ), tb.x)
	}
	x, y := l.opt(ta), l.opt(tb)
	if !agreeing(ta.typ, tb.typ) && !samePlace(ta.x, tb.x) {
		x, y = dynOptional(x, ta), dynOptional(y, tb)
	}
	return code.Eq(x, y)
}

// mayBeBuiltIn reports whether a value of unknown type may be an object, a list
// or a map of a kind of Kubernetes: what is found by going over an object, or in
// an object of any kind. What a CRD leaves open is not.
func mayBeBuiltIn(n *Node) bool {
	if n.Type.Kind != types.Dyn {
		return false
	}
	switch n.Op {
	case OpLocal:
		return n.Locals[0].BuiltIn
	case OpSelect, OpIndex:
		base := n.Args[0]
		return base.Type.Kind == types.Dyn && mayBeBuiltIn(base) || base.Type.Kind == types.Object && base.Type.Open && base.Op == OpVar ||
			n.Op == OpIndex && base.Type.Kind == types.Object
	}
	return false
}

func composite(t *types.Type) bool {
	return t.Kind == types.Object || t.Kind == types.List || t.Kind == types.Map
}

// samePlace reports whether two values stand in the same place of the old and
// the new object, and so have one type.
func samePlace(a, b *code.Expr) bool {
	p, _, ok := a.Plain()
	q, _, both := b.Plain()
	return ok && both && p.Replace("oldObject", code.Ident("object")).String() == q.Replace("oldObject", code.Ident("object")).String()
}

// equalTo compares a value that may be absent with one that is not, which is
// the one that is asked when first says so.
func (l *lowerer) equalTo(t, total term, first bool) *code.Expr {
	if t.typ.Kind == types.Bool && t.optional && !t.nullable {
		switch {
		case total.x.IsLit(true):
			return code.Method(t.x, "orValue", code.False)
		case total.x.IsLit(false):
			return code.Not(code.Method(t.x, "orValue", code.True))
		}
	}
	s, isText := total.x.Value.(string)
	if t.typ.Kind == types.String && t.optional && !t.nullable && isText && s != "" {
		return code.Eq(code.Method(t.x, "orValue", code.Lit("")), total.x)
	}
	if !t.optional {
		// A null is equal to nothing that is present.
		x := agree(t.x, t.typ, total.typ)
		if first {
			return code.Eq(total.x, x)
		}
		return code.Eq(x, total.x)
	}
	if total.typ.Kind == types.Dyn && composite(t.typ) || first {
		return code.Eq(code.Some(total.x), t.x)
	}
	// An optional that holds null is not equal to one that holds a value.
	return code.Eq(t.x, code.Some(agree(total.x, total.typ, t.typ)))
}

// agreeing reports whether CEL's checker compares values of the two types.
func agreeing(a, b *types.Type) bool {
	open := func(t *types.Type) bool { return t.Kind == types.Dyn || t.Kind == types.IntOrString }
	if open(a) || open(b) {
		return true
	}
	if a.Kind != b.Kind || a.Kind == types.Object {
		// The API server's type checker names objects by where they stand.
		return a.Kind == b.Kind && a.Kind != types.Object && a.Name == b.Name
	}
	if a.Kind == types.List {
		return agreeing(a.Elem, b.Elem)
	}
	if a.Kind == types.Map {
		return agreeing(a.Key, b.Key) && agreeing(a.Elem, b.Elem)
	}
	return true
}

// agree wraps x in dyn() where CEL's checker would refuse to compare it.
func agree(x *code.Expr, t, with *types.Type) *code.Expr {
	if agreeing(t, with) || isDyn(x) {
		return x
	}
	return code.Call("dyn", x)
}

// equalAs compares values that are read as a quantity, time or duration.
func (l *lowerer) equalAs(a, b *Node, as *types.Type) *code.Expr {
	ta, tb := l.force(l.readAs(a, as)), l.force(l.readAs(b, as))
	oneIsPresent := ta.total() || tb.total()
	if oneIsPresent {
		ta, tb = l.readAs(a, as), l.readAs(b, as)
	}
	same := l.truth([]term{ta, tb}, func(v []*code.Expr) result {
		if as.Kind == types.Opaque {
			return result{x: code.Eq(code.Method(v[0], "compareTo", v[1]), intLit(0))}
		}
		return result{x: code.Eq(v[0], v[1])}
	})
	if oneIsPresent {
		return same
	}
	neither := code.And(code.Not(code.Method(l.opt(ta), "hasValue")), code.Not(code.Method(l.opt(tb), "hasValue")))
	return code.Or(neither, same)
}

// readAs lowers a value that the schema gives a meaning: text or a number as
// the quantity, time or duration it stands for.
func (l *lowerer) readAs(n *Node, as *types.Type) term {
	t := l.lazy(n)
	if n.Type.Kind == as.Kind {
		return t
	}
	return l.apply([]term{t}, as, t.hint, func(v []*code.Expr) result {
		x := v[0]
		var guard *code.Expr
		text := n.Type.Kind == types.String && n.Op != OpLit
		switch as.Kind {
		case types.Timestamp:
			switch {
			case text:
				guard = partialGuards["string_to_timestamp"](v)
			case n.Op != OpLit:
				guard = matches(code.Call("string", x), yearPattern)
			}
			return result{guard: guard, x: code.Call("timestamp", x)}
		case types.Duration:
			if text {
				guard = partialGuards["string_to_duration"](v)
			}
			return result{guard: guard, x: code.Call("duration", x)}
		}
		switch n.Type.Kind {
		case types.Int:
			return result{x: code.Call("quantity", code.Call("string", exact(x, n.Type)))}
		case types.IntOrString:
			x = code.Call("string", x)
			return result{guard: code.Call("isQuantity", x), x: code.Call("quantity", x)}
		}
		if text {
			guard = code.Call("isQuantity", x)
		}
		return result{guard: guard, x: code.Call("quantity", x)}
	})
}

func (l *lowerer) compare(n *Node) *code.Expr {
	a, b := n.Args[0], n.Args[1]
	if as := sugar(a.Type, b.Type); as != nil {
		return l.truth([]term{l.readAs(a, as), l.readAs(b, as)}, func(v []*code.Expr) result {
			if as.Kind == types.Opaque {
				return result{x: code.Binary(n.Name, code.Method(v[0], "compareTo", v[1]), intLit(0))}
			}
			return result{x: code.Binary(n.Name, v[0], v[1])}
		})
	}
	return l.truth([]term{l.lazy(a), l.lazy(b)}, func(v []*code.Expr) result {
		return result{guard: orderGuard(a.Type, b.Type, v), x: code.Binary(n.Name, asText(v[0], a.Type), asText(v[1], b.Type))}
	})
}

// asText reads text to which the schema gives a meaning as plain text: the
// API server's type checker takes a time for a timestamp.
func asText(x *code.Expr, t *types.Type) *code.Expr {
	if x.Kind == code.KindLit { // a parameter
		return x
	}
	switch t.Kind {
	case types.Time, types.DurationText, types.Base64, types.Quantity:
		return code.Call("string", x)
	}
	return x
}

// exact reads a number from a CRD as the type that its schema says: what
// CEL's comparisons do by themselves, but nothing else does. It cannot fail:
// what the API server takes for an integer is at most 2^53 when it is written
// as a double (IsFloat64AJSONInteger of go-openapi/swag/conv).
func exact(x *code.Expr, t *types.Type) *code.Expr {
	if t.Loose && numeric(t) && undecided(x) && !isDyn(x) {
		// Else CEL may take the conversion from an int for the only one.
		x = code.Call("dyn", x)
	}
	switch {
	case !t.Loose || x.Kind == code.KindLit:
	case t.Kind == types.Int:
		return code.Call("int", x)
	case t.Kind == types.Double:
		return code.Call("double", x)
	}
	return x
}

// asInt is exact for what has been tested to be a number, too.
func asInt(x *code.Expr, t *types.Type) *code.Expr {
	if t.Kind == types.IntOrString && t.Loose {
		return code.Call("int", x)
	}
	return exact(x, t)
}

func typeIs(x *code.Expr, name string) *code.Expr {
	return code.Eq(code.Call("type", x), code.Ident(name))
}

func isNumber(x *code.Expr) *code.Expr { return code.Or(typeIs(x, "int"), typeIs(x, "double")) }

// isInteger tests an int-or-string for a number.
func isInteger(x *code.Expr, t *types.Type) *code.Expr {
	if t.Loose {
		return isNumber(x)
	}
	return typeIs(x, "int")
}

// orderGuard says when two values can be put in order.
func orderGuard(a, b *types.Type, v []*code.Expr) *code.Expr {
	open := func(t *types.Type) bool { return t.Kind == types.Dyn || t.Kind == types.IntOrString }
	switch {
	case open(a) && open(b):
		return code.Or(
			code.And(isNumber(v[0]), isNumber(v[1])),
			code.And(typeIs(v[0], "string"), typeIs(v[1], "string")),
			code.And(typeIs(v[0], "bool"), typeIs(v[1], "bool")))
	case open(b):
		return orderGuard(b, a, []*code.Expr{v[1], v[0]})
	case open(a) && numeric(b):
		return isNumber(v[0])
	case open(a) && b.Text():
		return typeIs(v[0], "string")
	case open(a):
		return typeIs(v[0], "bool")
	}
	return nil
}

func (l *lowerer) in(n *Node) *code.Expr {
	x, set := n.Args[0], n.Args[1]
	switch {
	case x.Op == OpAbsent || set.Op == OpAbsent:
		return code.False
	case set.Type.Kind == types.Dyn:
		return l.truth([]term{l.lazy(x), l.lazy(set)}, func(v []*code.Expr) result {
			inList := code.And(typeIs(v[1], "list"), code.Binary("in", v[0], v[1]))
			asKey := code.And(typeIs(v[1], "map"))
			if x.Type.Kind == types.Dyn || x.Type.Kind == types.IntOrString {
				asKey = code.And(asKey, typeIs(v[0], "string"))
			} else if !x.Type.Text() {
				return result{x: inList}
			}
			member := code.Method(code.OptIndex(v[1], v[0]), "orValue", code.Null)
			return result{x: code.Or(inList, code.And(asKey, code.Binary("!=", member, code.Null)))}
		})
	case set.Type.Kind == types.Object:
		return l.inObject(x, set)
	}
	list := l.collection(set, set.Type.Kind == types.List)
	elem := set.Type.Elem
	if set.Type.Kind == types.Map {
		elem = set.Type.Key
	}
	t := l.term(x)
	if t.typ.Kind == types.String && t.optional && !t.nullable && listsOnlyText(list) {
		return code.Binary("in", code.Method(t.x, "orValue", code.Lit("")), list)
	}
	return l.truth([]term{t}, func(v []*code.Expr) result {
		if set.Type.Kind == types.Map && (set.Type.NullElem || set.Type.Elem.Kind == types.Dyn) {
			member := term{x: code.OptIndex(list, v[0]), optional: true, nullable: true, typ: set.Type.Elem, hint: "member"}
			return result{guard: l.typeTest(set.Type.Key, x.Type, v[0]),
				x: l.truth([]term{member}, func([]*code.Expr) result { return result{x: code.True} })}
		}
		return result{x: code.Binary("in", agree(v[0], x.Type, elem), list)}
	})
}

// inObject lowers `'field' in object`: whether the field is present.
func (l *lowerer) inObject(x, set *Node) *code.Expr {
	return l.truth([]term{l.lazy(x), l.lazy(set)}, func(v []*code.Expr) result {
		member := code.OptIndex(code.Call("dyn", v[1]), v[0])
		return result{x: code.Binary("!=", code.Method(member, "orValue", code.Null), code.Null)}
	})
}

// listsOnlyText reports whether a list is written out and holds no "".
func listsOnlyText(list *code.Expr) bool {
	if list.Kind != code.KindList {
		return false
	}
	for _, item := range list.Args {
		if s, ok := item.Value.(string); !ok || s == "" || item.Kind != code.KindLit {
			return false
		}
	}
	return true
}

func (l *lowerer) arithmetic(n *Node) term {
	a, b := n.Args[0], n.Args[1]
	if n.Type.Kind == types.List && a.Type.Kind == types.List && b.Type.Kind == types.List {
		x, y := l.collection(a, true), l.collection(b, true)
		switch {
		case isEmpty(x):
			return term{x: y, typ: n.Type, hint: "items"}
		case isEmpty(y):
			return term{x: x, typ: n.Type, hint: "items"}
		}
		if !agreeing(a.Type, b.Type) {
			x, y = code.Call("dyn", x), code.Call("dyn", y)
		}
		return term{x: code.Binary("+", x, y), typ: n.Type, hint: "items"}
	}
	ta, tb := l.timeOperand(n, a), l.timeOperand(n, b)
	return l.apply([]term{ta, tb}, n.Type, "value", func(v []*code.Expr) result {
		guards := []*code.Expr{operandGuard(n.Name, a.Type, b.Type, v)}
		if n.Name == "/" || n.Name == "%" {
			if v[1].Kind != code.KindLit || v[1].IsLit(int64(0)) || v[1].IsLit(0.0) {
				zero := code.Lit(int64(0))
				if b.Type.Kind == types.Uint {
					zero = code.Lit(uint64(0))
				} else if b.Type.Kind == types.Double {
					zero = code.Lit(0.0)
				}
				guards = append(guards, code.Binary("!=", v[1], zero))
			}
		}
		x, y := asInt(asText(v[0], a.Type), a.Type), asInt(asText(v[1], b.Type), b.Type)
		if n.Type.Kind == types.List {
			x, y = agree(x, types.TypeType, types.NullType), agree(y, types.TypeType, types.NullType)
		}
		if n.Type.Kind == types.Timestamp || n.Type.Kind == types.Duration {
			x, y = v[0], v[1]
		}
		return result{guard: code.And(guards...), x: code.Binary(n.Name, x, y)}
	})
}

// timeOperand reads an operand as a time or duration where that is what the
// operation is about.
func (l *lowerer) timeOperand(n, operand *Node) term {
	if n.Type.Kind == types.Timestamp || n.Type.Kind == types.Duration {
		switch {
		case isTime(operand.Type):
			return l.readAs(operand, types.TimestampType)
		case isDuration(operand.Type):
			return l.readAs(operand, types.DurationType)
		}
	}
	return l.lazy(operand)
}

// operandGuard says when an arithmetic operator has operands it is defined for.
func operandGuard(op string, a, b *types.Type, v []*code.Expr) *code.Expr {
	both := func(name string) *code.Expr { return code.And(typeIs(v[0], name), typeIs(v[1], name)) }
	if a.Kind == types.Dyn && b.Kind == types.Dyn {
		switch op {
		case "+":
			return code.Or(both("int"), both("double"), both("string"), both("list"))
		case "%":
			return both("int")
		}
		return code.Or(both("int"), both("double"))
	}
	guards := code.True
	for i, t := range []*types.Type{a, b} {
		other := []*types.Type{b, a}[i]
		if t.Kind == types.IntOrString {
			guards = code.And(guards, isInteger(v[i], t))
		}
		if t.Kind != types.Dyn {
			continue
		}
		switch {
		case other.Kind == types.Int:
			guards = code.And(guards, typeIs(v[i], "int"))
		case other.Kind == types.Double:
			guards = code.And(guards, typeIs(v[i], "double"))
		case other.Text():
			guards = code.And(guards, typeIs(v[i], "string"))
		default:
			guards = code.And(guards, typeIs(v[i], "list"))
		}
	}
	return guards
}

// arguments lowers the operands of a call. A list or map that is absent is
// empty where a list or map is needed.
func (l *lowerer) arguments(n *Node) []term {
	if n.Name == "format" && n.Args[1].Op == OpList {
		return l.formatted(n)
	}
	out := make([]term, len(n.Args))
	for i, a := range n.Args {
		wants := func(k types.Kind) bool {
			return a.Type.Kind == k && !slices.ContainsFunc(n.Calls, func(o *overload) bool { return o.params[i].Kind != k })
		}
		switch {
		case wants(types.List):
			out[i] = once(n, l.collection(a, true), a.Type)
		case wants(types.Map):
			out[i] = term{x: l.collection(a, false), typ: a.Type, hint: "entries"}
		default:
			out[i] = l.lazy(a)
		}
	}
	return l.neutral(n, out)
}

// once returns a list as an operand of a call: where the types of its elements
// are tested, an optional, whose value gets a name.
func once(n *Node, list *code.Expr, t *types.Type) term {
	if len(n.Calls) == 1 || list.Simple() || list.Kind == code.KindList {
		return term{x: list, typ: t, hint: "items"}
	}
	return term{x: code.Some(list), optional: true, typ: t, hint: "items"}
}

// neutral replaces an absent text by "" where the call is then false anyway:
// shorter to read than a variable.
func (l *lowerer) neutral(n *Node, terms []term) []term {
	if len(terms) != 2 || len(n.Calls) != 1 {
		return terms
	}
	t, arg := terms[0], n.Args[1]
	s, ok := arg.Value.(string)
	if !ok || arg.Op != OpLit || t.typ.Kind != types.String || !t.optional || t.nullable {
		return terms
	}
	switch n.Name {
	case "startsWith", "endsWith", "contains":
		ok = s != ""
	case "matches":
		re, err := regexp.Compile(s)
		ok = err == nil && !re.MatchString("")
	default:
		ok = false
	}
	if ok {
		terms[0] = term{x: code.Method(t.x, "orValue", code.Lit("")), typ: t.typ, hint: t.hint}
	}
	return terms
}

// formatted returns the text of a format and its values: one that is left out
// of the list, as absent elements are, would be missing at run time.
func (l *lowerer) formatted(n *Node) []term {
	terms := []term{l.lazy(n.Args[0])}
	for _, a := range n.Args[1].Args {
		terms = append(terms, l.lazy(a))
	}
	return terms
}

// formatResult lowers the call of format.
func formatResult(n *Node, v []*code.Expr) result {
	items := slices.Clone(v[1:])
	for i, a := range n.Args[1].Args {
		items[i] = exact(items[i], a.Type)
		if !alike(n.Args[1].Args) {
			items[i] = agree(items[i], types.TypeType, types.NullType)
		}
	}
	return result{x: code.Method(v[0], "format", code.List(items, nil))}
}

// openList are the methods with an overload for each type of elements.
var openList = map[string]bool{"min": true, "max": true, "sort": true, "isSorted": true, "indexOf": true,
	"lastIndexOf": true}

// callResult lowers a call on present arguments.
func (l *lowerer) callResult(n *Node, v []*code.Expr) result {
	switch {
	case n.Name == "format" && n.Args[1].Op == OpList:
		return formatResult(n, v)
	case n.Name == "sum" && len(v) == 1:
		return l.sum(n, v[0])
	}
	var ways []*code.Expr
	var call *code.Expr
	for _, o := range n.Calls {
		args := make([]*code.Expr, len(v))
		var tests []*code.Expr
		for i, x := range v {
			have := n.Args[i].Type
			if test := l.typeTest(o.tests[i], have, x); test != nil {
				tests = append(tests, test)
			}
			if o.params[i].Kind == types.Timestamp && have.Kind == types.Time {
				tests = append(tests, matches(code.Call("string", x), yearPattern))
			}
			args[i] = coerce(o.params[i], have, x)
		}
		ways = append(ways, code.And(append(tests, guardOf(o, args))...))
		if openList[n.Name] && n.Method && undecided(args[0]) {
			args[0] = code.Call("dyn", args[0])
		}
		if call == nil {
			if n.Method {
				call = code.Method(args[0], n.Name, args[1:]...)
			} else {
				call = code.Call(n.Name, args...)
			}
		}
	}
	if n.Name == "string" && len(v) == 1 {
		call = stringOf(call, v[0], n.Args[0].Type)
	}
	return result{guard: code.Or(ways...), x: call, optional: n.Calls[0].optional}
}

// stringOf is string(x) with x as the number that its schema says: CEL writes
// the double 1000000.0, which a CRD takes for an integer, as 1e+06.
func stringOf(call, x *code.Expr, t *types.Type) *code.Expr {
	if t.Kind != types.IntOrString || !t.Loose {
		return call
	}
	return code.Cond(typeIs(x, "double"), code.Call("string", code.Call("int", dynRoot(x))), call)
}

// coerce reads x, of type have, as what a parameter wants.
func coerce(want, have *types.Type, x *code.Expr) *code.Expr {
	switch want.Kind {
	case types.String:
		return asText(x, have)
	case types.Int, types.Double:
		return asInt(x, have)
	case types.List:
		if have.Kind == types.List && have.Elem.Loose && !want.Elem.Loose {
			item := code.Ident("item")
			return code.Method(x, "map", item, exact(elementOf(x, item), have.Elem))
		}
	case types.Timestamp:
		if have.Kind == types.Time {
			return code.Call("timestamp", x)
		}
	case types.Duration:
		if have.Kind == types.DurationText {
			return code.Call("duration", x)
		}
	case types.Opaque:
		if have.Kind == types.Quantity {
			return code.Call("quantity", x)
		}
	case types.Map:
		if have.Kind == types.Object {
			return code.Call("dyn", x)
		}
	}
	return x
}

// elementOf is an element that is to be converted. Where CEL leaves the type of
// the list open, it would take the first conversion for the only one.
func elementOf(list, item *code.Expr) *code.Expr {
	if undecided(list) {
		return code.Call("dyn", item)
	}
	return item
}

// sum lowers list.sum(). The overloads begin with a zero of their own type, and
// at run time CEL takes the first one for every list of a type it does not
// know: only map() with a conversion makes it take another.
func (l *lowerer) sum(n *Node, list *code.Expr) result {
	elem := n.Args[0].Type.Elem
	if n.Args[0].Type.Kind != types.List {
		elem = types.DynType
	}
	item := code.Ident(l.fresh("item"))
	defer l.release(item.Name)
	as := func(conversion string) *code.Expr {
		return code.Method(code.Method(list, "map", item, code.Call(conversion, elementOf(list, item))), "sum")
	}
	switch {
	case elem.Kind == types.Int && elem.Loose:
		return result{x: as("int")}
	case elem.Kind == types.Double:
		return result{x: as("double")}
	case elem.Kind != types.Dyn:
		return result{x: code.Method(list, "sum")}
	}
	all := func(test *code.Expr) *code.Expr { return code.Method(list, "all", item, test) }
	guard := all(isNumber(item))
	if n.Args[0].Type.Kind == types.Dyn {
		guard = code.And(typeIs(list, "list"), guard)
	}
	return result{guard: guard, x: code.Cond(all(typeIs(item, "int")), code.Call("dyn", as("int")), code.Call("dyn", as("double")))}
}
