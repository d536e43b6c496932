package syntax

import (
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
)

// parseTest reads the spec of a PolicyTest. Whether its names exist, and its
// objects are what they say, is for whoever runs the cases.
func parseTest(r *diag.Report, h header) *Test {
	t := &Test{Span: h.span, Name: h.name, Broken: true}
	f, ok := fieldsOf(r, h.spec, "`spec` of a PolicyTest", testKeys)
	if !ok {
		return t
	}
	t.Policies = f.nonEmptyTexts("policies")
	t.Override = parseOverride(r, f)
	t.Broken = r.HasErrors()
	cases := f.require("cases", "the test", "cases: [{name: …, object: {…}, expect: {deny: [rule]}}]")
	items := itemsOf(r, cases, "`cases`")
	if cases != nil && cases.shape == listShape && len(items) == 0 {
		r.Errorf(diag.TestsNothing, cases.span, "the test has no cases").Helpf("write a case, or remove the test")
	}
	seen := newNames(r, "test case")
	for _, item := range items {
		if c := parseCase(r, item); c != nil {
			seen.add(c.Name)
			t.Cases = append(t.Cases, c)
		}
	}
	return t
}

func parseCase(r *diag.Report, n *node) *Case {
	const what = "a test case"
	f, ok := fieldsOf(r, n, what, caseKeys)
	if !ok {
		return nil
	}
	before := r.Len()
	f.require("name", what, "name: a pod without limits is denied")
	c := &Case{
		Span: f.at, Name: f.text("name"), Request: parseRequest(r, f.get("request")), Override: parseOverride(r, f),
		Object: f.object("object"), ObjectFile: f.text("objectFile"),
		OldObject: f.object("oldObject"), OldObjectFile: f.text("oldObjectFile"),
		ClusterFiles: f.texts("clusterFiles"),
	}
	f.notBoth("object", "objectFile")
	f.notBoth("oldObject", "oldObjectFile")
	for _, item := range itemsOf(r, f.get("cluster"), "`cluster`") {
		if item.shape != mapShape {
			wrongShape(r, item, "an entry of `cluster`", "an object")
			continue
		}
		c.Cluster = append(c.Cluster, item.value())
	}
	// A case that forgot its expectation would pass on everything but what it
	// was written for.
	if f.get("expect") == nil && !f.misspelt("expect") {
		r.Errorf(diag.TestsNothing, f.at, "the case expects nothing").
			Helpf("write `expect: {deny: [rule]}`, or `expect: {}` for a request that is admitted in silence")
	}
	c.Expect = parseExpectation(r, f.get("expect"))
	c.Broken = r.ErrorsSince(before)
	return c
}

func parseOverride(r *diag.Report, f *fields) Override {
	return Override{Enforce: parseEnforce(r, f.get("enforce")), Parameters: parseArguments(r, f.get("parameters"))}
}

func parseRequest(r *diag.Report, n *node) CaseRequest {
	f, ok := fieldsOf(r, n, "`request`", requestKeys)
	if !ok {
		return CaseRequest{}
	}
	return CaseRequest{
		Span: n.span, Operation: f.choice("operation", caseOperations), Subresource: f.text("subresource"),
		Name: f.text("name"), Namespace: f.text("namespace"), NamespaceLabels: f.labels("namespaceLabels"),
		User: f.text("user"), Groups: f.texts("groups"), DryRun: f.bool("dryRun"),
	}
}

func parseExpectation(r *diag.Report, n *node) Expectation {
	f, ok := fieldsOf(r, n, "`expect`", expectKeys)
	if !ok {
		return Expectation{}
	}
	f.notBoth("message", "exactMessage")
	return Expectation{
		Span: n.span, Deny: f.texts("deny"), Warn: f.texts("warn"), Audit: f.texts("audit"),
		Message: f.text("message"), ExactMessage: f.text("exactMessage"), Object: f.value("object"), Patch: f.value("patch"),
	}
}

// object reads a key whose value is a Kubernetes object.
func (f *fields) object(key string) Value {
	n := f.get(key)
	if n == nil {
		return Value{}
	}
	if n.shape != mapShape {
		wrongShape(f.report, n, "`"+key+"`", "an object")
		return Value{}
	}
	return n.value()
}

// notBoth reports two keys that say the same.
func (f *fields) notBoth(a, b string) {
	if f.get(a) != nil && f.get(b) != nil {
		f.report.Errorf(diag.InvalidRequest, f.get(b).span, "`%s` and `%s` exclude one another", a, b).Helpf("keep one of them")
	}
}

// ReadObjects reads the Kubernetes objects of a YAML or JSON file, with their
// positions. What is no map is reported; documents that hold nothing are
// passed over.
func ReadObjects(input Input, r *diag.Report) []Value {
	file := source.NewFile(input.Path, input.Data)
	whole := source.Span{File: file}
	if len(input.Data) > maxFile {
		r.Errorf(diag.FileTooLarge, whole, "file is larger than %d MiB", maxFile>>20)
		return nil
	}
	if at, what := notText(input.Data); what != "" {
		r.Errorf(diag.NotText, source.Span{File: file, Start: at, End: at + 1}, "file is not UTF-8 text: %s", what)
		return nil
	}
	var out []Value
	aliased := 0
	for _, c := range splitChunks(file) {
		root, err := parseYAML(c.data())
		if err != nil {
			reportYAML(c, err, r)
			continue
		}
		if root == nil {
			continue
		}
		converter := converter{chunk: c, report: r, aliased: &aliased}
		n := converter.convert(root, 1)
		switch {
		case converter.stopped || n.shape == emptyShape:
		case n.shape != mapShape:
			wrongShape(r, n, "the document", "an object")
		default:
			out = append(out, n.value())
		}
	}
	return out
}
