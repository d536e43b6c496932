package lower

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/policyc/policyc/compiler/check"
	"github.com/policyc/policyc/compiler/ir"
	"github.com/policyc/policyc/compiler/resolve"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/compiler/types"
)

// paramKind returns the kind of a policy's parameter objects; nil when its
// parameters are constants.
//
//	policy allowed-registries → AllowedRegistriesParams.params.policyc.dev
func paramKind(p *check.Policy) *ir.ParamKind {
	if !p.ParameterObject.Value || len(p.Parameters) == 0 {
		return nil
	}
	kind := ""
	for _, word := range strings.FieldsFunc(p.Name.Value, func(r rune) bool { return r == '-' || r == '.' }) {
		kind += strings.ToUpper(word[:1]) + word[1:]
	}
	if kind[0] >= '0' && kind[0] <= '9' {
		kind = "Policy" + kind
	}
	kind += "Params"
	if len(kind) > maxKind {
		sum := fmt.Sprintf("%x", sha256.Sum256([]byte(kind)))[:8]
		kind = kind[:maxKind-len(sum)] + sum
	}
	k := &ir.ParamKind{Group: "params.policyc.dev", Version: "v1", Kind: kind, Plural: strings.ToLower(kind)}
	for _, param := range p.Parameters {
		k.Fields = append(k.Fields, ir.ParamField{Name: param.Name.Value, Schema: paramSchema(param), Required: !param.HasDefault})
	}
	return k
}

// maxKind is the longest kind whose listKind the API server takes.
const maxKind = 63 - len("List")

// quantityPattern is the pattern that controller-tools writes for quantities.
const quantityPattern = `^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$`

// paramSchema returns the structural schema of a parameter.
func paramSchema(p *resolve.Parameter) map[string]any {
	s := typeSchema(p.Type)
	if !p.Description.IsZero() {
		s["description"] = p.Description.Value
	}
	if p.HasDefault {
		s["default"] = p.Default
	}
	// Bounds on the elements of a list of text are bounds on its items.
	on := s
	if items, ok := s["items"].(map[string]any); ok {
		on = items
	}
	if !p.Pattern.IsZero() {
		on["pattern"] = p.Pattern.Value
	}
	if len(p.Enum) > 0 {
		var values []any
		for _, v := range p.Enum {
			values = append(values, v.Data)
		}
		on["enum"] = values
	}
	for name, v := range map[string]syntax.Value{"minimum": p.Minimum, "maximum": p.Maximum, "minLength": p.MinLength,
		"maxLength": p.MaxLength, "minItems": p.MinItems, "maxItems": p.MaxItems} {
		if v.Present() && p.Type.Kind != types.Quantity {
			s[name] = v.Data
		}
	}
	return s
}

func typeSchema(t *types.Type) map[string]any {
	switch t.Kind {
	case types.Int:
		return map[string]any{"type": "integer", "format": "int64"}
	case types.Double:
		return map[string]any{"type": "number"}
	case types.Bool:
		return map[string]any{"type": "boolean"}
	case types.List:
		return map[string]any{"type": "array", "items": typeSchema(t.Elem)}
	case types.Map:
		return map[string]any{"type": "object", "additionalProperties": typeSchema(t.Elem)}
	case types.Quantity:
		return map[string]any{"type": "string", "pattern": quantityPattern}
	case types.Dyn:
		return map[string]any{"x-kubernetes-preserve-unknown-fields": true}
	}
	return map[string]any{"type": "string"}
}
