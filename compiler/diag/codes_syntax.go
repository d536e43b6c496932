package diag

// YAML and the shape of documents.
var (
	// InvalidYAML is a document that is not YAML.
	InvalidYAML = &Code{
		ID:    "PC1001",
		Title: "invalid YAML",
		Text: `The document cannot be parsed as YAML. Most often a text needs quotes: one that holds a colon
and a space, or begins with one of * & ! % @ { [ or a backquote.`,
		Before: "message: container ${container.name}: no limits\n",
		After:  "message: \"container ${container.name}: no limits\"\n",
		Since:  "0.1",
	}

	// TooDeep is a document nested deeper than any policy.
	TooDeep = &Code{
		ID:    "PC1002",
		Title: "nested too deeply",
		Text:  "Lists and maps of a document may be nested 100 levels deep.",
		Since: "0.1",
	}

	// TooManyAliases is a document that aliases blow up.
	TooManyAliases = &Code{
		ID:    "PC1003",
		Title: "aliases expand to too much",
		Text: `Anchors and aliases are allowed, but what a file's aliases stand for may be 100 000 values
altogether, and no anchor may contain itself.`,
		Before: "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]   # and so on\n",
		After:  "a: [x, x]\n",
		Since:  "0.1",
	}

	// UnsupportedYAML is YAML that has no counterpart in JSON, or a merge key.
	UnsupportedYAML = &Code{
		ID:    "PC1004",
		Title: "unsupported YAML",
		Text: `policyc reads the part of YAML that Kubernetes objects use. Merge keys, tags, keys that are no
text, infinities and NaN are not in it.`,
		Before: "staging:\n  <<: *production\n  action: warn\n",
		After:  "staging:\n  namespaces: [staging]\n  action: warn\n",
		Since:  "0.1",
	}

	// UnknownKey is a key that the document's kind does not have there.
	UnknownKey = &Code{
		ID:    "PC1005",
		Title: "unknown key",
		Text: `A map has a key that means nothing there. It would have no effect, so it is an error: a
misspelt key must not switch a policy off.`,
		Before: "match:\n  kind: [Pod]\n",
		After:  "match:\n  kinds: [Pod]\n",
		Since:  "0.1",
	}

	// DuplicateKey is a key that stands twice in a map.
	DuplicateKey = &Code{
		ID:     "PC1006",
		Title:  "duplicate key",
		Text:   "A map has the same key twice. YAML readers disagree on which one wins, so it is an error.",
		Before: "match:\n  kinds: [Pod]\n  kinds: [Deployment]\n",
		After:  "match:\n  kinds: [Pod, Deployment]\n",
		Since:  "0.1",
	}

	// WrongShape is a map, list, text, number or boolean where another is wanted.
	WrongShape = &Code{
		ID:    "PC1007",
		Title: "value of the wrong shape",
		Text: `A value is a map where a text is wanted, a text where a list is wanted, and so on. A number
or true/false becomes a text with quotes. An expression that begins with { or [ needs quotes too.`,
		Before: "match:\n  kinds: Pod\n",
		After:  "match:\n  kinds: [Pod]\n",
		Since:  "0.1",
	}

	// MissingField is a required key that was left out.
	MissingField = &Code{
		ID:     "PC1008",
		Title:  "missing field",
		Text:   "A key that has no default was left out. The message says what to write.",
		Before: "spec:\n  match:\n    kinds: [Pod]\n  rules: []\n",
		After:  "spec:\n  match:\n    kinds: [Pod]\n  rules: []\n  enforce: audit\n",
		Since:  "0.1",
	}

	// EmptyPolicy is a policy without rules.
	EmptyPolicy = &Code{
		ID:     "PC1009",
		Title:  "policy without rules",
		Text:   "A policy needs at least one rule: without one it would check nothing, in silence.",
		Before: "rules: []\n",
		After:  "rules:\n- name: no-latest\n  require: \"!object.spec.image.endsWith(':latest')\"\n",
		Since:  "0.1",
	}

	// UnknownDocumentKind is a kind that policyc.dev does not have.
	UnknownDocumentKind = &Code{
		ID:     "PC1010",
		Title:  "unknown kind of document",
		Text:   "The kinds of policyc.dev/v1alpha1 are Policy, Exception, Library, PolicyTest and Project.",
		Before: "apiVersion: policyc.dev/v1alpha1\nkind: Polciy\n",
		After:  "apiVersion: policyc.dev/v1alpha1\nkind: Policy\n",
		Since:  "0.1",
	}

	// UnsupportedVersion is an apiVersion that this policyc does not read.
	UnsupportedVersion = &Code{
		ID:    "PC1011",
		Title: "unsupported apiVersion",
		Text: `The document is of a version that this policyc does not read, or its apiVersion is missing or
misspelt.`,
		Before: "apiVersion: policyc.dev/v1\nkind: Policy\n",
		After:  "apiVersion: policyc.dev/v1alpha1\nkind: Policy\n",
		Since:  "0.1",
	}

	// InvalidName is a name that Kubernetes or CEL would not take.
	InvalidName = &Code{
		ID:    "PC1012",
		Title: "invalid name",
		Text: `Names of documents, rules and environments become names of Kubernetes objects: lower-case
letters, digits and "-" (in documents also "."), at most 63 characters, beginning and ending with a letter or
digit. Names of parameters, variables, lookups and functions become CEL identifiers: letters, digits and "_",
not beginning with a digit, and none of CEL's reserved words.`,
		Before: "metadata:\n  name: Require_Limits\n",
		After:  "metadata:\n  name: require-limits\n",
		Since:  "0.1",
	}

	// InvalidChoice is a word that is none of a fixed few.
	InvalidChoice = &Code{
		ID:     "PC1013",
		Title:  "not one of the choices",
		Text:   "The value is none of the words that are allowed there.",
		Before: "severity: hihg\n",
		After:  "severity: high\n",
		Since:  "0.1",
	}

	// RuleAction is a rule with no action, or with several.
	RuleAction = &Code{
		ID:    "PC1014",
		Title: "a rule does exactly one thing",
		Text: `A rule has exactly one of deny, require, mutate, generate and verifyImages. Write two rules
for two checks: each is then reported by its own name.`,
		Before: "- name: owner\n  require: \"'owner' in object.metadata.labels\"\n  deny: object.spec.hostNetwork\n",
		After:  "- name: owner\n  require: \"'owner' in object.metadata.labels\"\n- name: host-network\n  deny: object.spec.hostNetwork\n",
		Since:  "0.1",
	}

	// InvalidForEach is a forEach that is not `x in <list>`.
	InvalidForEach = &Code{
		ID:     "PC1015",
		Title:  "invalid forEach",
		Text:   "forEach names a variable and the list that it walks: `forEach: container in containers`.",
		Before: "forEach: containers\n",
		After:  "forEach: container in containers\n",
		Since:  "0.1",
	}

	// InvalidValue is a text or number in the wrong format.
	InvalidValue = &Code{
		ID:    "PC1016",
		Title: "invalid value",
		Text: `A text has to follow a format, such as a date YYYY-MM-DD or a Kubernetes version, or a number
has to be in a range; this one does not.`,
		Before: "expires: 31.01.2027\n",
		After:  "expires: 2027-01-31\n",
		Since:  "0.1",
	}

	// InvalidSelector is a label selector that Kubernetes would not take.
	InvalidSelector = &Code{
		ID:    "PC1017",
		Title: "invalid label selector",
		Text: `A selector is a map of labels, or has matchLabels and matchExpressions as in Kubernetes. In
and NotIn need values; Exists and DoesNotExist have none.`,
		Before: "namespaceLabels:\n  matchExpressions:\n  - {key: env, operator: In}\n",
		After:  "namespaceLabels:\n  matchExpressions:\n  - {key: env, operator: In, values: [prod]}\n",
		Since:  "0.1",
	}

	// SecondProject is a second Project document.
	SecondProject = &Code{
		ID:    "PC1018",
		Title: "more than one project",
		Text: `A build has at most one document of kind Project, which holds for every policy of it. Build
folders with different settings one by one.`,
		Since: "0.1",
	}

	// EmptyList is an empty list where it would match everything.
	EmptyList = &Code{
		ID:    "PC1019",
		Title: "empty list",
		Text: `An empty list could mean "nothing" or "no limit". Leave the key out for "no limit", or name
what is meant.`,
		Before: "match:\n  kinds: [Pod]\n  namespaces: []\n",
		After:  "match:\n  kinds: [Pod]\n",
		Since:  "0.1",
	}

	// EmptyText is an empty text where an expression or a name is wanted.
	EmptyText = &Code{
		ID:     "PC1020",
		Title:  "empty text",
		Text:   "An expression, name or message is empty. Write it, or leave the key out where it is optional.",
		Before: "require: \"\"\n",
		After:  "require: object.metadata.labels.owner != ''\n",
		Since:  "0.1",
	}
)

var syntaxCodes = []*Code{
	InvalidYAML, TooDeep, TooManyAliases, UnsupportedYAML, UnknownKey, DuplicateKey, WrongShape, MissingField,
	EmptyPolicy, UnknownDocumentKind, UnsupportedVersion, InvalidName, InvalidChoice, RuleAction, InvalidForEach,
	InvalidValue, InvalidSelector, SecondProject, EmptyList, EmptyText,
}
