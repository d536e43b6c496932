//go:build e2e

package webhook_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/policyc/policyc/test/apiserver"
	"github.com/policyc/policyc/test/e2e/client"
)

// exemption lets alice do what the policy `exempt` asks for.
const exemption = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: e2e-exemption}
rules: [{apiGroups: [policyc.dev], resources: [exemptions], verbs: [use]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: e2e-exemption, namespace: rights}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: e2e-exemption}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: alice}]
`

// TestRights asserts that `authorizer` in the webhook answers for the user who asks, in the namespace that the rule names. Offline
// nobody has rights, so that no case can say it.
func TestRights(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		all := groups(t, read(t, []string{"testdata/fixtures"}), options(s.version, "webhook"))
		i := slices.IndexFunc(all, func(g *group) bool { return g.policy == "exempt" })
		s.begin(t, all)
		for _, ns := range []string{"rights", "rights-elsewhere"} {
			client.SetNamespace(t, s.Server, ns, nil)
		}
		s.install(t, all[i])
		create := func(user, namespace string) apiserver.Response {
			o := client.Parse(t, deployment)
			return client.Do(t, s.Server, apiserver.Request{Method: http.MethodPost, Path: client.Collection(o, namespace) + "?dryRun=All",
				Body: client.Encode(t, o), As: apiserver.User{Name: user}})
		}
		if r := create("alice", "rights"); !strings.Contains(r.Message(), "CompiledPolicy 'exempt'") {
			t.Errorf("before the grant: status %d: %s", r.Status, r.Message())
		}
		client.Kubectl(t, s.Server, exemption, "apply", "-f", "-")
		client.Eventually(t, limit, "the grant does not count", func() bool { return create("alice", "rights").Status == http.StatusCreated })
		for _, other := range [][2]string{{"alice", "rights-elsewhere"}, {"carol", "rights"}} {
			if r := create(other[0], other[1]); !strings.Contains(r.Message(), "CompiledPolicy 'exempt'") {
				t.Errorf("%s in %s: status %d: %s", other[0], other[1], r.Status, r.Message())
			}
		}
	})
}
