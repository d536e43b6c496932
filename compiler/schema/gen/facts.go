package main

import (
	"fmt"
	"sort"
	"strings"
)

// written are structs that Go always writes although the OpenAPI of some
// minors calls them optional: `omitempty` leaves out no struct. Only those on
// the way to a pod template are listed; that they are always written is
// checked against the Go types of every minor.
var written = map[string]bool{
	corePrefix + "Pod.spec":                       true,
	corePrefix + "ReplicationController.spec":     true, // its template is a pointer
	corePrefix + "PodTemplateSpec.metadata":       true,
	corePrefix + "PodTemplateSpec.spec":           true,
	"io.k8s.api.apps.v1.Deployment.spec":          true,
	"io.k8s.api.apps.v1.ReplicaSet.spec":          true,
	"io.k8s.api.apps.v1.StatefulSet.spec":         true,
	"io.k8s.api.apps.v1.DaemonSet.spec":           true,
	"io.k8s.api.apps.v1.DeploymentSpec.template":  true,
	"io.k8s.api.apps.v1.ReplicaSetSpec.template":  true,
	"io.k8s.api.apps.v1.StatefulSetSpec.template": true,
	"io.k8s.api.apps.v1.DaemonSetSpec.template":   true,
	"io.k8s.api.batch.v1.Job.spec":                true,
	"io.k8s.api.batch.v1.JobSpec.template":        true,
	"io.k8s.api.batch.v1.CronJob.spec":            true,
	"io.k8s.api.batch.v1.CronJobSpec.jobTemplate": true,
	"io.k8s.api.batch.v1.JobTemplateSpec.spec":    true,
}

// notEmpty are lists and pointers that Go would write as null, but whose
// emptiness validation refuses (pkg/apis/*/validation of k8s.io/kubernetes,
// read in 1.30 and 1.37). Validating admission comes after validation.
var notEmpty = map[string]bool{
	corePrefix + "PodSpec.containers":                                               true,
	corePrefix + "NodeSelector.nodeSelectorTerms":                                   true,
	"io.k8s.api.apps.v1.DeploymentSpec.selector":                                    true,
	"io.k8s.api.apps.v1.ReplicaSetSpec.selector":                                    true,
	"io.k8s.api.apps.v1.StatefulSetSpec.selector":                                   true,
	"io.k8s.api.apps.v1.DaemonSetSpec.selector":                                     true,
	"io.k8s.api.rbac.v1.PolicyRule.verbs":                                           true,
	"io.k8s.api.networking.v1.HTTPIngressRuleValue.paths":                           true,
	"io.k8s.api.discovery.v1.Endpoint.addresses":                                    true,
	"io.k8s.api.admissionregistration.v1.MutatingWebhook.sideEffects":               true,
	"io.k8s.api.admissionregistration.v1.MutatingWebhook.admissionReviewVersions":   true,
	"io.k8s.api.admissionregistration.v1.ValidatingWebhook.sideEffects":             true,
	"io.k8s.api.admissionregistration.v1.ValidatingWebhook.admissionReviewVersions": true,
}

// connectOptions are the objects of CONNECT requests. They come from the query
// of the URL, so the OpenAPI has no schema for them; these are the structs of
// k8s.io/api/core/v1, the same in all minors.
var connectOptions = map[string][]*field{
	"PodExecOptions": options(
		&field{name: "command", code: "[s", presence: null},
		opt("container", "s"), opt("stderr", "b"), opt("stdin", "b"), opt("stdout", "b"), opt("tty", "b")),
	"PodAttachOptions": options(
		opt("container", "s"), opt("stderr", "b"), opt("stdin", "b"), opt("stdout", "b"), opt("tty", "b")),
	"PodPortForwardOptions": options(opt("ports", "[i")),
	"PodProxyOptions":       options(opt("path", "s")),
	"ServiceProxyOptions":   options(opt("path", "s")),
	"NodeProxyOptions":      options(opt("path", "s")),
}

func opt(name, code string) *field { return &field{name: name, code: code} }

// options adds the fields that every object has.
func options(own ...*field) []*field {
	fields := append(own, opt("apiVersion", "s"), opt("kind", "s"))
	sort.Slice(fields, func(i, j int) bool { return fields[i].name < fields[j].name })
	return fields
}

// checkFacts says whether every fact of the tables names a field, and whether
// Go indeed always writes it.
func (s *spec) checkFacts() error {
	for _, table := range []map[string]bool{written, notEmpty} {
		for fact := range table {
			i := strings.LastIndexByte(fact, '.')
			ok := false
			for _, f := range s.objects[fact[:i]] {
				ok = ok || f.name == fact[i+1:] && f.presence == always
			}
			if !ok {
				return fmt.Errorf("%s is not always written: see facts.go", fact)
			}
		}
	}
	return nil
}
