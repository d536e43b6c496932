package chart

import (
	"fmt"
	"go/version"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const root = "../.."

// TestImage asserts that the image runs as the chart runs it, and that both ways to build it build the same.
func TestImage(t *testing.T) {
	dockerfile := string(read(t, root+"/Dockerfile"))
	one := func(pattern string) string {
		found := regexp.MustCompile(pattern).FindStringSubmatch(dockerfile)
		if found == nil {
			t.Fatalf("the Dockerfile has no %s", pattern)
		}
		return found[1]
	}
	r := decode(t, read(t, filepath.Join(rendered, "default.yaml")))
	pod := r.deployment.Spec.Template.Spec
	if want := fmt.Sprintf("%d:%d", *pod.SecurityContext.RunAsUser, *pod.SecurityContext.RunAsGroup); one(`(?m)^USER (\S+)$`) != want {
		t.Errorf("the image's user is not the chart's, %s", want)
	}
	var ports []string
	for _, p := range r.container().Ports {
		ports = append(ports, strconv.Itoa(int(p.ContainerPort)))
	}
	if exposed := strings.Fields(one(`(?m)^EXPOSE (.*)$`)); !slices.Equal(exposed, ports) {
		t.Errorf("the image exposes %v, the chart %v", exposed, ports)
	}
	needed := regexp.MustCompile(`(?m)^go (\S+)$`).FindSubmatch(read(t, root+"/go.mod"))[1]
	if compiler := one(`FROM \S+ golang:(\S+) AS`); version.Compare("go"+compiler, "go"+string(needed)) < 0 {
		t.Errorf("the image is built with Go %s, and go.mod asks for %s", compiler, needed)
	}

	var ko struct {
		Builds []struct {
			Main                string
			Env, Flags, Ldflags []string
		}
	}
	if err := yaml.Unmarshal(read(t, root+"/.ko.yaml"), &ko); err != nil {
		t.Fatal(err)
	}
	b := ko.Builds[0]
	ldflags := strings.ReplaceAll(b.Ldflags[0], "{{.Env.VERSION}}", "$VERSION")
	want := fmt.Sprintf("%s GOOS=$TARGETOS GOARCH=$TARGETARCH go build %s -ldflags=%q -o /policyc-runtime %s",
		strings.Join(b.Env, " "), strings.Join(b.Flags, " "), ldflags, b.Main)
	if run := strings.Join(strings.Fields(strings.ReplaceAll(one(`(?s)\nRUN (CGO.*?)\n\n`), "\\\n", " ")), " "); run != want {
		t.Errorf("the Dockerfile runs\n%s\nand ko\n%s", run, want)
	}
}
