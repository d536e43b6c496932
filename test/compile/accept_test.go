//go:build e2e

package compile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/policyc/policyc/compiler/target"
	"github.com/policyc/policyc/test/apiserver"
)

// resources are the paths of the kinds that are generated.
var resources = map[string]string{
	"ValidatingAdmissionPolicy":        "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
	"ValidatingAdmissionPolicyBinding": "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
	"CustomResourceDefinition":         "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
}

// TestAccepted asserts that real API servers take what the archives show,
// and the same policies compiled for the oldest version.
func TestAccepted(t *testing.T) {
	for _, version := range apiserver.Versions() {
		t.Run(version, func(t *testing.T) {
			ctx := context.Background()
			if err := apiserver.Build(ctx, version, func(line string) { t.Log(line) }); err != nil {
				t.Fatal(err)
			}
			server, err := apiserver.Start(ctx, apiserver.Options{Version: version})
			if err != nil {
				t.Fatal(err)
			}
			defer server.Stop()
			for _, c := range loadCases(t) {
				if version == target.Oldest.String() {
					c.options = append([]string{"kube-version=" + version}, c.options...)
				}
				result, _ := c.compile(c.inputs())
				for name, content := range result.Files {
					if strings.HasSuffix(name, ".yaml") && !strings.HasSuffix(name, "/kustomization.yaml") {
						create(t, server, c.name+" "+name, content)
					}
				}
			}
		})
	}
}

// create sends every object of a file to the server, which keeps none.
func create(t *testing.T, server *apiserver.Server, name string, content []byte) {
	t.Helper()
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var object map[string]any
		err := decoder.Decode(&object)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		resource, ok := resources[object["kind"].(string)]
		if !ok {
			continue // a parameter object, whose CRD is not kept
		}
		body, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		response, err := server.Do(t.Context(), apiserver.Request{Method: "POST", Path: resource + "?dryRun=All&fieldValidation=Strict", Body: body})
		if err != nil {
			t.Fatal(err)
		}
		if response.Status != http.StatusCreated || len(response.Warnings) > 0 {
			t.Errorf("%s: %d %s %q", name, response.Status, response.Message(), response.Warnings)
		}
	}
}
