package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// cleanupTime bounds the cleaning up, which goes on when the run was cancelled.
const cleanupTime = 2 * time.Minute

// collections are where things of a run may be, in the order to delete them: bindings first, so that copies stop to hold at
// once; the policies with the guard last but one, when namespaces that are being deleted take no more Pods.
func collections() []string {
	return []string{rbacPath + "clusterrolebindings", namespacesPath, bindingsPath, policiesPath, rbacPath + "clusterroles", definitions}
}

// cleanUp deletes all that the run made.
func (r *run) cleanUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, cleanupTime)
	defer cancel()
	var problems []error
	for _, collection := range collections() {
		problems = append(problems, r.removeWhere(ctx, collection, runLabel+"="+r.id, func(metav1.ObjectMeta) bool { return true }))
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("not everything of this run could be deleted; what is left has the label %s=%s: %w", runLabel, r.id, err)
	}
	return nil
}

// removeStale deletes what runs left that were killed: runs end themselves long before it counts as stale.
func (r *run) removeStale(ctx context.Context) error {
	limit := r.started.Add(-r.options.StaleAfter)
	for _, collection := range collections() {
		err := r.removeWhere(ctx, collection, runLabel, func(m metav1.ObjectMeta) bool { return m.CreationTimestamp.Time.Before(limit) })
		if err != nil {
			return fmt.Errorf("delete what an earlier run left: %w", err)
		}
	}
	return nil
}

// removeWhere deletes the objects of a collection one by one: deleting collections is a right of its own.
func (r *run) removeWhere(ctx context.Context, collection, selector string, wanted func(metav1.ObjectMeta) bool) error {
	k := call{method: http.MethodGet, path: collection + "?labelSelector=" + url.QueryEscape(selector)}
	a, err := r.do(ctx, k)
	if err != nil {
		return err
	}
	if a.status == http.StatusForbidden { // then the run could not make any, either
		return nil
	}
	if err := a.err(k); err != nil {
		return err
	}
	var list struct {
		Items []struct {
			Metadata metav1.ObjectMeta `json:"metadata"`
		} `json:"items"`
	}
	if err := json.Unmarshal(a.body, &list); err != nil {
		return err
	}
	return r.each(ctx, len(list.Items), func(i int) error {
		if m := list.Items[i].Metadata; m.DeletionTimestamp == nil && wanted(m) {
			return r.remove(ctx, collection+"/"+m.Name)
		}
		return nil
	})
}

func (r *run) remove(ctx context.Context, path string) error {
	k := call{method: http.MethodDelete, path: path + "?gracePeriodSeconds=0&propagationPolicy=Background"}
	a, err := r.do(ctx, k)
	if err != nil || a.status == http.StatusNotFound || a.status == http.StatusConflict {
		return err
	}
	return a.err(k)
}
