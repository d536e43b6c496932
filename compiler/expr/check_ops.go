package expr

import (
	"slices"
	"strings"
	"time"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/types"
)

// call types operators, macros and functions.
func (c *checker) call(e ast.Expr, at source.Span) *Node {
	call := e.AsCall()
	if call.IsMemberFunction() {
		return c.member(e, at)
	}
	args := call.Args()
	switch call.FunctionName() {
	case operators.LogicalAnd, operators.LogicalOr:
		op := OpAnd
		if call.FunctionName() == operators.LogicalOr {
			op = OpOr
		}
		n := &Node{Op: op, Type: types.BoolType, Span: at}
		for _, a := range args {
			n.Args = append(n.Args, c.condition(a))
		}
		return n
	case operators.LogicalNot:
		return &Node{Op: OpNot, Type: types.BoolType, Span: at, Args: []*Node{c.condition(args[0])}}
	case operators.Conditional:
		return c.conditional(args, at)
	case operators.Equals:
		return c.equality(OpEq, c.check(args[0]), c.check(args[1]), at)
	case operators.NotEquals:
		return c.equality(OpNe, c.check(args[0]), c.check(args[1]), at)
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		return c.comparison(strings.Trim(call.FunctionName(), "_"), c.check(args[0]), c.check(args[1]), at)
	case operators.In:
		return c.in(c.check(args[0]), c.check(args[1]), at)
	case operators.Add, operators.Subtract, operators.Multiply, operators.Divide, operators.Modulo:
		return c.arithmetic(strings.Trim(call.FunctionName(), "_"), c.check(args[0]), c.check(args[1]), at)
	case operators.Negate:
		return c.negate(c.check(args[0]), at)
	case operators.Index, operators.OptIndex:
		return c.index(c.check(args[0]), c.check(args[1]), at)
	case operators.OptSelect:
		field, _ := args[1].AsLiteral().Value().(string)
		return c.selectField(c.check(args[0]), field, at)
	case operators.Has:
		if len(args) != 1 {
			c.report.Errorf(diag.WrongType, at, "`has` takes one argument, not %d", len(args))
			return bad(at)
		}
		c.presence++
		x := c.check(args[0])
		c.presence--
		if x.Op == OpBad {
			return x
		}
		return &Node{Op: OpHas, Type: types.BoolType, Span: at, Args: []*Node{x}}
	}
	return c.function(call.FunctionName(), nil, args, at)
}

// condition types an operand of a boolean operator.
func (c *checker) condition(e ast.Expr) *Node {
	n := c.check(e)
	if n.Op == OpBad || n.Type.Kind == types.Bool || n.Type.Kind == types.Dyn || n.Op == OpAbsent {
		return n
	}
	c.report.Errorf(diag.WrongType, n.Span, "a condition is needed, but this is %s", n.Type).
		Helpf("compare it with something, or write `has(…)` to ask whether it is present")
	return bad(n.Span)
}

func (c *checker) conditional(args []ast.Expr, at source.Span) *Node {
	cond, a, b := c.condition(args[0]), c.check(args[1]), c.check(args[2])
	n := &Node{Op: OpCond, Span: at, Args: []*Node{cond, a, b}}
	switch {
	case a.Op == OpAbsent:
		n.Type = b.Type
	case b.Op == OpAbsent:
		n.Type = a.Type
	default:
		n.Type = join(a.Type, b.Type, false)
	}
	if mixed(n.Type, a, b) {
		return c.wrongTypes(at, "?:", a, b)
	}
	if a.Constants != nil && b.Constants != nil {
		n.Constants = append(slices.Clone(a.Constants), b.Constants...)
	}
	return n
}

func numeric(t *types.Type) bool {
	return t.Kind == types.Int || t.Kind == types.Uint || t.Kind == types.Double
}

func isQuantity(t *types.Type) bool {
	return t.Kind == types.Quantity || t.Kind == types.Opaque && t.Name == quantityName
}

func isTime(t *types.Type) bool { return t.Kind == types.Time || t.Kind == types.Timestamp }
func isDuration(t *types.Type) bool {
	return t.Kind == types.DurationText || t.Kind == types.Duration
}

// sugar says what text and numbers become beside a value to which the schema
// gives a meaning: nil when there is none, else the type both are read as.
func sugar(a, b *types.Type) *types.Type {
	for range 2 {
		plain := b.Kind == types.String || b.Kind == types.Int || b.Kind == types.IntOrString
		switch {
		case isQuantity(a) && (isQuantity(b) || plain):
			return quantityObject
		case isTime(a) && (isTime(b) || b.Kind == types.String):
			if a.Kind == types.Timestamp && b.Kind == types.String {
				break
			}
			return types.TimestampType
		case isDuration(a) && (isDuration(b) || b.Kind == types.String):
			if a.Kind == types.Duration && b.Kind == types.String {
				break
			}
			return types.DurationType
		}
		a, b = b, a
	}
	return nil
}

// checkLiteral reports a literal that is no value of the type it is read as.
func (c *checker) checkLiteral(n *Node, as *types.Type) bool {
	s, ok := n.Value.(string)
	if n.Op != OpLit || !ok {
		return true
	}
	switch {
	case as == quantityObject:
		if _, err := resource.ParseQuantity(s); err != nil {
			c.report.Errorf(diag.InvalidLiteral, n.Span, "%q is no quantity", s).Helpf("write for example '500m', '2' or '1Gi'")
			return false
		}
	case as.Kind == types.Timestamp:
		if _, err := time.Parse(time.RFC3339, s); err != nil {
			c.report.Errorf(diag.InvalidLiteral, n.Span, "%q is no time", s).Helpf("write for example '2026-01-31T00:00:00Z'")
			return false
		}
	case as.Kind == types.Duration:
		if _, err := time.ParseDuration(s); err != nil {
			c.report.Errorf(diag.InvalidLiteral, n.Span, "%q is no duration", s).Helpf("write for example '30s' or '1h30m'")
			return false
		}
	}
	return true
}

func (c *checker) equality(op Op, a, b *Node, at source.Span) *Node {
	n := &Node{Op: op, Type: types.BoolType, Span: at, Args: []*Node{a, b}}
	if a.Op == OpBad || b.Op == OpBad {
		return bad(at)
	}
	if as := sugar(a.Type, b.Type); as != nil {
		if !c.checkLiteral(a, as) || !c.checkLiteral(b, as) {
			return bad(at)
		}
		return n
	}
	if !comparable(a.Type, b.Type) {
		d := c.report.Errorf(diag.WrongType, at, "%s is never equal to %s", a.Type, b.Type)
		if a.Type.Kind == types.Int && b.Type.Kind == types.String || a.Type.Kind == types.String && b.Type.Kind == types.Int {
			d.Helpf("write the number without quotes, or convert with `string(…)`")
		} else if holdsOpaque(a.Type) || holdsOpaque(b.Type) {
			d.Helpf("read both as the same, such as `quantity(…) == quantity(…)`")
		}
		return bad(at)
	}
	if unlike(a.Type, b.Type) {
		c.report.Warnf(diag.UnlikeObjects, at, "%s is compared with %s", a.Type, b.Type).
			Notef("to an API server from 1.37 on they are never equal").
			Helpf("compare the fields that matter")
	}
	c.checkEnum(a, b)
	c.checkEnum(b, a)
	return n
}

// unlike reports whether two types are of objects of Kubernetes that have
// different Go types, or of lists of such.
func unlike(a, b *types.Type) bool {
	if a.Kind == types.List && b.Kind == types.List {
		return unlike(a.Elem, b.Elem)
	}
	builtIn := func(t *types.Type) bool { return t.Kind == types.Object && strings.HasPrefix(t.Name, "io.k8s.") }
	return builtIn(a) && builtIn(b) && !strings.Contains(a.Name+b.Name, " | ") && a.Name != b.Name
}

// checkEnum warns about a text that the schema does not list.
func (c *checker) checkEnum(field, lit *Node) {
	s, ok := lit.Value.(string)
	if !ok || lit.Op != OpLit || len(field.Type.Enum) == 0 || slices.Contains(field.Type.Enum, s) {
		return
	}
	d := c.report.Warnf(diag.ImpossibleValue, lit.Span, "the field is never %q", s).
		Notef("its values are %s", quoteAll(field.Type.Enum))
	if best, ok := diag.Suggest(s, field.Type.Enum); ok {
		d.Helpf("did you mean %q?", best)
	}
}

// holdsOpaque reports whether a value is, or holds, one of a type of a library,
// such as a quantity. The API server raises an error when such a value is
// compared with one of another type, so that it is never a value of which the
// type is not known.
func holdsOpaque(t *types.Type) bool {
	switch t.Kind {
	case types.Opaque:
		return true
	case types.List, types.Map:
		return holdsOpaque(t.Elem)
	}
	return false
}

// mixed reports whether values cannot be in one collection, or stand for one
// another: see holdsOpaque.
func mixed(of *types.Type, ns ...*Node) bool {
	return !holdsOpaque(of) && slices.ContainsFunc(ns, func(n *Node) bool { return holdsOpaque(n.Type) })
}

// comparable reports whether values of the two types can be equal.
func comparable(a, b *types.Type) bool {
	switch {
	case a.Kind == types.Null || b.Kind == types.Null || a == nothing || b == nothing:
		return true
	case holdsOpaque(a) != holdsOpaque(b):
		return false
	case a.Kind == types.Dyn || b.Kind == types.Dyn:
		return true
	case numeric(a) && numeric(b):
		return true
	case a.Text() && b.Text():
		return true
	case a.Kind == types.IntOrString:
		return b.Kind == types.IntOrString || numeric(b) || b.Text()
	case b.Kind == types.IntOrString:
		return comparable(b, a)
	case a.Kind == types.List && b.Kind == types.List:
		return comparable(a.Elem, b.Elem)
	case holdsOpaque(a) && a.Kind == types.Map && b.Kind == types.Map:
		return comparable(a.Elem, b.Elem)
	case isObject(a) && isObject(b):
		return true
	case a.Kind == types.Opaque:
		return b.Kind == types.Opaque && a.Name == b.Name
	}
	return a.Kind == b.Kind
}

func isObject(t *types.Type) bool { return t.Kind == types.Object || t.Kind == types.Map }

func (c *checker) comparison(op string, a, b *Node, at source.Span) *Node {
	n := &Node{Op: OpCompare, Name: op, Type: types.BoolType, Span: at, Args: []*Node{a, b}}
	if a.Op == OpBad || b.Op == OpBad {
		return bad(at)
	}
	if isNull(a) || isNull(b) {
		c.report.Errorf(diag.WrongType, at, "`%s` with null is always false", op).
			Helpf("write `has(x)` or `x == null` to ask whether a value is present")
		return bad(at)
	}
	if as := sugar(a.Type, b.Type); as != nil {
		if !c.checkLiteral(a, as) || !c.checkLiteral(b, as) {
			return bad(at)
		}
		return n
	}
	if orderable(a.Type, b.Type) {
		return n
	}
	return c.wrongTypes(at, op, a, b)
}

// isNull reports whether null was written. What a variable has that is absent
// in this scope, as oldObject is when a rule that ratchets judges the old
// object, keeps its type.
func isNull(n *Node) bool { return n.Op == OpAbsent && n.Type.Kind == types.Null }

func orderable(a, b *types.Type) bool {
	switch {
	case a.Kind == types.Dyn:
		return b.Kind == types.Dyn || numeric(b) || b.Text() || b.Kind == types.IntOrString || b.Kind == types.Bool
	case b.Kind == types.Dyn:
		return orderable(b, a)
	case numeric(a) && numeric(b), a.Text() && b.Text():
		return true
	case a.Kind == types.IntOrString:
		return numeric(b) || b.Text()
	case b.Kind == types.IntOrString:
		return orderable(b, a)
	}
	switch a.Kind {
	case types.Bool, types.Bytes, types.Timestamp, types.Duration:
		return a.Kind == b.Kind
	}
	return false
}

func (c *checker) in(x, set *Node, at source.Span) *Node {
	n := &Node{Op: OpIn, Type: types.BoolType, Span: at, Args: []*Node{x, set}}
	switch {
	case x.Op == OpBad || set.Op == OpBad:
		return bad(at)
	case set.Op == OpAbsent, set.Type.Kind == types.Dyn && !holdsOpaque(x.Type):
		return n
	case set.Type.Kind == types.List && comparable(x.Type, set.Type.Elem):
		for _, lit := range set.Args {
			c.checkEnum(x, lit)
		}
		return n
	case set.Type.Kind == types.Map && comparable(x.Type, set.Type.Key):
		return n
	case set.Type.Kind == types.Object && x.Type.Kind == types.String:
		return n
	}
	return c.wrongTypes(at, "in", x, set)
}

func (c *checker) arithmetic(op string, a, b *Node, at source.Span) *Node {
	n := &Node{Op: OpArith, Name: op, Span: at, Args: []*Node{a, b}}
	if a.Op == OpBad || b.Op == OpBad {
		return bad(at)
	}
	n.Type = arithmeticType(op, a.Type, b.Type)
	if n.Type == nil {
		return c.wrongTypes(at, op, a, b)
	}
	return n
}

// arithmeticType returns the type of `a op b`, nil when there is none.
func arithmeticType(op string, a, b *types.Type) *types.Type {
	ak, bk := a.Kind, b.Kind
	switch {
	case ak == types.Dyn && bk == types.Dyn:
		return types.DynType
	case ak == types.Dyn || bk == types.Dyn:
		known := b
		if bk == types.Dyn {
			known = a
		}
		switch {
		case numeric(known) && known.Kind != types.Uint:
			return plainNumber(known)
		case op == "+" && known.Text():
			return types.StringType
		case op == "+" && known.Kind == types.List:
			return types.NewList(types.DynType)
		}
		return nil
	case numeric(a) && ak == bk:
		if op == "%" && ak == types.Double {
			return nil
		}
		return plainNumber(a)
	case ak == types.IntOrString && bk == types.Int, bk == types.IntOrString && ak == types.Int:
		return types.IntType
	case op == "+" && a.Text() && b.Text():
		return types.StringType
	case op == "+" && ak == types.Bytes && bk == types.Bytes:
		return a
	case op == "+" && ak == types.List && bk == types.List:
		return join(a, b, false)
	case isTime(a) && isDuration(b) && (op == "+" || op == "-"):
		return types.TimestampType
	case isTime(a) && isTime(b) && op == "-":
		return types.DurationType
	case isDuration(a) && isDuration(b) && (op == "+" || op == "-"):
		return types.DurationType
	case isDuration(a) && isTime(b) && op == "+":
		return types.TimestampType
	}
	return nil
}

// plainNumber is the type of a number that arithmetic has gone over.
func plainNumber(t *types.Type) *types.Type {
	switch t.Kind {
	case types.Int:
		return types.IntType
	case types.Double:
		return types.DoubleType
	}
	return t
}

func (c *checker) negate(x *Node, at source.Span) *Node {
	switch {
	case x.Op == OpBad:
		return x
	case x.Type.Kind == types.Int || x.Type.Kind == types.Double || x.Type.Kind == types.Dyn:
		return &Node{Op: OpNeg, Type: plainNumber(x.Type), Span: at, Args: []*Node{x}}
	}
	return c.wrongTypes(at, "-", x)
}

func (c *checker) index(x, i *Node, at source.Span) *Node {
	n := &Node{Op: OpIndex, Type: types.DynType, Span: at, Args: []*Node{x, i}}
	if x.Op == OpBad || i.Op == OpBad {
		return bad(at)
	}
	if x.Op == OpAbsent {
		t := types.DynType
		if x.Type.Kind == types.List || x.Type.Kind == types.Map {
			t = x.Type.Elem
		}
		return &Node{Op: OpAbsent, Type: t, Span: at}
	}
	intLike := i.Type.Kind == types.Int || i.Type.Kind == types.Uint || i.Type.Kind == types.Dyn
	textLike := i.Type.Text() || i.Type.Kind == types.Dyn
	switch x.Type.Kind {
	case types.Dyn:
		if !intLike && !textLike {
			return c.wrongTypes(at, "[]", x, i)
		}
		n.Field = &types.Field{Type: types.DynType, Nullable: true}
	case types.List:
		if !intLike {
			return c.wrongTypes(at, "[]", x, i)
		}
		n.Type = x.Type.Elem
		n.Field = &types.Field{Type: n.Type, Nullable: x.Type.NullElem || n.Type.Kind == types.Dyn}
	case types.Map:
		if !comparable(i.Type, x.Type.Key) {
			return c.wrongTypes(at, "[]", x, i)
		}
		n.Type = x.Type.Elem
		n.Field = &types.Field{Type: n.Type, Nullable: x.Type.NullElem || n.Type.Kind == types.Dyn}
		if s, ok := i.Value.(string); ok {
			n.Constants = member(x, s)
		}
	case types.Object:
		s, ok := i.Value.(string)
		if !ok {
			if !x.Type.Open {
				c.report.Errorf(diag.WrongType, at, "a field of %s must be named by a constant", x.Type)
				return bad(at)
			}
			n.Field = &types.Field{Type: types.DynType, Nullable: true}
			return n
		}
		return c.selectField(x, s, i.Span)
	default:
		return c.wrongTypes(at, "[]", x, i)
	}
	return n
}
