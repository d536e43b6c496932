package object

import (
	"reflect"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// statusFromUser are the kinds that may be created with a status.
var statusFromUser = map[string]bool{"Node": true, "Scale": true}

// clearStatus empties the status, which only the subresource writes.
func clearStatus(o runtime.Object) {
	if statusFromUser[o.GetObjectKind().GroupVersionKind().Kind] {
		return
	}
	if status := reflect.ValueOf(o).Elem().FieldByName("Status"); status.IsValid() {
		status.SetZero()
	}
}

// generatedSuffix stands for the five random letters and digits of a generated name.
const generatedSuffix = "xxxxx"

// nameGenerated makes a name of generateName. A server does so before validating admission.
func nameGenerated(o runtime.Object) {
	meta := metaOf(o)
	if meta == nil || meta.GetName() != "" || meta.GetGenerateName() == "" {
		return
	}
	const longest = 63 - len(generatedSuffix)
	prefix := meta.GetGenerateName()
	meta.SetName(prefix[:min(len(prefix), longest)] + generatedSuffix)
}

// withGeneration are the built-in kinds whose metadata.generation is 1 on CREATE.
var withGeneration = map[schema.GroupKind]bool{
	{Kind: "Pod"}: true, {Kind: "PodTemplate"}: true, {Kind: "ReplicationController"}: true,
	{Group: "apps", Kind: "Deployment"}:                                               true,
	{Group: "apps", Kind: "ReplicaSet"}:                                               true,
	{Group: "apps", Kind: "StatefulSet"}:                                              true,
	{Group: "apps", Kind: "DaemonSet"}:                                                true,
	{Group: "batch", Kind: "Job"}:                                                     true,
	{Group: "batch", Kind: "CronJob"}:                                                 true,
	{Group: "autoscaling", Kind: "HorizontalPodAutoscaler"}:                           true,
	{Group: "discovery.k8s.io", Kind: "EndpointSlice"}:                                true,
	{Group: "networking.k8s.io", Kind: "Ingress"}:                                     true,
	{Group: "networking.k8s.io", Kind: "IngressClass"}:                                true,
	{Group: "networking.k8s.io", Kind: "NetworkPolicy"}:                               true,
	{Group: "policy", Kind: "PodDisruptionBudget"}:                                    true,
	{Group: "scheduling.k8s.io", Kind: "PriorityClass"}:                               true,
	{Group: "flowcontrol.apiserver.k8s.io", Kind: "FlowSchema"}:                       true,
	{Group: "flowcontrol.apiserver.k8s.io", Kind: "PriorityLevelConfiguration"}:       true,
	{Group: "resource.k8s.io", Kind: "DeviceClass"}:                                   true,
	{Group: "resource.k8s.io", Kind: "ResourceSlice"}:                                 true,
	{Group: "admissionregistration.k8s.io", Kind: "ValidatingAdmissionPolicy"}:        true,
	{Group: "admissionregistration.k8s.io", Kind: "ValidatingAdmissionPolicyBinding"}: true,
	{Group: "admissionregistration.k8s.io", Kind: "MutatingAdmissionPolicy"}:          true,
	{Group: "admissionregistration.k8s.io", Kind: "MutatingAdmissionPolicyBinding"}:   true,
	{Group: "admissionregistration.k8s.io", Kind: "ValidatingWebhookConfiguration"}:   true,
	{Group: "admissionregistration.k8s.io", Kind: "MutatingWebhookConfiguration"}:     true,
}

// fillByPlugins does what the mutating plugins do that every server runs.
func fillByPlugins(o runtime.Object) {
	switch o := o.(type) {
	case *corev1.Pod:
		fillPod(o)
	case *corev1.PersistentVolume:
		addFinalizer(o, "kubernetes.io/pv-protection")
	case *corev1.PersistentVolumeClaim:
		addFinalizer(o, "kubernetes.io/pvc-protection")
	case *storagev1.VolumeAttributesClass:
		addFinalizer(o, "kubernetes.io/vac-protection")
	case *corev1.Node:
		taintNode(o)
	}
}

// fillOnCreate does what the storage of a kind does before validating admission.
func fillOnCreate(o runtime.Object) {
	if withGeneration[o.GetObjectKind().GroupVersionKind().GroupKind()] {
		metaOf(o).SetGeneration(1)
	}
	switch o := o.(type) {
	case *corev1.Pod:
		fillPodStatus(o)
	case *corev1.Service:
		fillService(&o.Spec)
	case *corev1.Namespace:
		o.Status.Phase = corev1.NamespaceActive
		annotate(&o.Labels, corev1.LabelMetadataName, o.Name) // its default came before a name was generated
		if !slices.Contains(o.Spec.Finalizers, corev1.FinalizerKubernetes) {
			o.Spec.Finalizers = append(o.Spec.Finalizers, corev1.FinalizerKubernetes)
		}
	case *corev1.PersistentVolume:
		o.Status.Phase = corev1.VolumePending
	case *corev1.PersistentVolumeClaim:
		copyDataSource(&o.Spec)
	case *appsv1.DaemonSet:
		if o.Annotations[appsv1.DeprecatedTemplateGeneration] == "0" {
			o.Annotations[appsv1.DeprecatedTemplateGeneration] = "1"
		}
	case *batchv1.Job:
		labelJob(o)
	}
}

func addFinalizer(o metav1.Object, name string) {
	if !slices.Contains(o.GetFinalizers(), name) {
		o.SetFinalizers(append(o.GetFinalizers(), name))
	}
}

// taintNode does what the plugin TaintNodesByCondition does: a new node is not ready.
func taintNode(n *corev1.Node) {
	taint := corev1.Taint{Key: corev1.TaintNodeNotReady, Effect: corev1.TaintEffectNoSchedule}
	if !slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.MatchTaint(&taint) }) {
		n.Spec.Taints = append(n.Spec.Taints, taint)
	}
}

// copyDataSource keeps dataSource and dataSourceRef of a claim equal. A dataSource that is neither a claim nor a snapshot
// is dropped.
func copyDataSource(s *corev1.PersistentVolumeClaimSpec) {
	source, ref := s.DataSource, s.DataSourceRef
	if source != nil && ref == nil && !isClaim(source) && !isSnapshot(source) {
		s.DataSource, source = nil, nil
	}
	switch {
	case source != nil && ref == nil:
		s.DataSourceRef = &corev1.TypedObjectReference{APIGroup: source.APIGroup, Kind: source.Kind, Name: source.Name}
	case ref != nil && source == nil && (ref.Namespace == nil || *ref.Namespace == ""):
		s.DataSource = &corev1.TypedLocalObjectReference{APIGroup: ref.APIGroup, Kind: ref.Kind, Name: ref.Name}
	}
}

func isClaim(r *corev1.TypedLocalObjectReference) bool {
	return r.Kind == "PersistentVolumeClaim" && (r.APIGroup == nil || *r.APIGroup == "")
}

func isSnapshot(r *corev1.TypedLocalObjectReference) bool {
	return r.Kind == "VolumeSnapshot" && r.APIGroup != nil && *r.APIGroup == "snapshot.storage.k8s.io"
}

// labelJob adds the labels by which a Job's pods are known, but for the one of its random uid.
func labelJob(job *batchv1.Job) {
	if job.Spec.ManualSelector != nil && *job.Spec.ManualSelector {
		return
	}
	labels := &job.Spec.Template.Labels
	for _, key := range []string{"job-name", batchv1.JobNameLabel} {
		if _, found := (*labels)[key]; !found {
			annotate(labels, key, job.Name)
		}
	}
}
