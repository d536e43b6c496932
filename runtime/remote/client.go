package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
)

// client sends requests as they are, and shows answers as they are: status, message and warnings.
type client struct {
	http *http.Client
	base string
}

// newClient makes a client that does not hold requests back: the API server has its own fairness.
func newClient(config *rest.Config) (*client, error) {
	address, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, err
	}
	h, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	return &client{http: h, base: strings.TrimSuffix(address.String(), "/")}, nil
}

// call is one request. Without a user it is made as the user of the kubeconfig.
type call struct {
	method, path string
	body         any
	user         string
	groups       []string
}

// answer is what the API server said, also when it refused.
type answer struct {
	status   int
	body     []byte
	message  string
	reason   string
	warnings []string
}

func (a *answer) ok() bool { return a.status < 300 }

// err is what a failed request of the run's own is reported as.
func (a *answer) err(c call) error {
	if a.ok() {
		return nil
	}
	return fmt.Errorf("%s %s: status %d: %s", c.method, c.path, a.status, a.message)
}

func (c *client) do(ctx context.Context, k call) (*answer, error) {
	var body io.Reader
	if k.body != nil {
		content, err := json.Marshal(k.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(content)
	}
	request, err := http.NewRequestWithContext(ctx, k.method, c.base+k.path, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if k.user != "" {
		request.Header.Set("Impersonate-User", k.user)
		request.Header["Impersonate-Group"] = k.groups
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	out := &answer{status: response.StatusCode}
	if out.body, err = io.ReadAll(response.Body); err != nil {
		return nil, fmt.Errorf("read the answer to %s %s: %w", k.method, k.path, err)
	}
	var status struct{ Kind, Message, Reason string }
	if json.Unmarshal(out.body, &status) == nil && status.Kind == "Status" {
		out.message, out.reason = status.Message, status.Reason
	} else if !out.ok() {
		out.message = strings.TrimSpace(string(out.body))
	}
	warnings, _ := utilnet.ParseWarningHeaders(response.Header.Values("Warning"))
	for _, w := range warnings {
		out.warnings = append(out.warnings, w.Text)
	}
	return out, nil
}

// must sends a request that has to succeed.
func (c *client) must(ctx context.Context, k call) (*answer, error) {
	a, err := c.do(ctx, k)
	if err != nil {
		return nil, err
	}
	return a, a.err(k)
}
