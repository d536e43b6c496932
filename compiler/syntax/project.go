package syntax

import (
	"regexp"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
)

// parseProject reads the spec of the Project; everything in it is optional.
func parseProject(r *diag.Report, h header) *Project {
	f, ok := fieldsOf(r, h.spec, "`spec` of a Project", projectKeys)
	p := &Project{Span: h.span, Name: h.name}
	if !ok {
		return p
	}
	if kubernetes, ok := fieldsOf(r, f.get("kubernetes"), "`kubernetes`", kubernetesKeys); ok {
		p.MinVersion = kubernetes.scalar("minVersion")
		checkVersion(r, p.MinVersion)
	}
	p.CRDs = f.texts("crds")
	if exclude := f.get("exclude"); exclude != nil {
		p.Exclude = parseMatch(r, exclude, "`exclude`")
	}
	p.Workloads = parseWorkloads(r, f.get("workloads"))
	p.Limits = parseLimits(r, f.get("limits"))
	p.Layout = f.choice("layout", layouts)
	p.Tiers = f.value("tiers")
	if webhook, ok := fieldsOf(r, f.get("webhook"), "`webhook`", webhookKeys); ok {
		p.Webhook = Webhook{Namespace: webhook.text("namespace"), Service: webhook.text("service"), Configuration: webhook.text("configuration")}
	}
	p.Output = f.text("output")
	return p
}

var versionForm = regexp.MustCompile(`^1\.\d{1,3}$`)

// checkVersion reports a text that is not a minor version of Kubernetes.
func checkVersion(r *diag.Report, version source.Text) {
	if !version.IsZero() && !versionForm.MatchString(version.Value) {
		r.Errorf(diag.InvalidValue, version.Span, "`%s` is not a Kubernetes version", oneLine(version.Value)).
			Helpf("write major and minor, such as 1.34")
	}
}

func parseWorkloads(r *diag.Report, n *node) []*Workload {
	const what = "an entry of `workloads`"
	var workloads []*Workload
	for _, item := range itemsOf(r, n, "`workloads`") {
		f, ok := fieldsOf(r, item, what, workloadKeys)
		if !ok {
			continue
		}
		f.require("kind", what, "kind: Rollout.argoproj.io")
		f.require("path", what, "path: spec.template")
		workloads = append(workloads, &Workload{Span: item.span, Kind: f.text("kind"), Path: f.text("path")})
	}
	return workloads
}

// parseLimits reads `limits`, a map of a name to a whole number.
func parseLimits(r *diag.Report, n *node) []Entry {
	var limits []Entry
	for _, p := range pairsOf(r, n, "`limits`") {
		limit, isInt := p.value.data.(int64)
		switch {
		case !isInt:
			wrongShape(r, p.value, "limit `"+p.key.Value+"`", "a whole number")
		case limit < 1:
			r.Errorf(diag.InvalidValue, p.value.span, "limit `%s` is not positive", p.key).Helpf("write 1 or more")
		default:
			limits = append(limits, Entry{Key: p.key, Value: p.value.value()})
		}
	}
	return limits
}
