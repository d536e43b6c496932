package remote

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"
)

// TestRemoveStale deletes what is older than any run that lives, and nothing else.
func TestRemoveStale(t *testing.T) {
	now := time.Now()
	var mutex sync.Mutex
	var deleted []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		mutex.Lock()
		defer mutex.Unlock()
		if q.Method == http.MethodDelete {
			deleted = append(deleted, q.URL.Path)
			w.WriteHeader(http.StatusNotFound) // somebody else was faster
			return
		}
		if q.URL.Query().Get("labelSelector") != runLabel {
			t.Errorf("%s asks for %q", q.URL.Path, q.URL.RawQuery)
		}
		item := func(name string, age time.Duration, more string) string {
			return fmt.Sprintf(`{"metadata":{"name":%q,"creationTimestamp":%q%s}}`, name, now.Add(-age).Format(time.RFC3339), more)
		}
		fmt.Fprintf(w, `{"items":[%s,%s,%s]}`, item("dead", 2*time.Hour, ""), item("alive", 20*time.Minute, ""),
			item("going", 2*time.Hour, fmt.Sprintf(`,"deletionTimestamp":%q`, now.Format(time.RFC3339))))
	}))
	defer server.Close()
	r, err := newRun(&rest.Config{Host: server.URL}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.removeStale(t.Context()); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, c := range collections() {
		want = append(want, c+"/dead")
	}
	if !slices.Equal(deleted, want) {
		t.Errorf("deleted\n%s", strings.Join(deleted, "\n"))
	}
}
