//go:build e2e

package webhook_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/policyc/policyc/test/apiserver"
	"github.com/policyc/policyc/test/e2e/client"
)

// TestQuiet asserts that requests that no rule is about never reach the webhook: the generated configurations keep the API
// server from asking. What a rule is about is asked once for each entry.
func TestQuiet(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		s.begin(t, nil)
		client.SetNamespace(t, s.Server, "quiet", map[string]string{"env": "prod"})
		client.SetNamespace(t, s.Server, "quiet-excluded", map[string]string{"env": "prod"})
		client.SetNamespace(t, s.Server, "quiet-elsewhere", nil)
		s.install(t, &group{docs: read(t, []string{"testdata/quiet"}), options: options(s.version, "webhook")})
		for _, c := range []struct {
			what, namespace, object, user string
			validated, mutated            int
		}{
			{"what the policies are about", "quiet", service("web", 3), "alice", 1, 1},
			{"an excluded namespace", "quiet-excluded", service("web", 3), "alice", 0, 0},
			{"a namespace of no environment", "quiet-elsewhere", service("web", 3), "alice", 0, 1}, // the mutation is for all
			{"the namespace of the cluster", "kube-system", service("web", 3), "alice", 0, 0},
			{"the namespace of the runtime", namespace, service("web", 3), "alice", 0, 0},
			{"another label", "quiet", service("db", 3), "alice", 0, 0},
			{"a condition that does not hold", "quiet", service("web", 1), "alice", 0, 0},
			{"an excluded user", "quiet", service("web", 3), "e2e:robot", 0, 0},
			{"another kind", "quiet", `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: {app: web}}, data: {a: b}}`, "alice", 0, 0},
		} {
			o := client.Parse(t, c.object)
			before := s.asked(t)
			r := client.Do(t, s.Server, apiserver.Request{Method: http.MethodPost, Path: client.Collection(o, c.namespace) + "?dryRun=All",
				Body: client.Encode(t, o), As: apiserver.User{Name: c.user, Groups: []string{"system:masters"}}})
			if after := s.asked(t); after.validate-before.validate != c.validated || after.mutate-before.mutate != c.mutated {
				t.Errorf("%s: %d requests to validate and %d to mutate, not %d and %d", c.what, after.validate-before.validate, after.mutate-before.mutate, c.validated, c.mutated)
			}
			if want := map[bool]int{true: http.StatusUnprocessableEntity, false: http.StatusCreated}[c.validated > 0]; r.Status != want {
				t.Errorf("%s: status %d: %s", c.what, r.Status, client.Brief(r.Body))
			}
		}
		s.quietUpdates(t)
	})
}

// quietUpdates asserts that operations and subresources that no rule is about are not asked for either.
func (s *server) quietUpdates(t *testing.T) {
	t.Helper()
	o := client.Parse(t, service("db", 3))
	client.Must(t, s.Server, apiserver.Request{Method: http.MethodPost, Path: client.Collection(o, "quiet"), Body: client.Encode(t, o)})
	path := client.Path(o, "quiet")
	before := s.asked(t)
	for _, r := range []apiserver.Request{
		{Path: path},
		{Method: http.MethodPatch, Path: path + "?dryRun=All", Body: []byte(`{"metadata":{"labels":{"app":"web"}}}`)},
		{Method: http.MethodPatch, Path: path + "/status?dryRun=All", Body: []byte(`{"metadata":{"labels":{"app":"web"}}}`)},
		{Method: http.MethodDelete, Path: path},
	} {
		client.Must(t, s.Server, r)
	}
	if after := s.asked(t); after != before {
		t.Errorf("reads, updates, a status and a deletion were asked for: %v, before %v", after, before)
	}
}

func service(app string, ports int) string {
	var list []string
	for i := range ports {
		list = append(list, fmt.Sprintf("{name: p%d, port: %d}", i, 80+i))
	}
	return fmt.Sprintf("{apiVersion: v1, kind: Service, metadata: {name: a, labels: {app: %s}}, spec: {ports: [%s]}}", app, strings.Join(list, ", "))
}

// requests counts what reached the webhook, by path.
type requests struct{ validate, mutate int }

// asked reads the runtime's metric.
func (s *server) asked(t *testing.T) requests {
	t.Helper()
	var sum requests
	for _, pod := range s.running.Pods(namespace) {
		answer, err := http.Get("http://" + pod.Address(8080) + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		sum.add(t, answer.Body)
		answer.Body.Close()
	}
	return sum
}

func (r *requests) add(t *testing.T, metrics io.Reader) {
	t.Helper()
	lines := bufio.NewScanner(metrics)
	for lines.Scan() {
		labels, found := strings.CutPrefix(lines.Text(), "policyc_webhook_requests_total{")
		if !found {
			continue
		}
		_, value, _ := strings.Cut(labels, "} ")
		n, err := strconv.Atoi(value)
		switch {
		case err != nil:
			t.Fatalf("%s: %v", lines.Text(), err)
		case strings.Contains(labels, `path="validate"`):
			r.validate += n
		case strings.Contains(labels, `path="mutate"`):
			r.mutate += n
		default:
			t.Errorf("a request to no path: %s", lines.Text())
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}
