// Package resolve binds the names in documents to what they mean: kinds to
// the schemas of the target version, environments to their values,
// exceptions to policies, functions to their libraries.
//
//	kinds: [Workload] → v1/Pod, v1/Pod/ephemeralcontainers, apps/v1/Deployment, …
package resolve

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/expr"
	"github.com/policyc/policyc/compiler/schema"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/compiler/target"
)

// Options are what a command line adds to the documents.
type Options struct {
	// KubeVersion overrides the project's minVersion when not "".
	KubeVersion string
	// AllowExpired drops expired exceptions with a warning.
	AllowExpired bool
	// Now is the time by which exceptions expire.
	Now time.Time
	// ReadFile reads the CRD files that the project names.
	ReadFile func(path string) ([]byte, error)
	// Trace keeps the parts of conditions, for explaining them.
	Trace bool
	// Mutation says where mutations run: MutationAuto (or ""), MutationNative
	// or MutationWebhook.
	Mutation string
}

// Where mutations run.
const (
	// MutationAuto is the API server where the target has
	// MutatingAdmissionPolicy, and the webhook otherwise.
	MutationAuto    = "auto"
	MutationNative  = "native"
	MutationWebhook = "webhook"
)

// Project is everything that was resolved.
type Project struct {
	Target  target.Version
	Schemas *schema.Set
	// CRDs are the files of CRDs, as they were read.
	CRDs []syntax.Input
	// Namespaces are excluded from every policy.
	Namespaces []string
	Exclude    *Match
	Workloads  []Workload
	// Trace says that the parts of conditions are kept.
	Trace bool
	// Limits are the sizes that costs are computed for.
	Limits map[string]int
	// Layout is `policy` or `fused`.
	Layout    string
	Output    string
	Webhook   Webhook
	Functions map[string]*expr.Function
	Policies  []*Policy
}

// Workload is a kind with a pod template.
type Workload struct {
	Kind *schema.Kind
	// Path leads from the object to the pod or pod template.
	Path []string
}

// Webhook is where the companion webhook runs, and what must run there.
type Webhook struct {
	Namespace, Service string
	// Configuration is the name of the webhook configurations, which one
	// project writes alone.
	Configuration string
	// Mutations says that mutations run there although the API server has a
	// backend for them, OnlyNative that none may.
	Mutations, OnlyNative bool
}

// Policy is a policy whose names are bound.
type Policy struct {
	*syntax.Policy
	Match      *Match
	Exclude    []*Match
	Parameters []*Parameter
	Lookups    []*Lookup
	// Environments has at least one element, unless errors were reported.
	Environments []*Environment
	Exceptions   []*Exception
}

// Defaults of a project.
const (
	DefaultOutput           = "generated"
	DefaultLayout           = "policy"
	DefaultRuntimeNamespace = "policyc-system"
	DefaultRuntimeService   = "policyc-runtime"
	DefaultConfiguration    = "policyc"
)

// Resolve binds the documents. It always returns a project; policies with
// errors are left out of it.
func Resolve(docs *syntax.Documents, o Options, r *diag.Report) *Project {
	p := &Project{Target: target.Default, Layout: DefaultLayout, Output: DefaultOutput, Webhook: Webhook{
		Namespace: DefaultRuntimeNamespace, Service: DefaultRuntimeService, Configuration: DefaultConfiguration, Mutations: o.Mutation == MutationWebhook, OnlyNative: o.Mutation == MutationNative},
		Trace: o.Trace, Limits: map[string]int{}, Functions: map[string]*expr.Function{}}
	var doc *syntax.Project
	if len(docs.Projects) > 0 {
		doc = docs.Projects[0]
	}
	if !slices.Contains([]string{"", MutationAuto, MutationNative, MutationWebhook}, o.Mutation) {
		r.Errorf(diag.InvalidChoice, source.Span{}, "unknown mutation `%s`", o.Mutation).Helpf("use auto, native or webhook")
	}
	p.settings(doc, o, r)
	set, err := schema.Load(int(p.Target))
	if err != nil {
		r.Errorf(diag.Internal, source.Span{}, "schemas of Kubernetes %s: %v", p.Target, err)
		return p
	}
	p.Schemas = set
	p.readCRDs(doc, o, r)
	p.resolveWorkloads(doc, r)
	p.resolveExclusions(doc, r)
	p.resolveFunctions(docs.Libraries, r)
	for _, d := range docs.Policies {
		if d.Broken {
			continue
		}
		if resolved := p.resolvePolicy(d, r); resolved != nil {
			p.Policies = append(p.Policies, resolved)
		}
	}
	slices.SortStableFunc(p.Policies, func(a, b *Policy) int { return strings.Compare(a.Name.Value, b.Name.Value) })
	p.resolveExceptions(docs, o, r)
	return p
}

func (p *Project) settings(doc *syntax.Project, o Options, r *diag.Report) {
	at, text := source.Span{}, o.KubeVersion
	if text == "" && doc != nil && !doc.MinVersion.IsZero() {
		at, text = doc.MinVersion.Span, doc.MinVersion.Value
	}
	if text != "" {
		v, err := target.Parse(text)
		if err != nil {
			r.Errorf(diag.UnknownVersion, at, "%v", err)
			v = target.Default
		}
		p.Target = v
	}
	if doc == nil {
		return
	}
	if !doc.Layout.IsZero() {
		p.Layout = doc.Layout.Value
	}
	if !doc.Output.IsZero() {
		p.Output = doc.Output.Value
	}
	p.webhook(doc.Webhook, r)
	for _, e := range doc.Limits {
		n, ok := e.Value.Data.(int64)
		if !ok || n < 1 {
			r.Errorf(diag.WrongShape, e.Value.Span, "a limit is a whole number of at least 1")
			continue
		}
		p.Limits[e.Key.Value] = int(n)
	}
}

// webhook reads where the companion webhook runs.
func (p *Project) webhook(doc syntax.Webhook, r *diag.Report) {
	if !doc.Namespace.IsZero() && checkNamespace(doc.Namespace, r) {
		p.Webhook.Namespace = doc.Namespace.Value
	}
	if name := doc.Configuration; !name.IsZero() {
		if errs := validation.IsDNS1123Label(name.Value); len(errs) > 0 {
			r.Errorf(diag.InvalidName, name.Span, "`%s` is no name of a webhook configuration", name.Value).Notef("%s", errs[0])
		} else {
			p.Webhook.Configuration = name.Value
		}
	}
	if doc.Service.IsZero() {
		return
	}
	if errs := validation.IsDNS1035Label(doc.Service.Value); len(errs) > 0 {
		r.Errorf(diag.InvalidName, doc.Service.Span, "`%s` is no name of a service", doc.Service.Value).Notef("%s", errs[0])
		return
	}
	p.Webhook.Service = doc.Service.Value
}

func (p *Project) readCRDs(doc *syntax.Project, o Options, r *diag.Report) {
	if doc == nil {
		return
	}
	for _, name := range doc.CRDs {
		file := path.Join(path.Dir(name.Span.File.Path), name.Value)
		data, err := o.ReadFile(file)
		if err != nil {
			r.Errorf(diag.UnreadableFile, name.Span, "cannot read CRD file `%s`: %s", name.Value, readError(err))
			continue
		}
		p.CRDs = append(p.CRDs, syntax.Input{Path: file, Data: data})
		if err := p.Schemas.AddCRDs(file, data); err != nil {
			for _, line := range strings.Split(err.Error(), "\n") {
				r.Errorf(diag.InvalidCRD, name.Span, "%s", line)
			}
		}
	}
}

func readError(err error) string {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err.Error()
	}
	return err.Error()
}

// resolveExclusions puts together the namespaces that no policy applies to.
func (p *Project) resolveExclusions(doc *syntax.Project, r *diag.Report) {
	p.Namespaces = []string{"kube-node-lease", "kube-system", p.Webhook.Namespace}
	slices.Sort(p.Namespaces)
	if doc == nil || doc.Exclude == nil {
		return
	}
	m := p.resolveMatch(doc.Exclude, matchOptions{exclude: true}, r)
	if m == nil {
		return
	}
	// Plain namespaces go into the selector of every policy.
	if m.OnlyNamespaces() {
		p.Namespaces = append(p.Namespaces, m.Namespaces...)
		slices.Sort(p.Namespaces)
		p.Namespaces = slices.Compact(p.Namespaces)
		return
	}
	if excludesAll(&Match{Any: true, Operations: []string{"CREATE", "UPDATE", "DELETE", "CONNECT"}}, m) {
		r.Errorf(diag.InvalidMatch, m.Span, "this block excludes everything")
		return
	}
	p.Exclude = m
}

func (p *Project) resolvePolicy(d *syntax.Policy, r *diag.Report) *Policy {
	out := &Policy{Policy: d}
	before := r.Len()
	out.Match = p.resolveMatch(d.Match, matchOptions{}, r)
	for _, e := range d.Exclude {
		m := p.resolveMatch(e, matchOptions{exclude: true}, r)
		if m == nil || out.Match == nil {
			continue
		}
		p.checkLabels(out.Match, m, r)
		if excludesAll(out.Match, m) {
			r.Errorf(diag.InvalidMatch, m.Span, "this block excludes everything that the policy matches")
		}
		out.Exclude = append(out.Exclude, m)
	}
	if p.Exclude != nil {
		out.Exclude = append(out.Exclude, p.Exclude)
	}
	out.Parameters = resolveParameters(d, r)
	out.Lookups = p.resolveLookups(d, r)
	out.Environments = resolveEnvironments(d, out.Parameters, r)
	if out.Match == nil || failedSince(r, before) {
		return nil
	}
	checkReach(out, r)
	return out
}

func failedSince(r *diag.Report, before int) bool { return r.ErrorsSince(before) }
