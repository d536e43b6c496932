package podsecurity

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// version is the policy version whose fixtures are read, and the newest that
// the module knows.
const version = "v1.37"

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

// readFixtures reads the pods of a version that are in the module cache.
func readFixtures() ([]fixture, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "k8s.io/pod-security-admission").Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	dir := filepath.Join(strings.TrimSpace(string(out)), "test", "testdata")
	files, err := filepath.Glob(filepath.Join(dir, "*", version, "*", "*.yaml"))
	if err != nil {
		return nil, err
	}
	var fixtures []fixture
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		pod := &corev1.Pod{}
		if err := yaml.UnmarshalStrict(data, pod); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		setDefaults(&pod.Spec)
		verdict := filepath.Dir(file)
		level := filepath.Base(filepath.Dir(filepath.Dir(verdict)))
		base := strings.TrimSuffix(filepath.Base(file), ".yaml")
		fixtures = append(fixtures, fixture{name: level + "/" + filepath.Base(verdict) + "/" + base, level: level,
			check: strings.TrimRight(base, "0123456789"), pass: filepath.Base(verdict) == "pass", pod: pod})
	}
	return fixtures, nil
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
