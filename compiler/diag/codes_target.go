package diag

// Targets and placement.
var (
	// FunctionTooNew is a CEL function that the target version lacks.
	FunctionTooNew = &Code{
		ID:    "PC4001",
		Title: "function is newer than the target",
		Text: `The expression uses a function or macro that the API server of the lowest supported version
does not have. A new expression is compiled with what the server's previous minor had, so a
function that came with 1.34 is usable from 1.35 on.`,
		Before: "# kubernetes.minVersion: \"1.31\"\nrequire: object.metadata.labels.all(k, v, v != '')\n",
		After:  "# kubernetes.minVersion: \"1.33\"\nrequire: object.metadata.labels.all(k, v, v != '')\n",
		Since:  "0.1",
	}

	// NoBackend is a rule that no backend can run.
	NoBackend = &Code{
		ID:    "PC4002",
		Title: "no backend for this rule",
		Text: `The rule is well-formed, but nothing that policyc can generate would run it. policyc never
drops a rule in silence, so this is an error.`,
		Before: "# kubernetes.minVersion: \"1.34\"\nrules:\n- name: defaults\n  mutate:\n    default: {object.spec.hostUsers: false}\n",
		After:  "rules:\n- name: defaults\n  require: object.spec.hostUsers == false\n",
		Since:  "0.1",
	}

	// NotExpressible is a condition that has no home in what is generated.
	NotExpressible = &Code{
		ID:    "PC4003",
		Title: "condition cannot be expressed",
		Text: `A match, exclude or exception cannot be written in the generated objects with the meaning
that it has in policyc.`,
		Before: "match:\n  kinds: ['*']\n  operations: [CONNECT]\n",
		After:  "match:\n  kinds: [Pod/exec]\n  operations: [CONNECT]\n",
		Since:  "0.1",
	}

	// UnknownVersion is a Kubernetes version without embedded schemas.
	UnknownVersion = &Code{
		ID:     "PC4004",
		Title:  "unknown Kubernetes version",
		Text:   "policyc compiles for the Kubernetes versions whose schemas and CEL environments it knows.",
		Before: "kubernetes: {minVersion: \"1.19\"}\n",
		After:  "kubernetes: {minVersion: \"1.34\"}\n",
		Since:  "0.1",
	}

	// InvalidCRD is a file of CustomResourceDefinitions that cannot be used.
	InvalidCRD = &Code{
		ID:     "PC4005",
		Title:  "invalid CRD",
		Text:   "A file that the project names under crds holds no CustomResourceDefinition, or one that is not well-formed.",
		Before: "crds: [deployment.yaml]\n",
		After:  "crds: [rollouts.argoproj.io.yaml]\n",
		Since:  "0.1",
	}
)

var targetCodes = []*Code{FunctionTooNew, NoBackend, NotExpressible, UnknownVersion, InvalidCRD}
