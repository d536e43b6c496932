//go:build e2e

package webhook_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/runtime/api"
	"github.com/policyc/policyc/test/apiserver"
	"github.com/policyc/policyc/test/e2e/client"
)

// limit is for what the server and the runtime learn through watches. New kinds of parameters take the server up to 30 s.
const limit = time.Minute

// canarySpace is the namespace of the objects that canaries look up.
const canarySpace = "e2e-canary"

// install puts a group in force, and nothing else.
func (s *server) install(t *testing.T, g *group) {
	t.Helper()
	s.remove(t)
	s.revision++
	revision := strconv.Itoa(s.revision)
	canary := read(t, []string{"testdata/canary.yaml"}, "REVISION", revision)
	s.apply(t, build(t, g.docs, g.options, canary.Policies...))
	s.settle(t)
}

// apply is what the READMEs say.
func (s *server) apply(t *testing.T, generated string) {
	t.Helper()
	for _, part := range []string{"crds", "native", "webhook"} {
		dir := filepath.Join(generated, part)
		if _, err := os.Stat(dir); err != nil {
			continue
		}
		s.kubectl(t, "apply", "--server-side", "-k", dir)
		switch part {
		case "crds":
			s.kubectl(t, "wait", "--for=condition=Established", "--timeout=30s", "crd", "-l", managed)
		case "webhook":
			s.kubectl(t, "wait", "--for=condition=Ready", "--timeout=30s", "compiledpolicies", "--all")
		}
	}
}

// managed selects what the compiler wrote.
const managed = "app.kubernetes.io/managed-by=policyc"

// remove takes away what is installed. CRDs stay: the server needs half a minute to learn of one anew.
func (s *server) remove(t *testing.T) {
	t.Helper()
	kinds := "compiledpolicies,validatingwebhookconfigurations,mutatingwebhookconfigurations,clusterroles,clusterrolebindings," +
		"validatingadmissionpolicies,validatingadmissionpolicybindings"
	if s.hasMutatingPolicies() {
		kinds += ",mutatingadmissionpolicies,mutatingadmissionpolicybindings"
	}
	s.kubectl(t, "delete", kinds, "-l", managed, "--ignore-not-found", "--wait=false")
}

func (s *server) hasMutatingPolicies() bool { return s.version != "1.30" }

func (s *server) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	return client.Kubectl(t, s.Server, "", args...)
}

// canaryAnswer is what the policies made of the canary, of the present revision.
type canaryAnswer struct {
	native, cached string
	mutated        bool
}

func (s *server) canary(t *testing.T) (canaryAnswer, apiserver.Response) {
	t.Helper()
	name := fmt.Sprintf("e2e-canary-%d", s.revision)
	r := client.Do(t, s.Server, apiserver.Request{Method: http.MethodPost, Path: "/api/v1/namespaces/" + canarySpace + "/configmaps?dryRun=All",
		Body: client.Encode(t, object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": object{"name": name}})})
	var a canaryAnswer
	for _, w := range r.Warnings {
		if text, found := after(w, "[native] "); found {
			a.native = text
		}
		if text, found := after(w, "[cached] "); found {
			a.cached = text
		}
	}
	var o struct {
		Metadata struct{ Annotations map[string]string }
	}
	a.mutated = r.Status < 300 && jsonInto(r.Body, &o) && o.Metadata.Annotations["canary"] == strconv.Itoa(s.revision)
	return a, r
}

func after(text, mark string) (string, bool) {
	_, rest, found := strings.Cut(text, mark)
	return rest, found
}

// settle waits until the present revision is in force, at the API server and in the runtime. Each kind of object comes through
// one watch, in order, and the canaries are the last: what was written before them is in force, too, and what was deleted is not.
func (s *server) settle(t *testing.T) {
	t.Helper()
	var last apiserver.Response
	begin := time.Now()
	for time.Since(begin) < limit {
		var a canaryAnswer
		if a, last = s.canary(t); a.native == strconv.Itoa(s.revision) && a.cached != "" && a.mutated {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("what was installed is not in force: %q %s", last.Warnings, client.Brief(last.Body))
}

// begin gives those who ask in these groups their rights, and takes away what an earlier test installed.
func (s *server) begin(t *testing.T, all []*group) {
	t.Helper()
	s.allow(t, all)
	if s.revision == 0 {
		client.SetNamespace(t, s.Server, canarySpace, nil)
		s.kubectl(t, "apply", "--server-side", "-n", canarySpace, "-f", "testdata/canary_objects.yaml")
	}
	s.install(t, &group{docs: &syntax.Documents{}, options: options(s.version, "webhook")})
}

// catchUp waits until the runtime's caches have what is stored now, of the kinds that lookups read from caches: another object of
// each kind is changed, whose change comes after.
func (s *server) catchUp(t *testing.T, lookups []api.Lookup) {
	t.Helper()
	var want []string
	s.stored++
	for _, l := range lookups {
		text := fmt.Sprintf("%s=%d,", l.Resource.Kind, s.stored)
		if l.Consistency == api.Strong || slices.Contains(want, text) {
			continue
		}
		want = append(want, text)
		o := object{"apiVersion": strings.TrimPrefix(l.Resource.Group+"/"+l.Resource.Version, "/"), "kind": l.Resource.Kind, "metadata": object{"name": "e2e-canary"}}
		client.Must(t, s.Server, apiserver.Request{Method: http.MethodPatch, Path: client.Path(o, canarySpace), As: apiserver.User{Name: setup},
			Body: fmt.Appendf(nil, `{"metadata":{"annotations":{"stored":"%d"}}}`, s.stored)})
	}
	client.Eventually(t, limit, fmt.Sprintf("the caches do not have %v", want), func() bool {
		a, _ := s.canary(t)
		return !slices.ContainsFunc(want, func(text string) bool { return !strings.Contains(a.cached, text) })
	})
}

// users may do everything with every resource, but nothing that only a policy asks for.
const users = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: e2e-users}
rules: [{apiGroups: ['*'], resources: ['*'], verbs: [get, list, watch, create, update, patch, delete]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: e2e-users}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: e2e-users}
subjects: %s
`

// allow gives whom the cases impersonate their rights. A group of all would have the runtime's ServiceAccount in it.
func (s *server) allow(t *testing.T, all []*group) {
	t.Helper()
	names := []string{setup, "alice"}
	for _, g := range all {
		for _, c := range g.cases {
			names = append(names, c.Request.User.GetName())
		}
	}
	slices.Sort(names)
	var subjects []object
	for _, name := range slices.Compact(names) {
		subjects = append(subjects, object{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": name})
	}
	client.Kubectl(t, s.Server, fmt.Sprintf(users, client.Encode(t, subjects)), "apply", "-f", "-")
}
