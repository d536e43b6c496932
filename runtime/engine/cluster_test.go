package engine

import (
	"context"
	"fmt"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/policyc/policyc/runtime/api"
)

func TestClusterLists(t *testing.T) {
	c := NewCluster(networkPolicy("b", "y", nil), networkPolicy("b", "x", map[string]string{"v": "1"}), networkPolicy("a", "z", nil),
		networkPolicy("b", "x", map[string]string{"v": "2"}), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "b"}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "a", Labels: map[string]string{"env": "e"}}},
		&autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: metav1.ObjectMeta{Name: "h"}, Spec: autoscalingv2.HorizontalPodAutoscalerSpec{MaxReplicas: 3}})
	policies := api.LookupResource{Group: "networking.k8s.io", Version: "v1", Kind: "NetworkPolicy"}
	of := api.LookupResource{Version: "v1", Kind: "Namespace"}
	one, err := labels.Parse("kubernetes.io/metadata.name in (b, c)")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		q    Query
		want string
	}{
		{Query{Resource: policies}, "a/z b/x b/y"},
		{Query{Resource: policies, Namespaces: []string{"b"}, Names: []string{"x", "z"}}, "b/x"},
		{Query{Resource: policies, Names: []string{}}, ""},
		{Query{Resource: policies, Selector: labels.SelectorFromSet(labels.Set{"v": "2"})}, "b/x"},
		{Query{Resource: policies, Selector: labels.SelectorFromSet(labels.Set{"v": "1"})}, ""},
		{Query{Resource: of}, "/a /b"},
		{Query{Resource: of, Selector: one}, "/b"},
		{Query{Resource: api.LookupResource{Version: "v1", Kind: "Secret"}}, ""},
	} {
		found, err := c.List(context.Background(), test.q)
		have := ""
		for _, o := range found {
			meta := o["metadata"].(map[string]any)
			namespace, _ := meta["namespace"].(string)
			have += fmt.Sprintf(" %s/%s", namespace, meta["name"])
			if o["kind"] != test.q.Resource.Kind || o["apiVersion"] == "" {
				t.Errorf("%v", o)
			}
		}
		if err != nil || have != "" && have[1:] != test.want || have == "" && test.want != "" {
			t.Errorf("%+v: got%s, %v", test.q, have, err)
		}
	}
	scalers := Query{Resource: api.LookupResource{Group: "autoscaling", Version: "v2", Kind: "HorizontalPodAutoscaler"}}
	found, err := c.List(context.Background(), scalers)
	if err != nil || found[0]["spec"].(map[string]any)["maxReplicas"] != int64(3) {
		t.Errorf("%v %v", found, err)
	}
	again, err := c.List(context.Background(), scalers)
	if again[0]["new"] = true; err != nil || found[0]["new"] != true {
		t.Error("objects are converted more than once")
	}
	// Only the API server converts between versions.
	if scalers.Resource.Version = "v1"; true {
		if _, err := c.List(context.Background(), scalers); err == nil {
			t.Error("an object of another version was listed")
		}
	}
	if _, err := c.Namespace(context.Background(), "c"); !apierrors.IsNotFound(err) {
		t.Errorf("got %v", err)
	}
}

// TestLookupsAreNotCopied asserts that objects that no expression reads cost nothing but their places in a list.
func TestLookupsAreNotCopied(t *testing.T) {
	e := lookupEngine(t, "", none)
	allocations := func(n int) float64 {
		objects := make([]map[string]any, n)
		for i := range objects {
			objects[i] = map[string]any{"metadata": map[string]any{"name": "a"}}
		}
		r := podRequest("shop", "a")
		r.Cluster = static{objects: objects}
		return testing.AllocsPerRun(10, func() {
			if decisions, err := e.Evaluate(context.Background(), r); err != nil || decisions[0].Outcome != Admitted {
				t.Fatal(decisions, err)
			}
		})
	}
	if one, many := allocations(1), allocations(1000); many > one+20 {
		t.Errorf("%.0f allocations for an object, %.0f for 1000", one, many)
	}
}

// static is a Reader that always returns the same.
type static struct{ objects []map[string]any }

func (static) Namespace(_ context.Context, name string) (*corev1.Namespace, error) {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, nil
}
func (s static) List(context.Context, Query) ([]map[string]any, error) { return s.objects, nil }
