package object

import (
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// convert does what becomes of an object on its way through the server's internal version and back. Policies see the result.
func convert(o runtime.Object) {
	switch o := o.(type) {
	case *corev1.Secret:
		if len(o.StringData) > 0 && o.Data == nil {
			o.Data = map[string][]byte{}
		}
		for key, value := range o.StringData {
			o.Data[key] = []byte(value)
		}
		o.StringData = nil
	case *corev1.Node:
		if s := &o.Spec; s.PodCIDR != "" && (len(s.PodCIDRs) == 0 || s.PodCIDRs[0] != s.PodCIDR) {
			s.PodCIDRs = []string{s.PodCIDR}
		}
	case *appsv1.StatefulSet:
		for i := range o.Spec.VolumeClaimTemplates {
			claim := &o.Spec.VolumeClaimTemplates[i]
			setDefault(&claim.APIVersion, "v1")
			setDefault(&claim.Kind, "PersistentVolumeClaim")
		}
	case *appsv1.DaemonSet:
		generation, found := o.Annotations[appsv1.DeprecatedTemplateGeneration]
		if !found {
			generation = "0" // CREATE makes it 1
		}
		annotate(&o.Annotations, appsv1.DeprecatedTemplateGeneration, generation)
	case *autoscalingv1.HorizontalPodAutoscaler:
		maps.DeleteFunc(o.Annotations, func(key, _ string) bool { return autoscalerAnnotations[key] })
	}
}

// autoscalerAnnotations held, in autoscaling/v1, the fields that v2 has.
var autoscalerAnnotations = map[string]bool{
	"autoscaling.alpha.kubernetes.io/metrics":         true,
	"autoscaling.alpha.kubernetes.io/behavior":        true,
	"autoscaling.alpha.kubernetes.io/current-metrics": true,
	"autoscaling.alpha.kubernetes.io/conditions":      true,
}

func annotate(m *map[string]string, key, value string) {
	if *m == nil {
		*m = map[string]string{}
	}
	(*m)[key] = value
}
