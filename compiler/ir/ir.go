// Package ir holds the one intermediate form of policyc: the Program. It has
// the shape of a ValidatingAdmissionPolicy, so that emitting it is small and
// the companion webhook can give it to the API server's own compiler.
//
//	policy allowed-registries, environments production and staging
//	→ two Programs, alike but for the constants in them, with a Binding each
package ir

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/policyc/policyc/compiler/code"
)

// Backend is what runs a rule.
type Backend string

// The backends.
const (
	// ValidatingAdmissionPolicy is the API server itself (KEP-3488).
	ValidatingAdmissionPolicy Backend = "ValidatingAdmissionPolicy"
	// MutatingAdmissionPolicy is the API server as well (KEP-3962).
	MutatingAdmissionPolicy Backend = "MutatingAdmissionPolicy"
	// Webhook is the companion webhook, which runs a CompiledPolicy.
	Webhook Backend = "webhook"
)

// Program is one admission object to be.
type Program struct {
	Name string
	// Policies are the policies that the program holds: one, or several
	// where link has joined them.
	Policies []*Policy
	Match    Match
	// Conditions are the match conditions; variables do not exist there.
	Conditions []Condition
	Variables  []Variable
	// Validations has one entry for each policy. It is empty, and Mutations is
	// not, for a MutatingAdmissionPolicy.
	Validations   []Validation
	Mutations     []Mutation
	FailurePolicy string
	// Params is the kind of the parameter objects; nil when parameters are
	// constants in the program.
	Params *ParamKind
	// SharesParams says that the parameter objects, and their CRD, are written
	// with another program of the policy.
	SharesParams bool
	Bindings     []Binding
	// Webhook says that the companion webhook runs the program, as a
	// CompiledPolicy, and not the API server.
	Webhook bool
	// Lookups are lists of other objects, which expressions read as
	// params.lookups.<name>; only the webhook has them.
	Lookups []Lookup
	// Pushed says which objects the API server gives the program as params,
	// one at a time; nil when params are values.
	Pushed *Pushed
}

// Lookup is a list of other objects. Each expression is a list of strings.
type Lookup struct {
	Name     string
	Resource Resource
	// Namespaces and Names are nil when nothing is said.
	Namespaces, Names *code.Expr
	Labels            []Requirement
	// Strong says that the API server is asked, and no cache.
	Strong bool
	Source string
}

// Resource is what a lookup lists.
type Resource struct {
	Group, Version, Kind, Plural string
	Namespaced                   bool
}

// APIVersion returns group/version, or the version of the core group.
func (r Resource) APIVersion() string {
	if r.Group == "" {
		return r.Version
	}
	return r.Group + "/" + r.Version
}

// Requirement is one on labels.
type Requirement struct {
	Key, Operator string
	// Values is nil for Exists and DoesNotExist.
	Values *code.Expr
}

// Pushed is a lookup that became the paramKind of a
// ValidatingAdmissionPolicy: either the object of one name in the namespace
// of the request, or all there that a selector selects.
type Pushed struct {
	Lookup   string
	Resource Resource
	// Name is "" when there is a selector.
	Name     string
	Selector *metav1.LabelSelector
	// Required says that a request is denied where there is no object.
	Required bool
}

// Mutates reports whether the program changes objects.
func (p *Program) Mutates() bool { return len(p.Mutations) > 0 }

// Policy is what a program says of a policy it was compiled from.
type Policy struct {
	Name, Title, Description string
	Severity, Category       string
	Controls                 []string
	Labels, Annotations      map[string]string
	// File is the path of the source.
	File  string
	Rules []*Rule
	// Exceptions that hold for the policy, as `name (expires …)`.
	Exceptions []string
}

// Rule is what became of a rule.
type Rule struct {
	Name string
	// Position is file:line of the source.
	Position string
	Backend  Backend
	// Why says why the backend was chosen.
	Why string
	// Variable is the variable that lists the rule's violations; "" when the
	// rule mutates.
	Variable string
	Message  string
	// Trace looks into the rule; nil unless it was asked for.
	Trace *Trace
}

// Trace is what the parts of a rule's condition are in CEL, to explain how it
// came out. It is no part of what is emitted.
type Trace struct {
	// List is what the rule's forEach iterates over and Local the name of its
	// variable; nil and "" without forEach.
	List  *code.Expr
	Local string
	// Violated is the condition of a violation, of an element where the rule
	// has forEach.
	Violated *code.Expr
	Parts    []TracePart
}

// TracePart is a part of a rule's condition.
type TracePart struct {
	// Text is the part as policy CEL.
	Text string
	// Code is a list that holds the value, or nothing when it is absent.
	Code *code.Expr
	// When says that the part is of the rule's `when`. Condition says that it
	// is one of the conditions that decide.
	When, Condition bool
}

// Match says which requests a program is about.
type Match struct {
	Rules, ExcludeRules []ResourceRule
	// NamespaceSelector and ObjectSelector are nil when nothing is selected.
	NamespaceSelector, ObjectSelector *metav1.LabelSelector
}

// ResourceRule is an exact resource rule: each list is sorted.
type ResourceRule struct {
	Groups, Versions, Operations, Resources []string
	// Scope is Namespaced, Cluster or "" for both.
	Scope string
}

// Condition is a match condition.
type Condition struct {
	Name string
	Code *code.Expr
	// Source is file:line.
	Source string
}

// Variable is a named expression, read as variables.Name. A variable may read
// those before it.
type Variable struct {
	Name   string
	Code   *code.Expr
	Source string
}

// Validation is one check: Code is true for what is admitted.
type Validation struct {
	Policy string
	Code   *code.Expr
	// Message is the text of a violation; MessageCode gives a better one.
	Message     string
	MessageCode *code.Expr
	Reason      string
	Source      string
}

// Mutation is what one rule does to an object. Mutations are applied in order,
// and each sees what those before it made.
type Mutation struct {
	Policy, Rule string
	// Code is a list of JSONPatch operations.
	Code   *code.Expr
	Source string
}

// ParamKind is the kind of the parameter objects of a program, with the CRD
// that defines it.
type ParamKind struct {
	Group, Version, Kind, Plural string
	Fields                       []ParamField
}

// APIVersion returns group/version.
func (k *ParamKind) APIVersion() string { return k.Group + "/" + k.Version }

// ParamField is one field below spec of a parameter object, with the JSON
// schema that its CRD gives it.
type ParamField struct {
	Name     string
	Schema   map[string]any
	Required bool
}

// Binding enforces a program in one environment.
type Binding struct {
	Name        string
	Environment string
	// Actions are Deny, Warn and Audit; Mutate alone for mutations.
	Actions           []string
	NamespaceSelector *metav1.LabelSelector
	// Rules limit the binding further than the program; empty: not at all.
	Rules []ResourceRule
	// Parameters are the values of the environment. ParamObject is the name
	// of the object that holds them, "" when they are constants.
	Parameters  map[string]any
	ParamObject string
	Source      string
}
