package syntax

import "github.com/policyc/policyc/compiler/source"

// APIVersion is the apiVersion of every policyc document.
const APIVersion = "policyc.dev/v1alpha1"

// Documents is everything that was read, in order of file path and position.
type Documents struct {
	Policies   []*Policy
	Exceptions []*Exception
	Libraries  []*Library
	Tests      []*Test
	// Projects has at most one element after Load, which reports the others.
	Projects []*Project
}

// Bool is a boolean written in YAML. Span is empty when it was left out.
type Bool struct {
	Value bool
	Span  source.Span
}

// Value is a YAML value of any shape: nil, bool, int64, float64, string,
// []any or map[string]any (JSON's shapes), with the position of each part.
type Value struct {
	Data any
	Span source.Span
	// Text is the scalar itself when Data is a string.
	Text source.Text
	// Items are the parts of a list; Entries those of a map, in source order.
	Items   []Value
	Entries []Entry
}

// Present reports whether the value was written at all.
func (v Value) Present() bool { return v.Span.File != nil }

// Entry is one key and value of a YAML map.
type Entry struct {
	Key   source.Text
	Value Value
}

// Policy is a `kind: Policy` document.
type Policy struct {
	Span source.Span
	// Broken means that errors were found in the document: it is incomplete.
	Broken bool
	Name   source.Text
	// Labels and Annotations are metadata to be copied to generated objects.
	Labels, Annotations []Entry

	Title, Description, Severity, Category source.Text
	Controls                               []source.Text
	// Reason is the status reason of a denial (Invalid, Forbidden, …).
	Reason source.Text
	// FailurePolicy is Fail or Ignore; empty means Fail.
	FailurePolicy source.Text

	Match   *Match
	Exclude []*Match
	// Parameters are in source order.
	Parameters      []*Parameter
	ParameterObject Bool
	// Variables are named expressions, in source order; a rule reads one as
	// `variables.name`.
	Variables []*Variable
	Lookups   []*Lookup
	Rules     []*Rule
	Ratchet   Bool
	Enforce   Enforce
}

// Match is a match or exclude block, or that of an exception.
type Match struct {
	Span                           source.Span
	Kinds, Operations              []source.Text
	Namespaces, Names              []source.Text
	NamespaceLabels, Labels        *Selector
	Users, Groups, ServiceAccounts []source.Text
	When                           source.Text
}

// Selector is a label selector: either a plain map of labels or
// matchLabels/matchExpressions.
type Selector struct {
	Span source.Span
	// Labels are equalities, from a plain map or from matchLabels.
	Labels      []Entry
	Expressions []SelectorExpression
}

// SelectorExpression is one entry of matchExpressions.
type SelectorExpression struct {
	Span source.Span
	Key  source.Text
	// Operator is In, NotIn, Exists or DoesNotExist (checked when parsed).
	Operator source.Text
	Values   []source.Text
}

// Parameter is one entry of `parameters`.
type Parameter struct {
	Span                    source.Span
	Name, Type, Description source.Text
	Default                 Value
	Enum                    []Value
	Pattern                 source.Text
	Minimum, Maximum        Value
	MinLength, MaxLength    Value
	MinItems, MaxItems      Value
}

// Variable is a named expression of a policy.
type Variable struct {
	Name, Expression source.Text
}

// Lookup is a named list of other objects.
type Lookup struct {
	Span                        source.Span
	Name                        source.Text
	Kind, Namespace, ObjectName source.Text
	Labels                      *Selector
	Consistency                 source.Text
}

// Rule is one rule of a policy. Exactly one of Deny, Require, Mutate,
// Generate, VerifyImages is set (checked when parsed).
type Rule struct {
	Span             source.Span
	Name             source.Text
	When             source.Text
	ForEach          *ForEach
	Deny, Require    source.Text
	Mutate, Generate *Value
	VerifyImages     *Value
	Message          source.Text
	// Ratchet overrides the policy's when it was written.
	Ratchet Bool
	// Absent is "ok" when absence was declared a decision (`absent: ok`).
	Absent source.Text
}

// ForEach is `forEach: x in <list>`.
type ForEach struct {
	Span     source.Span
	Variable source.Text
	List     source.Text
}

// Enforce is `enforce`: one action for the whole cluster, or environments.
type Enforce struct {
	Span source.Span
	// Everywhere is the one word form; empty when Environments is used.
	Everywhere   source.Text
	Environments []*Environment
}

// Environment is one entry of `enforce`.
type Environment struct {
	Span            source.Span
	Name            source.Text
	Namespaces      []source.Text
	NamespaceLabels *Selector
	// Actions is deny, warn, audit or a list of warn and audit.
	Actions    []source.Text
	Parameters []Entry
}

// Exception is a `kind: Exception` document.
type Exception struct {
	Span source.Span
	// Broken means that errors were found in the document: it is incomplete.
	Broken bool
	Name   source.Text
	// Policies are `policy` or `policy/rule`.
	Policies      []source.Text
	Match         *Match
	Reason, Owner source.Text
	// Expires is a date, YYYY-MM-DD: the first day on which it no longer
	// holds is the day after. Empty means never.
	Expires source.Text
}

// Library is a `kind: Library` document.
type Library struct {
	Span source.Span
	// Broken means that errors were found in the document: it is incomplete.
	Broken    bool
	Name      source.Text
	Functions []*Function
}

// Function is one function of a library.
type Function struct {
	Span source.Span
	Name source.Text
	// Params are `name: type`.
	Params        []*FunctionParam
	Returns, Body source.Text
	Description   source.Text
}

// FunctionParam is a parameter of a Function.
type FunctionParam struct {
	Name, Type source.Text
}

// Test is a `kind: PolicyTest` document.
type Test struct {
	Span source.Span
	// Broken means that errors were found in the document, outside of its
	// cases: it is incomplete.
	Broken bool
	Name   source.Text
	// Policies are the policies that are tested; empty means all of the
	// folder.
	Policies []source.Text
	// Override holds in each of its parts for cases that replace none.
	Override Override
	Cases    []*Case
}

// Override replaces parts of the tested policy's enforcement.
type Override struct {
	// Enforce replaces `enforce` as a whole when its span is set.
	Enforce Enforce
	// Parameters replace values in every environment.
	Parameters []Entry
}

// IsZero reports whether nothing is replaced.
func (o Override) IsZero() bool { return o.Enforce.Span.IsZero() && len(o.Parameters) == 0 }

// Case is one case of a PolicyTest.
type Case struct {
	Span source.Span
	// Broken means that errors were found in the case: it is incomplete.
	Broken  bool
	Name    source.Text
	Request CaseRequest
	// Object and OldObject are written in place, or in a file:
	// `pods.yaml#name`. At most one of the two is set.
	Object, OldObject         Value
	ObjectFile, OldObjectFile source.Text
	// Cluster are other objects; ClusterFiles are files that hold such.
	Cluster      []Value
	ClusterFiles []source.Text
	Override     Override
	Expect       Expectation
}

// CaseRequest is what a request is, besides its object.
type CaseRequest struct {
	Span                   source.Span
	Operation, Subresource source.Text
	// Name is for objects that have none: the options of CONNECT.
	Name, Namespace, User source.Text
	Groups                []source.Text
	NamespaceLabels       []Entry
	DryRun                Bool
}

// Expectation is the verdict that a case expects: exactly these rules.
type Expectation struct {
	Span              source.Span
	Deny, Warn, Audit []source.Text
	// Message is a regular expression, ExactMessage the whole message.
	Message, ExactMessage source.Text
	// Object and Patch are what mutation makes of the object.
	Object, Patch Value
}

// Project is the `kind: Project` document.
type Project struct {
	Span       source.Span
	Name       source.Text
	MinVersion source.Text
	CRDs       []source.Text
	Exclude    *Match
	Workloads  []*Workload
	Limits     []Entry
	// Layout is `policy` or `fused`.
	Layout  source.Text
	Tiers   Value
	Webhook Webhook
	Output  source.Text
}

// Workload is a kind with a pod template, added by a Project.
type Workload struct {
	Span source.Span
	Kind source.Text
	// Path of the pod template in the object, such as `spec.template`.
	Path source.Text
}

// Webhook is where the companion webhook runs.
type Webhook struct {
	Namespace, Service, Configuration source.Text
}
