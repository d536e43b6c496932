package object

import (
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

func networkRules() []rule {
	return []rule{
		of(func(p *networkingv1.NetworkPolicyPort) { setPointer(&p.Protocol, corev1.ProtocolTCP) }),
		of(func(s *networkingv1.NetworkPolicySpec) {
			if len(s.PolicyTypes) > 0 {
				return
			}
			s.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress} // also of one with egress only
			if len(s.Egress) > 0 {
				s.PolicyTypes = append(s.PolicyTypes, networkingv1.PolicyTypeEgress)
			}
		}),
		of(func(r *networkingv1.IngressClassParametersReference) {
			setPointer(&r.Scope, networkingv1.IngressClassParametersReferenceScopeCluster)
		}),
		of(func(p *discoveryv1.EndpointPort) {
			setPointer(&p.Name, "")
			setPointer(&p.Protocol, corev1.ProtocolTCP)
		}),
	}
}
