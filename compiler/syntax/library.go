package syntax

import (
	"github.com/policyc/policyc/compiler/diag"
)

// parseLibrary reads the spec of a Library.
func parseLibrary(r *diag.Report, h header) *Library {
	f, ok := fieldsOf(r, h.spec, "`spec` of a Library", libraryKeys)
	l := &Library{Span: h.span, Name: h.name}
	if !ok {
		return l
	}
	functions := f.require("functions", "the library",
		"functions: {isLatest: {params: [image: string], returns: bool, body: \"image.endsWith(':latest')\"}}")
	for _, p := range pairsOf(r, functions, "`functions`") {
		checkIdentifier(r, p.key, "the function", nil)
		if function, ok := parseFunction(r, p); ok {
			l.Functions = append(l.Functions, function)
		}
	}
	return l
}

func parseFunction(r *diag.Report, p pair) (*Function, bool) {
	what := "function `" + p.key.Value + "`"
	f, ok := fieldsOf(r, p.value, what, functionKeys)
	if !ok {
		return nil, false
	}
	f.at = p.key.Span
	f.require("returns", what, "returns: bool")
	f.require("body", what, "body: <expression>")
	return &Function{
		Span:        p.value.span,
		Name:        p.key,
		Description: f.text("description"),
		Params:      parseFunctionParams(r, f.get("params")),
		Returns:     f.text("returns"),
		Body:        f.expression("body"),
	}, true
}

// parseFunctionParams reads `[image: string, max: int]`, which YAML takes for
// a list of maps with one key each; a map is read as well.
func parseFunctionParams(r *diag.Report, n *node) []*FunctionParam {
	if n == nil {
		return nil
	}
	var pairs []pair
	switch n.shape {
	case mapShape:
		pairs = n.pairs
	case listShape:
		for _, item := range n.items {
			if item.shape != mapShape || len(item.pairs) != 1 {
				wrongShape(r, item, "an entry of `params`", "`name: type`").Helpf("write `params: [image: string]`")
				continue
			}
			pairs = append(pairs, item.pairs[0])
		}
	default:
		wrongShape(r, n, "`params`", "a list of `name: type`").Helpf("write `params: [image: string]`")
	}
	var params []*FunctionParam
	seen := newNames(r, "parameter")
	for _, p := range pairs {
		checkIdentifier(r, p.key, "the parameter", rootVariables)
		seen.add(p.key)
		if t := textOf(r, p.value, "the type of `"+p.key.Value+"`"); !t.IsZero() {
			params = append(params, &FunctionParam{Name: p.key, Type: t})
		}
	}
	return params
}
