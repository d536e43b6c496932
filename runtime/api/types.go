package api

import (
	"cmp"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// CompiledPolicy is a program for the companion webhook: an admission policy with its bindings, and what it reads of the cluster.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,categories=policyc,shortName=cpol
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type CompiledPolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   CompiledPolicySpec   `json:"spec"`
	Status CompiledPolicyStatus `json:"status,omitempty"`
}

// CompiledPolicySpec is what the compiler wrote.
//
// +kubebuilder:validation:XValidation:rule="has(self.validating) != has(self.mutating)",message="exactly one of validating and mutating"
type CompiledPolicySpec struct {
	// Configuration is the name of the webhook configurations whose entries call for the bindings. A runtime serves the
	// policies of one configuration.
	// +kubebuilder:default=policyc
	Configuration string `json:"configuration,omitempty"`
	// Policies are the policy documents that the object was compiled from: one for each validation; one for mutations.
	// +kubebuilder:validation:MinItems=1
	// +listType=map
	// +listMapKey=name
	Policies []PolicySource `json:"policies"`
	// Validating has the expressions of a policy that admits or refuses.
	Validating *admissionv1.ValidatingAdmissionPolicySpec `json:"validating,omitempty"`
	// Mutating has the expressions of a policy that changes objects.
	Mutating *admissionv1.MutatingAdmissionPolicySpec `json:"mutating,omitempty"`
	// ParamResource is the resource of the parameter objects: of validating.paramKind or mutating.paramKind, and given with it.
	ParamResource *LookupResource `json:"paramResource,omitempty"`
	// Lookups are the lists of other objects that expressions read as params.lookups.<name>.
	// +listType=map
	// +listMapKey=name
	Lookups []Lookup `json:"lookups,omitempty"`
	// Bindings say where the policy is in force, and what happens there.
	// +listType=map
	// +listMapKey=name
	Bindings []Binding `json:"bindings"`
}

// DefaultConfiguration is the name of the webhook configurations of a project that gives them none.
const DefaultConfiguration = "policyc"

// CalledBy reports whether the webhook configurations of a name call for the policy.
func (p *CompiledPolicy) CalledBy(configuration string) bool {
	return cmp.Or(p.Spec.Configuration, DefaultConfiguration) == configuration
}

// PolicySource names a policy document and its rules.
type PolicySource struct {
	Name string `json:"name"`
	// Rules are in the order of the document; for mutations, one for each mutation.
	Rules []RuleSource `json:"rules"`
}

// RuleSource names a rule.
type RuleSource struct {
	Name string `json:"name"`
	// Variable is the variable that lists the violations of the rule; empty for mutations.
	Variable string `json:"variable,omitempty"`
}

// Lookup is a list of objects. Its expressions see object, oldObject, request, namespaceObject and the variables of the
// policy, and each yields a list of strings. An object is in the lookup when it satisfies all that is given.
type Lookup struct {
	// Name is what expressions read it by: params.lookups.<name>.
	Name string `json:"name"`
	// Resource is what is listed.
	Resource LookupResource `json:"resource"`
	// Namespaces yields the namespaces to look in; left out: all. Of an empty list comes an empty lookup.
	Namespaces string `json:"namespaces,omitempty"`
	// Names yields the names to look for; left out: all. Of an empty list comes an empty lookup.
	Names string `json:"names,omitempty"`
	// Labels are requirements on labels.
	// +listType=atomic
	Labels []LabelRequirement `json:"labels,omitempty"`
	// Consistency is Cached (an informer's cache) or Strong (read through to the API server).
	// +kubebuilder:validation:Enum=Cached;Strong
	// +kubebuilder:default=Cached
	Consistency Consistency `json:"consistency,omitempty"`
}

// Consistency is how fresh a lookup is.
type Consistency string

// The consistencies of lookups.
const (
	Cached Consistency = "Cached"
	Strong Consistency = "Strong"
)

// LookupResource is the resource of a lookup, in the version that expressions were typed for.
type LookupResource struct {
	// Group is empty for the core group.
	Group   string `json:"group,omitempty"`
	Version string `json:"version"`
	Kind    string `json:"kind"`
	// Plural is the name of the resource, such as networkpolicies.
	Plural     string `json:"plural"`
	Namespaced bool   `json:"namespaced"`
}

// GroupVersionKind returns the kind of the objects.
func (r LookupResource) GroupVersionKind() schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: r.Group, Version: r.Version, Kind: r.Kind}
}

// LabelRequirement is a requirement on labels whose values are computed.
type LabelRequirement struct {
	Key string `json:"key"`
	// +kubebuilder:validation:Enum=In;NotIn;Exists;DoesNotExist
	Operator metav1.LabelSelectorOperator `json:"operator"`
	// Values yields the values; left out for Exists and DoesNotExist.
	Values string `json:"values,omitempty"`
}

// Binding puts a policy in force.
type Binding struct {
	Name string `json:"name"`
	// Webhook is the entry of the webhook configuration that calls for the binding: the last element of the request's path.
	Webhook string `json:"webhook"`
	// ValidationActions are those of a validating policy; empty for mutations. A server-side apply replaces them: of a set it
	// would keep what somebody else added.
	// +listType=atomic
	ValidationActions []admissionv1.ValidationAction `json:"validationActions,omitempty"`
	// ParamRef names the parameter object of a policy with a paramKind.
	ParamRef *admissionv1.ParamRef `json:"paramRef,omitempty"`
	// MatchResources limits the binding further than the policy.
	MatchResources *admissionv1.MatchResources `json:"matchResources,omitempty"`
}

// CompiledPolicyStatus is what became of the policy.
type CompiledPolicyStatus struct {
	// ObservedGeneration is the generation that the conditions are about.
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// ServedGeneration is the generation that decides requests: an earlier one when the present one does not compile;
	// 0 when there is none, and requests fail.
	ServedGeneration int64 `json:"servedGeneration,omitempty"`
	// Conditions are of type Ready.
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Ready is the condition that says whether the present generation decides requests.
const Ready = "Ready"

// CompiledPolicyList is a list of compiled policies.
//
// +kubebuilder:object:root=true
type CompiledPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []CompiledPolicy `json:"items"`
}
