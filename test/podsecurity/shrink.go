package podsecurity

import (
	"reflect"

	corev1 "k8s.io/api/core/v1"
)

// shrink takes away from a pod, part by part, what is not needed for it to be
// bad.
func shrink(pod *corev1.Pod, bad func(*corev1.Pod) bool) *corev1.Pod {
	for shrunk := true; shrunk; {
		shrunk = false
		for i := 0; ; i++ {
			smaller := pod.DeepCopy()
			left := remove(reflect.ValueOf(&smaller.Annotations).Elem(), i)
			if left >= 0 {
				left = remove(reflect.ValueOf(&smaller.Spec).Elem(), left)
			}
			if left >= 0 {
				break
			}
			if len(smaller.Spec.Containers) > 0 && bad(smaller) {
				pod, shrunk = smaller, true
				i--
			}
		}
	}
	return pod
}

// remove makes the i-th part of a value that is not zero so, counting outer
// parts before inner ones. It returns what is left of i when there are fewer
// parts, and -1 when it is done.
func remove(v reflect.Value, i int) int {
	if !v.CanSet() {
		return i // within a quantity, or a time
	}
	switch v.Kind() {
	case reflect.Map:
		if v.Len() > 0 && i == 0 {
			v.SetZero()
			return -1
		}
		return i - min(v.Len(), 1)
	case reflect.Struct:
		for f := range v.NumField() {
			if field := v.Field(f); field.CanSet() && !field.IsZero() && v.Type().Field(f).Name != "Containers" {
				if i == 0 {
					field.SetZero()
					return -1
				}
				i--
			}
			if i = remove(v.Field(f), i); i < 0 {
				return -1
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return remove(v.Elem(), i)
		}
	case reflect.Slice:
		for n := range v.Len() {
			if i == 0 {
				v.Set(reflect.AppendSlice(v.Slice3(0, n, n), v.Slice(n+1, v.Len())))
				return -1
			}
			if i = remove(v.Index(n), i-1); i < 0 {
				return -1
			}
		}
	}
	return i
}
