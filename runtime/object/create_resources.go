package object

import corev1 "k8s.io/api/core/v1"

// requestForPod fills in what a pod with limits of its own requests as a whole: what its containers request together, or
// else its limit. Huge pages are left out (KEP-2837; seen on 1.37, where it happens after mutating admission).
func requestForPod(s *corev1.PodSpec) {
	if s.Resources == nil || len(s.Resources.Limits) == 0 {
		return
	}
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		if _, said := s.Resources.Requests[name]; said {
			continue
		}
		together := containersRequest(s, name)
		if limit, limited := s.Resources.Limits[name]; together == nil && limited {
			limit = limit.DeepCopy()
			together = corev1.ResourceList{name: limit}
		}
		if together == nil {
			continue
		}
		if s.Resources.Requests == nil {
			s.Resources.Requests = corev1.ResourceList{}
		}
		s.Resources.Requests[name] = together[name]
	}
}

// containersRequest is what the containers request of a resource at their peak, nil when none says: all app containers and
// sidecars, or an init container beside the sidecars that started before it (KEP-753).
func containersRequest(s *corev1.PodSpec, name corev1.ResourceName) corev1.ResourceList {
	all, sidecars, peak := corev1.ResourceList{}, corev1.ResourceList{}, corev1.ResourceList{}
	add := func(to corev1.ResourceList, c *corev1.Container) {
		if q, said := c.Resources.Requests[name]; said {
			sum := to[name]
			sum.Add(q)
			to[name] = sum
		}
	}
	for i := range s.Containers {
		add(all, &s.Containers[i])
	}
	for i := range s.InitContainers {
		c := &s.InitContainers[i]
		now := sidecars
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			add(all, c)
		} else {
			now = sidecars.DeepCopy()
		}
		add(now, c)
		raise(peak, now, name)
	}
	raise(all, peak, name)
	if len(all) == 0 {
		return nil
	}
	return all
}

// raise makes a quantity as large as another one, if that is there.
func raise(to, other corev1.ResourceList, name corev1.ResourceName) {
	q, said := other[name]
	if have, there := to[name]; said && (!there || q.Cmp(have) > 0) {
		to[name] = q.DeepCopy()
	}
}
