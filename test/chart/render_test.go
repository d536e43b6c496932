//go:build e2e

package chart

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/policyc/policyc/test/helm"
)

var update = flag.Bool("update", false, "write testdata/rendered")

// crdFile is in the chart too, so that there is no need to have it once more for each case.
const crdFile = folder + "/files/policyc.dev_compiledpolicies.yaml"

func TestRender(t *testing.T) {
	crd, err := os.ReadFile(crdFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range cases() {
		t.Run(name, func(t *testing.T) {
			values := filepath.Join("testdata/values", name+".yaml")
			// 1.30 is the oldest server that the chart is for.
			out, err := helm.Run(t.Context(), "", "template", "policyc-runtime", folder, "--namespace=policyc-system", "--kube-version=1.30", "--values="+values)
			if err != nil {
				t.Fatal(err)
			}
			have := withoutCRD(t, []byte(out), crd, name != "minimal")
			file := filepath.Join(rendered, name+".yaml")
			if *update {
				if err := os.WriteFile(file, have, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(have, want) {
				t.Errorf("%s is not what helm renders; see the difference after `go test -tags e2e ./test/chart -update`", file)
			}
		})
	}
}

// withoutCRD takes the CustomResourceDefinition out, which is the chart's file and, so that helm never deletes it, an annotation.
func withoutCRD(t *testing.T, rendered, crd []byte, expected bool) []byte {
	t.Helper()
	const keep = "    helm.sh/resource-policy: keep\n"
	var out bytes.Buffer
	found := false
	for _, document := range documents(t, rendered) {
		if !bytes.Contains(document, []byte("\nkind: CustomResourceDefinition\n")) {
			out.WriteString("---\n" + strings.TrimPrefix(string(document), "---\n") + "\n")
			continue
		}
		found = true
		if !bytes.Contains(document, []byte("\n  annotations:\n"+keep)) {
			t.Error("the CustomResourceDefinition would be deleted with the release, and all policies with it")
		}
		if want := bytes.TrimSpace(bytes.TrimPrefix(crd, []byte("---\n"))); !bytes.HasSuffix(bytes.Replace(document, []byte(keep), nil, 1), want) {
			t.Error("the CustomResourceDefinition is not the chart's file")
		}
	}
	if found != expected {
		t.Errorf("a CustomResourceDefinition is there: %v", found)
	}
	return out.Bytes()
}

func TestLint(t *testing.T) {
	for _, name := range cases() {
		if out, err := helm.Run(t.Context(), "", "lint", "--strict", folder, "--values=testdata/values/"+name+".yaml"); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

// TestBadValues asserts that the schema, or a template, refuses what cannot be meant.
func TestBadValues(t *testing.T) {
	for _, c := range []struct{ set, want string }{
		{"replicsa=3", "additional properties 'replicsa' not allowed"},
		{"image.digset=sha256:0", "additional properties 'digset' not allowed"},
		{"certificates.certManager.issuerRef.nmae=x", "additional properties 'nmae' not allowed"},
		{"certificates.certManager.issuerRef.kind=Issuer", "missing property 'name'"},
		{"certificates.mode=certmanager", "'/certificates/mode'"},
		{"image.digest=latest", "'/image/digest'"},
		{"replicas=two", "'/replicas'"},
		{"runtime.tlsMinVersion=1.1", "'/runtime/tlsMinVersion'"},
		{"runtime.extraArgs[0]=serve", "'/runtime/extraArgs/0'"},
		{"podLabels.app\\.kubernetes\\.io/name=other", "invalid propertyName 'app.kubernetes.io/name'"},
		{"networkPolicy.apiServer.cidrs[0]=10.0.0.1", "'/networkPolicy/apiServer/cidrs/0'"},
		{"podDisruptionBudget.minAvailable=half", "'/podDisruptionBudget/minAvailable'"},
		{"name=Policyc", "'/name'"},
		{"resources.limits.memory=1T", "in Mi or Gi"},
		{"metrics.enabled=false,serviceMonitor.enabled=true", "set metrics.enabled too"},
	} {
		_, err := helm.Run(t.Context(), "", "template", "policyc-runtime", folder, "--set="+c.set)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("--set %s: %v", c.set, err)
		}
	}
}

// TestNotes asserts that whoever changes the names learns what the Project must say.
func TestNotes(t *testing.T) {
	notes := func(args ...string) string {
		out, err := helm.Run(t.Context(), "", append([]string{"install", "policyc-runtime", folder, "--dry-run=client"}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		_, notes, _ := strings.Cut(out, "NOTES:")
		return notes
	}
	if got := notes("--namespace=policyc-system"); strings.Contains(got, "spec:") || !strings.Contains(got, "enforce=restricted") {
		t.Errorf("the notes are %s", got)
	}
	if got := notes("--namespace=security", "--set=name=admission"); !strings.Contains(got, "namespace: security\n      service: admission\n") {
		t.Errorf("the notes are %s", got)
	}
}
