package podsecurity

import (
	"math/rand/v2"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"

	"github.com/policyc/policyc/runtime/engine"
)

// workload is a kind with a pod template, and how to make one of a pod.
type workload struct {
	kind     schema.GroupVersionKind
	resource string
	wrap     func(metav1.ObjectMeta, corev1.PodTemplateSpec) runtime.Object
}

var pods = workload{corev1.SchemeGroupVersion.WithKind("Pod"), "pods", func(_ metav1.ObjectMeta, t corev1.PodTemplateSpec) runtime.Object {
	return &corev1.Pod{ObjectMeta: t.ObjectMeta, Spec: t.Spec}
}}

// workloads are the kinds that `Workload` stands for, besides pods.
var workloads = []workload{
	{corev1.SchemeGroupVersion.WithKind("ReplicationController"), "replicationcontrollers",
		func(m metav1.ObjectMeta, t corev1.PodTemplateSpec) runtime.Object {
			return &corev1.ReplicationController{ObjectMeta: m, Spec: corev1.ReplicationControllerSpec{Template: &t}}
		}},
	{appsv1.SchemeGroupVersion.WithKind("Deployment"), "deployments", func(m metav1.ObjectMeta, t corev1.PodTemplateSpec) runtime.Object {
		return &appsv1.Deployment{ObjectMeta: m, Spec: appsv1.DeploymentSpec{Template: t}}
	}},
	{appsv1.SchemeGroupVersion.WithKind("ReplicaSet"), "replicasets", func(m metav1.ObjectMeta, t corev1.PodTemplateSpec) runtime.Object {
		return &appsv1.ReplicaSet{ObjectMeta: m, Spec: appsv1.ReplicaSetSpec{Template: t}}
	}},
	{appsv1.SchemeGroupVersion.WithKind("StatefulSet"), "statefulsets", func(m metav1.ObjectMeta, t corev1.PodTemplateSpec) runtime.Object {
		return &appsv1.StatefulSet{ObjectMeta: m, Spec: appsv1.StatefulSetSpec{Template: t}}
	}},
	{appsv1.SchemeGroupVersion.WithKind("DaemonSet"), "daemonsets", func(m metav1.ObjectMeta, t corev1.PodTemplateSpec) runtime.Object {
		return &appsv1.DaemonSet{ObjectMeta: m, Spec: appsv1.DaemonSetSpec{Template: t}}
	}},
	{batchv1.SchemeGroupVersion.WithKind("Job"), "jobs", func(m metav1.ObjectMeta, t corev1.PodTemplateSpec) runtime.Object {
		return &batchv1.Job{ObjectMeta: m, Spec: batchv1.JobSpec{Template: t}}
	}},
	{batchv1.SchemeGroupVersion.WithKind("CronJob"), "cronjobs", func(m metav1.ObjectMeta, t corev1.PodTemplateSpec) runtime.Object {
		return &batchv1.CronJob{ObjectMeta: m, Spec: batchv1.CronJobSpec{Schedule: "@daily", JobTemplate: batchv1.JobTemplateSpec{
			Spec: batchv1.JobSpec{Template: t}}}}
	}},
}

// namespace takes pods of the restricted level.
const namespace = "shop"

var cluster = engine.NewCluster(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace,
	Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}}})

var alice user.Info = &user.DefaultInfo{Name: "alice"}

// object is the pod as this kind of object.
func (w *workload) object(pod *corev1.Pod) runtime.Object {
	meta := metav1.ObjectMeta{Name: pod.Name, Namespace: namespace}
	template := corev1.PodTemplateSpec{ObjectMeta: pod.ObjectMeta, Spec: pod.Spec}
	template.Namespace = ""
	if w.resource == pods.resource {
		template.Namespace = namespace
	}
	o := w.wrap(meta, template)
	o.GetObjectKind().SetGroupVersionKind(w.kind)
	return o
}

// request creates the pod, or changes it from what it was.
func (w *workload) request(pod, old *corev1.Pod, subresource string) *engine.Request {
	r := &engine.Request{Operation: admission.Create, Kind: w.kind, Resource: w.kind.GroupVersion().WithResource(w.resource),
		Subresource: subresource, Namespace: namespace, Name: pod.Name, Object: w.object(pod), User: alice, Cluster: cluster}
	if old != nil {
		r.Operation, r.OldObject = admission.Update, w.object(old)
	}
	return r
}

// subresource is one of those through which a pod is changed.
func (w *workload) subresource(r *rand.Rand) string {
	if w.resource != pods.resource {
		return ""
	}
	return []string{"", "ephemeralcontainers", "resize"}[r.IntN(3)]
}
