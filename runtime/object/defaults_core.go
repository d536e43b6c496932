package object

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func coreRules() []rule {
	return []rule{
		of(replicationControllerDefaults),
		of(serviceDefaults),
		of(func(p *corev1.EndpointPort) { setDefault(&p.Protocol, corev1.ProtocolTCP) }),
		of(func(s *corev1.Secret) { setDefault(&s.Type, corev1.SecretTypeOpaque) }),
		of(func(m *corev1.ConfigMap) {
			if m.Data == nil {
				m.Data = map[string]string{}
			}
		}),
		of(func(n *corev1.Namespace) {
			if n.Name == "" {
				return
			}
			if n.Labels == nil {
				n.Labels = map[string]string{}
			}
			n.Labels[corev1.LabelMetadataName] = n.Name
		}),
		of(func(s *corev1.NamespaceStatus) { setDefault(&s.Phase, corev1.NamespaceActive) }),
		of(func(s *corev1.NodeStatus) {
			if s.Allocatable == nil && s.Capacity != nil {
				s.Allocatable = s.Capacity.DeepCopy()
			}
		}),
		of(podStatusDefaults),
		of(limitDefaults),
	}
}

func replicationControllerDefaults(c *corev1.ReplicationController) {
	setPointer(&c.Spec.Replicas, 1)
	if c.Spec.Template == nil || c.Spec.Template.Labels == nil {
		return
	}
	if len(c.Spec.Selector) == 0 {
		c.Spec.Selector = c.Spec.Template.Labels
	}
	if len(c.Labels) == 0 {
		c.Labels = c.Spec.Template.Labels
	}
}

func serviceDefaults(service *corev1.Service) {
	s := &service.Spec
	setDefault(&s.Type, corev1.ServiceTypeClusterIP)
	affinityDefaults(s)
	for i := range s.Ports {
		p := &s.Ports[i]
		setDefault(&p.Protocol, corev1.ProtocolTCP)
		if p.TargetPort == intstr.FromInt32(0) || p.TargetPort == intstr.FromString("") {
			p.TargetPort = intstr.FromInt32(p.Port)
		}
	}
	balancer, node := s.Type == corev1.ServiceTypeLoadBalancer, s.Type == corev1.ServiceTypeNodePort
	if balancer || node || s.Type == corev1.ServiceTypeClusterIP && len(s.ExternalIPs) > 0 {
		setDefault(&s.ExternalTrafficPolicy, corev1.ServiceExternalTrafficPolicyCluster)
	}
	if s.Type != corev1.ServiceTypeExternalName {
		setPointer(&s.InternalTrafficPolicy, corev1.ServiceInternalTrafficPolicyCluster)
	}
	if !balancer {
		return
	}
	setPointer(&s.AllocateLoadBalancerNodePorts, true)
	for i := range service.Status.LoadBalancer.Ingress {
		if ingress := &service.Status.LoadBalancer.Ingress[i]; ingress.IP != "" {
			setPointer(&ingress.IPMode, corev1.LoadBalancerIPModeVIP)
		}
	}
}

func affinityDefaults(s *corev1.ServiceSpec) {
	setDefault(&s.SessionAffinity, corev1.ServiceAffinityNone)
	config := s.SessionAffinityConfig
	switch s.SessionAffinity {
	case corev1.ServiceAffinityNone:
		s.SessionAffinityConfig = nil
	case corev1.ServiceAffinityClientIP:
		if config == nil || config.ClientIP == nil || config.ClientIP.TimeoutSeconds == nil {
			timeout := corev1.DefaultClientIPServiceAffinitySeconds
			s.SessionAffinityConfig = &corev1.SessionAffinityConfig{ClientIP: &corev1.ClientIPConfig{TimeoutSeconds: &timeout}}
		}
	}
}

// podStatusDefaults keeps podIP and podIPs[0] equal; podIP wins.
func podStatusDefaults(s *corev1.PodStatus) {
	switch {
	case s.PodIP != "" && (len(s.PodIPs) == 0 || s.PodIPs[0].IP != s.PodIP):
		s.PodIPs = []corev1.PodIP{{IP: s.PodIP}}
	case s.PodIP == "" && len(s.PodIPs) > 0:
		s.PodIP = s.PodIPs[0].IP
	}
}

// limitDefaults gives a LimitRange's limits for containers: max → default → defaultRequest ← min.
func limitDefaults(l *corev1.LimitRangeItem) {
	if l.Type != corev1.LimitTypeContainer {
		return
	}
	if l.Default == nil {
		l.Default = corev1.ResourceList{}
	}
	if l.DefaultRequest == nil {
		l.DefaultRequest = corev1.ResourceList{}
	}
	addMissing(l.Default, l.Max)
	addMissing(l.DefaultRequest, l.Default)
	addMissing(l.DefaultRequest, l.Min)
}
