//go:build e2e

package faults_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/policyc/policyc/test/cluster"
)

// memoryLimit is what the chart gives a replica, in MiB: beyond it, the kernel kills.
const memoryLimit = 512

// TestHostile sends a replica what no API server sends, and more than it can take, while others ask it as an API server does.
func TestHostile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{version: "1.37"})
	t.Run("no reviews", func(t *testing.T) { w.attack(t, w.noReviews) })
	t.Run("no TLS", func(t *testing.T) { w.attack(t, w.noTLS) })
	t.Run("too large", func(t *testing.T) { w.attack(t, w.tooLarge) })
	t.Run("dense", func(t *testing.T) { w.attack(t, w.dense) })
	t.Run("slow headers", func(t *testing.T) { w.attack(t, w.slowHeaders) })
	t.Run("slow bodies", func(t *testing.T) { w.attack(t, w.slowBodies) })
	t.Run("a thousand at once", w.thousand)
}

// attack runs one under the load of others, whose requests must be right, and watches memory.
func (w *world) attack(t *testing.T, attack func(*testing.T, *cluster.Pod)) {
	victim := w.pods()[0]
	restarts := victim.Restarts()
	client, address := w.podClient(t), victim.Address(9443)
	var slowest atomic.Int64
	l := startLoad(2, func(a ask) answer {
		begin := time.Now()
		got := w.send(t.Context(), client, address, w.entries[a.policy()], a)
		slowest.Store(max(slowest.Load(), int64(time.Since(begin))))
		return got
	}, good, bad, banned)
	l.await(t, 50)
	most := watchMemory(t, victim)
	begin := time.Now()
	attack(t, victim)
	took(t, "the attack", begin)
	l.await(t, 50)
	l.end().expectRight(t, "meanwhile")
	peak := most()
	t.Logf("the slowest request of others took %v; %d MiB at most", time.Duration(slowest.Load()).Round(time.Millisecond), peak)
	if peak >= memoryLimit {
		t.Errorf("%d MiB are held, of %d", peak, memoryLimit)
	}
	if n := victim.Restarts() - restarts; n != 0 {
		t.Errorf("%d restarts", n)
	}
}

// watchMemory reads the memory of a replica until the most of it is asked for.
func watchMemory(t *testing.T, p *cluster.Pod) (most func() int) {
	stop, peak := make(chan struct{}), make(chan int)
	go func() {
		found := 0
		for {
			select {
			case <-stop:
				peak <- found
				return
			case <-time.After(20 * time.Millisecond):
				found = max(found, memory(t, p))
			}
		}
	}()
	return func() int { close(stop); return <-peak }
}

// noReviews: what is no AdmissionReview, or not sent as one, is refused.
func (w *world) noReviews(t *testing.T, p *cluster.Pod) {
	valid := string(good.review())
	path := "/validate/" + w.entries["cached"]
	json := "application/json"
	for _, c := range []struct{ name, method, path, contentType, body string }{
		{"empty", "POST", path, json, ""},
		{"null", "POST", path, json, "null"},
		{"list", "POST", path, json, "[" + valid + "]"},
		{"cut", "POST", path, json, valid[:len(valid)/2]},
		{"two", "POST", path, json, valid + valid},
		{"nested deeply", "POST", path, json, strings.Repeat(`{"request":`, 500_000)},
		{"arrays nested deeply", "POST", path, json, `{"request":{"object":` + strings.Repeat("[", 500_000)},
		{"another kind", "POST", path, json, strings.Replace(valid, "AdmissionReview", "TokenReview", 1)},
		{"another version", "POST", path, json, strings.Replace(valid, "admission.k8s.io/v1", "admission.k8s.io/v1beta1", 1)},
		{"no uid", "POST", path, json, strings.Replace(valid, `"uid":"1"`, `"uid":""`, 1)},
		{"no object", "POST", path, json, strings.Replace(valid, `"object":{`, `"objekt":{`, 1)},
		{"object is text", "POST", path, json, `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","object":"x"}}`},
		{"another operation", "POST", path, json, strings.Replace(valid, `"CREATE"`, `"ADMIT"`, 1)},
		{"lower-case operation", "POST", path, json, strings.Replace(valid, `"CREATE"`, `"create"`, 1)},
		{"deletion of nothing", "POST", path, json, strings.Replace(valid, `"CREATE"`, `"DELETE"`, 1)},
		{"no UTF-8", "POST", path, json, strings.Replace(valid, "AdmissionReview", "Admission\xff\xfeReview", 1)},
		{"a response", "POST", path, json, `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"1","allowed":true}}`},
		{"YAML", "POST", path, "application/yaml", "kind: AdmissionReview"},
		{"protobuf", "POST", path, "application/vnd.kubernetes.protobuf", "k8s\x00"},
		{"no type", "POST", path, "", valid},
		{"form", "POST", path, "application/x-www-form-urlencoded", valid},
		{"GET", "GET", path, json, valid},
		{"PUT", "PUT", path, json, valid},
		{"DELETE", "DELETE", path, json, valid},
		{"OPTIONS", "OPTIONS", path, json, ""},
		{"unknown entry", "POST", "/validate/unknown", json, valid},
		{"entry of validation, mutating", "POST", "/mutate/" + w.entries["cached"], json, string(bad.review())},
		{"no entry", "POST", "/validate/", json, valid},
		{"longer path", "POST", path + "/x", json, valid},
		{"path with dots", "POST", "/validate/../" + path, json, string(bad.review())},
		{"root", "POST", "/", json, valid},
	} {
		got := w.raw(t, p, c.method, c.path, c.contentType, c.body)
		if got.class != failed && got.class != denied {
			t.Errorf("%s is %s: %d %.300s", c.name, got.class, got.status, got.text)
		}
	}
}

// raw sends any request.
func (w *world) raw(t *testing.T, p *cluster.Pod, method, path, contentType, body string) answer {
	request, err := http.NewRequestWithContext(t.Context(), method, "https://"+p.Address(9443)+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	client := w.podClient(t)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.Do(request)
	if err != nil {
		return answer{class: failed, text: err.Error()}
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return answer{class: classOf(response.StatusCode, text), status: response.StatusCode, text: string(text)}
}

// noTLS: who does not speak TLS, or an old one, gets nothing.
func (w *world) noTLS(t *testing.T, p *cluster.Pod) {
	body := string(good.review())
	for name, text := range map[string]string{
		"plain HTTP": fmt.Sprintf("POST /validate/%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", w.entries["cached"], len(body), body),
		"HTTP/2":     "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"noise":      strings.Repeat("\x00\xff", 50_000),
	} {
		connection, err := net.Dial("tcp", p.Address(9443))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(connection, text) // it may be closed meanwhile
		_ = connection.SetReadDeadline(time.Now().Add(10 * time.Second))
		answered, _ := io.ReadAll(io.LimitReader(connection, 1<<20))
		connection.Close()
		if bytes.Contains(answered, []byte("allowed")) {
			t.Errorf("%s is answered %q", name, answered)
		}
	}
	old := w.tls(t)
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if connection, err := tls.Dial("tcp", p.Address(9443), old); err == nil {
		connection.Close()
		t.Error("TLS 1.1 is spoken")
	}
}

// tooLarge: what is longer than the limit is not read to its end, whether its length is said or not.
func (w *world) tooLarge(t *testing.T, p *cluster.Pod) {
	each(16, func(i int) {
		body := io.LimitReader(spaces{}, 256<<20)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+p.Address(9443)+"/validate/"+w.entries["cached"], body)
		if err != nil {
			t.Error(err)
			return
		}
		request.Header.Set("Content-Type", "application/json")
		if i%2 == 0 {
			request.ContentLength = 256 << 20
		}
		response, err := w.podClient(t).Do(request)
		if err != nil {
			return // it was cut off while sending
		}
		defer response.Body.Close()
		if text, _ := io.ReadAll(response.Body); response.StatusCode < 400 {
			t.Errorf("%d: %.300s", response.StatusCode, text)
		}
	})
}

// spaces is JSON without end.
type spaces struct{}

func (spaces) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

// dense: reviews that just fit, of values that take many times their text in memory.
func (w *world) dense(t *testing.T, p *cluster.Pod) {
	review := string(bad.review())
	fill := strings.Repeat("{},", 2<<20)
	review = strings.Replace(review, `"object":{`, `"object":{"dense":[`+fill+`{}],`, 1)
	var answered sync.Map
	each(64, func(i int) {
		got := w.raw(t, p, http.MethodPost, "/validate/"+w.entries["cached"]+"?timeout=9s", "application/json", review)
		if answered.Store(got.class, got.text); got.class != denied && got.class != failed {
			t.Errorf("a dense review is %s: %d %.300s", got.class, got.status, got.text)
		}
	})
	answered.Range(func(class, text any) bool { t.Logf("%d MiB: %s: %.200s", len(review)>>20, class, text); return true })
}

// slowHeaders: connections that never say what they want are closed.
func (w *world) slowHeaders(t *testing.T, p *cluster.Pod) {
	w.stall(t, p, 300, "POST /validate/"+w.entries["cached"]+" HTTP/1.1\r\nHost: x\r\nX-A: ")
}

// slowBodies: neither a place nor memory is held by what does not come.
func (w *world) slowBodies(t *testing.T, p *cluster.Pod) {
	w.stall(t, p, 300, fmt.Sprintf("POST /validate/%s?timeout=30s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n{", w.entries["cached"], 4<<20))
}

// stall opens connections that send a beginning and no more, and waits until all are closed.
func (w *world) stall(t *testing.T, p *cluster.Pod, n int, beginning string) {
	config := w.tls(t)
	config.NextProtos = []string{"http/1.1"}
	var refused atomic.Int64
	each(n, func(int) {
		connection, err := tls.DialWithDialer(&net.Dialer{Timeout: 20 * time.Second}, "tcp", p.Address(9443), config)
		if err != nil {
			refused.Add(1)
			return
		}
		defer connection.Close()
		if _, err := io.WriteString(connection, beginning); err != nil {
			return
		}
		_ = connection.SetReadDeadline(time.Now().Add(40 * time.Second))
		response, err := http.ReadResponse(bufio.NewReader(connection), nil)
		if err != nil {
			if e, ok := err.(net.Error); ok && e.Timeout() {
				t.Error("a slow connection is kept")
			}
			return
		}
		defer response.Body.Close()
		if text, _ := io.ReadAll(response.Body); response.StatusCode < 400 {
			t.Errorf("%d: %s", response.StatusCode, text)
		}
	})
	t.Logf("%d connections, %d refused", n, refused.Load())
}

// each runs n functions at once.
func each(n int, do func(i int)) {
	var done sync.WaitGroup
	for i := range n {
		done.Go(func() { do(i) })
	}
	done.Wait()
}

// thousand: a thousand requests at once, to a replica and to the API server, are all answered right.
func (w *world) thousand(t *testing.T) {
	// The API server opens a connection for each, which takes two busy cores longer than the 5 s that it waits by default.
	w.kubectl(t, "", "patch", "validatingwebhookconfiguration", "policyc", "--type=json", "-p", `[{"op":"replace","path":"/webhooks/0/timeoutSeconds","value":30}]`)
	victim := w.pods()[0]
	most := watchMemory(t, victim)
	client := w.podClient(t)
	client.Transport.(*http.Transport).ForceAttemptHTTP2 = false // a connection for each
	client.Transport.(*http.Transport).TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	for _, way := range []struct {
		name string
		ask  func(ask) answer
	}{
		{"a replica", func(a ask) answer {
			return w.send(context.WithoutCancel(t.Context()), client, victim.Address(9443), w.entries[a.policy()], a)
		}},
		{"the API server", func(a ask) answer { return w.ask(t, a) }},
	} {
		all, begin := make(tally, 1000), time.Now()
		each(len(all), func(i int) { all[i] = way.ask([]ask{good, bad, banned}[i%3]) })
		took(t, way.name, begin)
		all.expectRight(t, way.name)
	}
	if peak := most(); peak >= memoryLimit {
		t.Errorf("%d MiB are held, of %d", peak, memoryLimit)
	} else {
		t.Logf("%d MiB at most", peak)
	}
}
