package remote

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes/scheme"
)

// refusal is why the server does not take a request of a case.
type refusal struct {
	outcome Outcome
	why     string
}

// lock lets one case at a time store an object of a name.
func (r *run) lock(path string) (unlock func()) {
	r.mutex.Lock()
	if r.locks[path] == nil {
		r.locks[path] = &sync.Mutex{}
	}
	own := r.locks[path]
	r.mutex.Unlock()
	own.Lock()
	return own.Unlock
}

// store makes the object that a case changes or deletes, as the user of the kubeconfig: no copy is about that. What it made
// has to be deleted, also when a part of it was refused.
func (r *run) store(ctx context.Context, j *job) (made bool, no *refusal, err error) {
	object := j.moved(j.OldObject)
	if j.Subresource == "scale" {
		object = j.moved(scaled(j))
	}
	spec, _ := object["spec"].(map[string]any)
	status, debug := object["status"], any(nil)
	delete(object, "status")
	if j.isPod() && spec != nil {
		debug = spec["ephemeralContainers"] // a Pod begins without
		delete(spec, "ephemeralContainers")
		if !slices.ContainsFunc(j.units, func(u *unit) bool { return u.found.gates }) {
			gates, _ := spec["schedulingGates"].([]any)
			spec["schedulingGates"] = append(gates, map[string]any{"name": gate})
		}
	}
	k := call{method: http.MethodPost, path: collectionPath(j.Resource, j.namespace) + "?" + strict, body: object}
	a, err := r.do(ctx, k)
	switch {
	case err != nil:
		return false, nil, err
	case a.status == http.StatusConflict:
		return false, &refusal{Skipped, fmt.Sprintf("%s %s is on the server already", j.Resource.GroupResource(), j.ObjectName)}, nil
	case !a.ok():
		return false, refused(a, "the old object: "), nil
	}
	if debug != nil {
		no, err = r.storePart(ctx, j, "ephemeralcontainers", func(o map[string]any) { o["spec"].(map[string]any)["ephemeralContainers"] = debug })
	}
	if no == nil && err == nil && status != nil && j.Subresource != "scale" {
		no, err = r.storePart(ctx, j, "status", func(o map[string]any) { o["status"] = status })
	}
	return true, no, err
}

func (j *job) isPod() bool { return j.Resource.Group == "" && j.Resource.Resource == "pods" }

// main is the path of the object itself.
func (j *job) main() string { return collectionPath(j.Resource, j.namespace) + "/" + j.ObjectName }

// storePart changes what only a subresource can.
func (r *run) storePart(ctx context.Context, j *job, subresource string, change func(map[string]any)) (*refusal, error) {
	object, err := r.get(ctx, j.main())
	if err != nil {
		return nil, err
	}
	change(object)
	a, err := r.do(ctx, call{method: http.MethodPut, path: j.main() + "/" + subresource + "?" + strict, body: object})
	if err != nil || a.ok() {
		return nil, err
	}
	return refused(a, "the "+subresource+" of the old object: "), nil
}

func (r *run) get(ctx context.Context, path string) (map[string]any, error) {
	a, err := r.must(ctx, call{method: http.MethodGet, path: path})
	if err != nil {
		return nil, err
	}
	var o map[string]any
	return o, json.Unmarshal(a.body, &o)
}

// changed is what is stored with the changes that the case makes to it. What the server added stays, as for a person who
// edits: a Pod's token volume, for example, cannot be taken away.
func (r *run) changed(ctx context.Context, j *job) (map[string]any, error) {
	path := j.main()
	if j.Subresource == "scale" || j.Subresource == "status" {
		path = j.path()
	}
	stored, err := r.get(ctx, path)
	if err != nil {
		return nil, err
	}
	merged, err := j.merge(stored)
	if err != nil {
		// A custom resource has no rules to merge by, and items without the name that they are merged by cannot be: the
		// case's object replaces what is stored.
		merged = j.moved(j.Object)
		merged["metadata"].(map[string]any)["resourceVersion"] = stored["metadata"].(map[string]any)["resourceVersion"]
	}
	return merged, nil
}

// merge applies what differs between the objects of a case to what is stored.
func (j *job) merge(stored map[string]any) (map[string]any, error) {
	typed, err := scheme.Scheme.New(j.Kind)
	if err != nil {
		return nil, err
	}
	before, _ := json.Marshal(j.moved(j.OldObject))
	after, _ := json.Marshal(j.moved(j.Object))
	patch, err := strategicpatch.CreateTwoWayMergePatch(before, after, typed)
	if err != nil {
		return nil, err
	}
	content, _ := json.Marshal(stored)
	if content, err = strategicpatch.StrategicMergePatch(content, patch, typed); err != nil {
		return nil, err
	}
	var out map[string]any
	return out, json.Unmarshal(content, &out)
}

// unstore deletes the object of a case. Finalizers of the case would keep it.
func (r *run) unstore(ctx context.Context, j *job) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	if err := r.remove(ctx, j.main()); err != nil {
		return err
	}
	object, err := r.do(ctx, call{method: http.MethodGet, path: j.main()})
	if err != nil || !object.ok() {
		return err
	}
	var o map[string]any
	if err := json.Unmarshal(object.body, &o); err != nil {
		return err
	}
	path := j.main()
	if j.Kind.Kind == "Namespace" { // it is empty, and no controller may be there to say so
		o["spec"], path = map[string]any{}, path+"/finalize"
	}
	delete(o["metadata"].(map[string]any), "finalizers")
	_, err = r.do(ctx, call{method: http.MethodPut, path: path, body: o})
	return err
}

// kinds of what has a scale.
func scaledKind(resource string) (apiVersion, kind string) {
	switch resource {
	case "replicationcontrollers":
		return "v1", "ReplicationController"
	case "deployments":
		return "apps/v1", "Deployment"
	case "statefulsets":
		return "apps/v1", "StatefulSet"
	case "replicasets":
		return "apps/v1", "ReplicaSet"
	}
	return "", ""
}

// scaled is an object of which the case's old object is the Scale.
func scaled(j *job) map[string]any {
	apiVersion, kind := scaledKind(j.Resource.Resource)
	labels := map[string]any{"app": "scaled"}
	spec, _ := j.OldObject["spec"].(map[string]any)
	selector := map[string]any{"matchLabels": labels}
	if kind == "ReplicationController" {
		selector = labels
	}
	return map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": map[string]any{"name": j.ObjectName}, "spec": map[string]any{
		"replicas": spec["replicas"], "selector": selector,
		"template": map[string]any{"metadata": map[string]any{"labels": labels},
			"spec": map[string]any{"containers": []any{map[string]any{"name": "c", "image": "scaled:1"}}}}}}
}
