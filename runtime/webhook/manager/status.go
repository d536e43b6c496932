package manager

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/policyc/policyc/runtime/api"
)

// The reasons of the Ready condition.
const (
	Compiled      = "Compiled"
	CompileFailed = "CompileFailed"
	ReadFailed    = "ReadFailed"
)

// Events take a note of 1 KiB; a status is read on a terminal.
const longestNote, longestMessage = 1000, 4000

// reporter writes what became of policies into their status. It is what this replica knows; another one that was started
// after the policy went bad serves no generation of it.
type reporter struct {
	client client.StatusClient
	events events.EventRecorder
	leads  func() bool
}

// Report writes the status, if this replica leads and there is something new.
func (r *reporter) Report(ctx context.Context, object *api.CompiledPolicy, o Outcome) error {
	if !r.leads() {
		return nil
	}
	if o.Changed && o.Err != nil {
		r.events.Eventf(object, nil, corev1.EventTypeWarning, CompileFailed, "Compile", "%s", cut(o.Err.Error(), longestNote))
	}
	next := object.DeepCopy()
	next.Status.ObservedGeneration, next.Status.ServedGeneration = o.Generation, o.Served
	meta.SetStatusCondition(&next.Status.Conditions, condition(o))
	if equality.Semantic.DeepEqual(object.Status, next.Status) {
		return nil
	}
	return client.IgnoreNotFound(r.client.Status().Patch(ctx, next, client.MergeFrom(object)))
}

func condition(o Outcome) metav1.Condition {
	c := metav1.Condition{Type: api.Ready, Status: metav1.ConditionTrue, Reason: Compiled, ObservedGeneration: o.Generation,
		Message: fmt.Sprintf("generation %d decides", o.Generation)}
	if o.Err == nil && o.Unreadable != nil {
		c.Status, c.Reason = metav1.ConditionFalse, ReadFailed
		c.Message = cut(fmt.Sprintf("generation %d decides, but requests that it reads others for fail: %v", o.Generation, o.Unreadable), longestMessage)
	}
	if o.Err == nil {
		return c
	}
	c.Status, c.Reason, c.Message = metav1.ConditionFalse, CompileFailed, cut(o.Err.Error(), longestMessage)
	if o.Served > 0 {
		c.Message = fmt.Sprintf("generation %d decides on: %s", o.Served, c.Message)
	} else {
		c.Message = "no generation decides, requests fail: " + c.Message
	}
	return c
}

// cut shortens a text to a number of bytes, at a rune.
func cut(text string, longest int) string {
	if len(text) <= longest {
		return text
	}
	end := 0
	for i := range text {
		if i > longest-len("…") {
			break
		}
		end = i
	}
	return text[:end] + "…"
}
