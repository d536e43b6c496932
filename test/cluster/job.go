package cluster

import (
	"context"
	"errors"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// job is the pod of a Job, one at a time.
type job struct {
	uid      types.UID
	pod      *Pod
	started  metav1.Time
	failures int32
	finished bool
}

func (c *Cluster) syncJobs(ctx context.Context) error {
	list, err := c.client.BatchV1().Jobs("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	var errs []error
	wanted := map[string]bool{}
	for i := range list.Items {
		j := &list.Items[i]
		if !c.runs(j.Namespace) {
			continue
		}
		key := j.Namespace + "/" + j.Name
		wanted[key] = true
		errs = append(errs, c.syncJob(ctx, key, j))
	}
	c.mu.Lock()
	var gone []*Pod
	for key, j := range c.jobs {
		if !wanted[key] {
			gone = append(gone, j.pod)
			delete(c.jobs, key)
		}
	}
	c.mu.Unlock()
	for _, p := range gone {
		p.destroy()
	}
	return errors.Join(errs...)
}

func (c *Cluster) syncJob(ctx context.Context, key string, j *batchv1.Job) error {
	c.mu.Lock()
	state := c.jobs[key]
	c.mu.Unlock()
	start := func() *Pod {
		return c.newPod(j.Namespace, j.Name, templateHash(&j.Spec.Template), j.Spec.Template.DeepCopy(), true)
	}
	if state == nil || state.uid != j.UID { // a hook of the same name replaces the one before
		state = &job{uid: j.UID, started: metav1.Now(), pod: start()}
		c.mu.Lock()
		c.jobs[key] = state
		c.mu.Unlock()
		return c.writeJobStatus(ctx, state, j, "")
	}
	if state.finished {
		return nil
	}
	limit := j.Spec.ActiveDeadlineSeconds
	if limit != nil && time.Since(state.started.Time) > time.Duration(*limit)*time.Second {
		state.pod.destroy()
		return c.writeJobStatus(ctx, state, j, batchv1.JobFailed)
	}
	select {
	case <-state.pod.done:
	default:
		return nil
	}
	if state.pod.code == 0 {
		return c.writeJobStatus(ctx, state, j, batchv1.JobComplete)
	}
	state.failures++
	if j.Spec.BackoffLimit != nil && state.failures > *j.Spec.BackoffLimit {
		return c.writeJobStatus(ctx, state, j, batchv1.JobFailed)
	}
	c.mu.Lock()
	state.pod = nil
	c.mu.Unlock()
	next := start()
	c.mu.Lock()
	state.pod = next
	c.mu.Unlock()
	return c.writeJobStatus(ctx, state, j, "")
}

// writeJobStatus says that the job runs, or how it ended. Newer servers want two conditions of a finished Job; 1.30 refuses that.
func (c *Cluster) writeJobStatus(ctx context.Context, state *job, j *batchv1.Job, end batchv1.JobConditionType) error {
	now := metav1.Now()
	j.Status = batchv1.JobStatus{StartTime: &state.started, Failed: state.failures, Active: 1}
	condition := func(t batchv1.JobConditionType) batchv1.JobCondition {
		return batchv1.JobCondition{Type: t, Status: corev1.ConditionTrue, LastProbeTime: now, LastTransitionTime: now}
	}
	switch end {
	case batchv1.JobComplete:
		j.Status.Active, j.Status.Succeeded, j.Status.CompletionTime = 0, 1, &now
		j.Status.Conditions = []batchv1.JobCondition{condition(batchv1.JobSuccessCriteriaMet), condition(end)}
	case batchv1.JobFailed:
		j.Status.Active = 0
		j.Status.Conditions = []batchv1.JobCondition{condition(batchv1.JobFailureTarget), condition(end)}
	}
	jobs := c.client.BatchV1().Jobs(j.Namespace)
	_, err := jobs.UpdateStatus(ctx, j, metav1.UpdateOptions{})
	if apierrors.IsInvalid(err) && end != "" {
		j.Status.Conditions = j.Status.Conditions[1:]
		_, err = jobs.UpdateStatus(ctx, j, metav1.UpdateOptions{})
	}
	if err == nil {
		state.finished = end != ""
	}
	return ignoreGone(err)
}
