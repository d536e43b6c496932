package cluster

import (
	"context"
	"encoding/json"
	"errors"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// syncServices writes where the pods of each Service listen. Every pod has ports of its own, and so an EndpointSlice and a subset
// of its own. kube-apiserver 1.37 reads EndpointSlices, 1.30 Endpoints.
func (c *Cluster) syncServices(ctx context.Context) error {
	list, err := c.client.CoreV1().Services("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	var errs []error
	for i := range list.Items {
		if s := &list.Items[i]; c.runs(s.Namespace) && len(s.Spec.Selector) > 0 {
			errs = append(errs, c.syncService(ctx, s))
		}
	}
	return errors.Join(errs...)
}

func (c *Cluster) syncService(ctx context.Context, s *corev1.Service) error {
	selector := labels.SelectorFromSet(s.Spec.Selector)
	//lint:ignore SA1019 kube-apiserver 1.30 reads no EndpointSlices.
	endpoints := &corev1.Endpoints{ObjectMeta: ofService(s, s.Name)}
	var errs []error
	for _, p := range c.Pods(s.Namespace) {
		if !selector.Matches(labels.Set(p.template.Labels)) {
			continue
		}
		ports := p.servicePorts(s)
		errs = append(errs, c.writeSlice(ctx, s, p, ports))
		if p.Ready() && ports != nil {
			//lint:ignore SA1019 see above.
			endpoints.Subsets = append(endpoints.Subsets, corev1.EndpointSubset{
				Addresses: []corev1.EndpointAddress{{IP: c.address}}, Ports: ports})
		}
	}
	errs = append(errs, c.removeSlices(ctx, s))
	errs = append(errs, c.once("Endpoints "+s.Namespace+"/"+s.Name, text(endpoints), func() error {
		return upsert(ctx, endpoints, c.client.CoreV1().Endpoints(s.Namespace))
	}))
	return errors.Join(errs...)
}

func ofService(s *corev1.Service, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: s.Namespace, Labels: map[string]string{
		discoveryv1.LabelServiceName: s.Name, discoveryv1.LabelManagedBy: "policyc-test"},
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Service", Name: s.Name, UID: s.UID}}}
}

// servicePorts are the ports of this machine by those of the Service; nil when the pod does not run.
func (p *Pod) servicePorts(s *corev1.Service) []corev1.EndpointPort {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.process == nil {
		return nil
	}
	var ports []corev1.EndpointPort
	for _, port := range s.Spec.Ports {
		number := port.TargetPort.IntVal
		if port.TargetPort.Type == intstr.String {
			number = portNamed(&p.template.Spec.Containers[0], port.TargetPort.StrVal)
		}
		if local := p.launched.ports[number]; local != 0 {
			ports = append(ports, corev1.EndpointPort{Name: port.Name, Port: int32(local), Protocol: corev1.ProtocolTCP})
		}
	}
	return ports
}

func (c *Cluster) writeSlice(ctx context.Context, s *corev1.Service, p *Pod, ports []corev1.EndpointPort) error {
	state := p.state()
	if ports == nil || state.ended {
		return nil
	}
	ready, serving := state.ready && !state.stopping, state.ready
	slice := &discoveryv1.EndpointSlice{ObjectMeta: ofService(s, s.Name+"-"+p.Name), AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints: []discoveryv1.Endpoint{{Addresses: []string{c.address},
			Conditions: discoveryv1.EndpointConditions{Ready: &ready, Serving: &serving, Terminating: &state.stopping}}}}
	for i := range ports {
		slice.Ports = append(slice.Ports, discoveryv1.EndpointPort{Name: &ports[i].Name, Port: &ports[i].Port, Protocol: &ports[i].Protocol})
	}
	return c.once("EndpointSlice "+s.Namespace+"/"+slice.Name, text(slice), func() error {
		return upsert(ctx, slice, c.client.DiscoveryV1().EndpointSlices(s.Namespace))
	})
}

// removeSlices deletes those of pods that are gone, or whose process is.
func (c *Cluster) removeSlices(ctx context.Context, s *corev1.Service) error {
	live := map[string]bool{}
	for _, p := range c.Pods(s.Namespace) {
		if !p.state().ended && p.servicePorts(s) != nil {
			live[s.Name+"-"+p.Name] = true
		}
	}
	slices := c.client.DiscoveryV1().EndpointSlices(s.Namespace)
	list, err := slices.List(ctx, metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=" + s.Name})
	if err != nil {
		return err
	}
	var errs []error
	for _, slice := range list.Items {
		if !live[slice.Name] {
			c.forget("EndpointSlice " + s.Namespace + "/" + slice.Name)
			errs = append(errs, ignoreGone(slices.Delete(ctx, slice.Name, metav1.DeleteOptions{})))
		}
	}
	return errors.Join(errs...)
}

// writer is a typed client.
type writer[T any] interface {
	Create(context.Context, T, metav1.CreateOptions) (T, error)
	Update(context.Context, T, metav1.UpdateOptions) (T, error)
}

func upsert[T any](ctx context.Context, object T, client writer[T]) error {
	_, err := client.Update(ctx, object, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		_, err = client.Create(ctx, object, metav1.CreateOptions{})
	}
	return err
}

func text(v any) string {
	content, _ := json.Marshal(v) // types of the API
	return string(content)
}

// syncBudgets writes the status of PodDisruptionBudgets, which `kubectl drain` and people read.
func (c *Cluster) syncBudgets(ctx context.Context) error {
	list, err := c.client.PolicyV1().PodDisruptionBudgets("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	var errs []error
	for i := range list.Items {
		b := &list.Items[i]
		if !c.runs(b.Namespace) {
			continue
		}
		selector, err := metav1.LabelSelectorAsSelector(b.Spec.Selector)
		if err != nil {
			return err
		}
		status := b.Status
		status.ObservedGeneration, status.ExpectedPods, status.CurrentHealthy = b.Generation, 0, 0
		for _, p := range c.Pods(b.Namespace) {
			if !selector.Matches(labels.Set(p.template.Labels)) || p.state().stopping {
				continue
			}
			status.ExpectedPods++
			if p.Ready() {
				status.CurrentHealthy++
			}
		}
		if m := b.Spec.MinAvailable; m != nil {
			n, _ := intstr.GetScaledValueFromIntOrPercent(m, int(status.ExpectedPods), true)
			status.DesiredHealthy = int32(n)
		}
		status.DisruptionsAllowed = max(0, status.CurrentHealthy-status.DesiredHealthy)
		b.Status = status
		errs = append(errs, c.once("status of PodDisruptionBudget "+b.Namespace+"/"+b.Name, text(status), func() error {
			_, err := c.client.PolicyV1().PodDisruptionBudgets(b.Namespace).UpdateStatus(ctx, b, metav1.UpdateOptions{})
			return ignoreGone(err)
		}))
	}
	return errors.Join(errs...)
}
