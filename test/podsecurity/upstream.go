package podsecurity

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// rules are our rules by the check that they carry out.
var rules = map[policy.CheckID][]string{
	"appArmorProfile":            {"app-armor-profile", "app-armor-profile-pod", "app-armor-profile-annotation"},
	"capabilities_baseline":      {"capabilities-baseline"},
	"hostNamespaces":             {"host-namespaces"},
	"hostPathVolumes":            {"host-path-volumes"},
	"hostPorts":                  {"host-ports"},
	"hostProbesAndHostLifecycle": {"host-probes-and-host-lifecycle"},
	"privileged":                 {"privileged"},
	"procMount":                  {"proc-mount"},
	"seLinuxOptions":             {"se-linux-options", "se-linux-options-pod"},
	"seccompProfile_baseline":    {"seccomp-profile-baseline", "seccomp-profile-baseline-pod"},
	"sysctls":                    {"sysctls"},
	"windowsHostProcess":         {"windows-host-process", "windows-host-process-pod"},

	"allowPrivilegeEscalation":  {"allow-privilege-escalation"},
	"capabilities_restricted":   {"capabilities-restricted"},
	"procMount_restricted":      {"proc-mount-restricted"},
	"restrictedVolumes":         {"restricted-volumes"},
	"runAsNonRoot":              {"run-as-non-root", "run-as-non-root-pod"},
	"runAsUser":                 {"run-as-user", "run-as-user-pod"},
	"seccompProfile_restricted": {"seccomp-profile-restricted", "seccomp-profile-restricted-pod"},
}

// verdict is what one side makes of a pod.
type verdict struct {
	// violated are checks; each belongs to one level.
	violated map[policy.CheckID]bool
	// rules are our rules that found it.
	rules []string
	// baseline and restricted say whether namespaces of these levels take
	// the pod.
	baseline, restricted bool
}

// upstream is the evaluator of the newest policy version.
type upstream struct {
	checks    []policy.Check
	evaluator policy.Evaluator
}

func newUpstream() (*upstream, error) {
	checks := policy.DefaultChecks()
	evaluator, err := policy.NewEvaluator(checks, nil)
	return &upstream{checks: checks, evaluator: evaluator}, err
}

func (u *upstream) evaluate(pod *corev1.Pod) verdict {
	v := verdict{violated: map[policy.CheckID]bool{}}
	for _, c := range u.checks {
		if !c.Versions[len(c.Versions)-1].CheckPod(&pod.ObjectMeta, &pod.Spec).Allowed {
			v.violated[c.ID] = true
		}
	}
	allowed := func(level api.Level) bool {
		at := api.LevelVersion{Level: level, Version: api.LatestVersion()}
		return policy.AggregateCheckResults(u.evaluator.EvaluatePod(at, &pod.ObjectMeta, &pod.Spec)).Allowed
	}
	v.baseline, v.restricted = allowed(api.LevelBaseline), allowed(api.LevelRestricted)
	return v
}

// refused says why the API server admits no such pod, so that no policy sees
// it, or "". Only what matters here: upstream's restricted level leaves out
// four checks of the baseline for stricter ones of its own, which are in turn
// less strict for such pods. Ours is both levels at once.
func refused(pod *corev1.Pod) string {
	if pod.Spec.OS != nil && pod.Spec.OS.Name == corev1.Windows {
		if sc := pod.Spec.SecurityContext; sc != nil && sc.SeccompProfile != nil {
			return "a Windows pod with a seccomp profile"
		}
		for _, c := range containers(&pod.Spec) {
			if sc := c.SecurityContext; sc != nil && (sc.SeccompProfile != nil || sc.Capabilities != nil) {
				return "a Windows container with a seccomp profile or capabilities"
			}
		}
	}
	for _, v := range pod.Spec.Volumes {
		if v.HostPath != nil && v.VolumeSource != (corev1.VolumeSource{HostPath: v.HostPath}) {
			return "a volume of two types"
		}
	}
	return ""
}

// containers are those of all kinds.
func containers(spec *corev1.PodSpec) []*corev1.Container {
	var out []*corev1.Container
	for i := range spec.Containers {
		out = append(out, &spec.Containers[i])
	}
	for i := range spec.InitContainers {
		out = append(out, &spec.InitContainers[i])
	}
	for i := range spec.EphemeralContainers {
		out = append(out, (*corev1.Container)(&spec.EphemeralContainers[i].EphemeralContainerCommon))
	}
	return out
}
