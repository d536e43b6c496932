package remote

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authentication/user"
)

// strict makes the server refuse fields that it does not know, which it would drop: then there would be nothing to judge.
const strict = "fieldValidation=Strict"

// collectionPath is where the objects of a resource are.
func collectionPath(resource schema.GroupVersionResource, namespace string) string {
	path := "/apis/" + resource.Group + "/" + resource.Version
	if resource.Group == "" {
		path = "/api/" + resource.Version
	}
	if namespace != "" {
		path += "/namespaces/" + namespace
	}
	return path + "/" + resource.Resource
}

// path is that of the object that a case is about.
func (j *job) path() string {
	path := collectionPath(j.Resource, j.namespace) + "/" + url.PathEscape(j.ObjectName)
	if j.Subresource != "" {
		path += "/" + j.Subresource
	}
	return path
}

// ask sends the request of a case, for some units of it: their copies are about it, and no others.
func (r *run) ask(ctx context.Context, j *job, units []*unit) (*answer, error) {
	return r.send(ctx, j, units, j.Object)
}

// send is ask with the object as the server needs it: for an UPDATE, what is stored with the case's changes.
func (r *run) send(ctx context.Context, j *job, units []*unit, object map[string]any) (*answer, error) {
	k := call{user: j.Request.User.GetName(), groups: r.groupsOf(j, units)}
	switch j.Operation {
	case "CREATE":
		k.method, k.path, k.body = http.MethodPost, collectionPath(j.Resource, j.namespace)+"?dryRun=All&"+strict, j.moved(object)
	case "UPDATE":
		k.method, k.path, k.body = http.MethodPut, j.path()+"?dryRun=All&"+strict, j.moved(object)
	case "DELETE":
		k.method, k.path = http.MethodDelete, j.path()+"?dryRun=All"
	case "CONNECT":
		// There is no dry run; admission comes before the look for the object, of which there is none in a scratch namespace.
		k.method, k.path = http.MethodPost, j.path()+"?"+options(object).Encode()
	}
	return r.do(ctx, k)
}

// groupsOf are those of the case's user, and those of the run. The server adds system:authenticated, as offline.
func (r *run) groupsOf(j *job, units []*unit) []string {
	groups := slices.DeleteFunc(slices.Clone(j.Request.User.GetGroups()), func(g string) bool { return g == user.AllAuthenticated })
	groups = append(groups, r.group)
	for _, u := range units {
		groups = append(groups, u.group)
	}
	return groups
}

// moved is an object in the namespace that it has on the server.
func (j *job) moved(o map[string]any) map[string]any {
	out := runtime.DeepCopyJSON(plain(o))
	meta, _ := out["metadata"].(map[string]any)
	if meta == nil {
		meta = map[string]any{}
		out["metadata"] = meta
	}
	if meta["name"] == nil && meta["generateName"] == nil && j.ObjectName != "" {
		meta["name"] = j.ObjectName
	}
	if j.namespace != "" {
		meta["namespace"] = j.namespace
	}
	return out
}

// plain is an object as JSON decodes into, which can be copied.
func plain(o map[string]any) map[string]any {
	var out map[string]any
	content, err := json.Marshal(o)
	if err == nil {
		err = json.Unmarshal(content, &out)
	}
	if err != nil || out == nil {
		return map[string]any{}
	}
	return out
}

// options are the fields of an options object, as a query.
func options(o map[string]any) url.Values {
	query := url.Values{}
	for field, value := range o {
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
	return query
}
