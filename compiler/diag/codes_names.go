package diag

// Names, kinds and matches.
var (
	// UnknownKind is a kind that the target version and the CRDs do not have.
	UnknownKind = &Code{
		ID:    "PC2001",
		Title: "unknown kind",
		Text: `A kind in a match, lookup or template is neither built into the target Kubernetes
version nor defined by one of the project's CRDs.`,
		Before: "match:\n  kinds: [Deploymnet]\n",
		After:  "match:\n  kinds: [Deployment]\n",
		Since:  "0.1",
	}

	// UnknownName is an identifier that nothing declares.
	UnknownName = &Code{
		ID:     "PC2002",
		Title:  "unknown name",
		Text:   "An expression uses a variable, parameter, lookup or function that nothing declares.",
		Before: "variables:\n  labels: object.metadata.labels\nrules:\n- name: owner\n  require: \"'owner' in variables.lables\"\n",
		After:  "variables:\n  labels: object.metadata.labels\nrules:\n- name: owner\n  require: \"'owner' in variables.labels\"\n",
		Since:  "0.1",
	}

	// UnknownField is a field that the schema of its type does not have.
	UnknownField = &Code{
		ID:    "PC2003",
		Title: "unknown field",
		Text: `An expression selects a field that the OpenAPI schema of the type does not have. Expressions
are checked against every kind that the policy matches.`,
		Before: "require: container.securityContxt.privileged == false\n",
		After:  "require: container.securityContext.privileged == false\n",
		Since:  "0.1",
	}

	// DuplicateName is a name that was given twice where it must be unique.
	DuplicateName = &Code{
		ID:    "PC2004",
		Title: "duplicate name",
		Text: `Names of policies, exceptions, libraries and tests are unique in a project; names of rules,
parameters, variables, lookups, environments and functions are unique in their document.`,
		Before: "rules:\n- name: limits\n  require: a\n- name: limits\n  require: b\n",
		After:  "rules:\n- name: cpu-limits\n  require: a\n- name: memory-limits\n  require: b\n",
		Since:  "0.1",
	}

	// PartialField is a field that only some of the matched kinds have.
	PartialField = &Code{
		ID:     "PC2005",
		Title:  "only some kinds have the field",
		Text:   "The policy matches several kinds, and not all of them have the field; it is absent on the others.",
		Before: "match: {kinds: [Deployment, DaemonSet]}\nrules:\n- name: replicas\n  require: object.spec.replicas >= 2\n",
		After:  "match: {kinds: [Deployment]}\nrules:\n- name: replicas\n  require: object.spec.replicas >= 2\n",
		Since:  "0.1",
	}

	// AmbiguousKind is a kind that several API groups have.
	AmbiguousKind = &Code{
		ID:     "PC2006",
		Title:  "ambiguous kind",
		Text:   "Several API groups have a kind of that name. Write the group behind the kind, or the whole group/version/Kind.",
		Before: "kinds: [Event]\n",
		After:  "kinds: [Event.events.k8s.io]\n",
		Since:  "0.1",
	}

	// UnknownReference is a policy, rule or parameter that does not exist.
	UnknownReference = &Code{
		ID:     "PC2007",
		Title:  "nothing of that name",
		Text:   "An exception, test or environment names a policy, rule or parameter that does not exist.",
		Before: "kind: Exception\nspec:\n  policies: [allowed-registrys]\n",
		After:  "kind: Exception\nspec:\n  policies: [allowed-registries]\n",
		Since:  "0.1",
	}

	// CyclicFunction is a function that calls itself, directly or not.
	CyclicFunction = &Code{
		ID:     "PC2008",
		Title:  "recursive function",
		Text:   "Functions are inlined where they are called, so a function cannot call itself.",
		Before: "functions:\n  twice: {params: [x string], returns: string, body: twice(x)}\n",
		After:  "functions:\n  twice: {params: [x string], returns: string, body: x + x}\n",
		Since:  "0.1",
	}

	// InvalidMatch is a match that contradicts itself or matches nothing.
	InvalidMatch = &Code{
		ID:     "PC2009",
		Title:  "match cannot hold",
		Text:   "A match names things that do not go together, so that it would never hold or mean something else.",
		Before: "match: {kinds: [Node], namespaces: [default]}\n",
		After:  "match: {kinds: [Node]}\n",
		Since:  "0.1",
	}

	// TestsNothing is a test or case that cannot fail.
	TestsNothing = &Code{
		ID:    "PC2010",
		Title: "tests nothing",
		Text: `A test without cases or policies, one with no case about anything that a policy matches, and a case
that expects nothing pass whatever the policies say.`,
		Before: "cases:\n- name: no limits\n  object: {apiVersion: v1, kind: Pod}\n",
		After:  "cases:\n- name: no limits\n  object: {apiVersion: v1, kind: Pod}\n  expect: {deny: [limits]}\n",
		Since:  "0.2",
	}

	// InvalidRequest is a case whose parts do not make a request.
	InvalidRequest = &Code{
		ID:    "PC2011",
		Title: "not a request",
		Text: `The operation, the objects and the subresource of a test case do not go together. CREATE and
CONNECT have an object, DELETE an old object, UPDATE both.`,
		Before: "request: {operation: CREATE}\noldObject: {apiVersion: v1, kind: Pod}\n",
		After:  "request: {operation: CREATE}\nobject: {apiVersion: v1, kind: Pod}\n",
		Since:  "0.2",
	}

	// InvalidObject is an object that does not fit the schema of its kind.
	InvalidObject = &Code{
		ID:     "PC2012",
		Title:  "invalid object",
		Text:   "An object of a test does not fit the schema of its kind, so that the API server would refuse it before any policy sees it.",
		Before: "object: {apiVersion: v1, kind: Pod, spec: {container: []}}\n",
		After:  "object: {apiVersion: v1, kind: Pod, spec: {containers: []}}\n",
		Since:  "0.2",
	}
)

var nameCodes = []*Code{UnknownKind, UnknownName, UnknownField, DuplicateName, PartialField, AmbiguousKind, UnknownReference, CyclicFunction, InvalidMatch,
	TestsNothing, InvalidRequest, InvalidObject}
