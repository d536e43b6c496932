package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand"
	"reflect"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission"
)

// change is one path of a random rule, with what it means to the model.
type change struct {
	kind, path, value string
	steps             []string // "*" is every element
}

// target is a place that random rules change.
type target struct {
	path   string
	steps  string
	values []string // YAML
	list   bool
}

var targets = map[string][]target{
	"object": {
		{"object.metadata.labels.x", "metadata labels x", []string{"a", `"${object.metadata.labels.src}"`, `"v-${object.metadata.labels.src}"`}, false},
		{"object.metadata.annotations['a/b']", "metadata annotations a/b", []string{"a", `"${object.metadata.name}"`}, false},
		{"object.metadata.finalizers", "metadata finalizers", []string{"[example.com/a]", `["${object.metadata.labels.src}", example.com/a, example.com/a]`}, true},
	},
	"pod": {
		{"pod.spec.hostPID", "spec hostPID", []string{"true", "false"}, false},
		{"pod.spec.securityContext.runAsUser", "spec securityContext runAsUser", []string{"7", `"${size(object.metadata.name)}"`}, false},
		{"pod.spec.securityContext.windowsOptions.hostProcess", "spec securityContext windowsOptions hostProcess", []string{"true"}, false},
		{"pod.spec.securityContext.supplementalGroups", "spec securityContext supplementalGroups", []string{"[1, 2, 1]", "2"}, true},
		{"pod.spec.nodeSelector['a/b']", "spec nodeSelector a/b", []string{"x", `"${object.metadata.labels.src}"`}, false},
		{"pod.metadata.labels.y", "metadata labels y", []string{"a"}, false},
		{"pod.spec.containers[*].ports[*].name", "spec containers * ports * name", []string{"p"}, false},
		{"pod.spec.initContainers[*].tty", "spec initContainers * tty", []string{"true"}, false},
		{"pod.spec.containers[*].env[*].value", "spec containers * env * value", []string{"v"}, false},
	},
	"containers": {
		{"containers[*].securityContext.privileged", "securityContext privileged", []string{"true", "false"}, false},
		{"containers[*].securityContext.capabilities.drop", "securityContext capabilities drop", []string{"[ALL]", `[ALL, "${object.metadata.labels.src}"]`}, true},
		{"containers[*].securityContext.capabilities.add", "securityContext capabilities add", []string{"[A, B]", "B"}, true},
		{"containers[*].args", "args", []string{"[x, y, x]"}, true},
		{"containers[*].workingDir", "workingDir", []string{"/a"}, false},
	},
}

// ruleOf makes a random rule, and says how the model applies it.
func ruleOf(r *rand.Rand, name string) (text string, root string, changes []change) {
	root = []string{"object", "pod", "containers"}[r.Intn(3)]
	byKind := map[string][]string{}
	all := targets[root]
	for _, i := range r.Perm(len(all))[:1+r.Intn(3)] {
		c := change{path: all[i].path, steps: strings.Fields(all[i].steps), value: all[i].values[r.Intn(len(all[i].values))]}
		c.kind = []string{"default", "set", "remove"}[r.Intn(3)]
		if all[i].list {
			c.kind = []string{"default", "set", "remove", "append", "append", "values"}[r.Intn(6)]
		}
		if !all[i].list && c.kind == "append" || all[i].list && !strings.HasPrefix(c.value, "[") && (c.kind == "default" || c.kind == "set") {
			c.kind = "remove"
		}
		changes = append(changes, c)
		switch c.kind {
		case "values":
			byKind["remove"] = append(byKind["remove"], fmt.Sprintf("%q: %s", c.path, c.value))
		case "remove":
			byKind["remove"] = append(byKind["remove"], fmt.Sprintf("%q: ~", c.path))
		default:
			byKind[c.kind] = append(byKind[c.kind], fmt.Sprintf("%q: %s", c.path, c.value))
		}
	}
	text = "  - name: " + name + "\n    mutate:\n"
	for kind, list := range byKind {
		text += "      " + kind + ": {" + strings.Join(list, ", ") + "}\n"
	}
	return text, root, changes
}

func randomSpec(r *rand.Rand) corev1.PodSpec {
	maybe := func() bool { return r.Intn(2) == 0 }
	var s corev1.PodSpec
	if maybe() {
		s.SecurityContext = &corev1.PodSecurityContext{}
		if maybe() {
			s.SecurityContext.SupplementalGroups = []int64{2, 3}
		}
	}
	if maybe() {
		s.NodeSelector = map[string]string{"a/b": "old"}
	}
	s.HostPID = maybe()
	container := func(name string) corev1.Container {
		c := corev1.Container{Name: name, Image: "a", TTY: maybe()}
		if maybe() {
			c.SecurityContext = &corev1.SecurityContext{}
			if maybe() {
				c.SecurityContext.Capabilities = &corev1.Capabilities{}
				if maybe() {
					c.SecurityContext.Capabilities.Add = []corev1.Capability{"A", "C"}
				}
				if maybe() {
					c.SecurityContext.Capabilities.Drop = []corev1.Capability{"NET_RAW"}
				}
			}
		}
		if maybe() {
			c.Args = []string{"y"}
		}
		if maybe() {
			c.Env = []corev1.EnvVar{{Name: "E"}, {Name: "F", Value: "f"}}
			c.Ports = []corev1.ContainerPort{{ContainerPort: 1, Name: "q"}, {ContainerPort: 2}}
		}
		return c
	}
	for i := range r.Intn(3) {
		s.Containers = append(s.Containers, container(fmt.Sprintf("c%d", i)))
	}
	if maybe() {
		s.InitContainers = []corev1.Container{container("i")}
	}
	return s
}

// randomObject is a Pod or a Deployment; containers may be null, and everything else absent.
func randomObject(r *rand.Rand) (*Request, []string) {
	request := podRequest("ns")
	pod := request.Object.(*corev1.Pod)
	pod.Spec = randomSpec(r)
	if r.Intn(2) == 0 {
		pod.Labels = map[string]string{"src": "s"}
	}
	if r.Intn(3) == 0 {
		pod.Finalizers = []string{"example.com/z"}
	}
	if r.Intn(2) == 0 {
		return request, nil
	}
	d := &appsv1.Deployment{ObjectMeta: pod.ObjectMeta, Spec: appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{Spec: pod.Spec}}}
	d.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("Deployment"))
	return &Request{Operation: admission.Create, Kind: appsv1.SchemeGroupVersion.WithKind("Deployment"),
		Resource: appsv1.SchemeGroupVersion.WithResource("deployments"), Namespace: "ns", Name: "p", Object: d}, []string{"spec", "template"}
}

// TestMutationsByModel applies random rules to random objects: what comes of them is what a few lines of Go make of the
// rules, without an error, and nothing more comes of them a second time.
func TestMutationsByModel(t *testing.T) {
	changed := 0
	for seed := range int64(100) {
		r := rand.New(rand.NewSource(seed))
		text := fmt.Sprintf(header, "p", "Workload") + "  enforce: deny\n  rules:\n"
		var roots []string
		var rules [][]change
		for i := range 1 + r.Intn(3) {
			rule, root, changes := ruleOf(r, fmt.Sprintf("r%d", i))
			text += rule
			roots, rules = append(roots, root), append(rules, changes)
		}
		e := build(t, "apiVersion: policyc.dev/v1alpha1\nkind: Project\nmetadata: {name: x}\nspec: {kubernetes: {minVersion: \"1.36\"}}\n---\n"+text)
		for range 8 {
			request, template := randomObject(r)
			m, err := e.Mutate(context.Background(), request)
			if err != nil || len(m.Failures) > 0 {
				t.Fatalf("seed %d: %v %v\n%s", seed, err, m.Failures, text)
			}
			want := model(t, request.Object, template, roots, rules)
			have, _ := Plain(m.Request.Object)
			if patch := Diff(want, have); len(patch) > 0 {
				t.Fatalf("seed %d: from the model to what came of\n%s\n%v", seed, text, patch)
			}
			if m.Changed() {
				changed++
			}
			again, err := e.Mutate(context.Background(), m.Request)
			if err != nil || len(again.Failures) > 0 {
				t.Fatalf("seed %d: %v %v", seed, err, again.Failures)
			}
			if patch, err := diffObjects(m.Request.Object, again.Request.Object); err != nil || len(patch) > 0 {
				t.Fatalf("seed %d: a second time, %s changes it: %v %v", seed, text, patch, err)
			}
		}
	}
	if changed < 300 {
		t.Errorf("only %d objects were changed", changed)
	}
}

// model is what rules make of an object.
func model(t *testing.T, o runtime.Object, template, roots []string, rules [][]change) map[string]any {
	t.Helper()
	plain, err := Plain(o)
	if err != nil {
		t.Fatal(err)
	}
	labels, _ := plain["metadata"].(map[string]any)["labels"].(map[string]any)
	src := labels["src"]
	for i, changes := range rules {
		for _, c := range changes {
			value := meaning(c.value, src)
			switch roots[i] {
			case "object":
				applyModel(plain, c.steps, c.kind, value)
			case "pod":
				at := plain
				for _, s := range template {
					at = at[s].(map[string]any)
				}
				applyModel(at, c.steps, c.kind, value)
			default:
				for _, list := range []string{"containers", "initContainers"} {
					applyModel(plain, append(append(append([]string{}, template...), "spec", list, "*"), c.steps...), c.kind, value)
				}
			}
		}
	}
	// What Go leaves out of an object is not there.
	content, _ := json.Marshal(plain)
	typed := reflect.New(reflect.TypeOf(o).Elem()).Interface().(runtime.Object)
	if err := json.Unmarshal(content, typed); err != nil {
		t.Fatal(err)
	}
	out, _ := Plain(typed)
	return out
}

// meaning is the value that the text of a rule has for an object; nil for an absent one.
func meaning(text string, src any) any {
	switch text {
	case `"${object.metadata.labels.src}"`:
		return src
	case `"v-${object.metadata.labels.src}"`:
		if src == nil {
			return nil
		}
		return "v-" + src.(string)
	case `"${object.metadata.name}"`:
		return "p"
	case `"${size(object.metadata.name)}"`:
		return 1.0
	case `["${object.metadata.labels.src}", example.com/a, example.com/a]`:
		if src == nil {
			return []any{"example.com/a", "example.com/a"}
		}
		return []any{src, "example.com/a", "example.com/a"}
	case `[ALL, "${object.metadata.labels.src}"]`:
		if src == nil {
			return []any{"ALL"}
		}
		return []any{"ALL", src}
	case "[example.com/a]":
		return []any{"example.com/a"}
	case "[ALL]":
		return []any{"ALL"}
	case "[A, B]":
		return []any{"A", "B"}
	case "[x, y, x]":
		return []any{"x", "y", "x"}
	case "[1, 2, 1]":
		return []any{1.0, 2.0, 1.0}
	case "2", "7":
		return float64(text[0] - '0')
	case "true", "false":
		return text == "true"
	}
	return text
}

func applyModel(at map[string]any, steps []string, kind string, value any) {
	key := steps[0]
	if len(steps) > 1 && steps[1] == "*" {
		list, _ := at[key].([]any)
		for _, item := range list {
			applyModel(item.(map[string]any), steps[2:], kind, value)
		}
		return
	}
	if len(steps) > 1 {
		next, there := at[key].(map[string]any)
		if !there {
			if value == nil || kind == "remove" || kind == "values" {
				return
			}
			next = map[string]any{}
			at[key] = next
		}
		applyModel(next, steps[1:], kind, value)
		return
	}
	values, isList := value.([]any)
	if !isList {
		values = []any{value}
	}
	old, _ := at[key].([]any)
	switch kind {
	case "default":
		if _, there := at[key]; !there && value != nil {
			at[key] = value
		}
	case "set":
		if value != nil {
			at[key] = value
		}
	case "remove":
		delete(at, key)
	case "append":
		for _, v := range values {
			if !contains(old, v) {
				old = append(old, v)
			}
		}
		at[key] = old
	case "values":
		if _, there := at[key]; !there {
			return
		}
		kept := []any{}
		for _, v := range old {
			if !contains(values, v) {
				kept = append(kept, v)
			}
		}
		at[key] = kept
	}
}

func contains(list []any, v any) bool {
	for _, x := range list {
		if reflect.DeepEqual(x, v) {
			return true
		}
	}
	return false
}
