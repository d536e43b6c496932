package apiserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
)

// AuditEvent is the record of one request: the fields of audit.k8s.io/v1 that tests ask for.
type AuditEvent struct {
	AuditID    string `json:"auditID"`
	Verb       string `json:"verb"`
	RequestURI string `json:"requestURI"`
	User       struct {
		Username string   `json:"username"`
		Groups   []string `json:"groups"`
	} `json:"user"`
	ObjectRef struct {
		APIGroup    string `json:"apiGroup"`
		APIVersion  string `json:"apiVersion"`
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
		Namespace   string `json:"namespace"`
		Name        string `json:"name"`
	} `json:"objectRef"`
	ResponseStatus struct {
		Code    int    `json:"code"`
		Reason  string `json:"reason"`
		Message string `json:"message"`
	} `json:"responseStatus"`
	// Annotations hold what admission recorded, "validation.policy.admission.k8s.io/validation_failure" and the keys
	// "<policy>/<annotation>" of auditAnnotations.
	Annotations map[string]string `json:"annotations"`
}

// AuditEvents reads all the events so far. The server writes an event when the request is done, which can be a moment after
// the client has its answer; AuditEvent waits for it.
func (s *Server) AuditEvents() ([]AuditEvent, error) { return s.auditEvents("") }

// auditEvents reads the events whose lines hold a text, and decodes no others: the log of a long test is large.
func (s *Server) auditEvents(text string) ([]AuditEvent, error) {
	if s.auditLog == "" {
		return nil, errors.New("no audit log: set Options.AuditLog")
	}
	log, err := os.ReadFile(s.auditLog)
	if err != nil {
		return nil, err
	}
	var events []AuditEvent
	for line := range bytes.Lines(log) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // being written
		}
		if !bytes.Contains(line, []byte(text)) {
			continue
		}
		var event AuditEvent
		if err := json.Unmarshal(line, &event); err != nil {
			return nil, fmt.Errorf("audit log: %w", err)
		}
		events = append(events, event)
	}
	return events, nil
}

// AuditEvent waits for the event of the request whose Response.AuditID is given.
func (s *Server) AuditEvent(ctx context.Context, auditID string) (AuditEvent, error) {
	for {
		events, err := s.auditEvents(auditID)
		if err != nil {
			return AuditEvent{}, err
		}
		for _, event := range events {
			if event.AuditID == auditID {
				return event, nil
			}
		}
		select {
		case <-ctx.Done():
			return AuditEvent{}, fmt.Errorf("no audit event %s: %w", auditID, ctx.Err())
		case <-time.After(pollInterval):
		}
	}
}
