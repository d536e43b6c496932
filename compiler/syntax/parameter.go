package syntax

import "github.com/policyc/policyc/compiler/diag"

// parseParameters reads `parameters`, in source order. Whether types exist
// and defaults fit them is for a later pass.
func parseParameters(r *diag.Report, n *node) []*Parameter {
	var parameters []*Parameter
	for _, p := range pairsOf(r, n, "`parameters`") {
		what := "parameter `" + p.key.Value + "`"
		checkIdentifier(r, p.key, "the parameter", nil)
		if p.value.shape == scalarShape {
			wrongShape(r, p.value, what, "a map").Helpf("write `%s: {type: %s}`", p.key, oneLine(p.value.text.Value))
			continue
		}
		f, ok := fieldsOf(r, p.value, what, parameterKeys)
		if !ok {
			continue
		}
		f.at = p.key.Span
		f.require("type", what, "type: string")
		parameter := &Parameter{
			Span:        p.value.span,
			Name:        p.key,
			Type:        f.text("type"),
			Description: f.text("description"),
			Default:     f.value("default"),
			Pattern:     f.text("pattern"),
			Minimum:     f.bound("minimum"),
			Maximum:     f.bound("maximum"),
			MinLength:   f.count("minLength"),
			MaxLength:   f.count("maxLength"),
			MinItems:    f.count("minItems"),
			MaxItems:    f.count("maxItems"),
		}
		for _, item := range itemsOf(r, f.get("enum"), "`enum`") {
			parameter.Enum = append(parameter.Enum, item.value())
		}
		parameters = append(parameters, parameter)
	}
	return parameters
}

// bound reads a limit: a number, or a text such as the quantity 1Gi.
func (f *fields) bound(key string) Value {
	n := f.get(key)
	if n == nil {
		return Value{}
	}
	if _, isBool := n.data.(bool); n.shape != scalarShape || isBool {
		wrongShape(f.report, n, "`"+key+"`", "a number or a quantity")
		return Value{}
	}
	return n.value()
}

// count reads a length or a number of items.
func (f *fields) count(key string) Value {
	n := f.get(key)
	if n == nil {
		return Value{}
	}
	count, isInt := n.data.(int64)
	switch {
	case !isInt:
		wrongShape(f.report, n, "`"+key+"`", "a whole number")
		return Value{}
	case count < 0:
		f.report.Errorf(diag.InvalidValue, n.span, "`%s` is negative", key).Helpf("write 0 or more")
		return Value{}
	}
	return n.value()
}
