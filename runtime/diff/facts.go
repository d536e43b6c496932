package diff

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/emit"
	"github.com/policyc/policyc/compiler/ir"
)

// fact is one thing that is true of a rule, as people read it. Several facts
// may have the same name, as the blocks of an exclusion do.
type fact struct {
	aspect      Aspect
	name, value string
}

// scopeFacts say which requests a program is about, as far as match
// constraints and match conditions do.
//
//	namespaces: kubernetes.io/metadata.name notin (kube-system)
func scopeFacts(p *placed) []fact {
	m := p.program.Match
	facts := append(resourceFacts(resources, m.Rules), resourceFacts("excluded resources", m.ExcludeRules)...)
	add := func(name, value string) { facts = append(facts, fact{Scope, name, value}) }
	if m.NamespaceSelector != nil {
		add("namespaces", metav1.FormatLabelSelector(m.NamespaceSelector))
	}
	if m.ObjectSelector != nil {
		add("labels", metav1.FormatLabelSelector(m.ObjectSelector))
	}
	for _, c := range p.program.Conditions {
		if c.Name != environmentCondition {
			add(conditionName(c.Name), code.Print(c.Code))
		}
	}
	return facts
}

// resources is the name of the fact that says which resources are matched.
const resources = "resources"

// environmentCondition is the match condition that stands for namespaces of
// an environment with globs: part of the enforcement.
const environmentCondition = "environment"

// conditionName leaves out the number of an exclusion: it changes with every
// block before it.
func conditionName(name string) string {
	if rest, ok := strings.CutPrefix(name, "exclude-"); ok && strings.Trim(rest, "0123456789") == "" {
		return "condition exclude"
	}
	return "condition " + name
}

// resourceFacts has one fact with a line for each resource.
//
//	apps/v1/deployments: CREATE, UPDATE
func resourceFacts(name string, rules []ir.ResourceRule) []fact {
	operations := map[string][]string{}
	for _, r := range rules {
		for _, group := range r.Groups {
			for _, version := range r.Versions {
				for _, resource := range r.Resources {
					key := strings.TrimPrefix(group+"/"+version+"/"+resource, "/")
					if r.Scope != "" {
						key += " (" + r.Scope + ")"
					}
					operations[key] = append(operations[key], r.Operations...)
				}
			}
		}
	}
	if len(operations) == 0 {
		return nil
	}
	var lines []string
	for _, key := range sortedKeys(operations) {
		ops := operations[key]
		slices.SortFunc(ops, func(a, b string) int {
			return cmp.Or(operationOrder[a]-operationOrder[b], cmp.Compare(a, b))
		})
		lines = append(lines, key+": "+strings.Join(slices.Compact(ops), ", "))
	}
	return []fact{{Scope, name, strings.Join(lines, "\n")}}
}

var operationOrder = map[string]int{"CREATE": 1, "UPDATE": 2, "DELETE": 3, "CONNECT": 4}

// exceptionFacts name the exceptions of a rule; what they except is in a
// condition, in the policy's guard or among the exemptions of the rule.
func exceptionFacts(r *rule) []fact {
	var facts []fact
	for _, e := range r.exceptions {
		facts = append(facts, fact{Scope, "exception", e})
	}
	return facts
}

// policyFacts are the parts of the enforcement that environments share.
func policyFacts(p *placed) []fact {
	facts := []fact{{Enforcement, "failurePolicy", p.program.FailurePolicy}}
	if p.validation != nil {
		facts = append(facts, fact{Enforcement, "reason", cmp.Or(p.validation.Reason, string(metav1.StatusReasonInvalid))})
	}
	k := p.program.Params
	if k == nil {
		return facts
	}
	facts = append(facts, fact{Enforcement, "parameter objects", k.APIVersion() + " " + k.Kind})
	for _, f := range k.Fields {
		schema := jsonText(f.Schema)
		if f.Required {
			schema += ", required"
		}
		facts = append(facts, fact{Enforcement, "parameter " + f.Name, schema})
	}
	return facts
}

// environmentFacts say what one environment does, where, with which values.
// The resource rules of a binding follow from the scope and are left out.
func environmentFacts(p *placed) []fact {
	prefix := environmentName(p.binding.Environment) + ": "
	facts := []fact{{Enforcement, prefix + "action", actions(p.binding)}}
	if namespaces := environmentNamespaces(p); namespaces != "" {
		facts = append(facts, fact{Enforcement, prefix + "namespaces", namespaces})
	}
	for _, name := range sortedKeys(p.binding.Parameters) {
		facts = append(facts, fact{Enforcement, prefix + "parameter " + name, jsonText(p.binding.Parameters[name])})
	}
	return facts
}

func environmentName(name string) string { return cmp.Or(name, "everywhere") }

func actions(b *ir.Binding) string { return strings.ToLower(strings.Join(b.Actions, ", ")) }

func environmentNamespaces(p *placed) string {
	var all []string
	if s := p.binding.NamespaceSelector; s != nil {
		all = append(all, metav1.FormatLabelSelector(s))
	}
	for _, c := range p.program.Conditions {
		if c.Name == environmentCondition {
			all = append(all, code.Print(c.Code))
		}
	}
	return strings.Join(all, " and ")
}

// jsonText writes a value; text without its quotes would look like a number.
func jsonText(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// lookupFacts say what the rule reads of other objects.
func lookupFacts(p *placed) []fact {
	var facts []fact
	for _, l := range emit.LookedUpBy(p.program) {
		if p.program.Pushed != nil || p.mentions("params.lookups."+l.Name) {
			facts = append(facts, fact{Condition, "lookup " + l.Name, l.What})
		}
	}
	return facts
}

func costFacts(p *placed) []fact {
	if n, ok := p.cost(); ok {
		return []fact{{Cost, "cost", strconv.FormatUint(n, 10)}}
	}
	return nil
}

// compareFacts returns the fields that differ, in the order of the facts.
// Facts of one name are paired where they are equal, then in their order.
func compareFacts(old, now []fact) []Field {
	var fields []Field
	seen := map[fact]bool{}
	for _, f := range slices.Concat(old, now) {
		if key := (fact{aspect: f.aspect, name: f.name}); !seen[key] {
			seen[key] = true
			fields = append(fields, pairs(f, valuesOf(old, f), valuesOf(now, f))...)
		}
	}
	return fields
}

func valuesOf(facts []fact, like fact) []string {
	var values []string
	for _, f := range facts {
		if f.aspect == like.aspect && f.name == like.name {
			values = append(values, f.value)
		}
	}
	return values
}

func pairs(f fact, old, now []string) []Field {
	gone, came := subtract(old, now), subtract(now, old)
	var fields []Field
	for i := range max(len(gone), len(came)) {
		field := Field{Aspect: f.aspect, Name: f.name}
		if i < len(gone) {
			field.Old = gone[i]
		}
		if i < len(came) {
			field.New = came[i]
		}
		fields = append(fields, field)
	}
	return fields
}

// subtract returns the members of a that b does not have as often.
func subtract(a, b []string) []string {
	rest := slices.Clone(b)
	var out []string
	for _, x := range a {
		if i := slices.Index(rest, x); i >= 0 {
			rest = slices.Delete(rest, i, i+1)
			continue
		}
		out = append(out, x)
	}
	return out
}
