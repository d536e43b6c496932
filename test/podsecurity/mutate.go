package podsecurity

import (
	"fmt"
	"math/rand/v2"
	"reflect"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// mutator changes pods at random. It walks down the Go types of the API, and
// at each step either goes on or changes what is there.
type mutator struct{ *rand.Rand }

// pod returns a changed copy of one.
func (m mutator) pod(seed *corev1.Pod) *corev1.Pod {
	pod := seed.DeepCopy()
	for range 1 + m.IntN(5) {
		m.change(pod)
	}
	for i, c := range containers(&pod.Spec) {
		c.Name = fmt.Sprintf("c%d", i)
		if c.Image == "" {
			c.Image = "a:1"
		}
	}
	for i := range pod.Spec.Volumes {
		pod.Spec.Volumes[i].Name = fmt.Sprintf("v%d", i)
	}
	return pod
}

// change makes one change. The parts of a pod are chosen by how much the
// standards have to say about them, not by their number of fields.
func (m mutator) change(pod *corev1.Pod) {
	spec := &pod.Spec
	switch n := m.IntN(100); {
	case n < 45:
		all := containers(spec)
		m.container(all[m.IntN(len(all))])
	case n < 65:
		m.vary(reflect.ValueOf(&spec.SecurityContext).Elem(), "")
	case n < 75:
		m.volume(spec)
	case n < 81:
		m.containers(spec)
	case n < 88:
		m.annotation(pod)
	case n < 92:
		m.vary(reflect.ValueOf(&spec.OS).Elem(), "")
	case n < 95:
		m.vary(reflect.ValueOf(&spec.HostUsers).Elem(), "")
	default:
		hosts := []*bool{&spec.HostNetwork, &spec.HostPID, &spec.HostIPC}
		m.vary(reflect.ValueOf(hosts[m.IntN(len(hosts))]).Elem(), "")
	}
}

// container changes what a container may do, or what is called on it.
func (m mutator) container(c *corev1.Container) {
	switch n := m.IntN(100); {
	case n < 60:
		m.vary(reflect.ValueOf(&c.SecurityContext).Elem(), "")
	case n < 75:
		m.vary(reflect.ValueOf(&c.Ports).Elem(), "")
	case n < 92:
		probes := []**corev1.Probe{&c.LivenessProbe, &c.ReadinessProbe, &c.StartupProbe}
		m.vary(reflect.ValueOf(probes[m.IntN(len(probes))]).Elem(), "")
	default:
		m.vary(reflect.ValueOf(&c.Lifecycle).Elem(), "")
	}
}

// containers adds a container of some kind, as a copy of one that is there or
// a bare one, or takes one away.
func (m mutator) containers(spec *corev1.PodSpec) {
	all := containers(spec)
	c := corev1.Container{}
	if m.IntN(2) == 0 {
		c = *all[m.IntN(len(all))].DeepCopy()
	}
	switch m.IntN(5) {
	case 0:
		spec.Containers = append(spec.Containers, c)
	case 1:
		spec.InitContainers = append(spec.InitContainers, c)
	case 2:
		spec.EphemeralContainers = append(spec.EphemeralContainers, corev1.EphemeralContainer{
			EphemeralContainerCommon: corev1.EphemeralContainerCommon(c), TargetContainerName: "c0"})
	case 3:
		spec.InitContainers = []corev1.Container{}
	case 4:
		spec.Containers = spec.Containers[:1]
	}
}

// volume adds a volume of some type, now and then of none or of two, or
// changes one.
func (m mutator) volume(spec *corev1.PodSpec) {
	if len(spec.Volumes) > 0 && m.IntN(3) == 0 {
		m.vary(reflect.ValueOf(&spec.Volumes).Elem(), "")
		return
	}
	v := corev1.Volume{}
	types := reflect.ValueOf(&v.VolumeSource).Elem()
	n := 1
	switch m.IntN(20) {
	case 0:
		n = 0
	case 1:
		n = 2
	}
	for range n {
		field := types.Field(m.IntN(types.NumField()))
		field.Set(reflect.New(field.Type().Elem()))
	}
	spec.Volumes = append(spec.Volumes, v)
}

// annotation sets a profile as it was done before there were fields for it.
func (m mutator) annotation(pod *corev1.Pod) {
	if pod.Annotations == nil {
		pod.Annotations = map[string]string{}
	}
	pod.Annotations[m.pick(annotationKeys)] = m.pick(annotationValues)
}

// vary changes a value, or a part of it. The name is that of its field.
func (m mutator) vary(v reflect.Value, name string) {
	if !v.CanSet() || v.Type() == reflect.TypeFor[intstr.IntOrString]() {
		return // within a quantity or a time, or of no matter
	}
	switch v.Kind() {
	case reflect.Pointer:
		m.pointer(v, name)
	case reflect.Slice:
		m.slice(v, name)
	case reflect.Struct:
		i := m.IntN(v.NumField())
		m.vary(v.Field(i), v.Type().Field(i).Name)
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.String:
		v.SetString(m.pick(texts(v.Type(), name)))
	case reflect.Int32, reflect.Int64:
		v.SetInt([]int64{0, 0, 1, 80, 1000, 65534}[m.IntN(6)])
	}
}

// pointer changes between absent, empty, and with something in it.
func (m mutator) pointer(v reflect.Value, name string) {
	switch n := m.IntN(10); {
	case v.IsNil(), n == 0:
		v.Set(reflect.New(v.Type().Elem()))
		if m.IntN(8) == 0 {
			return
		}
	case n == 1:
		v.SetZero()
		return
	}
	m.vary(v.Elem(), name)
	// More than one field of a structure that is looked at closely.
	for v.Elem().Kind() == reflect.Struct && m.IntN(3) == 0 {
		m.vary(v.Elem(), name)
	}
}

// slice adds, repeats, removes or changes an element, or empties the list.
func (m mutator) slice(v reflect.Value, name string) {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		return // FieldsV1 is JSON
	}
	n := v.Len()
	element := reflect.New(v.Type().Elem()).Elem()
	switch choice := m.IntN(10); {
	case choice == 0:
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	case choice == 1 && n > 0:
		v.Set(reflect.AppendSlice(v.Slice3(0, n-1, n-1), v.Slice(n, n)))
	case choice == 2 && n > 0:
		v.Set(reflect.Append(v, v.Index(m.IntN(n))))
	case choice < 6 && n > 0:
		m.vary(v.Index(m.IntN(n)), name)
	default:
		for range 2 {
			m.vary(element, name)
		}
		v.Set(reflect.Append(v, element))
	}
}

func (m mutator) pick(list []string) string { return list[m.IntN(len(list))] }
