package remote

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// dropped looks for a field of the case that the server does not keep, since it belongs to a feature that is off: what the
// server judged is another object then. It asks without any unit, so that nothing denies.
//
//	hostUsers on Kubernetes 1.30 → "spec.hostUsers"
func (r *run) dropped(ctx context.Context, j *job, object map[string]any) (string, error) {
	if j.Operation == "CONNECT" || j.Subresource == "scale" {
		return "", nil
	}
	if j.OldObject != nil {
		stored, err := r.get(ctx, j.main())
		if err != nil {
			return "", err
		}
		if field := missing(plain(j.OldObject), stored); field != "" {
			return field, nil
		}
	}
	if j.Object == nil {
		return "", nil
	}
	a, err := r.send(ctx, j, nil, object)
	if err != nil || !a.ok() {
		return "", err
	}
	var kept map[string]any
	if err := json.Unmarshal(a.body, &kept); err != nil {
		return "", err
	}
	return missing(plain(j.Object), kept), nil
}

// missing is the path of a field that is in an object and not in what was made of it. The server decides about metadata and
// status.
func missing(have, kept map[string]any) string {
	for _, field := range slices.Sorted(maps.Keys(have)) {
		if field == "metadata" || field == "status" || field == "stringData" {
			continue
		}
		if path := missingIn(have[field], kept[field], field); path != "" {
			return path
		}
	}
	return ""
}

// missingIn compares by form: a value may be written otherwise, and an empty one left out.
func missingIn(have, kept any, path string) string {
	switch have := have.(type) {
	case map[string]any:
		kept, _ := kept.(map[string]any)
		for _, field := range slices.Sorted(maps.Keys(have)) {
			if found := missingIn(have[field], kept[field], path+"."+field); found != "" {
				return found
			}
		}
	case []any:
		kept, _ := kept.([]any)
		if len(kept) < len(have) {
			return path
		}
		for i := range have {
			if found := missingIn(have[i], kept[i], fmt.Sprintf("%s[%d]", path, i)); found != "" {
				return found
			}
		}
	case string, bool, float64:
		if kept == nil && have != "" && have != 0.0 {
			return path
		}
	}
	return ""
}
