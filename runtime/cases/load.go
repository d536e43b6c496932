package cases

import (
	"path"
	"slices"
	"strings"

	"k8s.io/apiserver/pkg/admission"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/resolve"
	"github.com/policyc/policyc/compiler/schema"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/runtime/engine"
	"github.com/policyc/policyc/runtime/object"
)

// Options are what Load needs besides the documents.
type Options struct {
	// ReadFile reads the files that cases name, by path with forward slashes.
	ReadFile func(path string) ([]byte, error)
}

// Load returns the cases of all PolicyTests, in source order. What is wrong
// with a case is reported, and the case left out; what was broken when it was
// parsed is left out in silence.
func Load(docs *syntax.Documents, project *resolve.Project, o Options, r *diag.Report) []*Case {
	newest, err := schema.Load(slices.Max(schema.Minors()))
	if err != nil {
		r.Errorf(diag.Internal, source.Span{}, "schemas: %v", err)
		return nil
	}
	l := &loader{docs: docs, project: project, newest: newest, report: r, readFile: o.ReadFile,
		preparer: object.NewPreparer(definitions(project.CRDs)...), files: map[string][]syntax.Value{}}
	var out []*Case
	for _, t := range docs.Tests {
		if !t.Broken {
			out = append(out, l.test(t)...)
		}
	}
	return out
}

type loader struct {
	docs    *syntax.Documents
	project *resolve.Project
	// newest has the kinds of later versions, which policies may know of.
	newest   *schema.Set
	report   *diag.Report
	preparer *object.Preparer
	readFile func(string) ([]byte, error)
	// files are the objects of files that cases name.
	files map[string][]syntax.Value
}

// definitions are the CRDs in files, as YAML decodes them. What is wrong with
// them was reported when the project was resolved.
func definitions(files []syntax.Input) []map[string]any {
	var out []map[string]any
	for _, f := range files {
		for _, v := range syntax.ReadObjects(f, diag.NewReport()) {
			if o, ok := v.Data.(map[string]any); ok && o["kind"] == "CustomResourceDefinition" {
				out = append(out, o)
			}
		}
	}
	return out
}

func (l *loader) test(t *syntax.Test) []*Case {
	policies := l.policies(t)
	if policies == nil {
		return nil
	}
	l.checkOverride(t.Override, policies)
	var out []*Case
	for _, d := range t.Cases {
		if d.Broken {
			continue
		}
		before := l.report.Len()
		c := &Case{Test: t.Name.Value, Name: d.Name.Value, Span: d.Span, Policies: policies, Override: d.Override}
		if l.checkOverride(d.Override, policies); c.Override.Enforce.Span.IsZero() {
			c.Override.Enforce = t.Override.Enforce
		}
		if len(c.Override.Parameters) == 0 {
			c.Override.Parameters = t.Override.Parameters
		}
		l.read(c, d)
		if !l.report.ErrorsSince(before) {
			out = append(out, c)
		}
	}
	l.checkReach(t, policies, out)
	return out
}

// policies are those that a test names, or all of its folder.
func (l *loader) policies(t *syntax.Test) []string {
	var out, known []string
	for _, p := range l.docs.Policies {
		known = append(known, p.Name.Value)
		if len(t.Policies) == 0 && path.Dir(p.Span.File.Path) == path.Dir(t.Span.File.Path) {
			out = append(out, p.Name.Value)
		}
	}
	if len(t.Policies) == 0 {
		if out == nil {
			l.report.Errorf(diag.TestsNothing, t.Name.Span, "there is no policy in the folder of test `%s`", t.Name.Value).
				Helpf("name the policies that it tests: `policies: [my-policy]`")
		}
		return out
	}
	for _, name := range t.Policies {
		if !slices.Contains(known, name.Value) {
			l.unknown(name, "there is no policy", known)
			return nil
		}
		out = append(out, name.Value)
	}
	return out
}

// unknown reports a name that refers to nothing.
//
//	there is no policy `limit`; did you mean `limits`?
func (l *loader) unknown(name source.Text, message string, known []string) {
	d := l.report.Errorf(diag.UnknownReference, name.Span, "%s `%s`", message, name.Value)
	if near, ok := diag.Suggest(name.Value, known); ok {
		d.Helpf("did you mean `%s`?", near)
	} else if 0 < len(known) && len(known) <= 12 {
		d.Notef("there is `%s`", strings.Join(known, "`, `"))
	}
}

// checkOverride reports what cannot be replaced. Whether the values fit is
// found when the policy is compiled with them.
func (l *loader) checkOverride(o syntax.Override, policies []string) {
	at := o.Enforce.Span
	if len(o.Parameters) > 0 {
		at = o.Parameters[0].Key.Span
	}
	if !o.IsZero() && len(policies) != 1 {
		l.report.Errorf(diag.InvalidRequest, at, "`parameters` and `enforce` belong to one policy, and the test is about %d", len(policies)).
			Helpf("write a test for each policy")
	}
}

func (l *loader) read(c *Case, d *syntax.Case) {
	before := l.report.Len()
	now, old := l.value(d.Object, d.ObjectFile), l.value(d.OldObject, d.OldObjectFile)
	cluster := slices.Clone(d.Cluster)
	for _, file := range d.ClusterFiles {
		cluster = append(cluster, l.file(file, file.Value)...)
	}
	if l.report.ErrorsSince(before) || !l.operation(c, d, &now, &old) {
		return
	}
	subject := now
	if !subject.Present() {
		subject = old
	}
	if !l.sameIdentity(now, old) || !l.resource(c, d, subject) || !l.place(c, d, subject, cluster) {
		return
	}
	if was := field(field(old, "metadata"), "namespace"); c.Namespaced && text(was) != "" && text(was) != c.Namespace {
		l.report.Errorf(diag.InvalidRequest, was.Text.Span, "the request is in namespace `%s` and its old object in `%s`", c.Namespace, text(was))
		return
	}
	c.User, c.Groups, c.DryRun = d.Request.User.Value, texts(d.Request.Groups), d.Request.DryRun.Value
	c.Object, c.OldObject = data(now), data(old)
	for _, v := range cluster {
		c.Cluster = append(c.Cluster, data(v))
	}
	l.request(c, now, old, cluster)
	l.expect(c, d.Expect)
}

// operation fills in the operation, and which of the objects it has.
func (l *loader) operation(c *Case, d *syntax.Case, now, old *syntax.Value) bool {
	refuse := func(message string) bool {
		at := d.Request.Operation.Span
		if at.IsZero() {
			at = d.Name.Span
		}
		l.report.Errorf(diag.InvalidRequest, at, "%s", message)
		return false
	}
	c.Operation = d.Request.Operation.Value
	if c.Operation == "" {
		switch {
		case !old.Present():
			c.Operation = "CREATE"
		case !now.Present():
			c.Operation = "DELETE"
		default:
			c.Operation = "UPDATE"
		}
	}
	switch {
	case !now.Present() && !old.Present():
		return refuse("the case has neither `object` nor `oldObject`")
	case c.Operation == "CREATE" || c.Operation == "CONNECT":
		if old.Present() || !now.Present() {
			return refuse(c.Operation + " has an `object` and no `oldObject`")
		}
	case c.Operation == "UPDATE":
		if !now.Present() {
			return refuse("UPDATE has an `object`")
		}
		if !old.Present() {
			*old = *now
		}
	default: // DELETE
		if now.Present() && old.Present() {
			return refuse("DELETE has one object: the one that is deleted")
		}
		if !old.Present() {
			*now, *old = syntax.Value{}, *now
		}
	}
	return true
}

// request prepares the objects and puts the request together.
func (l *loader) request(c *Case, now, old syntax.Value, cluster []syntax.Value) {
	before := l.report.Len()
	received, previous := l.prepare(c, now, false), l.prepare(c, old, true)
	others := l.cluster(c, cluster)
	if l.report.ErrorsSince(before) {
		return
	}
	object := received
	if received != nil {
		object = received.DeepCopyObject()
		l.preparer.Store(object, admission.Operation(c.Operation))
	}
	c.Request = newRequest(c, object, previous, others)
	c.Request.Received = received
}

// Lifecycle is what a server does to the objects of a project around mutation.
func Lifecycle(project *resolve.Project) engine.Lifecycle {
	return object.NewPreparer(definitions(project.CRDs)...)
}

// checkReach reports policies of a test that none of its cases is about: the
// test could not fail, whatever they say. A single case about a resource that
// no policy matches is fine, since it guards the match itself.
func (l *loader) checkReach(t *syntax.Test, policies []string, list []*Case) {
	if len(list) < len(t.Cases) || len(list) == 0 {
		return // some cases have errors
	}
	reached := slices.DeleteFunc(slices.Clone(policies), func(name string) bool {
		return !slices.ContainsFunc(list, func(c *Case) bool { return l.reaches(name, c) })
	})
	if len(t.Policies) == 0 && len(reached) > 0 {
		return // a folder's policies may be tested by several tests
	}
	for _, name := range policies {
		if slices.Contains(reached, name) {
			continue
		}
		at := t.Name.Span
		if i := slices.IndexFunc(t.Policies, func(p source.Text) bool { return p.Value == name }); i >= 0 {
			at = t.Policies[i].Span
		}
		l.report.Errorf(diag.TestsNothing, at, "no case of the test is about a resource that policy `%s` matches", name).
			Helpf("write a case for the policy, or leave it out")
	}
}

// reaches reports whether a policy matches the resource of a case in any of
// its operations and subresources. It is true for a policy with errors.
func (l *loader) reaches(policy string, c *Case) bool {
	i := slices.IndexFunc(l.project.Policies, func(p *resolve.Policy) bool { return p.Name.Value == policy })
	if i < 0 {
		return true
	}
	m := l.project.Policies[i].Match
	return m.Any || slices.ContainsFunc(m.Kinds, func(k *schema.Kind) bool {
		return k.ResourceGroup == c.Resource.Group && k.Resource == c.Resource.Resource
	})
}
