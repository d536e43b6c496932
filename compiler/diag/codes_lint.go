package diag

// Lints: what is allowed but rarely meant.
var (
	// AbsentPasses is a require that an absent field satisfies.
	AbsentPasses = &Code{
		ID:    "PC5001",
		Title: "an absent field satisfies the rule",
		Text: `The requirement holds when the field is not set at all. That may be meant; then the rule says
so with absent: ok. If it is not meant, ask for presence too.`,
		Before: "require: container.securityContext.privileged.orValue(false) == false\n",
		After:  "require: container.securityContext.privileged.orValue(false) == false\nabsent: ok\n",
		Since:  "0.1",
	}

	// AbsentDenied is a deny over != that an absent field triggers.
	AbsentDenied = &Code{
		ID:     "PC5002",
		Title:  "an absent field violates the rule",
		Text:   "The denial holds when the field is not set at all, which != makes easy to overlook. If that is meant, the rule says so with absent: ok.",
		Before: "deny: object.spec.type != 'ClusterIP'\n",
		After:  "deny: has(object.spec.type) && object.spec.type != 'ClusterIP'\n",
		Since:  "0.1",
	}

	// EphemeralField is a require on a field that ephemeral containers may not set.
	EphemeralField = &Code{
		ID:    "PC5003",
		Title: "ephemeral containers cannot set this field",
		Text: `The rule requires, of every container, a field that the API server forbids on ephemeral
containers, so it would refuse every kubectl debug. Leave ephemeral containers out.`,
		Before: "forEach: container in containers\nrequire: has(container.resources.requests.cpu)\n",
		After:  "forEach: container in pod.spec.containers\nrequire: has(container.resources.requests.cpu)\n",
		Since:  "0.1",
	}

	// NeverEnforced is a kind that no environment of a policy reaches.
	NeverEnforced = &Code{
		ID:     "PC5004",
		Title:  "kind is never enforced",
		Text:   "Every environment of the policy is limited to namespaces, but a matched kind lives in none.",
		Before: "match: {kinds: [Node]}\nenforce:\n- {name: production, namespaces: [production], action: deny}\n",
		After:  "match: {kinds: [Node]}\nenforce: deny\n",
		Since:  "0.1",
	}

	// ExpiredException is an exception whose last day has passed.
	ExpiredException = &Code{
		ID:     "PC5005",
		Title:  "exception has expired",
		Text:   "The exception's last day has passed. Remove it, or renew it with its owner. --allow-expired builds without it.",
		Before: "expires: 2020-01-31\n",
		After:  "expires: 2030-01-31\n",
		Since:  "0.1",
	}

	// MayOverflow is arithmetic that can leave the range of integers.
	MayOverflow = &Code{
		ID:     "PC5006",
		Title:  "arithmetic may overflow",
		Text:   "A product of two numbers from the object can leave the 64 bits of an integer, which is an evaluation error; the request is then refused.",
		Before: "require: object.spec.a * object.spec.b < 100\n",
		After:  "require: object.spec.a < 1000 && object.spec.b < 1000\n",
		Since:  "0.1",
	}

	// ConstantCondition is a condition that does not depend on the request.
	ConstantCondition = &Code{
		ID:     "PC5007",
		Title:  "condition is constant",
		Text:   "The condition has the same value for every request, so the rule does nothing, or refuses everything.",
		Before: "require: has(object.metadata)\n",
		After:  "require: has(object.metadata.labels.owner)\n",
		Since:  "0.1",
	}

	// RatchetReadsOld is a rule that ratchets and reads the old object.
	RatchetReadsOld = &Code{
		ID:    "PC5008",
		Title: "a rule about the change cannot ratchet",
		Text: `A rule with ratchet judges the old object of an UPDATE on its own: there is no old object
before that, and what is read of it is absent. A comparison with it is then false, so that a
requirement counts as violated before, and the rule never denies an UPDATE. A rule that compares
the new object with the old one already is about what changes, and needs no ratchet.`,
		Before: "require: object.spec.replicas >= oldObject.spec.replicas\nratchet: true\n",
		After:  "require: object.spec.replicas >= oldObject.spec.replicas\n",
		Since:  "0.1",
	}

	// ReadsItself is a mutation that goes on changing what it made.
	ReadsItself = &Code{
		ID:    "PC5009",
		Title: "mutation depends on its own result",
		Text: `The value of a set is computed from the field that it sets, with no when that ends it. The API
server applies a mutation again after others, and on every UPDATE, so that it would pile up.`,
		Before: "mutate:\n  set: {container.image: \"mirror/${container.image}\"}\n",
		After:  "when: \"!container.image.startsWith('mirror/')\"\nmutate:\n  set: {container.image: \"mirror/${container.image}\"}\n",
		Since:  "0.2",
	}

	// UnlikeObjects is a comparison of objects of two types of Kubernetes.
	UnlikeObjects = &Code{
		ID:    "PC5010",
		Title: "objects of two types are compared",
		Text: `Since Kubernetes 1.37, CEL in the API server sees the parts of built-in objects as values of Go
types, and no value equals one of another type, even where both are written alike. Before, and in
the companion webhook, they are equal then.`,
		Before: "deny: pod.spec.securityContext == container.securityContext\n",
		After:  "deny: pod.spec.securityContext.runAsUser == container.securityContext.runAsUser\n",
		Since:  "0.2",
	}
)

var lintCodes = []*Code{AbsentPasses, AbsentDenied, EphemeralField, NeverEnforced, ExpiredException, MayOverflow, ConstantCondition,
	RatchetReadsOld, ReadsItself, UnlikeObjects}
