package diag

// CEL types and cost.
var (
	// InvalidCEL is an expression that CEL's grammar does not allow.
	InvalidCEL = &Code{
		ID:     "PC3001",
		Title:  "invalid expression",
		Text:   "The expression is not well-formed CEL (https://github.com/cel-expr/cel-spec/blob/master/doc/langdef.md).",
		Before: "require: object.spec.replicas >\n",
		After:  "require: object.spec.replicas > 1\n",
		Since:  "0.1",
	}

	// WrongType is an operation on values of a type it is not defined for.
	WrongType = &Code{
		ID:    "PC3002",
		Title: "wrong type",
		Text: `An operator, function or field is used on a value of a type that it is not defined for. Types
come from the OpenAPI schemas of the target Kubernetes version and from the project's CRDs.`,
		Before: "require: object.spec.replicas == '3'\n",
		After:  "require: object.spec.replicas == 3\n",
		Since:  "0.1",
	}

	// InvalidLiteral is a literal that is no value of what it is read as.
	InvalidLiteral = &Code{
		ID:     "PC3003",
		Title:  "invalid literal",
		Text:   "A constant is compared with a quantity, time or duration, or used as a pattern, but does not parse as one.",
		Before: "require: container.resources.limits.memory <= '1Gx'\n",
		After:  "require: container.resources.limits.memory <= '1Gi'\n",
		Since:  "0.1",
	}

	// DynamicPattern is a pattern that is not known when compiling.
	DynamicPattern = &Code{
		ID:    "PC3004",
		Title: "pattern is not constant",
		Text: `A pattern that does not compile raises an error in the API server on every request, so
patterns must be constants, or parameters whose values stand in the policy.`,
		Before: "require: object.metadata.name.matches(object.metadata.labels.pattern)\n",
		After:  "require: object.metadata.name.matches('^[a-z]+$')\n",
		Since:  "0.1",
	}

	// ImpossibleValue is a comparison with a value that a field never has.
	ImpossibleValue = &Code{
		ID:     "PC3005",
		Title:  "value the field never has",
		Text:   "The schema lists the values of a field, and the one it is compared with is not among them.",
		Before: "deny: container.imagePullPolicy == 'always'\n",
		After:  "deny: container.imagePullPolicy == 'Always'\n",
		Since:  "0.1",
	}

	// OverBudget is an expression that costs more than the API server allows.
	OverBudget = &Code{
		ID:    "PC3006",
		Title: "expression is too expensive",
		Text: `The cost of an expression, computed with the API server's cost model at the sizes that the
project states under limits, is above what the API server lets one evaluation spend
(k8s.io/apiserver/pkg/apis/cel: 1,000,000 for an expression, 10,000,000 for a policy).`,
		Before: "require: object.spec.a.all(x, object.spec.b.all(y, object.spec.c.all(z, x + y + z != 7)))\n",
		After:  "require: object.spec.a.all(x, x != 7)\n",
		Since:  "0.1",
	}

	// InvalidParameter is a parameter, or a value of one, that does not fit.
	InvalidParameter = &Code{
		ID:     "PC3007",
		Title:  "parameter does not fit",
		Text:   "A value of a parameter has another type than declared, or is outside of what the declaration allows.",
		Before: "parameters:\n  max: {type: int, maximum: 10}\nenforce:\n- name: all\n  action: deny\n  parameters: {max: 11}\n",
		After:  "parameters:\n  max: {type: int, maximum: 10}\nenforce:\n- name: all\n  action: deny\n  parameters: {max: 9}\n",
		Since:  "0.1",
	}

	// InvalidPath is a path of a mutation that cannot be changed.
	InvalidPath = &Code{
		ID:    "PC3008",
		Title: "path that cannot be changed",
		Text: `A mutation changes what a path names: it starts at object, pod, containers[*] or the forEach
variable, goes on with fields, ['keys'] and [*] for every element of a list, and ends at something that
a request may set. All paths of a rule start at the same place, and none contains another.`,
		Before: "mutate:\n  set: {spec.replicas: 2}\n",
		After:  "mutate:\n  set: {object.spec.replicas: 2}\n",
		Since:  "0.2",
	}
)

var typeCodes = []*Code{InvalidCEL, WrongType, InvalidLiteral, DynamicPattern, ImpossibleValue, OverBudget, InvalidParameter, InvalidPath}
