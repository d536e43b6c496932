//go:build e2e

package webhook_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"k8s.io/apiserver/pkg/authentication/user"

	"github.com/policyc/policyc/runtime/cases"
	"github.com/policyc/policyc/test/apiserver"
	"github.com/policyc/policyc/test/e2e/client"
)

// asked is a case on a server. Its namespaces are its own, so that their labels and objects are.
type asked struct {
	*cases.Case
	group *group
	// space is the server's namespace of each that the case names.
	space map[string]string
	// stored are the objects that exist while the case is asked.
	stored []object
	// before is what the server makes of the object without policies; nil when it refuses it itself.
	before object
}

// ask prepares a case: its namespaces and their labels.
func (s *server) ask(t *testing.T, g *group, c *cases.Case) *asked {
	t.Helper()
	a := &asked{Case: c, group: g, space: map[string]string{}}
	s.spaces++
	for _, name := range a.namespaces() {
		if strings.HasPrefix(name, "kube-") { // excluded from all policies, by their names
			a.space[name] = name
			continue
		}
		a.space[name] = fmt.Sprintf("%s-%d", name, s.spaces)
		var labels map[string]string
		if name == c.Namespace {
			labels = maps.Clone(c.NamespaceLabels)
		}
		for _, o := range c.Cluster {
			if o["kind"] == "Namespace" && client.Name(o) == name && labels == nil {
				var meta struct {
					Metadata struct{ Labels map[string]string }
				}
				client.Decode(t, client.Encode(t, o), &meta)
				labels = meta.Metadata.Labels
			}
		}
		delete(labels, "kubernetes.io/metadata.name")
		client.SetNamespace(t, s.Server, a.space[name], labels)
	}
	return a
}

// namespaces are those that a case names.
func (a *asked) namespaces() []string {
	var out []string
	if a.Namespaced {
		out = append(out, a.Namespace)
	}
	for _, o := range a.others() {
		switch {
		case o["kind"] == "Namespace":
			out = append(out, client.Name(o))
		case client.Namespaced(o):
			out = append(out, a.home(o))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// home is the namespace of an object, which is that of the request when it says none.
func (a *asked) home(o object) string {
	if ns := client.Namespace(o); ns != "" {
		return ns
	}
	if a.Namespaced {
		return a.Namespace
	}
	return "default"
}

// others are the objects that exist besides namespaces, the old object first: what the case says of it counts for more.
func (a *asked) others() []object {
	var out []object
	seen := map[string]bool{}
	old := a.OldObject
	if a.Subresource == "scale" {
		old = nil // a view of an object in the cluster
	}
	for _, o := range append(slices.Clone(a.Cluster), old) {
		if o == nil {
			continue
		}
		key := fmt.Sprint(o["apiVersion"], o["kind"], a.home(o), client.Name(o))
		if !seen[key] {
			seen[key] = true
			out = append(out, o)
		}
	}
	return out
}

// moved is an object in the server's namespace.
func (a *asked) moved(t *testing.T, o object) object {
	t.Helper()
	out := client.Parse(t, string(client.Encode(t, o)))
	if meta, ok := out["metadata"].(object); ok && meta["namespace"] != nil {
		meta["namespace"] = a.space[client.Namespace(o)]
	}
	return out
}

// store makes the objects of a case. It reports whether the server takes them: offline they need not be valid.
func (s *server) store(t *testing.T, a *asked) bool {
	t.Helper()
	as := apiserver.User{Name: setup}
	for _, o := range a.others() {
		if o["kind"] == "Namespace" {
			continue
		}
		o, space := a.moved(t, o), a.space[a.home(o)]
		spec, _ := o["spec"].(object)
		ephemeral := spec["ephemeralContainers"] // a subresource
		delete(spec, "ephemeralContainers")
		r := client.Do(t, s.Server, apiserver.Request{Method: http.MethodPost, Path: client.Collection(o, space), Body: client.Encode(t, o), As: as})
		if r.Status >= 300 {
			if r.Status != http.StatusUnprocessableEntity || denialForm.MatchString(r.Message()) {
				t.Fatalf("%s: status %d: %s", a, r.Status, r.Body)
			}
			t.Logf("%s: there is no such %s: %s", a, o["kind"], summary(r))
			return false
		}
		if ephemeral != nil {
			spec["ephemeralContainers"] = ephemeral
			client.Must(t, s.Server, apiserver.Request{Method: http.MethodPut, Path: client.Path(o, space) + "/ephemeralcontainers", Body: client.Encode(t, o), As: as})
		}
		a.stored = append(a.stored, o)
	}
	return true
}

// summary is the beginning of what a server says.
func summary(r apiserver.Response) string {
	return fmt.Sprintf("%d: %.160s", r.Status, strings.ReplaceAll(r.Message(), "\n", " "))
}

// discard deletes them.
func (s *server) discard(t *testing.T, a *asked) {
	t.Helper()
	for _, o := range a.stored {
		client.Must(t, s.Server, apiserver.Request{Method: http.MethodDelete, Path: client.Path(o, a.spaceOf(o)) + "?gracePeriodSeconds=0", As: apiserver.User{Name: setup}})
	}
	a.stored = nil
}

// spaceOf is the server's namespace of an object that was moved.
func (a *asked) spaceOf(o object) string {
	if ns := client.Namespace(o); ns != "" {
		return ns
	}
	return a.space[a.home(o)]
}

// request is the case, with an object, as a dry run: that is what webhooks without side effects are asked about, too.
func (a *asked) request(t *testing.T, o object) apiserver.Request {
	t.Helper()
	path := "/apis/" + a.Resource.Group + "/" + a.Resource.Version
	if a.Resource.Group == "" {
		path = "/api/" + a.Resource.Version
	}
	if a.Namespaced {
		path += "/namespaces/" + a.space[a.Namespace]
	}
	path += "/" + a.Resource.Resource
	named := path + "/" + url.PathEscape(a.ObjectName)
	if a.Subresource != "" {
		named += "/" + a.Subresource
	}
	r := apiserver.Request{As: a.user()}
	switch a.Operation {
	case "CREATE":
		r.Method, r.Path, r.Body = http.MethodPost, path+"?dryRun=All", client.Encode(t, a.moved(t, o))
	case "UPDATE":
		r.Method, r.Path, r.Body = http.MethodPut, named+"?dryRun=All", client.Encode(t, a.moved(t, o))
	case "DELETE":
		r.Method, r.Path = http.MethodDelete, named+"?dryRun=All"
	case "CONNECT": // no dry run; without a kubelet it fails after admission
		r.Method, r.Path = http.MethodPost, named+"?command=sh&stdout=true"
	}
	return r
}

func (a *asked) user() apiserver.User {
	who := a.Request.User
	groups := slices.DeleteFunc(slices.Clone(who.GetGroups()), func(g string) bool { return g == user.AllAuthenticated })
	return apiserver.User{Name: who.GetName(), Groups: groups}
}

// send asks, and reads the verdict in the case's own words: with its own namespaces.
func (s *server) send(t *testing.T, a *asked) verdict {
	t.Helper()
	r := client.Do(t, s.Server, a.request(t, s.complete(t, a)))
	v := s.verdictOf(t, a, r)
	v.rename(a.own)
	return v
}

// complete is the object of a case. An UPDATE of a Job has to have the selector and the labels that the server gave it.
func (s *server) complete(t *testing.T, a *asked) object {
	t.Helper()
	if a.Operation != "UPDATE" || a.Kind.Kind != "Job" {
		return a.Object
	}
	var stored struct {
		Spec struct {
			Selector any
			Template struct{ Metadata struct{ Labels object } }
		}
	}
	client.Decode(t, client.Must(t, s.Server, apiserver.Request{Path: client.Path(a.Object, a.space[a.Namespace])}).Body, &stored)
	o := client.Parse(t, string(client.Encode(t, a.Object)))
	spec := o["spec"].(object)
	spec["selector"] = stored.Spec.Selector
	labels := part(part(part(spec, "template"), "metadata"), "labels")
	for key, value := range stored.Spec.Template.Metadata.Labels {
		if strings.HasSuffix(key, "controller-uid") || strings.HasSuffix(key, "job-name") {
			labels[key] = value
		}
	}
	return o
}

// part is a part of an object, which is made when it is missing.
func part(o object, name string) object {
	if o[name] == nil {
		o[name] = object{}
	}
	return o[name].(object)
}

// own puts the namespaces of the case back into a text.
func (a *asked) own(text string) string {
	for _, name := range slices.Sorted(maps.Keys(a.space)) {
		text = strings.ReplaceAll(text, a.space[name], name)
	}
	return text
}

// ownObject is an object in the case's own words, without what the server counts and draws by lot.
func (a *asked) ownObject(t *testing.T, body []byte) object {
	t.Helper()
	var o object
	client.Decode(t, body, &o)
	text := a.own(string(body))
	if uid, _ := o["metadata"].(object)["uid"].(string); uid != "" {
		text = strings.ReplaceAll(text, uid, "uid") // that of a Job is in its selector, too
	}
	client.Decode(t, []byte(text), &o)
	return client.Own(o)
}
