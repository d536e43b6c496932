package cases

import (
	"regexp"
	"slices"
	"strings"

	"github.com/policyc/policyc/compiler/source"
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

	// Operation is CREATE, UPDATE, DELETE or CONNECT.
	Operation string
	// Resource is what the request is about; Subresource is "" or for
	// example `ephemeralcontainers`.
	Resource    Resource
	Subresource string
	// Kind is the kind of Object, which is not that of Resource for `scale`
	// and for the subresources of CONNECT.
	Kind GroupVersionKind
	// Namespace of the request: the object's, or for a Namespace its own
	// name, as the API server has it. "" for other cluster-scoped objects.
	Namespace string
	// ObjectName is "" when the API server generates it.
	ObjectName string
	// NamespaceLabels are those of Namespace, kubernetes.io/metadata.name
	// included; nil without a namespace.
	NamespaceLabels map[string]string
	// User is "" when the case does not care. Groups is what the case says:
	// system:authenticated has to be added.
	User   string
	Groups []string

	// Object is nil for DELETE, OldObject for CREATE and CONNECT. For an
	// UPDATE that names none, OldObject equals Object.
	Object, OldObject map[string]any
	// Cluster are the other objects that exist.
	Cluster []map[string]any

	Expect Expect
}

// String returns file:line: test/case.
func (c *Case) String() string {
	return c.Span.String() + ": " + c.Test + "/" + c.Name
}

// Resource is a group, version and plural name.
type Resource struct{ Group, Version, Name string }

// GroupVersionKind is an apiVersion, taken apart, and a kind.
type GroupVersionKind struct{ Group, Version, Kind string }

// APIVersion returns group/version, or the version alone for the core group.
func (k GroupVersionKind) APIVersion() string {
	if k.Group == "" {
		return k.Version
	}
	return k.Group + "/" + k.Version
}

// Expect is the verdict: exactly these rules, each as policy/rule, sorted.
type Expect struct {
	Deny, Warn, Audit []string
	// Message is a regular expression for the messages of the denial, or of
	// the warnings and audit entries where nothing is denied. "" is none.
	Message string
}

// Silent reports whether the request must be admitted without a word.
func (e Expect) Silent() bool { return len(e.Deny)+len(e.Warn)+len(e.Audit) == 0 }

// ruleTag begins each violation of a message; see Violations.
var ruleTag = regexp.MustCompile(`(?:^|; )\[([a-z0-9](?:[-a-z0-9.]*[a-z0-9])?)\] `)

// Violations returns the rules that a message of a policy names, as
// policy/rule, sorted and each once.
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

// splitAPIVersion takes an apiVersion apart.
func splitAPIVersion(apiVersion string) (group, version string) {
	if g, v, ok := strings.Cut(apiVersion, "/"); ok {
		return g, v
	}
	return "", apiVersion
}
