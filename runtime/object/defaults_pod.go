package object

import (
	"regexp"

	corev1 "k8s.io/api/core/v1"
)

func podRules() []rule {
	return []rule{
		of(podDefaults),
		of(func(s *corev1.PodSpec) {
			setDefault(&s.ServiceAccountName, s.DeprecatedServiceAccount)
			s.DeprecatedServiceAccount = s.ServiceAccountName // one is the alias of the other
			setDefault(&s.DNSPolicy, corev1.DNSClusterFirst)
			setDefault(&s.RestartPolicy, corev1.RestartPolicyAlways)
			setDefault(&s.SchedulerName, corev1.DefaultSchedulerName)
			setPointer(&s.SecurityContext, corev1.PodSecurityContext{})
			setPointer(&s.TerminationGracePeriodSeconds, corev1.DefaultTerminationGracePeriodSeconds)
		}),
		of(containerDefaults),
		of(func(c *corev1.EphemeralContainerCommon) { containerDefaults((*corev1.Container)(c)) }),
		of(func(p *corev1.ContainerPort) { setDefault(&p.Protocol, corev1.ProtocolTCP) }),
		of(func(p *corev1.Probe) {
			setDefault(&p.TimeoutSeconds, 1)
			setDefault(&p.PeriodSeconds, 10)
			setDefault(&p.SuccessThreshold, 1)
			setDefault(&p.FailureThreshold, 3)
		}),
		of(func(a *corev1.HTTPGetAction) {
			setDefault(&a.Path, "/")
			setDefault(&a.Scheme, corev1.URISchemeHTTP)
		}),
		of(func(a *corev1.GRPCAction) { setPointer(&a.Service, "") }),
		of(func(s *corev1.ObjectFieldSelector) { setDefault(&s.APIVersion, "v1") }),
		of(func(s *corev1.FileKeySelector) { setPointer(&s.Optional, false) }),
		of(func(l *corev1.ResourceList) {
			const milli = -3 // finer quantities are rounded up
			for name, q := range *l {
				q.RoundUp(milli)
				(*l)[name] = q
			}
		}),
	}
}

// podDefaults are those of a Pod that a pod template does not have.
func podDefaults(p *corev1.Pod) {
	s := &p.Spec
	setPointer(&s.EnableServiceLinks, corev1.DefaultEnableServiceLinks)
	if s.TerminationGracePeriodSeconds != nil && *s.TerminationGracePeriodSeconds < 0 {
		*s.TerminationGracePeriodSeconds = 1
	}
	for _, containers := range [][]corev1.Container{s.Containers, s.InitContainers} {
		for i := range containers {
			c := &containers[i]
			requestLimits(&c.Resources)
			for j := range c.Ports {
				if s.HostNetwork {
					setDefault(&c.Ports[j].HostPort, c.Ports[j].ContainerPort)
				}
			}
		}
	}
}

// requestLimits requests as much as the limit where nothing is requested.
func requestLimits(r *corev1.ResourceRequirements) {
	if r.Limits == nil {
		return
	}
	if r.Requests == nil {
		r.Requests = corev1.ResourceList{}
	}
	addMissing(r.Requests, r.Limits)
}

func addMissing(to, from corev1.ResourceList) {
	for name, q := range from {
		if _, found := to[name]; !found {
			to[name] = q.DeepCopy()
		}
	}
}

func containerDefaults(c *corev1.Container) {
	setDefault(&c.ImagePullPolicy, pullPolicy(c.Image))
	setDefault(&c.TerminationMessagePath, corev1.TerminationMessagePathDefault)
	setDefault(&c.TerminationMessagePolicy, corev1.TerminationMessageReadFile)
}

// imageReference is the grammar of image references, with the name, the tag and the digest as groups. A domain may have
// upper-case letters, a path not.
var imageReference = regexp.MustCompile(`^` +
	`((?:(?:[a-zA-Z0-9.-]+|\[[a-fA-F0-9:]+\])(?::[0-9]+)?/)?` +
	`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*)` +
	`(?::([\w][\w.-]{0,127}))?` +
	`(?:@(sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}))?$`)

// pullPolicy is Always for the tag latest, said or implied, and IfNotPresent for what is no reference at all.
//
//	nginx, nginx:latest, nginx:latest@sha256:…   → Always
//	nginx:1.27, nginx@sha256:…, Nginx, ""        → IfNotPresent
func pullPolicy(image string) corev1.PullPolicy {
	m := imageReference.FindStringSubmatch(image)
	if m != nil && (m[2] == "latest" || m[2] == "" && m[3] == "") {
		return corev1.PullAlways
	}
	return corev1.PullIfNotPresent
}
