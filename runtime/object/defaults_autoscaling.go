package object

import (
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
)

// cpuTarget is the CPU utilization, in percent, that an autoscaler without metrics aims at.
const cpuTarget = 80

func autoscalingRules() []rule {
	return []rule{
		of(func(s *autoscalingv1.HorizontalPodAutoscalerSpec) {
			setPointer(&s.MinReplicas, 1)
			setPointer(&s.TargetCPUUtilizationPercentage, cpuTarget)
		}),
		of(func(s *autoscalingv2.HorizontalPodAutoscalerSpec) {
			setPointer(&s.MinReplicas, 1)
			if len(s.Metrics) == 0 {
				s.Metrics = []autoscalingv2.MetricSpec{cpuMetric()}
			}
			if s.Behavior != nil {
				setPointer(&s.Behavior.ScaleUp, autoscalingv2.HPAScalingRules{})
				setPointer(&s.Behavior.ScaleDown, autoscalingv2.HPAScalingRules{})
				scalingDefaults(s.Behavior.ScaleUp, pods(4), percent(100))
				setPointer(&s.Behavior.ScaleUp.StabilizationWindowSeconds, 0)
				scalingDefaults(s.Behavior.ScaleDown, percent(100))
			}
		}),
	}
}

func cpuMetric() autoscalingv2.MetricSpec {
	target := int32(cpuTarget)
	return autoscalingv2.MetricSpec{
		Type: autoscalingv2.ResourceMetricSourceType,
		Resource: &autoscalingv2.ResourceMetricSource{
			Name:   corev1.ResourceCPU,
			Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: &target},
		},
	}
}

func scalingDefaults(r *autoscalingv2.HPAScalingRules, policies ...autoscalingv2.HPAScalingPolicy) {
	setPointer(&r.SelectPolicy, autoscalingv2.MaxChangePolicySelect)
	if r.Policies == nil {
		r.Policies = policies
	}
}

func pods(n int32) autoscalingv2.HPAScalingPolicy {
	return autoscalingv2.HPAScalingPolicy{Type: autoscalingv2.PodsScalingPolicy, Value: n, PeriodSeconds: 15}
}

func percent(n int32) autoscalingv2.HPAScalingPolicy {
	return autoscalingv2.HPAScalingPolicy{Type: autoscalingv2.PercentScalingPolicy, Value: n, PeriodSeconds: 15}
}
