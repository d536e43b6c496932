package object

import (
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func admissionRules() []rule {
	return []rule{
		of(func(s *admissionv1.ValidatingAdmissionPolicySpec) { setPointer(&s.FailurePolicy, admissionv1.Fail) }),
		of(func(s *admissionv1.MutatingAdmissionPolicySpec) { setPointer(&s.FailurePolicy, admissionv1.Fail) }),
		of(func(r *admissionv1.MatchResources) {
			setPointer(&r.MatchPolicy, admissionv1.Equivalent)
			setPointer(&r.NamespaceSelector, metav1.LabelSelector{})
			setPointer(&r.ObjectSelector, metav1.LabelSelector{})
		}),
		of(func(r *admissionv1.Rule) { setPointer(&r.Scope, admissionv1.AllScopes) }),
		of(func(r *admissionv1.ServiceReference) { setPointer(&r.Port, 443) }),
		of(func(w *admissionv1.ValidatingWebhook) {
			setPointer(&w.FailurePolicy, admissionv1.Fail)
			setPointer(&w.MatchPolicy, admissionv1.Equivalent)
			setPointer(&w.NamespaceSelector, metav1.LabelSelector{})
			setPointer(&w.ObjectSelector, metav1.LabelSelector{})
			setPointer(&w.TimeoutSeconds, 10)
		}),
		of(func(w *admissionv1.MutatingWebhook) {
			setPointer(&w.FailurePolicy, admissionv1.Fail)
			setPointer(&w.MatchPolicy, admissionv1.Equivalent)
			setPointer(&w.NamespaceSelector, metav1.LabelSelector{})
			setPointer(&w.ObjectSelector, metav1.LabelSelector{})
			setPointer(&w.TimeoutSeconds, 10)
			setPointer(&w.ReinvocationPolicy, admissionv1.NeverReinvocationPolicy)
		}),
	}
}
