package webhook

import (
	"context"
	"errors"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// failure is why a request got no decision. It is an HTTP error, upon which
// the API server applies the failurePolicy of the entry.
type failure struct {
	// reason is a label of metrics.
	reason string
	code   int
	// text is for the client; it quotes nothing of the object.
	text string
}

func (f *failure) Error() string { return f.text }

// The failures that need no more words.
var (
	noMethod     = &failure{"method", http.StatusMethodNotAllowed, "an AdmissionReview is sent by POST"}
	noJSON       = &failure{"content_type", http.StatusUnsupportedMediaType, "an AdmissionReview is application/json"}
	noPath       = &failure{"path", http.StatusNotFound, "the path is none of /validate/<entry> and /mutate/<entry>"}
	unknownEntry = &failure{"unknown_entry", http.StatusInternalServerError, "no compiled policy has this entry: it is not there, or it has never compiled"}
	otherPath    = &failure{"other_path", http.StatusInternalServerError, "the entry has no policy for this path: /validate/ is for validating policies, /mutate/ for mutating ones"}
	tooLarge     = &failure{"too_large", http.StatusRequestEntityTooLarge, "the AdmissionReview is larger than the webhook takes"}
	slowBody     = &failure{"slow_body", http.StatusRequestTimeout, "the AdmissionReview did not arrive in time"}
	brokenBody   = &failure{"broken_body", http.StatusBadRequest, "the AdmissionReview could not be read to its end"}
	overloaded   = &failure{"overloaded", http.StatusTooManyRequests, "the webhook has more requests than it may hold"}
	queued       = &failure{"queued", http.StatusServiceUnavailable, "the webhook has too much to do: the request's time ended before its turn"}
	outOfTime    = &failure{"deadline", http.StatusGatewayTimeout, "the policies were not evaluated in time"}
	gone         = &failure{"canceled", http.StatusServiceUnavailable, "the client is gone"}
	undecided    = &failure{"undecided", http.StatusInternalServerError, "the policies could not be evaluated for this request"}
	panicked     = &failure{"panic", http.StatusInternalServerError, "the webhook panicked"}
)

// malformed is a body that is no AdmissionReview.
func malformed(text string) *failure {
	return &failure{"malformed", http.StatusBadRequest, "no AdmissionReview: " + text}
}

// ended is why a context is done.
func ended(ctx context.Context) *failure {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return outOfTime
	}
	return gone
}

// write sends the failure as a Status, whose message the API server passes on.
func (f *failure) write(w http.ResponseWriter) {
	switch f.code {
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	case http.StatusTooManyRequests:
		// The API server's client asks again after so many seconds, as long as
		// the request's time allows.
		w.Header().Set("Retry-After", "1")
	}
	writeJSON(w, f.code, &metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
		Status: metav1.StatusFailure, Code: int32(f.code), Message: f.text})
}
