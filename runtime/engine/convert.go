package engine

import (
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

// creater makes empty objects: typed ones for the kinds of Kubernetes.
type creater struct{}

func (creater) New(kind schema.GroupVersionKind) (runtime.Object, error) {
	o, err := scheme.Scheme.New(kind)
	if runtime.IsNotRegisteredError(err) {
		u := &unstructured.Unstructured{}
		u.SetGroupVersionKind(kind)
		return u, nil
	}
	return o, err
}

// converter stands for the API server's conversion between versions, which
// only the API server has. Custom resources with the default strategy (None)
// differ in their apiVersion alone.
type converter struct{ runtime.ObjectConvertor }

func (converter) Convert(in, out, _ any) error {
	if a, b := reflect.ValueOf(in), reflect.ValueOf(out); a.Type() == b.Type() && a.Kind() == reflect.Pointer {
		if _, open := in.(*unstructured.Unstructured); !open {
			b.Elem().Set(a.Elem())
			return nil
		}
	}
	from, fromOK := in.(*unstructured.Unstructured)
	to, toOK := out.(*unstructured.Unstructured)
	if !fromOK || !toOK {
		object, _ := in.(runtime.Object)
		return fmt.Errorf("the API server would convert the object from %s: write the request in the version that the policy matches",
			object.GetObjectKind().GroupVersionKind())
	}
	kind := to.GroupVersionKind()
	to.Object = from.DeepCopy().Object
	to.SetGroupVersionKind(kind)
	return nil
}

// ConvertToVersion converts within a version, as after a patch.
func (converter) ConvertToVersion(in runtime.Object, target runtime.GroupVersioner) (runtime.Object, error) {
	kind := in.GetObjectKind().GroupVersionKind()
	if to, ok := target.KindForGroupVersionKinds([]schema.GroupVersionKind{kind}); !ok || to != kind {
		return nil, fmt.Errorf("the API server would convert the object from %s to %s", kind, to)
	}
	return in, nil
}
