//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/resolve"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/compiler/target"
	"github.com/policyc/policyc/runtime/cases"
	"github.com/policyc/policyc/test/apiserver"
	"github.com/policyc/policyc/test/e2e/client"
)

const library = "../../policies"

// nobody makes the requests of cases that do not say who does: in no group, as offline.
const nobody = "policyc:test"

// TestLibrary sends every case of the shipped policies to the servers, and beside each case of a workload the same pod
// template in all the other kinds that the policy matches. The policies are applied all together, as a user does it; then
// one at a time is bound, because the server shows only the first of several denials.
func TestLibrary(t *testing.T) {
	docs, all := loadCases(t)
	results := &table{}
	t.Run("on", func(t *testing.T) { // the table is printed when all servers are done
		onEach(t, func(t *testing.T, c *cluster) {
			begin := time.Now()
			generated := c.buildLibrary(t)
			c.applyTwice(t, generated)
			policies := c.readGenerated(t, generated)
			c.unbindAll(t)
			for _, p := range docs.Policies {
				if policies[p.Name.Value] == nil {
					continue // its file does not compile for the version, which is an error already, or the webhook runs it
				}
				if slices.ContainsFunc(p.Rules, func(r *syntax.Rule) bool { return r.Mutate != nil }) {
					continue // TestMutation is about it
				}
				t.Run(p.Name.Value, func(t *testing.T) {
					l := &libraryRun{cluster: c, policy: policies[p.Name.Value], ratchet: ratchets(p), results: results}
					l.run(t, all)
				})
			}
			t.Logf("took %v", time.Since(begin).Round(time.Second))
		})
	})
	t.Log("\n" + results.String())
}

// loadCases reads the library and its cases.
func loadCases(t *testing.T) (*syntax.Documents, []*cases.Case) {
	t.Helper()
	report := diag.NewReport()
	docs := syntax.Load(syntax.ReadPaths([]string{library}, nil, report), report)
	project := resolve.Resolve(docs, resolve.Options{Now: time.Now(), ReadFile: os.ReadFile}, report)
	all := cases.Load(docs, project, cases.Options{ReadFile: os.ReadFile}, report)
	if report.HasErrors() {
		t.Fatal(report.Sorted()[0])
	}
	return docs, all
}

// buildLibrary builds the library. Files that do not compile for the version are an error, and the others are tested all the same.
func (c *cluster) buildLibrary(t *testing.T) string {
	t.Helper()
	out := t.TempDir()
	build := func(paths []string) (string, error) {
		output, err := exec.Command(policycBinary, append([]string{"build", "--kube-version", c.version, "-o", out}, paths...)...).CombinedOutput()
		return string(output), err
	}
	output, err := build([]string{library})
	if err == nil {
		return out
	}
	t.Errorf("the library does not compile for %s:\n%s", c.version, output)
	all, err := filepath.Glob(library + "/*/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	rest := slices.DeleteFunc(all, func(file string) bool {
		return strings.HasSuffix(file, "_test.yaml") || regexp.MustCompile(`(?m)^`+regexp.QuoteMeta(file)+`:\d+:\d+: error`).MatchString(output)
	})
	if output, err := build(rest); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return out
}

// ratchets reports whether a policy admits an update that changes nothing of a pod that it denies.
func ratchets(p *syntax.Policy) bool {
	return p.Ratchet.Value || slices.ContainsFunc(p.Rules, func(r *syntax.Rule) bool { return r.Ratchet.Value }) ||
		slices.ContainsFunc(p.Exclude, func(m *syntax.Match) bool { return strings.Contains(m.When.Value, "pod.spec == oldPod.spec") })
}

// applyTwice applies the output as a dry run, for good, and once more, which changes nothing.
func (c *cluster) applyTwice(t *testing.T, generated string) {
	t.Helper()
	native := filepath.Join(generated, "native")
	if _, err := os.Stat(filepath.Join(generated, "crds")); err == nil {
		c.apply(t, generated)
	}
	if dry := c.kubectl(t, "apply", "--dry-run=server", "-k", native); strings.Count(dry, "(server dry run)") == 0 || strings.Contains(dry, "unchanged") {
		t.Errorf("dry run: %s", dry)
	}
	c.apply(t, generated)
	again := c.kubectl(t, "apply", "-k", native)
	for line := range strings.Lines(again) {
		if !strings.HasSuffix(line, " unchanged\n") {
			t.Errorf("the second apply: %s", line)
		}
	}
	if diff, _, err := c.Kubectl(t.Context(), "", "diff", "-k", native); err != nil || diff != "" {
		t.Errorf("kubectl diff: %v\n%s", err, diff)
	}
}

// generatedPolicy is what was generated from one policy of the library.
type generatedPolicy struct {
	name     string
	bindings []object
	// code and reason of a denial.
	code   int
	reason string
	// operations by resource, "deployments.apps" or "pods/exec".
	operations map[string][]string
}

// reasonCodes are the reasons of a denial with their HTTP statuses.
var reasonCodes = map[string]int{"": 422, "Invalid": 422, "Forbidden": 403, "Unauthorized": 401, "RequestEntityTooLarge": 413}

func (c *cluster) readGenerated(t *testing.T, dir string) map[string]*generatedPolicy {
	t.Helper()
	out := map[string]*generatedPolicy{}
	files, err := filepath.Glob(filepath.Join(dir, "native", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, doc := range bytes.Split(content, []byte("\n---\n")) {
			var o object
			if err := yaml.Unmarshal(doc, &o); err != nil {
				t.Fatal(err)
			}
			meta, _ := o["metadata"].(object)
			labels, _ := meta["labels"].(object)
			name, _ := labels["policyc.dev/policy"].(string)
			if name == "" {
				continue
			}
			if out[name] == nil {
				out[name] = &generatedPolicy{name: name, operations: map[string][]string{}}
			}
			out[name].add(o)
		}
	}
	return out
}

func (p *generatedPolicy) add(o object) {
	spec, _ := o["spec"].(object)
	switch o["kind"] {
	case "ValidatingAdmissionPolicyBinding":
		p.bindings = append(p.bindings, o)
	case "ValidatingAdmissionPolicy":
		p.reason, _ = spec["validations"].([]any)[0].(object)["reason"].(string)
		p.code = reasonCodes[p.reason]
		if p.reason == "" {
			p.reason = "Invalid"
		}
		for _, r := range spec["matchConstraints"].(object)["resourceRules"].([]any) {
			rule := r.(object)
			group := rule["apiGroups"].([]any)[0].(string)
			for _, resource := range rule["resources"].([]any) {
				key := qualified(group, resource.(string))
				for _, op := range rule["operations"].([]any) {
					if !slices.Contains(p.operations[key], op.(string)) {
						p.operations[key] = append(p.operations[key], op.(string))
					}
				}
			}
		}
	}
}

func qualified(group, resource string) string {
	if group == "" {
		return resource
	}
	name, sub, found := strings.Cut(resource, "/")
	if found {
		sub = "/" + sub
	}
	return name + "." + group + sub
}

func (c *cluster) unbindAll(t *testing.T) {
	t.Helper()
	c.kubectl(t, "delete", "validatingadmissionpolicybindings", "-l", "app.kubernetes.io/managed-by=policyc", "--ignore-not-found")
	if v, err := target.Parse(c.version); err == nil && v.Has(target.MutatingAdmissionPolicy) {
		c.kubectl(t, "delete", "mutatingadmissionpolicybindings", "-l", "app.kubernetes.io/managed-by=policyc", "--ignore-not-found")
	}
}

// libraryRun runs the cases of one policy on one server.
type libraryRun struct {
	*cluster
	policy  *generatedPolicy
	ratchet bool
	results *table
}

// probe is a case, or what was made of one.
type probe struct {
	*cases.Case
	title string
	// derived probes hold only rules against what is expected, since messages may name the kind.
	derived bool
}

func (l *libraryRun) run(t *testing.T, all []*cases.Case) {
	var probes []probe
	for i := range all {
		c := all[i]
		// Values that only a case sets are in no object of the library.
		if slices.Contains(c.Policies, l.policy.name) && c.Override.IsZero() {
			probes = append(probes, probe{Case: c, title: c.Span.String() + ": " + c.Name})
		}
	}
	if len(probes) == 0 {
		t.Error("the policy has no cases")
		return
	}
	probes = append(probes, l.derive(t, probes)...)
	probes = slices.DeleteFunc(probes, func(p probe) bool {
		field := l.newerField(t, p.Object)
		if field != "" {
			t.Logf("%s: left out, since this server drops the field %s", p.title, field)
		}
		return field != ""
	})
	for _, round := range rounds(probes) {
		l.runRound(t, round)
	}
	l.results.checkCoverage(t, l.version, l.policy, l.ratchet)
}

// rounds splits probes so that within one no two need different namespaces or old objects of the same name.
func rounds(probes []probe) [][]probe {
	var out [][]probe
	var taken []map[string]string
	for _, p := range probes {
		needs := p.needs()
		i := slices.IndexFunc(taken, func(have map[string]string) bool {
			for key, value := range needs {
				if v, ok := have[key]; ok && v != value {
					return false
				}
			}
			return true
		})
		if i < 0 {
			taken, out, i = append(taken, map[string]string{}), append(out, nil), len(out)
		}
		for key, value := range needs {
			taken[i][key] = value
		}
		out[i] = append(out[i], p)
	}
	return out
}

// needs says what must be on the server for a probe, by name.
func (p probe) needs() map[string]string {
	needs := map[string]string{}
	if p.Kind.Kind == "Namespace" {
		needs["namespace "+p.ObjectName] = fmt.Sprint("absent", p.Operation == "CREATE")
		if p.OldObject != nil {
			needs["namespace "+p.ObjectName] = fmt.Sprint(p.OldObject)
		}
		return needs
	}
	if p.Namespace != "" {
		needs["namespace "+p.Namespace] = fmt.Sprint(p.NamespaceLabels)
	}
	if p.Operation == "CREATE" || p.Operation == "CONNECT" {
		return needs
	}
	needs[p.Resource.Resource+" "+p.Namespace+"/"+p.ObjectName] = fmt.Sprint(p.OldObject, p.Subresource == "scale")
	return needs
}

func (l *libraryRun) runRound(t *testing.T, round []probe) {
	t.Helper()
	namespaces := map[string]bool{}
	var stored []string
	for i := range round {
		l.prepare(t, &round[i], namespaces, &stored)
	}
	for _, b := range l.policy.bindings {
		l.must(t, apiserver.Request{Method: http.MethodPost, Path: admission + "validatingadmissionpolicybindings", Body: encode(t, b)})
	}
	l.settleIn(t, sortedKeys(namespaces)...)
	for _, p := range round {
		l.try(t, p)
	}
	for _, b := range l.policy.bindings {
		l.must(t, apiserver.Request{Method: http.MethodDelete, Path: admission + "validatingadmissionpolicybindings/" + name(b)})
	}
	l.settle(t)
	for _, path := range stored {
		l.must(t, apiserver.Request{Method: http.MethodDelete, Path: path + "?gracePeriodSeconds=0"})
	}
}

// prepare makes the namespace and the old object of a probe.
func (l *libraryRun) prepare(t *testing.T, p *probe, namespaces map[string]bool, stored *[]string) {
	t.Helper()
	if p.Kind.Kind == "Namespace" {
		if p.OldObject != nil {
			meta, _ := p.OldObject["metadata"].(object)
			l.setNamespaceObject(t, p.ObjectName, meta)
			namespaces[p.ObjectName] = true
		}
		return
	}
	if p.Namespace != "" {
		labels := map[string]string{"e2e-revision": fmt.Sprint(l.revision)}
		for k, v := range p.NamespaceLabels {
			labels[k] = v
		}
		if !namespaces[p.Namespace] {
			l.setNamespace(t, p.Namespace, labels)
			namespaces[p.Namespace] = true
		}
	}
	if p.Operation == "CREATE" || p.Operation == "CONNECT" {
		return
	}
	old := complete(t, p.OldObject)
	if p.Subresource == "scale" {
		old = l.scaled(t, p)
	}
	if spec, ok := old["spec"].(object); ok && p.Kind.Kind == "Pod" {
		delete(spec, "ephemeralContainers") // a Pod begins without
	}
	delete(old["metadata"].(object), "namespace")
	path := collection(old, p.Namespace)
	if slices.Contains(*stored, path+"/"+name(old)) {
		return
	}
	r := l.do(t, apiserver.Request{Method: http.MethodPost, Path: path, Body: encode(t, old)})
	if r.Status >= 300 {
		t.Logf("%s: the old object cannot exist: %s", p.title, brief([]byte(r.Message())))
		return
	}
	*stored = append(*stored, path+"/"+name(old))
}

// scaled is the object that a Scale is about.
func (l *libraryRun) scaled(t *testing.T, p *probe) object {
	t.Helper()
	spec, _ := p.OldObject["spec"].(object)
	o := deployment(t, p.ObjectName, 1)
	o["kind"] = map[string]string{"deployments": "Deployment", "statefulsets": "StatefulSet", "replicasets": "ReplicaSet", "replicationcontrollers": "ReplicationController"}[p.Resource.Resource]
	if p.Resource.Resource == "replicationcontrollers" {
		o["apiVersion"] = "v1"
		o["spec"].(object)["selector"] = object{"app": "a"}
	}
	o["spec"].(object)["replicas"] = spec["replicas"]
	return o
}

func (c *cluster) setNamespaceObject(t *testing.T, name string, meta object) {
	t.Helper()
	given, _ := meta["labels"].(object)
	labels := map[string]string{"e2e-revision": fmt.Sprint(c.revision)}
	for k, v := range given {
		labels[k] = fmt.Sprint(v)
	}
	c.setNamespace(t, name, labels)
}

// try sends a probe and holds the answer against what is expected.
func (l *libraryRun) try(t *testing.T, p probe) {
	t.Helper()
	r := l.send(t, p)
	kind := qualified(p.Resource.Group, p.Resource.Resource)
	if p.Subresource != "" {
		kind += "/" + p.Subresource
	}
	count := l.results.at(l.policy.name, kind, l.version)
	own := func(rules []string) (out []string) {
		for _, rule := range rules {
			if strings.HasPrefix(rule, l.policy.name+"/") {
				out = append(out, rule)
			}
		}
		return out
	}
	d, denied := denialOf(r)
	switch {
	case denied || passes(r):
	case r.Status == http.StatusNotFound && l.version == "1.30" && p.Subresource == "resize":
		return // new in 1.32
	default:
		count.refused++
		t.Logf("%s: the server itself refuses: status %d: %s", p.title, r.Status, brief([]byte(r.Message())))
		return
	}
	var got cases.Expect
	var messages []string
	if denied {
		got.Deny = cases.Violations(l.policy.name, d.message)
		messages = append(messages, d.message)
		if r.Status != l.policy.code || !strings.Contains(string(r.Body), `"reason":"`+l.policy.reason+`"`) {
			t.Errorf("%s: status %d: %s", p.title, r.Status, brief(r.Body))
		}
		if len(got.Deny) == 0 {
			t.Errorf("%s: the message names no rule: %s", p.title, d.message)
		}
	}
	for _, w := range policyWarnings(r) {
		got.Warn = append(got.Warn, cases.Violations(l.policy.name, w.message)...)
		messages = append(messages, w.message)
	}
	if l.audits() {
		note := l.annotation(t, r)
		for _, m := range auditMessage.FindAllStringSubmatch(note, -1) {
			got.Audit = append(got.Audit, cases.Violations(l.policy.name, m[1])...)
			messages = append(messages, m[1])
		}
	}
	for _, part := range []struct {
		name      string
		want, got []string
	}{{"deny", p.Expect.Deny, got.Deny}, {"warn", p.Expect.Warn, got.Warn}, {"audit", p.Expect.Audit, got.Audit}} {
		slices.Sort(part.got)
		if want := own(part.want); !slices.Equal(want, slices.Compact(part.got)) {
			t.Errorf("%s: %s: %v instead of %v: %q %s", p.title, part.name, part.got, want, messages, brief([]byte(r.Message())))
		}
	}
	if p.Expect.Message != nil && !p.derived && len(messages) > 0 && len(p.Policies) == 1 {
		if !slices.ContainsFunc(messages, p.Expect.Message.MatchString) {
			t.Errorf("%s: no message like %q in %q", p.title, p.Expect.Message, messages)
		}
	}
	switch {
	case denied:
		count.denied++
	case len(got.Warn)+len(got.Audit) > 0:
		count.warned++
	default:
		count.admitted++
	}
}

var auditMessage = regexp.MustCompile(`"message":"((?:[^"\\]|\\.)*)"`)

// audits reports whether a binding of the policy writes to the audit log.
func (l *libraryRun) audits() bool {
	return slices.ContainsFunc(l.policy.bindings, func(b object) bool {
		return slices.Contains(b["spec"].(object)["validationActions"].([]any), "Audit")
	})
}

// passes reports whether a response comes from behind admission: from storage, which has the object already, or from the
// proxy to a kubelet that does not exist.
func passes(r apiserver.Response) bool {
	if r.Status < 300 || r.Status == http.StatusConflict && strings.Contains(string(r.Body), `"reason":"AlreadyExists"`) {
		return true
	}
	return r.Status == http.StatusNotFound && strings.Contains(r.Message(), `pods "`) && strings.Contains(r.Message(), "not found")
}

func (l *libraryRun) send(t *testing.T, p probe) apiserver.Response {
	t.Helper()
	as := apiserver.User{Name: p.User, Groups: p.Groups}
	if as.Name == "" {
		as.Name = nobody
	}
	k := call{namespace: p.Namespace, as: as, subresource: p.Subresource}
	switch p.Operation {
	case "CREATE":
		o := complete(t, p.Object)
		if p.Subresource == "" {
			return l.create(t, k, o)
		}
		path := "/api/v1/namespaces/" + p.Namespace + "/" + p.Resource.Resource + "/" + p.ObjectName + "/" + p.Subresource + "?dryRun=All"
		return l.do(t, apiserver.Request{Method: http.MethodPost, Path: path, Body: encode(t, o), As: as})
	case "UPDATE":
		o := complete(t, p.Object)
		delete(o["metadata"].(object), "namespace")
		if p.Subresource == "scale" {
			root := "/apis/" + p.Resource.Group + "/v1"
			if p.Resource.Group == "" {
				root = "/api/v1"
			}
			o["metadata"].(object)["namespace"] = p.Namespace
			path := root + "/namespaces/" + p.Namespace + "/" + p.Resource.Resource + "/" + p.ObjectName + "/scale?dryRun=All"
			return l.do(t, apiserver.Request{Method: http.MethodPut, Path: path, Body: encode(t, o), As: as})
		}
		return l.update(t, k, o)
	case "DELETE":
		o := parse(t, string(encode(t, p.OldObject)))
		return l.delete(t, k, o)
	}
	query := url.Values{}
	for field, value := range p.Object {
		switch value := value.(type) {
		case []any:
			for _, item := range value {
				query.Add(field, fmt.Sprint(item))
			}
		default:
			if field != "apiVersion" && field != "kind" && field != "metadata" {
				query.Set(field, fmt.Sprint(value))
			}
		}
	}
	path := "/api/v1/namespaces/" + p.Namespace + "/" + p.Resource.Resource + "/" + p.ObjectName + "/" + p.Subresource + "?" + query.Encode()
	return l.do(t, apiserver.Request{Method: http.MethodPost, Path: path, As: as})
}

// complete fills in what the API server asks for and a case leaves out: a selector, labels for it, names, restart policies.
func complete(t *testing.T, o object) object {
	t.Helper()
	o = parse(t, string(encode(t, o)))
	if o["metadata"] == nil {
		o["metadata"] = object{}
	}
	kind, _ := o["kind"].(string)
	spec, _ := o["spec"].(object)
	if kind == "Pod" && spec != nil {
		completePod(spec, "")
		for _, field := range []string{"containers", "initContainers"} {
			list, _ := spec[field].([]any)
			for _, item := range list {
				if container, ok := item.(object); ok && container["imagePullPolicy"] == nil {
					container["imagePullPolicy"] = "IfNotPresent" // by default it depends on the image, and cannot be changed with it
				}
			}
		}
		return o
	}
	if !slices.ContainsFunc(workloads, func(w struct{ apiVersion, kind string }) bool { return w.kind == kind }) || spec == nil {
		return o
	}
	holder := spec
	if kind == "CronJob" {
		if spec["schedule"] == nil {
			spec["schedule"] = "0 0 * * *"
		}
		job, _ := spec["jobTemplate"].(object)
		holder, _ = job["spec"].(object)
	}
	template, _ := holder["template"].(object)
	if template == nil {
		return o
	}
	pod, _ := template["spec"].(object)
	if kind == "Job" || kind == "CronJob" {
		completePod(pod, "Never")
		return o
	}
	completePod(pod, "")
	if spec["selector"] == nil {
		meta, _ := template["metadata"].(object)
		if meta == nil {
			meta = object{}
			template["metadata"] = meta
		}
		labels, _ := meta["labels"].(object)
		if labels == nil {
			labels = object{}
			meta["labels"] = labels
		}
		labels["e2e-selected"] = "yes"
		spec["selector"] = object{"matchLabels": object{"e2e-selected": "yes"}}
		if kind == "ReplicationController" {
			spec["selector"] = object{"e2e-selected": "yes"}
		}
	}
	if kind == "StatefulSet" && spec["serviceName"] == nil {
		spec["serviceName"] = "s"
	}
	return o
}

func completePod(spec object, restartPolicy string) {
	if spec != nil && restartPolicy != "" && spec["restartPolicy"] == nil {
		spec["restartPolicy"] = restartPolicy
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// derive makes of each case that creates a workload the same in every other kind that the policy matches, and of Pods
// updates through their subresources.
func (l *libraryRun) derive(t *testing.T, probes []probe) []probe {
	t.Helper()
	var out []probe
	touched := map[bool]int{}
	for _, p := range probes {
		out = append(out, l.deriveConnect(p)...)
		out = append(out, l.deriveNamespace(p)...)
		matched := slices.Contains(l.policy.operations[qualified(p.Resource.Group, p.Resource.Resource)], "CREATE")
		if p.Operation != "CREATE" || p.Subresource != "" || !isWorkload(p.Kind.Kind) || !matched {
			continue
		}
		objectMeta, template := takeApart(t, p.Object)
		if template == nil {
			continue
		}
		for _, w := range append([]struct{ apiVersion, kind string }{{"v1", "Pod"}}, workloads...) {
			if w.kind == p.Kind.Kind || !slices.Contains(l.policy.operations[resourceOf(w.apiVersion, w.kind)], "CREATE") {
				continue
			}
			o := assemble(t, objectMeta, template, w.apiVersion, w.kind)
			if spec, _ := p.Object["spec"].(object); spec["replicas"] != nil && scales(w.kind) {
				o["spec"].(object)["replicas"] = spec["replicas"]
			}
			out = append(out, derived(p, w.apiVersion, w.kind, o))
		}
		silent := p.Expect.Silent()
		if p.Kind.Kind != "Pod" || touched[silent] >= 2 {
			continue
		}
		touched[silent]++
		for _, sub := range []string{"ephemeralcontainers", "resize"} {
			if !slices.Contains(l.policy.operations["pods/"+sub], "UPDATE") {
				continue
			}
			o := rename(t, p.Object, fmt.Sprintf("touched-%d-%v", touched[silent], silent))
			touch := derived(p, "v1", "Pod", o)
			touch.title = p.title + ", through " + sub
			touch.Operation, touch.Subresource, touch.OldObject, touch.ObjectName = "UPDATE", sub, o, name(o)
			if l.ratchet {
				touch.Expect = cases.Expect{} // what violates a rule already is not held up
			}
			out = append(out, touch)
		}
	}
	return out
}

// deriveConnect makes of a session of one sort those of the other sorts that the policy matches.
func (l *libraryRun) deriveConnect(p probe) []probe {
	var out []probe
	if p.Operation != "CONNECT" || p.Resource.Resource != "pods" {
		return nil
	}
	for sub, kind := range map[string]string{"exec": "PodExecOptions", "attach": "PodAttachOptions", "portforward": "PodPortForwardOptions"} {
		if sub != p.Subresource && slices.Contains(l.policy.operations["pods/"+sub], "CONNECT") {
			d := derived(p, "v1", kind, object{"apiVersion": "v1", "kind": kind})
			d.Resource, d.Subresource = p.Resource, sub
			out = append(out, d)
		}
	}
	return out
}

// deriveNamespace makes of an update of a Namespace those through its subresources.
func (l *libraryRun) deriveNamespace(p probe) []probe {
	var out []probe
	if p.Operation != "UPDATE" || p.Kind.Kind != "Namespace" || p.Subresource != "" {
		return nil
	}
	for _, sub := range []string{"finalize", "status"} {
		if slices.Contains(l.policy.operations["namespaces/"+sub], "UPDATE") {
			d := derived(p, "v1", "Namespace", p.Object)
			d.title, d.Subresource = p.title+", through "+sub, sub
			out = append(out, d)
		}
	}
	return out
}

func derived(p probe, apiVersion, kind string, o object) probe {
	c := *p.Case
	group, version, found := strings.Cut(apiVersion, "/")
	if !found {
		group, version = "", apiVersion
	}
	c.Kind = schema.GroupVersionKind{Group: group, Version: version, Kind: kind}
	c.Resource = schema.GroupVersionResource{Group: group, Version: version, Resource: client.Plural(kind)}
	c.Object = o
	return probe{Case: &c, title: p.title + ", as " + kind, derived: true}
}

func isWorkload(kind string) bool {
	return kind == "Pod" || slices.ContainsFunc(workloads, func(w struct{ apiVersion, kind string }) bool { return w.kind == kind })
}

// scales reports whether a kind has replicas.
func scales(kind string) bool {
	return slices.Contains([]string{"Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"}, kind)
}

func resourceOf(apiVersion, kind string) string {
	group, _, found := strings.Cut(apiVersion, "/")
	if !found {
		group = ""
	}
	return qualified(group, client.Plural(kind))
}

// takeApart returns the metadata of a workload and its pod template; those of a Pod are the same.
func takeApart(t *testing.T, o object) (meta, template object) {
	t.Helper()
	copied := parse(t, string(encode(t, o)))
	meta, _ = copied["metadata"].(object)
	if meta == nil {
		meta = object{}
	}
	spec, _ := copied["spec"].(object)
	if copied["kind"] == "Pod" {
		return meta, object{"metadata": parse(t, string(encode(t, meta))), "spec": spec}
	}
	if job, ok := spec["jobTemplate"].(object); ok {
		spec, _ = job["spec"].(object)
	}
	template, _ = spec["template"].(object)
	return meta, template
}

func assemble(t *testing.T, meta, template object, apiVersion, kind string) object {
	t.Helper()
	template = parse(t, string(encode(t, template)))
	templateMeta, _ := template["metadata"].(object)
	pod := object{"metadata": object{"name": "derived"}, "spec": template["spec"]}
	for _, field := range []string{"labels", "annotations"} {
		if v := templateMeta[field]; v != nil {
			pod["metadata"].(object)[field] = v
		}
	}
	if kind == "Pod" {
		pod["apiVersion"], pod["kind"] = apiVersion, kind
		delete(pod["spec"].(object), "restartPolicy")
		return pod
	}
	o := wrap(t, pod, apiVersion, kind)
	outer := parse(t, string(encode(t, meta)))
	delete(outer, "namespace")
	o["metadata"] = outer
	return o
}

// table counts what became of the requests, by policy, kind and version.
type table struct {
	mutex sync.Mutex
	rows  map[[3]string]*counts
}

type counts struct{ denied, warned, admitted, refused int }

func (t *table) at(policy, kind, version string) *counts {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.rows == nil {
		t.rows = map[[3]string]*counts{}
	}
	key := [3]string{policy, kind, version}
	if t.rows[key] == nil {
		t.rows[key] = &counts{}
	}
	return t.rows[key]
}

// checkCoverage asks for a violation and an admission of every kind that a policy matches.
func (t *table) checkCoverage(tt *testing.T, version string, p *generatedPolicy, ratchet bool) {
	tt.Helper()
	for _, kind := range sortedKeys(p.operations) {
		if kind == "pods/resize" && version == "1.30" {
			continue
		}
		n := t.at(p.name, kind, version)
		if ratchet && strings.HasPrefix(kind, "pods/") && n.admitted > 0 {
			continue // these change nothing that could violate the rule anew
		}
		if n.denied+n.warned == 0 || n.admitted == 0 {
			tt.Errorf("%s: %+v: no case violates the policy with this kind, or none is admitted", kind, *n)
		}
	}
}

// String prints denied/warned/admitted of each version, oldest first.
func (t *table) String() string {
	type row struct{ policy, kind string }
	rows := map[row]map[string]*counts{}
	for key, n := range t.rows {
		r := row{key[0], key[1]}
		if rows[r] == nil {
			rows[r] = map[string]*counts{}
		}
		rows[r][key[2]] = n
	}
	keys := make([]row, 0, len(rows))
	for r := range rows {
		keys = append(keys, r)
	}
	sort.Slice(keys, func(i, j int) bool { return keys[i].policy+" "+keys[i].kind < keys[j].policy+" "+keys[j].kind })
	var b strings.Builder
	fmt.Fprintf(&b, "%-32s %-28s denied/warned/admitted/refused by the server itself\n", "policy", "kind")
	for _, k := range keys {
		fmt.Fprintf(&b, "%-32s %-28s", k.policy, k.kind)
		for _, c := range clusters {
			if n := rows[k][c.version]; n != nil {
				fmt.Fprintf(&b, "  %s: %2d/%2d/%2d/%2d", c.version, n.denied, n.warned, n.admitted, n.refused)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}
