package check

import (
	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/types"
)

// fits reports whether values of one type can stand where another is wanted;
// test, when set, has to hold of the value.
func fits(have, want *types.Type) (test func(*code.Expr) *code.Expr, ok bool) {
	isType := func(names ...string) func(*code.Expr) *code.Expr {
		return func(x *code.Expr) *code.Expr {
			var tests []*code.Expr
			for _, name := range names {
				tests = append(tests, code.Eq(code.Call("type", x), code.Ident(name)))
			}
			return code.Or(tests...)
		}
	}
	if have.Kind == types.Dyn {
		switch want.Kind {
		case types.Dyn:
			return nil, true
		case types.String:
			return isType("string"), true
		case types.Bool:
			return isType("bool"), true
		case types.Int:
			return isType("int"), true
		case types.IntOrString:
			return isType("int", "string"), true
		}
		return nil, false
	}
	switch want.Kind {
	case types.Dyn:
		return nil, have.Kind != types.Opaque && have.Kind != types.Bytes
	case types.String:
		return nil, have.Text() || have.Kind == types.Quantity
	case types.Double:
		return nil, have.Kind == types.Double || have.Kind == types.Int
	case types.IntOrString:
		return nil, have.Kind == types.Int || have.Text() || have.Kind == types.IntOrString
	case types.Quantity:
		if have.Kind == types.String {
			return func(x *code.Expr) *code.Expr { return code.Call("isQuantity", x) }, true
		}
		return nil, have.Kind == types.Quantity || have.Kind == types.Int
	case types.List:
		if have.Kind != types.List {
			return nil, false
		}
		test, ok := fits(have.Elem, want.Elem)
		return nil, ok && test == nil
	case types.Map:
		if have.Kind != types.Map {
			return nil, false
		}
		test, ok := fits(have.Elem, want.Elem)
		return nil, ok && test == nil
	case types.Object:
		return nil, have.Kind == types.Object && have.Name == want.Name
	}
	return nil, have.Kind == want.Kind
}
