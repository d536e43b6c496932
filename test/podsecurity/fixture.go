package podsecurity

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// fixture is a pod that upstream ships with its verdict.
type fixture struct {
	// name is level/pass or fail/file.
	name  string
	level string
	// check is the one that a failing pod violates, as its file is called:
	// in lower case, and with `_baseline` or `_restricted` where upstream
	// has it.
	check string
	pass  bool
	pod   *corev1.Pod
}

// readFixtures reads the pods of the newest policy version, which are in the
// module cache, and returns that version.
func readFixtures() (version string, fixtures []fixture, err error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "k8s.io/pod-security-admission").Output()
	if err != nil {
		return "", nil, fmt.Errorf("go list: %w", err)
	}
	dir := filepath.Join(strings.TrimSpace(string(out)), "test", "testdata")
	if version, err = newest(filepath.Join(dir, "restricted")); err != nil {
		return "", nil, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", version, "*", "*.yaml"))
	if err != nil {
		return "", nil, err
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return "", nil, err
		}
		pod := &corev1.Pod{}
		if err := yaml.UnmarshalStrict(data, pod); err != nil {
			return "", nil, fmt.Errorf("%s: %w", file, err)
		}
		setDefaults(&pod.Spec)
		verdict := filepath.Dir(file)
		level := filepath.Base(filepath.Dir(filepath.Dir(verdict)))
		base := strings.TrimSuffix(filepath.Base(file), ".yaml")
		fixtures = append(fixtures, fixture{name: level + "/" + filepath.Base(verdict) + "/" + base, level: level,
			check: strings.TrimRight(base, "0123456789"), pass: filepath.Base(verdict) == "pass", pod: pod})
	}
	return version, fixtures, nil
}

// newest is the folder of the newest version, v1.37.
func newest(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	most := -1
	for _, e := range entries {
		minor, err := strconv.Atoi(strings.TrimPrefix(e.Name(), "v1."))
		if err != nil {
			return "", fmt.Errorf("%s: a folder that is no version: %w", dir, err)
		}
		most = max(most, minor)
	}
	return fmt.Sprintf("v1.%d", most), nil
}

// setDefaults does what the API server does before admission, as far as
// fixtures leave it to it: a volume that says nothing is an emptyDir.
func setDefaults(spec *corev1.PodSpec) {
	for i := range spec.Volumes {
		if source := &spec.Volumes[i].VolumeSource; *source == (corev1.VolumeSource{}) {
			source.EmptyDir = &corev1.EmptyDirVolumeSource{}
		}
	}
}

// seeds are the pods that random ones are made of: the fixtures, a pod that
// says nothing, and those that the restricted level takes once more with a
// container of the third kind and in a user namespace, of which there are few
// fixtures.
func seeds(fixtures []fixture) []*corev1.Pod {
	out := []*corev1.Pod{{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c0", Image: "a:1"}}}}}
	for _, f := range fixtures {
		out = append(out, f.pod)
		if f.pass && f.level == "restricted" {
			debugged, mapped := f.pod.DeepCopy(), f.pod.DeepCopy()
			debugged.Spec.EphemeralContainers = []corev1.EphemeralContainer{{
				EphemeralContainerCommon: corev1.EphemeralContainerCommon(f.pod.Spec.Containers[0])}}
			mapped.Spec.HostUsers = new(bool)
			out = append(out, debugged, mapped)
		}
	}
	return out
}
