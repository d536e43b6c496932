package schema

import (
	"slices"
	"strconv"
	"strings"
)

// Kind is a kind as served, or one of its subresources.
type Kind struct {
	// Group, Version and Kind are those of the object in admission; for a
	// subresource, of what is sent to it (autoscaling/v1 Scale).
	Group, Version, Kind string
	// Resource is the plural name, Subresource that of the subresource or "".
	Resource, Subresource string
	// ResourceGroup and ResourceVersion are those that the resource is served
	// under; they differ from Group and Version for deployments/scale.
	ResourceGroup, ResourceVersion string
	// ParentKind is the kind of the main resource: Deployment for
	// deployments/scale, and Kind itself for a main resource.
	ParentKind string
	Namespaced bool
	// Singular is the singular name of a main resource, such as deployment.
	Singular   string
	ShortNames []string
	// Connect says that requests are CONNECT: exec, attach, portforward, proxy.
	Connect bool
	// Verbs are those of discovery, sorted. Where Connect is set, all of them
	// are the one operation CONNECT in admission.
	Verbs []string
	// CRD says that the kind comes from a CRD.
	CRD bool
	// Preferred says that of all versions of the resource this is the one
	// that a reference without version means.
	Preferred bool

	root string // name of the type, for kinds of Kubernetes
}

// String returns the full reference, which Resolve takes: apps/v1/Deployment,
// v1/Pod/exec.
func (k *Kind) String() string {
	parts := []string{k.ResourceVersion, k.ParentKind}
	if k.ResourceGroup != "" {
		parts = append([]string{k.ResourceGroup}, parts...)
	}
	if k.Subresource != "" {
		parts = append(parts, k.Subresource)
	}
	return strings.Join(parts, "/")
}

// Operations returns the operations of admission that requests for the kind
// can have, in the order CREATE, UPDATE, DELETE, CONNECT. It is empty for what
// can only be read, such as pods/log.
func (k *Kind) Operations() []string {
	if k.Connect {
		return []string{"CONNECT"}
	}
	var operations []string
	for _, o := range []struct {
		operation string
		verbs     []string
	}{
		{"CREATE", []string{"create"}},
		{"UPDATE", []string{"update", "patch"}},
		{"DELETE", []string{"delete", "deletecollection"}},
	} {
		if slices.ContainsFunc(o.verbs, func(v string) bool { return slices.Contains(k.Verbs, v) }) {
			operations = append(operations, o.operation)
		}
	}
	return operations
}

// less orders kinds by group, version, resource and subresource.
func (k *Kind) less(other *Kind) bool {
	return slices.Compare(k.key(), other.key()) < 0
}

func (k *Kind) key() []string {
	return []string{k.ResourceGroup, k.ResourceVersion, k.Resource, k.Subresource}
}

// markPreferred sets Preferred on the best version of every resource. Kinds
// of one resource are of one group.
func markPreferred(kinds []*Kind) {
	best := map[[3]string]*Kind{}
	for _, k := range kinds {
		key := [3]string{k.ResourceGroup, k.Resource, k.Subresource}
		if b := best[key]; b == nil || compareVersions(k.ResourceVersion, b.ResourceVersion) > 0 {
			best[key] = k
		}
	}
	for _, k := range best {
		k.Preferred = true
	}
}

// compareVersions compares by Kubernetes' own order: v2 > v1 > v2beta1 >
// v1beta2 > v1alpha1 > anything else, which goes by name, first is best.
func compareVersions(a, b string) int {
	x, okX := parseVersion(a)
	y, okY := parseVersion(b)
	switch {
	case okX && okY:
		return slices.Compare(x[:], y[:])
	case okX:
		return 1
	case okY:
		return -1
	}
	return strings.Compare(b, a)
}

// parseVersion splits v1beta2 into stability (0 alpha, 1 beta, 2 GA), 1 and 2.
func parseVersion(v string) (parts [3]int, ok bool) {
	rest, ok := strings.CutPrefix(v, "v")
	if !ok {
		return parts, false
	}
	major, minor, stability := rest, "0", 2
	for i, word := range []string{"alpha", "beta"} {
		if before, after, found := strings.Cut(rest, word); found {
			major, minor, stability = before, after, i
		}
	}
	x, errX := strconv.ParseUint(major, 10, 31)
	y, errY := strconv.ParseUint(minor, 10, 31)
	return [3]int{stability, int(x), int(y)}, errX == nil && errY == nil
}

func isVersion(v string) bool {
	_, ok := parseVersion(v)
	return ok
}

func splitGroupVersion(gv string) (group, version string) {
	if group, version, ok := strings.Cut(gv, "/"); ok {
		return group, version
	}
	return "", gv
}
