package remote

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/policyc/policyc/compiler/ir"
	"github.com/policyc/policyc/runtime/cases"
	"github.com/policyc/policyc/runtime/suite"
)

// plan is what a run installs and sends.
type plan struct {
	units      []*unit
	namespaces []*scratch
	jobs       []*job
	byUnit     map[unitKey]*unit
	byPlace    map[string]*scratch
	podLabels  bool
}

// unit is one policy with one of its bindings, which is what is copied: each has a denial of its own.
type unit struct {
	unitKey
	program *ir.Program
	// policy is the policy document.
	policy string
	name   string // of the copy
	group  string // whose requests the copy is about
	found  findings
}

type unitKey struct {
	variant *suite.Variant
	object  *admissionv1.ValidatingAdmissionPolicy
	// index is that of the policy's validation.
	index   int
	binding *admissionv1.ValidatingAdmissionPolicyBinding
	// scratch copies are for namespaced kinds, in scratch namespaces; the others for kinds that are in no namespace.
	scratch bool
}

// scratch is a namespace of the run that stands for one of cases.
type scratch struct {
	name, real          string
	labels, annotations map[string]string
	accounts            []string
}

// job is a case on its way to the server.
type job struct {
	index int
	*cases.Case
	variant *suite.Variant
	units   []*unit
	// namespace is the name on the server; "" for kinds that are in no namespace.
	namespace string
	skip      string
}

func newPlan(r *run, s *suite.Suite, list []*cases.Case) *plan {
	p := &plan{byUnit: map[unitKey]*unit{}, byPlace: map[string]*scratch{}}
	for i, c := range list {
		j := &job{index: i, Case: c, variant: s.Variant(c)}
		p.jobs = append(p.jobs, j)
		if j.skip = r.unsuited(c); j.skip == "" {
			p.place(r, j)
			p.addUnits(r, j)
		}
	}
	p.units = slices.DeleteFunc(p.units, func(u *unit) bool { return !slices.ContainsFunc(p.jobs, func(j *job) bool { return j.asks(u) }) })
	// Pod Security admission would refuse Pods before policies see them.
	p.podLabels = !slices.ContainsFunc(p.units, func(u *unit) bool { return strings.Contains(text(u.object)+text(u.binding), podSecurity) })
	return p
}

// asks reports whether a case is sent for a unit.
func (j *job) asks(u *unit) bool { return j.skip == "" && slices.Contains(j.units, u) }

const podSecurity = "pod-security.kubernetes.io/"

func text(v any) string {
	content, _ := json.Marshal(v)
	return string(content)
}

// place finds the scratch namespace that stands for the case's: one for each name, with the same labels and annotations.
func (p *plan) place(r *run, j *job) {
	if !j.Namespaced {
		return
	}
	ns := &scratch{real: j.Namespace, labels: map[string]string{}, annotations: map[string]string{}}
	for key, value := range j.NamespaceLabels {
		if key != corev1.LabelMetadataName {
			ns.labels[key] = value
		}
	}
	for _, o := range j.Cluster {
		if meta, _ := o["metadata"].(map[string]any); meta["name"] == j.Namespace {
			annotations, _ := meta["annotations"].(map[string]any)
			for key, value := range annotations {
				ns.annotations[key] = fmt.Sprint(value)
			}
		}
	}
	key := text([]any{ns.real, ns.labels, ns.annotations})
	if slices.Contains(governing, j.Resource.Resource) && j.Operation != "CREATE" {
		key += fmt.Sprint(j.index) // a namespace for itself
	}
	if p.byPlace[key] == nil {
		ns.name = fmt.Sprintf("%s-%d", r.name, len(p.namespaces))
		p.byPlace[key], p.namespaces = ns, append(p.namespaces, ns)
	}
	ns = p.byPlace[key]
	j.namespace = ns.name
	for _, o := range []map[string]any{j.Object, j.OldObject} {
		ns.accounts = accounts(o, ns.accounts)
	}
}

// accounts collects the service accounts that Pods and templates name: the API server refuses a Pod without its account.
func accounts(v any, known []string) []string {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if name, ok := value.(string); ok && (key == "serviceAccountName" || key == "serviceAccount") && name != "" {
				if !slices.Contains(known, name) {
					known = append(known, name)
				}
				continue
			}
			known = accounts(value, known)
		}
	case []any:
		for _, item := range v {
			known = accounts(item, known)
		}
	}
	return known
}

// addUnits finds the copies of what a case tests, and whether they can say about it on a server what they say offline.
func (p *plan) addUnits(r *run, j *job) {
	for _, object := range j.variant.Bundle.Mutating {
		program := j.variant.Bundle.Programs[object.Name]
		if program == nil {
			continue // of no policy document
		}
		for _, member := range program.Policies {
			if slices.Contains(j.Policies, member.Name) {
				j.skip = fmt.Sprintf("policy %s: it mutates objects, and no copy of that is made yet", member.Name)
				return
			}
		}
	}
	for _, object := range j.variant.Bundle.Policies {
		program := j.variant.Bundle.Programs[object.Name]
		if program == nil || len(program.Policies) != len(object.Spec.Validations) || len(program.Variables) != len(object.Spec.Variables) ||
			len(program.Conditions) != len(object.Spec.MatchConditions) {
			continue // of no policy document
		}
		for i, member := range program.Policies {
			if !slices.Contains(j.Policies, member.Name) {
				continue
			}
			if program.Webhook || program.Pushed != nil {
				j.skip = fmt.Sprintf("policy %s: it looks up objects of the cluster, which other policies and users would see, too", member.Name)
				return
			}
			for _, b := range j.variant.Bundle.Bindings[object.Name] {
				u := p.unit(r, unitKey{j.variant, object, i, b, j.Namespaced}, program)
				if reason := u.unsuited(j.Case); reason != "" {
					j.skip = fmt.Sprintf("policy %s: %s", member.Name, reason)
					return
				}
				j.units = append(j.units, u)
			}
		}
	}
}

func (p *plan) unit(r *run, key unitKey, program *ir.Program) *unit {
	u := p.byUnit[key]
	if u == nil {
		n := len(p.units)
		u = &unit{unitKey: key, program: program, policy: program.Policies[key.index].Name,
			name: fmt.Sprintf("%s-%d", r.name, n), group: fmt.Sprintf("%s:%d", r.group, n)}
		u.found = u.inspect(r.group)
		p.byUnit[key], p.units = u, append(p.units, u)
	}
	return u
}

// inspect reads all expressions of a unit.
func (u *unit) inspect(group string) findings {
	w := &rewriter{group: group}
	if u.scratch {
		w.names = map[string]string{}
	}
	for _, c := range u.program.Conditions {
		w.expr(c.Code)
	}
	for _, v := range u.program.Variables {
		w.expr(v.Code)
	}
	v := u.program.Validations[u.index]
	w.expr(v.Code)
	if v.MessageCode != nil {
		w.expr(v.MessageCode)
	}
	return w.found
}

// unsuited says why a unit cannot judge a case on a server.
func (u *unit) unsuited(c *cases.Case) string {
	switch {
	case u.found.unsound != "":
		return u.found.unsound
	case u.found.dryRun && c.DryRun != (c.Operation != "CONNECT"):
		return "it reads `request.dryRun`, which is true on the server and not in the case"
	case u.found.gates && c.Resource.Resource == "pods" && c.Operation != "CREATE":
		return "it reads scheduling gates, which the stored Pod needs so that it does not start"
	case u.object.Spec.ParamKind != nil && !u.scratch:
		return "it has a parameter object, and a copy about kinds in no namespace would hold for others too while it cannot be read"
	}
	return ""
}
