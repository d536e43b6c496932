package remote

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/policyc/policyc/runtime/suite"
)

// paramGroup is the API group of the run's parameter kinds.
func (r *run) paramGroup() string { return "r" + r.id + ".test.policyc.dev" }

// paramName is the name of a parameter object, of which each variant has its own.
func (r *run) paramName(v *suite.Variant, name string) string {
	variants := r.variants()
	return fmt.Sprintf("v%d-%s", slices.Index(variants, v), name)
}

// variants are those whose copies have parameter objects.
func (r *run) variants() []*suite.Variant {
	var out []*suite.Variant
	for _, u := range r.plan.units {
		if u.object.Spec.ParamKind != nil && !slices.Contains(out, u.variant) {
			out = append(out, u.variant)
		}
	}
	return out
}

// installParameters makes copies of parameter kinds, in a group of the run, and of their objects.
func (r *run) installParameters(ctx context.Context) error {
	plurals := map[schema.GroupKind]string{} // by original kind
	paths := map[schema.GroupKind]string{}
	for _, v := range r.variants() {
		for _, crd := range readDefinitions(v.Result.Files) {
			kind, plural, version := describe(crd)
			if plurals[kind] != "" {
				continue
			}
			plurals[kind] = plural
			paths[kind] = "/apis/" + r.paramGroup() + "/" + version + "/" + plural
			if err := r.post(ctx, definitions, r.definitionCopy(crd, plural)); err != nil {
				return err
			}
		}
		for kind, objects := range v.Bundle.Parameters {
			for _, o := range objects {
				if err := r.postParameter(ctx, paths[kind], r.parameterCopy(v, o)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (r *run) definitionCopy(crd map[string]any, plural string) map[string]any {
	spec, _ := crd["spec"].(map[string]any)
	names, _ := spec["names"].(map[string]any)
	delete(names, "shortNames")
	delete(names, "categories")
	spec["group"] = r.paramGroup()
	crd["metadata"] = r.meta(plural+"."+r.paramGroup(), nil)
	return crd
}

func (r *run) parameterCopy(v *suite.Variant, o *unstructured.Unstructured) *unstructured.Unstructured {
	out := o.DeepCopy()
	kind := out.GroupVersionKind()
	kind.Group = r.paramGroup()
	out.SetGroupVersionKind(kind)
	out.SetName(r.paramName(v, o.GetName()))
	out.SetResourceVersion("")
	return out
}

// postParameter waits until a new kind is served.
func (r *run) postParameter(ctx context.Context, path string, o *unstructured.Unstructured) error {
	if path == "" {
		return nil // not of a kind that the bundle defines
	}
	limit := time.Now().Add(patience)
	for {
		k := call{method: http.MethodPost, path: path, body: o.Object}
		a, err := r.do(ctx, k)
		if err != nil || a.ok() || a.status == http.StatusConflict {
			return err
		}
		if a.status != http.StatusNotFound || time.Now().After(limit) {
			return a.err(k)
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// awaitParameters waits until admission can read the parameters: of a new kind it knows some seconds later, and denies until
// then what a copy of the policy matches. A unit is asked with a case of its own.
func (r *run) awaitParameters(ctx context.Context, limit time.Time) error {
	for _, j := range r.plan.jobs {
		if j.skip != "" || !slices.ContainsFunc(j.units, func(u *unit) bool { return u.object.Spec.ParamKind != nil }) || j.Operation != "CREATE" {
			continue
		}
		for {
			a, err := r.ask(ctx, j, j.units)
			if err != nil {
				return err
			}
			if !strings.Contains(a.message, "failed to configure") {
				break
			}
			if time.Now().After(limit) {
				return fmt.Errorf("the server cannot read the parameters of this run after %v: %s", patience, a.message)
			}
			if err := pause(ctx, 200*time.Millisecond); err != nil {
				return err
			}
		}
	}
	return nil
}

// readDefinitions are the CRDs among the files of a build.
func readDefinitions(files map[string][]byte) []map[string]any {
	var out []map[string]any
	for name, content := range files {
		if !strings.HasPrefix(name, "crds/") {
			continue
		}
		reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(content)))
		for {
			document, err := reader.Read()
			if errors.Is(err, io.EOF) || err != nil {
				break
			}
			var o map[string]any
			if yaml.Unmarshal(document, &o) == nil && o["kind"] == "CustomResourceDefinition" {
				out = append(out, o)
			}
		}
	}
	return out
}

// describe returns what a CRD defines.
func describe(crd map[string]any) (kind schema.GroupKind, plural, version string) {
	var d struct {
		Spec struct {
			Group    string
			Names    struct{ Kind, Plural string }
			Versions []struct{ Name string }
		}
	}
	content, _ := json.Marshal(crd)
	if json.Unmarshal(content, &d) == nil && len(d.Spec.Versions) > 0 {
		version = d.Spec.Versions[0].Name
	}
	return schema.GroupKind{Group: d.Spec.Group, Kind: d.Spec.Names.Kind}, d.Spec.Names.Plural, version
}
