//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/compiler/target"
	"github.com/policyc/policyc/runtime/cases"
	"github.com/policyc/policyc/runtime/engine"
	"github.com/policyc/policyc/runtime/suite"
	"github.com/policyc/policyc/test/apiserver"
	"github.com/policyc/policyc/test/e2e/client"
)

// mutations are the folders of mutating policies with their cases: what is shipped, and every form that there is.
var mutations = []string{"../../policies/mutation", "testdata/mutation"}

// TestMutation sends every case of the mutating policies to the server, with and without the policy: what is different must
// be what it is offline, object for object. What was mutated stays as it is when it is sent again, and what is done to a Pod
// is done to the template of a Deployment.
func TestMutation(t *testing.T) {
	var groups []*mutationGroup
	for _, folder := range mutations {
		groups = append(groups, mutationGroups(loadMutations(t, folder))...)
	}
	onEach(t, func(t *testing.T, c *cluster) {
		if v, err := target.Parse(c.version); err != nil || !v.Has(target.MutatingAdmissionPolicy) {
			t.Skipf("Kubernetes %s has no MutatingAdmissionPolicy v1", c.version)
		}
		n := 0
		for _, group := range groups {
			t.Run(group.name, func(t *testing.T) {
				for i := range group.runs {
					n++
					group.runs[i].namespace = fmt.Sprintf("mutation-%d", n)
				}
				c.runMutations(t, group)
			})
		}
		t.Logf("%d requests with and without their policy", n)
	})
}

func loadMutations(t *testing.T, folder string) *suite.Suite {
	t.Helper()
	r := diag.NewReport()
	o := compiler.Options{Now: time.Now(), ReadFile: os.ReadFile, KubeVersion: target.MutatingAdmissionPolicy.Since.String()}
	docs := syntax.Load(syntax.ReadPaths([]string{folder}, nil, r), r)
	result := compiler.CompileDocuments(docs, o, r)
	if len(r.Sorted()) > 0 {
		t.Fatal(r.Sorted()[0])
	}
	s := suite.New(docs, result, o, r)
	if s == nil {
		t.Fatal(r.Sorted()[0])
	}
	return s
}

// mutationGroup are the cases that run with the same objects.
type mutationGroup struct {
	name, native, crds string
	runs               []mutationRun
}

// mutationRun is a case, or a Deployment with the pod of one.
type mutationRun struct {
	*cases.Case
	object, old object
	namespace   string
	offline     []string
	// podOf is the run about the pod that this one has as its template; -1 for none.
	podOf  int
	before object
	got    []string
}

func mutationGroups(s *suite.Suite) []*mutationGroup {
	var out []*mutationGroup
	byKey := map[string]*mutationGroup{}
	for _, c := range s.Cases {
		v := s.Variant(c)
		if !v.Engine.Mutates() {
			continue // where it only warns, nothing changes
		}
		key := fmt.Sprint(c.Policies[0], slices.Index(s.Variants, v))
		if byKey[key] == nil {
			byKey[key] = &mutationGroup{name: key, native: string(v.Result.Files["native/"+c.Policies[0]+".yaml"]),
				crds: string(v.Result.Files["crds/"+c.Policies[0]+".yaml"])}
			out = append(out, byKey[key])
		}
		g := byKey[key]
		g.runs = append(g.runs, mutationRun{Case: c, object: c.Object, old: c.OldObject, offline: offlinePatch(s, c), podOf: -1})
		if c.Kind.Kind == "Pod" && c.Operation == "CREATE" && strings.Contains(g.native, "deployments") {
			spec := c.Object["spec"]
			o := object{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": object{"name": "of-a-pod"}, "spec": object{
				"selector": object{"matchLabels": object{"a": "b"}}, "template": object{"metadata": object{"labels": object{"a": "b"}}, "spec": spec}}}
			g.runs = append(g.runs, mutationRun{Case: c, object: o, podOf: len(g.runs) - 1})
		}
	}
	return out
}

// offlinePatch is what mutation changes of the object that validation sees, offline.
func offlinePatch(s *suite.Suite, c *cases.Case) []string {
	m, err := s.Variant(c).For(c.Policies).Mutate(context.Background(), c.Request)
	if err != nil {
		return []string{err.Error()}
	}
	before, _ := engine.Plain(c.Request.Object)
	after, _ := engine.Plain(m.Request.Object)
	return client.Changes(before, after)
}

func (c *cluster) runMutations(t *testing.T, g *mutationGroup) {
	for i := range g.runs {
		c.prepareMutation(t, &g.runs[i])
	}
	ctx := context.Background()
	if g.crds != "" {
		if _, _, err := c.Kubectl(ctx, g.crds, "apply", "-f", "-"); err != nil {
			t.Fatal(err)
		}
		defer c.kubectl(t, "delete", "crd", "-l", "app.kubernetes.io/managed-by=policyc", "--wait=false")
		c.kubectl(t, "wait", "--for=condition=Established", "--timeout=30s", "crd", "-l", "app.kubernetes.io/managed-by=policyc")
	}
	if _, _, err := c.Kubectl(ctx, g.native, "apply", "-f", "-"); err != nil {
		t.Fatal(err)
	}
	changed := slices.IndexFunc(g.runs, func(r mutationRun) bool { return len(r.offline) > 0 && r.Expect.Deny == nil })
	// Until the server knows both objects of the policy, or neither, validation may refuse what is not mutated.
	var last apiserver.Response
	mutated := func(want bool) func() bool {
		return func() bool {
			after, response := c.mutate(t, &g.runs[changed])
			last = response
			return after != nil && len(client.Changes(g.runs[changed].before, after)) > 0 == want
		}
	}
	defer func() {
		if t.Failed() {
			t.Logf("the last answer of the server: %s", brief(last.Body))
		}
		if _, _, err := c.Kubectl(ctx, g.native, "delete", "-f", "-"); err != nil {
			t.Fatal(err)
		}
		eventually(t, 30*time.Second, "the mutation is still there", mutated(false))
		c.settle(t)
	}()
	// A new kind of parameters takes the server up to 30 s; see TestParameterObject.
	eventually(t, time.Minute, "nothing is mutated", mutated(true))
	c.settle(t)
	for i := range g.runs {
		c.tryMutation(t, g, &g.runs[i])
	}
}

// prepareMutation makes the namespace and the old object of a case, and asks what the server makes of the request without policies.
func (c *cluster) prepareMutation(t *testing.T, r *mutationRun) {
	t.Helper()
	labels := maps.Clone(r.NamespaceLabels)
	delete(labels, "kubernetes.io/metadata.name")
	c.setNamespace(t, r.namespace, labels)
	if r.old != nil && r.podOf < 0 {
		old := parse(t, string(encode(t, r.old)))
		spec, _ := old["spec"].(object)
		ephemeral := spec["ephemeralContainers"]
		delete(spec, "ephemeralContainers")
		c.must(t, apiserver.Request{Method: http.MethodPost, Path: collection(old, r.namespace), Body: encode(t, old)})
		if ephemeral != nil {
			spec["ephemeralContainers"] = ephemeral
			c.must(t, apiserver.Request{Method: http.MethodPut, Path: collection(old, r.namespace) + "/" + name(old) + "/ephemeralcontainers", Body: encode(t, old)})
		}
	}
	before, response := c.mutate(t, r)
	if before == nil {
		t.Logf("%s: the server itself refuses: status %d: %s", r.Case, response.Status, brief([]byte(response.Message())))
	}
	r.before = before
}

// mutate sends a request as a dry run, and returns the object that comes back; nil when the request was refused.
func (c *cluster) mutate(t *testing.T, r *mutationRun) (object, apiserver.Response) {
	t.Helper()
	response := c.sendMutation(t, r, r.object)
	if response.Status >= 300 {
		return nil, response
	}
	var out object
	decode(t, response.Body, &out)
	return client.Own(out), response
}

func (c *cluster) sendMutation(t *testing.T, r *mutationRun, o object) apiserver.Response {
	t.Helper()
	k := call{namespace: r.namespace, as: apiserver.User{Name: nobody}}
	if r.Operation == "CREATE" {
		return c.create(t, k, o)
	}
	k.subresource = r.Subresource
	return c.update(t, k, o)
}

func (c *cluster) tryMutation(t *testing.T, g *mutationGroup, r *mutationRun) {
	t.Helper()
	if r.before == nil {
		return
	}
	response := c.sendMutation(t, r, r.object)
	if len(r.Expect.Deny) > 0 {
		d, denied := denialOf(response)
		if got := cases.Violations(r.Policies[0], d.message); !denied || !slices.Equal(got, r.Expect.Deny) {
			t.Errorf("%s: denied by %v, not %v: %s", r.Case, got, r.Expect.Deny, brief(response.Body))
		}
		return
	}
	if response.Status >= 300 {
		t.Errorf("%s: status %d: %s", r.Case, response.Status, brief(response.Body))
		return
	}
	var after, again object
	decode(t, response.Body, &after)
	after = client.Own(after)
	r.got = client.Changes(r.before, after)
	want := r.offline
	if r.podOf >= 0 {
		want = templateLines(g.runs[r.podOf].got)
		r.got = slices.DeleteFunc(r.got, func(line string) bool { return !strings.Contains(line, " /spec/template/spec/") })
	}
	if !slices.Equal(r.got, want) {
		t.Errorf("%s (%s): the server's patch\n  %s\nis not\n  %s", r.Case, r.object["kind"], strings.Join(r.got, "\n  "), strings.Join(want, "\n  "))
	}
	second := c.sendMutation(t, r, after)
	if second.Status >= 300 {
		t.Errorf("%s, sent again: status %d: %s", r.Case, second.Status, brief(second.Body))
		return
	}
	decode(t, second.Body, &again)
	if patch := client.Changes(after, again); len(patch) > 0 {
		t.Errorf("%s: not idempotent: %q", r.Case, patch)
	}
}

// templateLines is the patch of a pod's spec as that of a template.
func templateLines(pod []string) []string {
	var out []string
	for _, line := range pod {
		if op, rest, ok := strings.Cut(line, " /spec/"); ok && !strings.Contains(op, "/") {
			out = append(out, op+" /spec/template/spec/"+rest)
		}
	}
	return out
}
