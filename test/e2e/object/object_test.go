//go:build e2e

package object_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission"
	"sigs.k8s.io/yaml"

	"github.com/policyc/policyc/runtime/object"
	"github.com/policyc/policyc/test/apiserver"
)

// objectNamespace is where the objects of this file are created.
const objectNamespace = "object-probe"

// TestObject compares what runtime/object makes of the objects in testdata, and of those in the library's cases,
// with what a server shows to a validating webhook: the last in admission, it sees what policies see.
func TestObject(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		c.kubectl(t, "", "create", "namespace", objectNamespace)
		for _, account := range []string{"default", "robot", "old-name"} {
			c.kubectl(t, "", "create", "serviceaccount", account, "-n", objectNamespace)
		}
		crd := readObjects(t, "testdata/crd.yaml")
		c.must(t, apiserver.Request{Method: http.MethodPost, Path: "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", Body: encode(t, crd[0])})
		c.kubectl(t, "", "wait", "--for=condition=Established", "--timeout=30s", "crd", "gadgets.object.policyc.dev")
		p := &objectProbe{cluster: c, preparer: object.NewPreparer(crd...), witness: c.newWitness(t), resources: map[string]resource{}, met: map[int]bool{}}
		for _, o := range p.corpus(t) {
			p.create(t, o, true)
			p.update(t, o)
			for _, v := range variants(o) {
				p.create(t, v, false)
			}
		}
		for _, o := range libraryObjects(t) {
			if p.resource(t, o).Name != "" {
				p.create(t, o, false)
			}
		}
		t.Logf("%d objects seen at admission, %d refused before it", p.seen, p.refused)
		for i, e := range excuses {
			if !p.met[i] && (e.only == "" || e.only == c.version) {
				t.Errorf("no object differs in %s (%s)", e.where, e.because)
			}
		}
	})
}

type objectProbe struct {
	*cluster
	preparer      *object.Preparer
	witness       *witness
	resources     map[string]resource // of apiVersion/kind
	met           map[int]bool        // indexes of excuses
	seen, refused int
}

// corpus are the objects written for this test that the version knows.
func (p *objectProbe) corpus(t *testing.T) []document {
	t.Helper()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var all []document
	for _, file := range files {
		_, version, versioned := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".yaml"), "_")
		if filepath.Base(file) == "crd.yaml" || versioned && version != p.version {
			continue
		}
		all = append(all, readObjects(t, file)...)
	}
	return all
}

type document = map[string]any

func readObjects(t *testing.T, file string) []document {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []document
	for _, text := range strings.Split(string(content), "\n---\n") {
		var o document
		if err := yaml.Unmarshal([]byte(text), &o); err != nil {
			t.Fatalf("%s: %v in %s", file, err, text)
		}
		all = append(all, o)
	}
	return all
}

// libraryObjects are the objects of the library's cases.
func libraryObjects(t *testing.T) []document {
	t.Helper()
	files, err := filepath.Glob("../../../policies/*/*_test.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	var objects []document
	for _, file := range files {
		for _, test := range readObjects(t, file) {
			cases, _ := at(test, []any{"spec", "cases"}).([]any)
			for _, c := range cases {
				if o, inline := c.(document)["object"].(document); inline {
					objects = append(objects, o)
				}
			}
		}
	}
	return objects
}

// create compares an object at its creation. That of the library need not be one that a server takes.
func (p *objectProbe) create(t *testing.T, given document, must bool) {
	t.Helper()
	o, path := p.place(t, given)
	saw := p.send(t, http.MethodPost, path+"?dryRun=All&fieldValidation=Strict", o)
	if saw == nil {
		if must {
			t.Errorf("%s: the server refuses it: %s", title(o), p.witness.answer)
		}
		p.refused++
		return
	}
	p.seen++
	p.compare(t, o, saw, admission.Create)
}

// update writes back what is stored: prepared, it is what it was.
func (p *objectProbe) update(t *testing.T, given document) {
	t.Helper()
	o, path := p.place(t, given)
	created := p.do(t, apiserver.Request{Method: http.MethodPost, Path: path, Body: encode(t, o)})
	if created.Status != http.StatusCreated {
		t.Errorf("%s: %s", title(o), created.Body)
		return
	}
	var stored, saw document
	decode(t, created.Body, &stored)
	name, _ := stored["metadata"].(document)["name"].(string)
	defer p.do(t, apiserver.Request{Method: http.MethodDelete, Path: path + "/" + name})
	for attempt := 0; saw == nil && attempt < 5; attempt++ { // controllers in the server write, too
		decode(t, p.must(t, apiserver.Request{Path: path + "/" + name}).Body, &stored)
		saw = p.send(t, http.MethodPut, path+"/"+name+"?dryRun=All", stored)
	}
	if saw == nil {
		t.Errorf("%s: UPDATE: %s", title(o), p.witness.answer)
		return
	}
	p.compare(t, stored, saw, admission.Update)
}

// place puts a copy of an object into the namespace of this test, and returns the path of its resource.
func (p *objectProbe) place(t *testing.T, given document) (document, string) {
	t.Helper()
	o := runtime.DeepCopyJSON(given)
	r := p.resource(t, o)
	path := "/apis/" + o["apiVersion"].(string)
	if !strings.Contains(path[len("/apis/"):], "/") {
		path = "/api/" + o["apiVersion"].(string)
	}
	if r.Namespaced {
		o["metadata"].(document)["namespace"] = objectNamespace
		path += "/namespaces/" + objectNamespace
	}
	return o, path + "/" + r.Name
}

type resource struct {
	Name, Kind string
	Namespaced bool
}

// resource finds out where the server has objects of a kind; of one that it does not know it is empty.
func (p *objectProbe) resource(t *testing.T, o document) resource {
	t.Helper()
	version, kind := o["apiVersion"].(string), o["kind"].(string)
	if r, known := p.resources[version+"/"+kind]; known {
		return r
	}
	path := "/apis/" + version
	if !strings.Contains(version, "/") {
		path = "/api/" + version
	}
	var list struct{ Resources []resource }
	if r := p.do(t, apiserver.Request{Path: path}); r.Status == http.StatusOK {
		decode(t, r.Body, &list)
	}
	for _, r := range list.Resources {
		if r.Kind == kind && !strings.Contains(r.Name, "/") {
			p.resources[version+"/"+kind] = r
			return r
		}
	}
	return resource{}
}

// send returns the object as the webhook saw it, or as the server answered where it asks no webhook.
func (p *objectProbe) send(t *testing.T, method, path string, o document) document {
	t.Helper()
	p.witness.forget()
	r := p.do(t, apiserver.Request{Method: method, Path: path, As: apiserver.User{Name: witnessed}, Body: encode(t, o)})
	p.witness.answer = string(r.Body)
	if saw := p.witness.seen(); saw != nil {
		return saw
	}
	if r.Status >= 300 {
		return nil
	}
	var answered document
	decode(t, r.Body, &answered)
	return answered
}

func (p *objectProbe) compare(t *testing.T, given, saw document, operation admission.Operation) {
	t.Helper()
	prepared, err := p.preparer.Prepare(given, operation)
	if err != nil {
		t.Errorf("%s: %v", title(given), err)
		return
	}
	offline, err := runtime.DefaultUnstructuredConverter.ToUnstructured(prepared)
	if err != nil {
		t.Fatal(err)
	}
	plain := sameRandom(t, offline, saw)
	for _, d := range differences("", plain, saw) {
		name, _ := given["metadata"].(document)["name"].(string)
		if !p.excused(fmt.Sprintf("%s %s %s", given["kind"], name, d.path)) {
			t.Errorf("%s %s: %s: offline %s, on the server %s", title(given), operation, d.path, encode(t, d.offline), encode(t, d.server))
		}
	}
}

func title(o document) string {
	meta, _ := o["metadata"].(document)
	return fmt.Sprint(o["kind"], " ", meta["name"], meta["generateName"])
}
