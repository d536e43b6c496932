package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/policyc/policyc/compiler/resolve"
	"github.com/policyc/policyc/compiler/schema"
)

// mayChange says, as policy CEL, where the API server lets a request change
// what the rule changes. A refused change would refuse every later request
// about an object that was there before the policy:
//   - the spec of a Pod is fixed once it is created, but for the images of its
//     containers; the template of a Job is as well
//   - a Deployment looks for the ReplicaSet that has its very template, and
//     makes another one, without end, when the template was changed
//   - existing ephemeral containers are fixed; see Each.Ephemeral
//   - an object that is being deleted takes no new finalizers
//   - a custom workload may have no template
func (t *treeBuilder) mayChange() string {
	m := t.policy.Match
	if m.Any {
		return ""
	}
	spec, template, images := t.touches()
	each := t.mutation.Each
	debugging := slices.ContainsFunc(m.Kinds, isEphemeralSubresource)
	if each != nil && each.Containers {
		each.Ephemeral = debugging && !slices.ContainsFunc(t.paths, func(p *path) bool {
			return ephemeralForbidden[p.steps[0].name] || len(p.steps[0].missing()) > 0
		})
	}
	var never []string
	if t.mutation.Pod && t.out.Roots.PodIsOptional(false) {
		never = append(never, "!has(pod.spec)")
	}
	if fixed := fixedKinds(m, spec && !images, template); fixed != nil {
		test := kindText(m, fixed) + `request.operation != "CREATE"`
		if each != nil && each.Ephemeral {
			test += ` && request.subResource != "` + ephemeralSubresource + `"`
		}
		never = append(never, test)
	} else if debugging && (each == nil || !each.Ephemeral) {
		// Of such a request, the API server takes only ephemeral containers.
		never = append(never, `request.subResource == "`+ephemeralSubresource+`"`)
	}
	if template && slices.ContainsFunc(m.Kinds, func(k *schema.Kind) bool { return k.Kind == "ReplicaSet" }) {
		never = append(never, kindText(m, []string{"ReplicaSet"})+"object.metadata.ownerReferences.exists(owner, owner.controller)")
	}
	if slices.ContainsFunc(t.paths, func(p *path) bool { return t.root == "object" && len(p.steps) > 1 && p.steps[1].name == "finalizers" }) {
		never = append(never, "has(object.metadata.deletionTimestamp)")
	}
	if never == nil {
		return ""
	}
	return "!(" + strings.Join(never, " || ") + ")"
}

func isEphemeralSubresource(k *schema.Kind) bool { return k.Subresource == ephemeralSubresource }

// fixedKinds are the matched kinds of which the API server lets nobody change
// what a rule changes once they are created.
func fixedKinds(m *resolve.Match, podSpec, template bool) []string {
	if !slices.Contains(m.Operations, "UPDATE") {
		return nil
	}
	var out []string
	for _, k := range m.Kinds {
		isPod, isJob := k.Group == "" && k.Kind == "Pod", k.Group == "batch" && k.Kind == "Job"
		if (isPod && podSpec || isJob && template) && k.Subresource == "" {
			out = append(out, k.Kind)
		}
	}
	return out
}

// kindText tests for kinds, unless all that are matched are of them.
func kindText(m *resolve.Match, kinds []string) string {
	if !slices.ContainsFunc(m.Kinds, func(k *schema.Kind) bool { return !slices.Contains(kinds, k.Kind) }) {
		return ""
	}
	if len(kinds) == 1 {
		return fmt.Sprintf("object.kind == %q && ", kinds[0])
	}
	return fmt.Sprintf(`object.kind in ["%s"] && `, strings.Join(kinds, `", "`))
}

// touches says whether the rule changes the spec of a Pod that is matched
// itself, the template of a kind that has one, and nothing but images.
func (t *treeBuilder) touches() (spec, template, images bool) {
	images = true
	for _, p := range t.paths {
		steps := append(slices.Clip(t.prefix), p.steps...)
		if each := t.mutation.Each; each != nil && each.Containers {
			spec, template = true, true
			images = images && steps[0].name == "image"
			continue
		}
		images = images && isImage(steps)
		if t.mutation.Pod {
			spec, template = spec || steps[0].name == "spec", true
			continue
		}
		spec = spec || steps[0].name == "spec"
		template = template || len(steps) > 1 && steps[0].name == "spec" && steps[1].name == "template"
	}
	return spec, template, images
}

// isImage reports whether steps lead to the image of a container.
func isImage(steps []step) bool {
	return len(steps) >= 3 && steps[0].name == "spec" && strings.HasSuffix(strings.ToLower(steps[1].name), "containers") &&
		steps[len(steps)-1].name == "image"
}
