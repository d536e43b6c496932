package apiserver

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// BuildCommand is what to run, in the module's root, when Start says that a binary is missing.
const BuildCommand = "go run ./test/apiserver/build"

// toolsVersion is the one whose etcd and kubectl serve every server.
const toolsVersion = "1.37"

// Versions lists the Kubernetes minors that Start knows, the newest first. Their exact releases are in v<minor>/go.mod.
func Versions() []string { return []string{"1.37", "1.30"} }

// program is a binary, of the module in v<version>.
type program struct{ name, version, pkg string }

// programs lists what a server of the version runs.
func programs(version string) ([]program, error) {
	if !slices.Contains(Versions(), version) {
		return nil, fmt.Errorf("unknown version %q; there are %s", version, strings.Join(Versions(), " and "))
	}
	return []program{
		{"etcd", toolsVersion, "go.etcd.io/etcd/server/v3"},
		{"kubectl", toolsVersion, "k8s.io/kubernetes/cmd/kubectl"},
		{"kube-apiserver", version, "k8s.io/kubernetes/cmd/kube-apiserver"},
	}, nil
}

// Build compiles the binaries that a server of the version needs, unless they are up to date, and tells progress one line at a
// time. The first build of a version takes several minutes.
func Build(ctx context.Context, version string, progress func(line string)) error {
	root, err := findRoot()
	if err != nil {
		return err
	}
	wanted, err := programs(version)
	if err != nil {
		return err
	}
	for _, p := range wanted {
		if err := build(ctx, root, p, progress); err != nil {
			return fmt.Errorf("build %s %s: %w", p.name, p.version, err)
		}
	}
	return nil
}

func build(ctx context.Context, root string, p program, progress func(string)) error {
	recipe, err := newRecipe(root, p)
	if err != nil {
		return err
	}
	if recipe.upToDate() {
		progress(fmt.Sprintf("%s %s: up to date", p.name, p.version))
		return nil
	}
	progress(fmt.Sprintf("%s %s: building", p.name, p.version))
	if err := os.MkdirAll(filepath.Dir(recipe.binary), 0o755); err != nil {
		return err
	}
	// Beside its place, then renamed: a test that runs meanwhile sees the old file or the new one.
	fresh := fmt.Sprintf("%s.%d", recipe.binary, os.Getpid())
	defer os.Remove(fresh)
	cmd := exec.CommandContext(ctx, "go", "build", "-C", recipe.module, "-trimpath", "-buildvcs=false", "-ldflags="+recipe.ldflags, "-o", fresh, p.pkg)
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, output)
	}
	if err := os.Rename(fresh, recipe.binary); err != nil {
		return err
	}
	return os.WriteFile(recipe.stampFile(), []byte(recipe.stamp), 0o644)
}

// recipe is everything that decides what a binary is.
type recipe struct {
	module  string // the folder of the go.mod
	release string // v1.37.2
	binary  string
	ldflags string
	stamp   string // equal stamps, equal binaries
}

func newRecipe(root string, p program) (recipe, error) {
	made := recipe{
		module: filepath.Join(root, "v"+p.version),
		binary: filepath.Join(root, ".bin", p.version, p.name),
	}
	mod, err := os.ReadFile(filepath.Join(made.module, "go.mod"))
	if err != nil {
		return recipe{}, err
	}
	sum, err := os.ReadFile(filepath.Join(made.module, "go.sum"))
	if err != nil {
		return recipe{}, err
	}
	if made.release, err = kubernetesVersion(mod); err != nil {
		return recipe{}, err
	}
	major, minor, _ := strings.Cut(p.version, ".")
	const pkg = "k8s.io/component-base/version"
	// Unstamped, a server takes itself for v0.0.0, and its feature gates with it. Releases are stripped too (-s -w).
	made.ldflags = fmt.Sprintf("-s -w -X %[1]s.gitVersion=%[2]s -X %[1]s.gitMajor=%[3]s -X %[1]s.gitMinor=%[4]s",
		pkg, made.release, major, minor)
	hash := sha256.New()
	fmt.Fprintln(hash, runtime.Version(), runtime.GOOS, runtime.GOARCH, p.pkg, made.ldflags)
	hash.Write(mod)
	hash.Write(sum)
	made.stamp = fmt.Sprintf("%x\n", hash.Sum(nil))
	return made, nil
}

func (r recipe) stampFile() string { return r.binary + ".stamp" }

func (r recipe) upToDate() bool {
	stamp, err := os.ReadFile(r.stampFile())
	if err != nil || string(stamp) != r.stamp {
		return false
	}
	_, err = os.Stat(r.binary)
	return err == nil
}

// kubernetesVersion finds the release that a go.mod requires.
func kubernetesVersion(mod []byte) (string, error) {
	found := regexp.MustCompile(`(?m)^(?:require)?\s*k8s\.io/kubernetes (v\S+)`).FindSubmatch(mod)
	if found == nil {
		return "", errors.New("go.mod does not require k8s.io/kubernetes")
	}
	return string(found[1]), nil
}

// binaries are the programs of one server, by name.
type binaries struct {
	release string
	paths   map[string]string
}

func (b binaries) path(name string) string { return b.paths[name] }

// findBinaries finds what Build made. It builds nothing: a test would seem to hang.
func findBinaries(version string) (binaries, error) {
	root, err := findRoot()
	if err != nil {
		return binaries{}, err
	}
	wanted, err := programs(version)
	if err != nil {
		return binaries{}, err
	}
	found := binaries{paths: map[string]string{}}
	for _, p := range wanted {
		recipe, err := newRecipe(root, p)
		if err != nil {
			return binaries{}, err
		}
		if !recipe.upToDate() {
			return binaries{}, fmt.Errorf("%s %s is not built, or out of date: run `%s`", p.name, p.version, BuildCommand)
		}
		found.paths[p.name] = recipe.binary
		found.release = recipe.release // of the last one, kube-apiserver
	}
	return found, nil
}

// findRoot finds this package's folder.
func findRoot() (string, error) {
	dir, err := FindModule(filepath.Join("test", "apiserver", "v"+toolsVersion))
	return filepath.Join(dir, "test", "apiserver"), err
}

// FindModule finds policyc's own folder from the working directory, which in a test is that of the tested package: the
// one above it with a module in the folder that is named.
func FindModule(nested string) (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for start := dir; ; dir = filepath.Dir(dir) {
		_, err := os.Stat(filepath.Join(dir, nested, "go.mod"))
		if err == nil {
			return dir, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%s is not inside the policyc module", start)
		}
	}
}
