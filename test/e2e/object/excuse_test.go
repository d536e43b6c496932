//go:build e2e

package object_test

import "regexp"

// excuse is a difference between an object as runtime/object prepares it and as a server has it at admission, with the
// reason for it. Each has to be met, so that the list, and docs/testing.md which repeats it, stay true.
type excuse struct {
	where   string // matches "Kind name path"
	because string
	only    string // the version of the server that differs, "" for all
}

var excuses = []excuse{
	{where: `^\w+ \S* metadata\.(uid|creationTimestamp|managedFields|resourceVersion|selfLink)$`, because: "the server makes them up"},
	{where: `^Service \S* spec\.(clusterIPs?|healthCheckNodePort|ports\[\d+\]\.nodePort)$`, because: "the server picks addresses and ports"},
	{where: `^LimitRange \S* metadata\.name$`, because: "one without a name is named by a random uid"},
	{where: `^PersistentVolume \S* status\.lastPhaseTransitionTime$`, because: "it is the time of the server"},
	{where: `^Pod \S* status\.conditions\[0\]\.lastTransitionTime$`, because: "it is the time of the server", only: "1.37"},
	{where: `^Pod match-label-keys spec\.(affinity|topologySpreadConstraints)\b.*\.labelSelector\.matchExpressions$`, because: "they are made of matchLabelKeys", only: "1.37"},
	{where: `^Job \S* (spec\.selector|(spec\.template\.)?metadata\.labels\.(batch\.kubernetes\.io/)?controller-uid)$`, because: "they hold the random uid"},
	{where: `^(Pod|HorizontalPodAutoscaler) \S* metadata\.generation$`, because: "these kinds had no generation", only: "1.30"},
	{where: `^\w+ \S* (spec|template)\b.*metadata\.creationTimestamp$`, because: "in a template it was null where absent", only: "1.30"},
	{where: `^\w+ \S* spec\.(template\.spec\.)?(hostUsers|containers\[\d+\]\.securityContext\.procMount)$`, because: "user namespaces were behind a gate", only: "1.30"},
	{where: `^StatefulSet \S* spec\.updateStrategy\.rollingUpdate\.maxUnavailable$`, because: "the default is new in 1.37", only: "1.30"},
	{where: `^CSINode \S* status$`, because: "the field is newer", only: "1.30"},
	{where: `^CSIDriver \S* spec\.preventPodSchedulingIfMissing$`, because: "the field is newer", only: "1.30"},
}

// excused reports whether a difference is one of the excuses, and remembers which.
func (p *objectProbe) excused(where string) bool {
	for i, e := range excuses {
		if (e.only == "" || e.only == p.version) && regexp.MustCompile(e.where).MatchString(where) {
			p.met[i] = true
			return true
		}
	}
	return false
}
