package object

import (
	"reflect"
	"slices"
	"sync"

	nodev1 "k8s.io/api/node/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// A rule sets the defaults of one Go type, wherever in an object a value of it is: a container in a Pod has the same ones
// as one in a CronJob. The facts are those of Kubernetes 1.37; they are compared with a real server in test/e2e.
type rule struct {
	kind reflect.Type
	set  func(any)
}

// of makes a rule for a type. The function sets fields of its own type only: parts have rules of their own.
func of[T any](set func(*T)) rule {
	return rule{reflect.TypeFor[T](), func(v any) { set(v.(*T)) }}
}

// setDefault sets what is absent, which for these types is the zero value.
func setDefault[T comparable](field *T, value T) {
	var absent T
	if *field == absent {
		*field = value
	}
}

// setPointer sets an optional field that is absent.
func setPointer[T any](field **T, value T) {
	if *field == nil {
		*field = &value
	}
}

// defaulter walks through objects and applies the rules.
type defaulter struct {
	rules map[reflect.Type]func(any)
	reach sync.Map // reflect.Type → whether a value of it can hold one that has a rule
}

func newDefaulter() *defaulter {
	d := &defaulter{rules: map[reflect.Type]func(any){}}
	for _, r := range slices.Concat(podRules(), volumeRules(), coreRules(), workloadRules(), autoscalingRules(),
		networkRules(), storageRules(), accessRules(), admissionRules(), otherRules()) {
		d.rules[r.kind] = r.set
	}
	return d
}

func (d *defaulter) apply(o runtime.Object) {
	// A RuntimeClass has parts of Pods and none of their defaults.
	if o.GetObjectKind().GroupVersionKind().Group != nodev1.GroupName {
		d.visit(reflect.ValueOf(o))
	}
}

// visit applies the rule of a whole before those of its parts, which it may add.
func (d *defaulter) visit(v reflect.Value) {
	if !d.reaches(v.Type()) {
		return
	}
	if set := d.rules[v.Type()]; set != nil {
		set(v.Addr().Interface())
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			d.visit(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			d.visit(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			d.visit(v.Index(i))
		}
	}
}

// reaches keeps visit from walking through what has no defaults.
func (d *defaulter) reaches(t reflect.Type) bool {
	if known, ok := d.reach.Load(t); ok {
		return known.(bool)
	}
	reaches := d.rules[t] != nil
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		reaches = reaches || d.reaches(t.Elem()) // no type of these kinds holds itself
	case reflect.Struct:
		for i := range t.NumField() {
			reaches = t.Field(i).IsExported() && d.reaches(t.Field(i).Type) || reaches
		}
	}
	d.reach.Store(t, reaches)
	return reaches
}
