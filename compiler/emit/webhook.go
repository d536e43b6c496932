package emit

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/ir"
)

// Webhook is where the companion webhook runs, and what its configurations
// are called.
type Webhook struct{ Namespace, Service, Configuration string }

// Files that are generated once for all policies. No policy has an underscore
// in its name.
const (
	lookupsRoleFile = "lookups_role"
	validatingFile  = "validating_webhooks"
	mutatingFile    = "mutating_webhooks"
)

// timeoutSeconds is how long the API server waits for an answer.
const timeoutSeconds = 5

// entry is one webhook of a configuration: the API server calls it for all
// bindings that are in force for the same requests.
type entry struct {
	hash              string
	mutates           bool
	rules             []ir.ResourceRule
	namespaceSelector *metav1.LabelSelector
	objectSelector    *metav1.LabelSelector
	failurePolicy     string
	members           []member
}

// member is a program in an entry, by what must hold for it to apply.
type member struct {
	policies   []string
	conditions []ir.Condition
}

// newEntry returns the entry that calls for a binding. Its hash says nothing of
// its members, so that a policy which comes or goes leaves the path as it is.
func newEntry(p *ir.Program, b ir.Binding) *entry {
	e := &entry{mutates: p.Mutates(), rules: p.Match.Rules, namespaceSelector: both(p.Match.NamespaceSelector, b.NamespaceSelector),
		objectSelector: p.Match.ObjectSelector, failurePolicy: p.FailurePolicy}
	if b.Rules != nil {
		e.rules = b.Rules
	}
	key := fmt.Sprintf("%v %v %v %v %v", e.mutates, e.rules, e.namespaceSelector, e.objectSelector, e.failurePolicy)
	if !e.mutates && !slices.Contains(b.Actions, "Deny") {
		// Who only warns and audits does not deny when nobody answers. The entry is one of its own, so that no policy that
		// does not compile stands beside one that denies.
		e.failurePolicy, key = "Ignore", key+" tells"
	}
	// A letter comes first, so that no reader of YAML takes it for a number.
	e.hash = "w" + fmt.Sprintf("%x", sha256.Sum256([]byte(key)))[:10]
	return e
}

// entries returns the entries of all programs, in the order of the policies.
func entries(programs []*ir.Program) []*entry {
	var out []*entry
	byHash := map[string]*entry{}
	for _, p := range programs {
		conditions := append(notExcluded(p.Match.ExcludeRules), withoutParams(p.Conditions)...)
		seen := map[*entry]bool{}
		for _, b := range p.Bindings {
			e := newEntry(p, b)
			if byHash[e.hash] == nil {
				byHash[e.hash] = e
				out = append(out, e)
			}
			e = byHash[e.hash]
			if !seen[e] {
				seen[e] = true
				e.members = append(e.members, member{policyNames(p), conditions})
			}
		}
	}
	return out
}

// withoutParams leaves out the conditions that read parameter objects, which the
// match conditions of a webhook cannot: the webhook, which evaluates all of them
// again, is called for more requests then.
func withoutParams(conditions []ir.Condition) []ir.Condition {
	return slices.DeleteFunc(slices.Clone(conditions), func(c ir.Condition) bool { return c.Code.Count("params") > 0 })
}

func policyNames(p *ir.Program) []string {
	var out []string
	for _, d := range p.Policies {
		out = append(out, d.Name)
	}
	return out
}

// both returns a selector of what two select.
func both(a, b *metav1.LabelSelector) *metav1.LabelSelector {
	if a == nil || b == nil {
		if a == nil {
			return b
		}
		return a
	}
	out := a.DeepCopy()
	for _, key := range sortedKeys(b.MatchLabels) {
		value := b.MatchLabels[key]
		if has, taken := out.MatchLabels[key]; taken && has != value {
			out.MatchExpressions = append(out.MatchExpressions,
				metav1.LabelSelectorRequirement{Key: key, Operator: metav1.LabelSelectorOpIn, Values: []string{value}})
			continue
		}
		if out.MatchLabels == nil {
			out.MatchLabels = map[string]string{}
		}
		out.MatchLabels[key] = value
	}
	out.MatchExpressions = append(out.MatchExpressions, b.MatchExpressions...)
	return out
}

// notExcluded writes exclude rules, which webhooks lack, as conditions.
func notExcluded(rules []ir.ResourceRule) []ir.Condition {
	var out []ir.Condition
	for i, r := range rules {
		var all []*code.Expr
		is := func(field string, values []string) {
			if !slices.Contains(values, "*") {
				all = append(all, oneOf(code.Ident("request."+field), values))
			}
		}
		is("resource.group", r.Groups)
		is("resource.version", r.Versions)
		is("operation", r.Operations)
		var any []*code.Expr
		for _, name := range r.Resources {
			resource, sub, _ := strings.Cut(name, "/")
			test := code.Eq(code.Method(code.OptSelect(code.Ident("request"), "subResource"), "orValue", code.Lit("")), code.Lit(sub))
			if resource != "*" {
				test = code.And(code.Eq(code.Ident("request.resource.resource"), code.Lit(resource)), test)
			}
			any = append(any, test)
		}
		all = append(all, code.Or(any...))
		out = append(out, ir.Condition{Name: fmt.Sprintf("excluded-%d", i+1), Code: code.Not(code.And(all...))})
	}
	return out
}

func oneOf(x *code.Expr, values []string) *code.Expr {
	if len(values) == 1 {
		return code.Eq(x, code.Lit(values[0]))
	}
	items := make([]*code.Expr, len(values))
	for i, v := range values {
		items[i] = code.Lit(v)
	}
	return code.Binary("in", x, code.List(items, nil))
}

// conditions are the match conditions of an entry: those of its one member, or
// that those of one of its members hold.
func (e *entry) conditions() []ir.Condition {
	if len(e.members) == 1 {
		return e.members[0].conditions
	}
	var any []*code.Expr
	seen := map[string]bool{}
	for _, m := range e.members {
		if len(m.conditions) == 0 {
			return nil
		}
		var all []*code.Expr
		for _, c := range m.conditions {
			all = append(all, c.Code)
		}
		x := code.And(all...)
		if !seen[x.String()] {
			seen[x.String()] = true
			any = append(any, x)
		}
	}
	return []ir.Condition{{Name: "any-policy", Code: code.Or(any...)}}
}

func (e *entry) policies() string {
	var out []string
	for _, m := range e.members {
		out = append(out, m.policies...)
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), ", ")
}

// emitWebhook adds the files of webhook/.
func emitWebhook(in Input, files map[string][]byte) {
	var programs []*ir.Program
	byFile := map[string][]*ir.Program{}
	for _, p := range in.Programs {
		if p.Webhook {
			programs = append(programs, p)
			byFile[fileName(p)] = append(byFile[fileName(p)], p)
		}
	}
	if programs == nil {
		return
	}
	var names []string
	add := func(name, header string, documents ...*yaml.Node) {
		names = append(names, name+".yaml")
		files["webhook/"+name+".yaml"] = file(header, documents...)
	}
	own := Marker + ". DO NOT EDIT.\n"
	if role := lookupsRole(programs, in.Webhook); role != nil {
		add(lookupsRoleFile, own, role, lookupsBinding(in.Webhook))
	}
	for _, name := range slices.Sorted(maps.Keys(byFile)) {
		var documents []*yaml.Node
		for _, p := range byFile[name] {
			documents = append(documents, compiledPolicy(p, in.Webhook))
			if p.Params != nil && !p.SharesParams {
				for _, b := range p.Bindings {
					documents = append(documents, paramObject(p, b))
				}
			}
		}
		add(name, header(byFile[name]), documents...)
	}
	// What calls the webhook comes last, when it knows the policies; kubectl apply -k has the same order.
	all := entries(programs)
	for _, c := range []struct {
		file, kind string
		mutates    bool
	}{{validatingFile, "ValidatingWebhookConfiguration", false}, {mutatingFile, "MutatingWebhookConfiguration", true}} {
		if n := configuration(all, c.kind, c.mutates, in.Webhook); n != nil {
			add(c.file, own, n)
		}
	}
	files["webhook/kustomization.yaml"] = kustomization(names)
}

// configuration returns the webhook configuration of one kind; nil when it
// would be empty.
func configuration(all []*entry, kind string, mutates bool, at Webhook) *yaml.Node {
	var webhooks []*yaml.Node
	for _, e := range all {
		if e.mutates == mutates {
			webhooks = append(webhooks, webhook(e, at))
		}
	}
	if webhooks == nil {
		return nil
	}
	return mapping(
		field{"apiVersion", text(admissionVersion)},
		field{"kind", text(kind)},
		field{"metadata", mapping(field{"name", text(at.Configuration)}, field{"labels", stringMap(managed)})},
		field{"webhooks", sequence(webhooks)},
	)
}

var managed = map[string]string{"app.kubernetes.io/managed-by": "policyc"}

func webhook(e *entry, at Webhook) *yaml.Node {
	verb, reinvocation := "validate", ""
	if e.mutates {
		verb, reinvocation = "mutate", "IfNeeded"
	}
	var conditions []*yaml.Node
	for _, c := range e.conditions() {
		conditions = append(conditions, commented(c.Source, mapping(field{"name", text(c.Name)}, field{"expression", expression(c.Code)})))
	}
	return commented("for "+e.policies(), mapping(
		field{"name", text(verb + "-" + e.hash + ".policyc.dev")},
		field{"clientConfig", mapping(field{"service", mapping(
			field{"namespace", text(at.Namespace)},
			field{"name", text(at.Service)},
			field{"path", text("/" + verb + "/" + e.hash)},
			field{"port", data(443)},
		)})},
		field{"rules", rules(e.rules)},
		field{"matchPolicy", text("Equivalent")},
		field{"namespaceSelector", selector(e.namespaceSelector)},
		field{"objectSelector", selector(e.objectSelector)},
		field{"matchConditions", sequence(conditions)},
		field{"failurePolicy", text(e.failurePolicy)},
		field{"reinvocationPolicy", optional(reinvocation)},
		field{"sideEffects", text("None")},
		field{"timeoutSeconds", data(timeoutSeconds)},
		field{"admissionReviewVersions", texts([]string{"v1"})},
	))
}

// compiledPolicy returns the CompiledPolicy of a program.
func compiledPolicy(p *ir.Program, at Webhook) *yaml.Node {
	var sources, lookups, bindings []*yaml.Node
	for _, d := range p.Policies {
		var rules []*yaml.Node
		for _, r := range d.Rules {
			rules = append(rules, mapping(field{"name", text(r.Name)}, field{"variable", optional(r.Variable)}))
		}
		sources = append(sources, mapping(field{"name", text(d.Name)}, field{"rules", sequence(rules)}))
	}
	for _, l := range p.Lookups {
		lookups = append(lookups, commented(l.Source, lookup(l)))
	}
	for _, b := range p.Bindings {
		var actions *yaml.Node
		if !p.Mutates() {
			actions = texts(b.Actions)
		}
		bindings = append(bindings, commented(b.Source, mapping(
			field{"name", text(b.Name)},
			field{"webhook", text(newEntry(p, b).hash)},
			field{"validationActions", actions},
			field{"paramRef", paramRef(p, b)},
			field{"matchResources", matchResources(b)},
		)))
	}
	kind := "validating"
	if p.Mutates() {
		kind = "mutating"
	}
	return mapping(
		field{"apiVersion", text("policyc.dev/v1alpha1")},
		field{"kind", text("CompiledPolicy")},
		field{"metadata", metadata(p)},
		field{"spec", mapping(
			field{"configuration", text(at.Configuration)},
			field{"policies", sequence(sources)},
			field{"lookups", sequence(lookups)},
			field{"paramResource", paramResource(p)},
			field{kind, spec(p)},
			field{"bindings", sequence(bindings)},
		)},
	)
}

// paramResource says how the runtime reads the parameter objects; nil when
// there are none.
func paramResource(p *ir.Program) *yaml.Node {
	if p.Params == nil {
		return nil
	}
	return resource(ir.Resource{Group: p.Params.Group, Version: p.Params.Version, Kind: p.Params.Kind, Plural: p.Params.Plural})
}

func resource(r ir.Resource) *yaml.Node {
	return mapping(
		field{"group", optional(r.Group)},
		field{"version", text(r.Version)},
		field{"kind", text(r.Kind)},
		field{"plural", text(r.Plural)},
		field{"namespaced", data(r.Namespaced)},
	)
}

func lookup(l ir.Lookup) *yaml.Node {
	var labels []*yaml.Node
	for _, q := range l.Labels {
		labels = append(labels, mapping(field{"key", text(q.Key)}, field{"operator", text(q.Operator)}, field{"values", expression(q.Values)}))
	}
	consistency := "Cached"
	if l.Strong {
		consistency = "Strong"
	}
	return mapping(
		field{"name", text(l.Name)},
		field{"resource", resource(l.Resource)},
		field{"namespaces", expression(l.Namespaces)},
		field{"names", expression(l.Names)},
		field{"labels", sequence(labels)},
		field{"consistency", text(consistency)},
	)
}
