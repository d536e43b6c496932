package object

import (
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	resourcev1 "k8s.io/api/resource/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
)

// otherRules are those of groups with few defaults.
func otherRules() []rule {
	return []rule{
		of(func(c *schedulingv1.PriorityClass) { setPointer(&c.PreemptionPolicy, corev1.PreemptLowerPriority) }),
		of(func(s *authenticationv1.TokenRequestSpec) { setPointer(&s.ExpirationSeconds, 3600) }),
		of(func(s *flowcontrolv1.FlowSchemaSpec) { setDefault(&s.MatchingPrecedence, 1000) }),
		of(func(p *flowcontrolv1.ExemptPriorityLevelConfiguration) {
			setPointer(&p.NominalConcurrencyShares, 0)
			setPointer(&p.LendablePercent, 0)
		}),
		of(func(p *flowcontrolv1.LimitedPriorityLevelConfiguration) {
			setPointer(&p.NominalConcurrencyShares, 30)
			setPointer(&p.LendablePercent, 0)
		}),
		of(func(q *flowcontrolv1.QueuingConfiguration) {
			setDefault(&q.HandSize, 8)
			setDefault(&q.Queues, 64)
			setDefault(&q.QueueLengthLimit, 50)
		}),
		of(func(r *resourcev1.ExactDeviceRequest) { deviceDefaults(&r.AllocationMode, &r.Count) }),
		of(func(r *resourcev1.DeviceSubRequest) { deviceDefaults(&r.AllocationMode, &r.Count) }),
		of(func(t *resourcev1.DeviceToleration) { setDefault(&t.Operator, resourcev1.DeviceTolerationOpEqual) }),
	}
}

func deviceDefaults(mode *resourcev1.DeviceAllocationMode, count *int64) {
	setDefault(mode, resourcev1.DeviceAllocationModeExactCount)
	if *mode == resourcev1.DeviceAllocationModeExactCount {
		setDefault(count, 1)
	}
}
