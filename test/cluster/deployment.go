package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// deployment is the pods of a Deployment.
type deployment struct{ pods []*Pod }

func (c *Cluster) syncDeployments(ctx context.Context) error {
	list, err := c.client.AppsV1().Deployments("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	var errs []error
	wanted := map[string]bool{}
	for i := range list.Items {
		d := &list.Items[i]
		if !c.runs(d.Namespace) {
			continue
		}
		key := d.Namespace + "/" + d.Name
		wanted[key] = true
		c.mu.Lock()
		if c.deployments[key] == nil {
			c.deployments[key] = &deployment{}
		}
		state := c.deployments[key]
		c.mu.Unlock()
		c.roll(state, d)
		errs = append(errs, c.writeDeploymentStatus(ctx, state, d))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, d := range c.deployments {
		if wanted[key] {
			continue
		}
		d.stop(0)
		if d.pods = d.alive(); len(d.pods) == 0 {
			delete(c.deployments, key)
		}
	}
	return errors.Join(errs...)
}

// alive are the pods that have not ended.
func (d *deployment) alive() []*Pod {
	return slices.DeleteFunc(slices.Clone(d.pods), func(p *Pod) bool { return p.state().ended })
}

// stop terminates all but the first n pods.
func (d *deployment) stop(n int) {
	for _, p := range d.pods[min(n, len(d.pods)):] {
		p.terminate()
	}
}

// roll takes one step of a rolling update: starts what may be started, stops what may be stopped.
func (c *Cluster) roll(state *deployment, d *appsv1.Deployment) {
	hash := templateHash(&d.Spec.Template)
	replicas := 1
	if d.Spec.Replicas != nil {
		replicas = int(*d.Spec.Replicas)
	}
	surge, unavailable := rollingLimits(d, replicas)

	pods := state.alive()
	running, current, ready := 0, 0, 0 // not counting pods that are being stopped
	for _, p := range pods {
		s := p.state()
		if s.stopping {
			continue
		}
		running++
		if p.hash == hash {
			current++
		}
		if s.ready {
			ready++
		}
	}
	for ; current < replicas && running < replicas+surge; current, running = current+1, running+1 {
		pods = append(pods, c.newPod(d.Namespace, d.Name, hash, d.Spec.Template.DeepCopy(), false))
	}
	for _, p := range pods {
		s := p.state()
		outdated := p.hash != hash
		if s.stopping || !outdated && current <= replicas {
			continue
		}
		if s.ready && ready <= replicas-unavailable {
			continue
		}
		p.terminate()
		if s.ready {
			ready--
		}
		if !outdated {
			current--
		}
	}
	c.mu.Lock()
	state.pods = pods
	c.mu.Unlock()
}

func templateHash(template *corev1.PodTemplateSpec) string {
	content, _ := json.Marshal(template) // it came as JSON
	hash := fnv.New32a()
	hash.Write(content)
	return fmt.Sprintf("%08x", hash.Sum32())
}

func rollingLimits(d *appsv1.Deployment, replicas int) (surge, unavailable int) {
	rolling := d.Spec.Strategy.RollingUpdate
	if rolling == nil { // Recreate
		return 0, replicas
	}
	scale := func(v *intstr.IntOrString, up bool) int {
		if v == nil {
			return 0
		}
		n, err := intstr.GetScaledValueFromIntOrPercent(v, replicas, up)
		if err != nil {
			return 0
		}
		return n
	}
	surge, unavailable = scale(rolling.MaxSurge, true), scale(rolling.MaxUnavailable, false)
	if surge == 0 && unavailable == 0 {
		unavailable = 1
	}
	return surge, unavailable
}

// writeDeploymentStatus writes what `helm --wait` and `kubectl rollout status` read.
func (c *Cluster) writeDeploymentStatus(ctx context.Context, state *deployment, d *appsv1.Deployment) error {
	hash := templateHash(&d.Spec.Template)
	status := appsv1.DeploymentStatus{ObservedGeneration: d.Generation}
	for _, p := range state.pods {
		s := p.state()
		if s.stopping {
			continue
		}
		status.Replicas++
		if p.hash == hash {
			status.UpdatedReplicas++
		}
		if s.ready {
			status.ReadyReplicas++
			status.AvailableReplicas++
		}
	}
	status.UnavailableReplicas = max(0, *d.Spec.Replicas-status.AvailableReplicas)
	complete := status.UpdatedReplicas == *d.Spec.Replicas && status.Replicas == *d.Spec.Replicas && status.UnavailableReplicas == 0
	progress := "ReplicaSetUpdated"
	if complete {
		progress = "NewReplicaSetAvailable"
	}
	_, unavailable := rollingLimits(d, int(*d.Spec.Replicas))
	available := corev1.ConditionFalse
	if int(status.AvailableReplicas) >= int(*d.Spec.Replicas)-unavailable {
		available = corev1.ConditionTrue
	}
	now := metav1.Now()
	written := fmt.Sprint(d.UID, status, progress, available)
	status.Conditions = []appsv1.DeploymentCondition{
		{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: progress, LastUpdateTime: now, LastTransitionTime: now},
		{Type: appsv1.DeploymentAvailable, Status: available, Reason: "MinimumReplicas", LastUpdateTime: now, LastTransitionTime: now},
	}
	return c.once("status of Deployment "+d.Namespace+"/"+d.Name, written, func() error {
		d.Status = status
		_, err := c.client.AppsV1().Deployments(d.Namespace).UpdateStatus(ctx, d, metav1.UpdateOptions{})
		return ignoreGone(err)
	})
}

// ignoreGone drops the error of an object that somebody deleted meanwhile.
func ignoreGone(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
