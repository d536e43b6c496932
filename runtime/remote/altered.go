package remote

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
)

// altered looks for a field of the case that the server drops or changes: since it belongs to a feature that is off, or because a
// webhook says so. What the server judged is another object then. It asks without any unit, so that nothing denies.
//
//	hostUsers on Kubernetes 1.30 → "spec.hostUsers"
func (r *run) altered(ctx context.Context, j *job, object map[string]any) (string, error) {
	if j.Operation == "CONNECT" || j.Subresource == "scale" {
		return "", nil
	}
	if j.OldObject != nil {
		stored, err := r.get(ctx, j.main())
		if err != nil {
			return "", err
		}
		if field := alteredField(plain(j.OldObject), stored); field != "" {
			return field, nil
		}
	}
	if j.Object == nil {
		return "", nil
	}
	if j.Operation == "CREATE" { // while another case stores an object of the name, the server shows no result
		defer r.lock(j.main())()
	}
	a, err := r.send(ctx, j, nil, object)
	if err != nil || !a.ok() {
		return "", err
	}
	var kept map[string]any
	if err := json.Unmarshal(a.body, &kept); err != nil {
		return "", err
	}
	return alteredField(plain(j.Object), kept), nil
}

// alteredField is the path of a field that is in an object and not, or otherwise, in what was made of it. The server decides about metadata and
// status.
func alteredField(have, kept map[string]any) string {
	for _, field := range slices.Sorted(maps.Keys(have)) {
		if field == "metadata" || field == "status" || field == "stringData" {
			continue
		}
		if path := alteredIn(have[field], kept[field], field); path != "" {
			return path
		}
	}
	return ""
}

// alteredIn compares values as the API does: a quantity may be written otherwise, and what is empty left out.
func alteredIn(have, kept any, path string) string {
	switch have := have.(type) {
	case map[string]any:
		kept, _ := kept.(map[string]any)
		for _, field := range slices.Sorted(maps.Keys(have)) {
			if found := alteredIn(have[field], kept[field], path+"."+field); found != "" {
				return found
			}
		}
	case []any:
		kept, _ := kept.([]any)
		if len(kept) < len(have) {
			return path
		}
		for i := range have {
			if found := alteredIn(have[i], kept[i], fmt.Sprintf("%s[%d]", path, i)); found != "" {
				return found
			}
		}
	case string, bool, float64:
		if empty := have == "" || have == 0.0; kept == nil && empty || same(have, kept) {
			return ""
		}
		return path
	}
	return ""
}

func same(have, kept any) bool {
	a, b := fmt.Sprint(have), fmt.Sprint(kept)
	if a == b {
		return true
	}
	x, errA := resource.ParseQuantity(a)
	y, errB := resource.ParseQuantity(b)
	return errA == nil && errB == nil && x.Cmp(y) == 0
}
