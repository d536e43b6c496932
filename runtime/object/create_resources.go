package object

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// fillPodResources completes the cpu and memory of a pod that says something about itself as a whole. It requests what its
// containers request together, or else its limit; its limit is that of its containers together where all have one, and no
// less than it requests. Huge pages are left out. (KEP-2837; as in 1.37, which does it after mutating admission.)
func fillPodResources(s *corev1.PodSpec) {
	r := s.Resources
	if r == nil || len(r.Requests)+len(r.Limits) == 0 {
		return
	}
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		requests, _ := peak(s, func(c *corev1.Container) (q resource.Quantity, ok bool) { q, ok = c.Resources.Requests[name]; return })
		if requests == nil {
			requests = quantityOf(r.Limits, name)
		}
		setResource(&r.Requests, name, requests)
		limits, complete := peak(s, func(c *corev1.Container) (q resource.Quantity, ok bool) { q, ok = c.Resources.Limits[name]; return })
		if least := quantityOf(r.Requests, name); complete && limits != nil && least != nil && len(s.EphemeralContainers) == 0 {
			setResource(&r.Limits, name, larger(limits, least))
		}
	}
}

// peak is the most that containers have of a resource at one time: all app containers and sidecars, or an init container
// beside the sidecars that started before it (KEP-753). It is nil when none says; complete means that all do.
func peak(s *corev1.PodSpec, of func(*corev1.Container) (resource.Quantity, bool)) (all *resource.Quantity, complete bool) {
	var sidecars, most *resource.Quantity
	complete = true
	for _, c := range slices.Concat(s.Containers, s.InitContainers) {
		_, ok := of(&c)
		complete = complete && ok
	}
	for i := range s.Containers {
		all = sum(all, &s.Containers[i], of)
	}
	for i := range s.InitContainers {
		c := &s.InitContainers[i]
		now := sum(sidecars, c, of)
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			all, sidecars = sum(all, c, of), now
		}
		most = larger(most, now)
	}
	return larger(all, most), complete
}

func sum(q *resource.Quantity, c *corev1.Container, of func(*corev1.Container) (resource.Quantity, bool)) *resource.Quantity {
	more, ok := of(c)
	if !ok {
		return q
	}
	if q != nil {
		more = more.DeepCopy()
		more.Add(*q)
	}
	return &more
}

func larger(a, b *resource.Quantity) *resource.Quantity {
	if a == nil || b != nil && b.Cmp(*a) > 0 {
		return b
	}
	return a
}

func quantityOf(list corev1.ResourceList, name corev1.ResourceName) *resource.Quantity {
	q, ok := list[name]
	if !ok {
		return nil
	}
	return &q
}

// setResource sets what is not set.
func setResource(list *corev1.ResourceList, name corev1.ResourceName, q *resource.Quantity) {
	if _, set := (*list)[name]; set || q == nil {
		return
	}
	if *list == nil {
		*list = corev1.ResourceList{}
	}
	(*list)[name] = q.DeepCopy()
}
