package cases

import (
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/runtime/engine"
)

// Case is one case of a PolicyTest: a request, and what must become of it.
type Case struct {
	// Test and Name are the names of the document and of the case.
	Test, Name string
	// Span is where the case is written.
	Span source.Span
	// Policies are the names of the policies that are tested. Others may be
	// installed; what they say is not part of the case.
	Policies []string
	// Override replaces parts of the policy's enforcement for this case.
	Override syntax.Override

	// Operation is CREATE, UPDATE, DELETE or CONNECT.
	Operation string
	// Resource is what the request is about; Subresource is "" or for
	// example `ephemeralcontainers`.
	Resource    schema.GroupVersionResource
	Subresource string
	// Kind is the kind of Object, which is not that of Resource for `scale`
	// and for the subresources of CONNECT.
	Kind schema.GroupVersionKind
	// Namespaced says whether Resource is in a namespace.
	Namespaced bool
	// Namespace of the request: the object's, or for a Namespace its own
	// name, as the API server has it. "" for other cluster-scoped objects.
	Namespace string
	// ObjectName is the name of the object. One that the API server would
	// generate ends in xxxxx.
	ObjectName string
	// NamespaceLabels are those of Namespace, kubernetes.io/metadata.name
	// included; nil without a namespace.
	NamespaceLabels map[string]string
	// User is "" when the case does not care. Groups is what the case says:
	// system:authenticated has to be added.
	User   string
	Groups []string
	DryRun bool

	// Object is nil for DELETE, OldObject for CREATE and CONNECT. For an
	// UPDATE that names none, OldObject equals Object. They are as the case
	// has them; Request has what the API server makes of them.
	Object, OldObject map[string]any
	// Cluster are the other objects that exist.
	Cluster []map[string]any
	// Request is the request in the terms of admission.
	Request *engine.Request

	Expect Expect
}

// String returns file:line:column: test/case.
func (c *Case) String() string { return c.Span.String() + ": " + c.ID() }

// ID is test/case, unique in a project.
func (c *Case) ID() string { return c.Test + "/" + c.Name }

// Expect is the verdict: exactly these rules, each as policy/rule, sorted.
type Expect struct {
	Deny, Warn, Audit []string
	// Message is for the messages of the denial, or of the warnings and audit
	// entries where nothing is denied; nil when the case does not care.
	Message *regexp.Regexp
	// ExactMessage is the whole of one of these messages; "" is none.
	ExactMessage string
	// Object is a part of the object after mutation, Patch the JSON patch that
	// leads there; nil when the case does not care.
	Object map[string]any
	Patch  []any
}

// Silent reports whether the request must be admitted without a word.
func (e Expect) Silent() bool { return len(e.Deny)+len(e.Warn)+len(e.Audit) == 0 }

// ruleTag begins each violation of a message; see Violations.
var ruleTag = regexp.MustCompile(`(?:^|; )\[([a-z0-9](?:[-a-z0-9.]*[a-z0-9])?)\] `)

// Violations returns the rules that a message of a policy names, as
// policy/rule, sorted and each once. It is for messages of a server: what
// a request puts into a message can look like a rule.
//
//	[trusted-registry] container a: …; [trusted-registry] container b: …
//	→ allowed-registries/trusted-registry
func Violations(policy, message string) []string {
	var out []string
	for _, m := range ruleTag.FindAllStringSubmatch(message, -1) {
		out = append(out, policy+"/"+m[1])
	}
	slices.Sort(out)
	return slices.Compact(out)
}
