package object

import (
	"math"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func workloadRules() []rule {
	return []rule{
		of(func(s *appsv1.ReplicaSetSpec) { setPointer(&s.Replicas, 1) }),
		of(deploymentDefaults),
		of(statefulSetDefaults),
		of(daemonSetDefaults),
		of(jobDefaults),
		of(func(s *batchv1.CronJobSpec) {
			setDefault(&s.ConcurrencyPolicy, batchv1.AllowConcurrent)
			setPointer(&s.Suspend, false)
			setPointer(&s.SuccessfulJobsHistoryLimit, 3)
			setPointer(&s.FailedJobsHistoryLimit, 1)
		}),
		of(func(p *batchv1.PodFailurePolicyOnPodConditionsPattern) { setDefault(&p.Status, corev1.ConditionTrue) }),
	}
}

func deploymentDefaults(s *appsv1.DeploymentSpec) {
	setPointer(&s.Replicas, 1)
	setPointer(&s.RevisionHistoryLimit, 10)
	setPointer(&s.ProgressDeadlineSeconds, 600)
	setDefault(&s.Strategy.Type, appsv1.RollingUpdateDeploymentStrategyType)
	if s.Strategy.Type == appsv1.RollingUpdateDeploymentStrategyType {
		setPointer(&s.Strategy.RollingUpdate, appsv1.RollingUpdateDeployment{})
		setPointer(&s.Strategy.RollingUpdate.MaxUnavailable, intstr.FromString("25%"))
		setPointer(&s.Strategy.RollingUpdate.MaxSurge, intstr.FromString("25%"))
	}
}

func statefulSetDefaults(s *appsv1.StatefulSetSpec) {
	setPointer(&s.Replicas, 1)
	setPointer(&s.RevisionHistoryLimit, 10)
	setDefault(&s.PodManagementPolicy, appsv1.OrderedReadyPodManagement)
	update := &s.UpdateStrategy
	if update.Type == "" { // only then is an absent rollingUpdate filled in
		update.Type = appsv1.RollingUpdateStatefulSetStrategyType
		setPointer(&update.RollingUpdate, appsv1.RollingUpdateStatefulSetStrategy{})
	}
	if update.Type == appsv1.RollingUpdateStatefulSetStrategyType && update.RollingUpdate != nil {
		setPointer(&update.RollingUpdate.Partition, 0)
		setPointer(&update.RollingUpdate.MaxUnavailable, intstr.FromInt32(1)) // since 1.37
	}
	setPointer(&s.PersistentVolumeClaimRetentionPolicy, appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy{})
	setDefault(&s.PersistentVolumeClaimRetentionPolicy.WhenDeleted, appsv1.RetainPersistentVolumeClaimRetentionPolicyType)
	setDefault(&s.PersistentVolumeClaimRetentionPolicy.WhenScaled, appsv1.RetainPersistentVolumeClaimRetentionPolicyType)
}

func daemonSetDefaults(s *appsv1.DaemonSetSpec) {
	setPointer(&s.RevisionHistoryLimit, 10)
	setDefault(&s.UpdateStrategy.Type, appsv1.RollingUpdateDaemonSetStrategyType)
	if s.UpdateStrategy.Type == appsv1.RollingUpdateDaemonSetStrategyType {
		setPointer(&s.UpdateStrategy.RollingUpdate, appsv1.RollingUpdateDaemonSet{})
		setPointer(&s.UpdateStrategy.RollingUpdate.MaxUnavailable, intstr.FromInt32(1))
		setPointer(&s.UpdateStrategy.RollingUpdate.MaxSurge, intstr.FromInt32(0))
	}
}

// jobDefaults are those of a Job; the template in a CronJob has none of them.
func jobDefaults(job *batchv1.Job) {
	s := &job.Spec
	if s.Parallelism == nil {
		setPointer(&s.Completions, 1)
	}
	setPointer(&s.Parallelism, 1)
	setPointer(&s.CompletionMode, batchv1.NonIndexedCompletion)
	setPointer(&s.Suspend, false)
	setPointer(&s.ManualSelector, false)
	if s.BackoffLimitPerIndex != nil {
		setPointer(&s.BackoffLimit, math.MaxInt32)
	}
	setPointer(&s.BackoffLimit, 6)
	if s.PodFailurePolicy != nil {
		setPointer(&s.PodReplacementPolicy, batchv1.Failed)
	}
	setPointer(&s.PodReplacementPolicy, batchv1.TerminatingOrFailed)
	if len(job.Labels) == 0 && s.Template.Labels != nil {
		job.Labels = s.Template.Labels // the same map, as on the server: what labelJob adds to one is in the other
	}
}
