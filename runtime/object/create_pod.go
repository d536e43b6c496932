package object

import (
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// fillPod does what the plugins ServiceAccount, Priority and DefaultTolerationSeconds do in a cluster that has only
// Kubernetes' own priority classes, with a service account that says nothing itself.
func fillPod(p *corev1.Pod) {
	s := &p.Spec
	setDefault(&s.ServiceAccountName, "default")
	s.DeprecatedServiceAccount = s.ServiceAccountName
	if s.AutomountServiceAccountToken == nil || *s.AutomountServiceAccountToken {
		mountToken(s)
	}
	if value, known := priorities[s.PriorityClassName]; known {
		setPointer(&s.Priority, value)
		setPointer(&s.PreemptionPolicy, corev1.PreemptLowerPriority)
	}
	tolerate(s, corev1.TaintNodeNotReady)
	tolerate(s, corev1.TaintNodeUnreachable)
}

// fillPodStatus does what the storage of pods does.
func fillPodStatus(p *corev1.Pod) {
	s := &p.Spec
	fillPodResources(s)
	p.Status = corev1.PodStatus{Phase: corev1.PodPending, QOSClass: qosClass(s)}
	if len(s.SchedulingGates) > 0 {
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse,
			Reason: corev1.PodReasonSchedulingGated, Message: "Scheduling is blocked due to non-empty scheduling gates"}}
	}
}

// priorities are those of pods without a class and with one of the two that every cluster has.
var priorities = map[string]int32{"": 0, "system-cluster-critical": 2000000000, "system-node-critical": 2000001000}

// tolerate lets a pod stay five minutes on a node with the taint, unless the pod says something about the taint itself.
func tolerate(s *corev1.PodSpec, taint string) {
	said := slices.ContainsFunc(s.Tolerations, func(t corev1.Toleration) bool {
		return (t.Key == taint || t.Key == "") && (t.Effect == corev1.TaintEffectNoExecute || t.Effect == "")
	})
	if said {
		return
	}
	seconds := int64(300)
	s.Tolerations = append(s.Tolerations, corev1.Toleration{Key: taint, Operator: corev1.TolerationOpExists,
		Effect: corev1.TaintEffectNoExecute, TolerationSeconds: &seconds})
}

// qosClass is Guaranteed when all containers limit cpu and memory to what they request, BestEffort when none says
// anything of the two, and Burstable otherwise. Resources of the pod as a whole go before those of the containers.
func qosClass(s *corev1.PodSpec) corev1.PodQOSClass {
	if r := s.Resources; r != nil && len(r.Limits)+len(r.Requests) > 0 {
		return requirementsClass(r)
	}
	class := corev1.PodQOSBestEffort
	for i, c := range slices.Concat(s.InitContainers, s.Containers) {
		of := requirementsClass(&c.Resources)
		if i > 0 && of != class {
			return corev1.PodQOSBurstable
		}
		class = of
	}
	return class
}

func requirementsClass(r *corev1.ResourceRequirements) corev1.PodQOSClass {
	said, equal := false, true
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		request, limit := r.Requests[name], r.Limits[name]
		said = said || positive(request) || positive(limit)
		equal = equal && positive(limit) && request.Cmp(limit) == 0
	}
	switch {
	case !said:
		return corev1.PodQOSBestEffort
	case equal:
		return corev1.PodQOSGuaranteed
	}
	return corev1.PodQOSBurstable
}

func positive(q resource.Quantity) bool { return q.Sign() > 0 }

// fillService does what the allocator does in a cluster with IPv4 services only, but for the addresses and ports that it
// picks.
func fillService(s *corev1.ServiceSpec) {
	if s.Type == corev1.ServiceTypeExternalName {
		return
	}
	if s.ClusterIP == "" && len(s.ClusterIPs) > 0 {
		s.ClusterIP = s.ClusterIPs[0]
	}
	if s.ClusterIP != "" && len(s.ClusterIPs) == 0 {
		s.ClusterIPs = []string{s.ClusterIP}
	}
	if s.ClusterIP == corev1.ClusterIPNone && len(s.Selector) == 0 { // whoever writes its endpoints may use both families
		setPointer(&s.IPFamilyPolicy, corev1.IPFamilyPolicyRequireDualStack)
		if len(s.IPFamilies) == 0 && *s.IPFamilyPolicy != corev1.IPFamilyPolicySingleStack {
			s.IPFamilies = []corev1.IPFamily{corev1.IPv4Protocol, corev1.IPv6Protocol}
		}
	}
	setPointer(&s.IPFamilyPolicy, corev1.IPFamilyPolicySingleStack)
	if len(s.IPFamilies) == 0 {
		s.IPFamilies = []corev1.IPFamily{family(s.ClusterIP)}
	}
}

func family(ip string) corev1.IPFamily {
	if address, err := netip.ParseAddr(ip); err == nil && address.Is6() {
		return corev1.IPv6Protocol
	}
	return corev1.IPv4Protocol
}
