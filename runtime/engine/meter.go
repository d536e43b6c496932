package engine

import (
	"context"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
)

// meter reads how much of its cost budget an evaluation has left, which the
// API server's validator does not tell.
type meter struct{ remaining int64 }

type meterKey struct{}

func withMeter(ctx context.Context, m *meter) context.Context {
	return context.WithValue(ctx, meterKey{}, m)
}

// metered tells the meter of the context what an evaluator left over.
type metered struct{ cel.ConditionEvaluator }

func (m metered) ForInput(ctx context.Context, attributes *admission.VersionedAttributes, request *admissionv1.AdmissionRequest,
	bindings cel.OptionalVariableBindings, namespace *corev1.Namespace, budget int64) ([]cel.EvaluationResult, int64, error) {
	results, remaining, err := m.ConditionEvaluator.ForInput(ctx, attributes, request, bindings, namespace, budget)
	if spent, ok := ctx.Value(meterKey{}).(*meter); ok {
		spent.remaining = max(remaining, 0)
	}
	return results, remaining, err
}
