package webhook

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	registrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/generic"
	webhookrequest "k8s.io/apiserver/pkg/admission/plugin/webhook/request"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/warning"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/policyc/policyc/runtime/engine"
)

// native is the API server's own plugin, with the policies and bindings of a bundle.
func native(t *testing.T, b *engine.Bundle) *validating.Plugin {
	t.Helper()
	objects := []runtime.Object{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "default", Labels: map[string]string{corev1.LabelMetadataName: "default"}}}}
	for _, p := range b.Policies {
		objects = append(objects, p)
		for _, x := range b.Bindings[p.Name] {
			objects = append(objects, x)
		}
	}
	plugin, err := validating.NewPlugin(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := fake.NewClientset(objects...)
	factory := informers.NewSharedInformerFactory(client, 0)
	plugin.SetExternalKubeClientSet(client)
	plugin.SetExternalKubeInformerFactory(factory)
	plugin.SetDynamicClient(dynamicfake.NewSimpleDynamicClient(scheme.Scheme))
	plugin.SetRESTMapper(meta.NewDefaultRESTMapper(nil))
	plugin.SetDrainedNotification(t.Context().Done())
	plugin.SetUnconditionalAuthorizer(authorize(func() (authorizer.Decision, error) { return authorizer.DecisionNoOpinion, nil }))
	if err := plugin.ValidateInitialization(); err != nil {
		t.Fatal(err)
	}
	factory.Start(t.Context().Done())
	factory.WaitForCacheSync(t.Context().Done())
	if !plugin.WaitForReady() {
		t.Fatal("the plugin is not ready")
	}
	return plugin
}

// verdict is what a client and the audit log get to see.
type verdict struct {
	Status   *metav1.Status
	Warnings []string
	Audit    map[string]string
}

// AddWarning makes a verdict a warning.Recorder.
func (v *verdict) AddWarning(_, text string) { v.Warnings = append(v.Warnings, text) }

// annotated are attributes whose audit annotations a verdict keeps.
type annotated struct {
	admission.Attributes
	*verdict
}

func (a annotated) AddAnnotation(key, value string) error {
	a.Audit[key] = value
	return nil
}

func natively(t *testing.T, p *validating.Plugin, a admission.Attributes) verdict {
	t.Helper()
	v := verdict{Audit: map[string]string{}}
	err := p.Validate(warning.WithWarningRecorder(t.Context(), &v), annotated{a, &v}, interfaces)
	var status *apierrors.StatusError
	if err != nil && !errors.As(err, &status) {
		t.Fatal(err)
	}
	if status != nil {
		v.Status = &status.ErrStatus
	}
	return v
}

var interfaces = &admission.RuntimeObjectInterfaces{ObjectCreater: scheme.Scheme, ObjectTyper: scheme.Scheme, ObjectDefaulter: scheme.Scheme,
	ObjectConvertor: scheme.Scheme, EquivalentResourceMapper: runtime.NewEquivalentResourceRegistry()}

// reviewFor is the review that the API server sends for a request.
func reviewFor(t testing.TB, a admission.Attributes) (uid, body string) {
	t.Helper()
	versioned, err := admission.NewVersionedAttributes(a, a.GetKind(), interfaces)
	if err != nil {
		t.Fatal(err)
	}

	review := webhookrequest.CreateV1AdmissionReview("", versioned, &generic.WebhookInvocation{Resource: a.GetResource(), Subresource: a.GetSubresource(), Kind: a.GetKind()})
	review.TypeMeta = reviewType
	review.Request.UID = "705ab4f5"
	content, err := json.Marshal(review)
	if err != nil {
		t.Fatal(err)
	}
	return "705ab4f5", string(content)
}

// remotely asks the handler, and takes its response as the API server does.
func remotely(t *testing.T, s served, a admission.Attributes) verdict {
	t.Helper()
	uid, body := reviewFor(t, a)
	response := s.decide(t, "/validate/e?timeout=10s", body)
	result, err := webhookrequest.VerifyAdmissionResponse(response.UID, false, &admissionv1.AdmissionReview{TypeMeta: reviewType, Response: response})
	if err != nil || string(response.UID) != uid {
		t.Fatal(err, response.UID)
	}
	v := verdict{Audit: map[string]string{}, Warnings: result.Warnings}
	for k, value := range result.AuditAnnotations {
		v.Audit["validation.policy.admission.k8s.io/"+k] = value
	}
	if !result.Allowed {
		v.Status = result.Result
	}
	return v
}

// TestNative sends the same requests to the API server's own plugin and to the
// handler: they say the same, but for the kind that they name.
func TestNative(t *testing.T) {
	long := strings.Repeat("x", 6000)
	type change func(*registrationv1.ValidatingAdmissionPolicy)
	broken := func(p *registrationv1.ValidatingAdmissionPolicy) {
		p.Spec.Validations[0].Expression = "object.spec.nothing == 1"
	}
	for _, c := range []struct {
		name, enforce string
		change        change
	}{
		{"deny", "  enforce: deny", nil},
		{"forbidden", "  reason: Forbidden\n  enforce: deny", nil},
		{"unauthorized", "  reason: Unauthorized\n  enforce: deny", nil},
		{"too large", "  reason: RequestEntityTooLarge\n  enforce: deny", nil},
		{"warn", "  enforce: warn", nil},
		{"audit", "  enforce: audit", nil},
		{"warn and audit", "  enforce: [{name: all, action: [warn, audit]}]", nil},
		{"several bindings", "  enforce: [{name: a, namespaces: [default], action: warn}, {name: b, namespaceLabels: {kubernetes.io/metadata.name: default}, action: deny}, {name: c, namespaces: [other], action: audit}]", nil},
		{"error", "  enforce: deny", broken},
		{"error that warns", "  enforce: warn", broken},
		{"error that is audited", "  enforce: audit", broken},
		{"ignored error", "  failurePolicy: Ignore\n  enforce: deny", broken},
		{"error in a condition", "  enforce: warn", func(p *registrationv1.ValidatingAdmissionPolicy) {
			p.Spec.MatchConditions = []registrationv1.MatchCondition{{Name: "c", Expression: "object.spec.nothing == 1"}}
		}},
		{"false condition", "  enforce: deny", func(p *registrationv1.ValidatingAdmissionPolicy) {
			p.Spec.MatchConditions = []registrationv1.MatchCondition{{Name: "c", Expression: "request.name == 'other'"}}
		}},
		{"long message", "  enforce: deny", func(p *registrationv1.ValidatingAdmissionPolicy) {
			p.Spec.Validations[0].MessageExpression = "'" + long + "'"
		}},
		{"lines", "  enforce: deny", func(p *registrationv1.ValidatingAdmissionPolicy) {
			p.Spec.Validations[0].MessageExpression = `'a\nb'`
		}},
		{"several validations", "  enforce: [{name: all, action: [warn, audit]}]", func(p *registrationv1.ValidatingAdmissionPolicy) {
			for range 60 {
				p.Spec.Validations = append(p.Spec.Validations, p.Spec.Validations[0])
			}
		}},
		{"bad selector", "  enforce: deny", func(p *registrationv1.ValidatingAdmissionPolicy) {
			p.Spec.MatchConstraints.ObjectSelector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Bad"}}}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := compile(t, tags("tags", c.enforce))
			for _, p := range b.Policies {
				if c.change != nil {
					c.change(p)
					b.Programs = nil
				}
			}
			// The plugin has no order among several.
			if len(b.Policies) != 1 {
				t.Fatal(len(b.Policies))
			}
			plugin, s := native(t, b), serveWith(entries{"e": newEngine(t, b)}, nil, Options{})
			for name, a := range nativeRequests() {
				want, have := natively(t, plugin, a), remotely(t, s, a)
				normalize(&want)
				if !reflect.DeepEqual(want, have) {
					t.Errorf("%s: webhook\n%s\nnative\n%s", name, shown(have), shown(want))
				}
			}
		})
	}
}

// nativeRequests are requests as the API server has them: typed.
func nativeRequests() map[string]admission.Attributes {
	who := &user.DefaultInfo{Name: "alice", UID: "u", Groups: []string{"dev"}, Extra: map[string][]string{"a": {"b"}}}
	pod := func(name, image string) *corev1.Pod {
		return &corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default", CreationTimestamp: metav1.NewTime(time.Unix(1, 0))},
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: image}}}}
	}
	generated := pod("", "a:latest")
	generated.GenerateName = "p-"
	attributes := func(o, old runtime.Object, name string, operation admission.Operation, options runtime.Object) admission.Attributes {
		return admission.NewAttributesRecord(o, old, corev1.SchemeGroupVersion.WithKind("Pod"), "default", name,
			corev1.SchemeGroupVersion.WithResource("pods"), "", operation, options, false, who)
	}
	return map[string]admission.Attributes{
		"good":      attributes(pod("p", "a:1"), nil, "p", admission.Create, &metav1.CreateOptions{}),
		"bad":       attributes(pod("p", "a:latest"), nil, "p", admission.Create, &metav1.CreateOptions{FieldManager: "f"}),
		"generated": attributes(generated, nil, "", admission.Create, &metav1.CreateOptions{}),
		"update":    attributes(pod("p", "a:latest"), pod("p", "a:1"), "p", admission.Update, &metav1.UpdateOptions{}),
		"delete":    attributes(nil, pod("p", "a:latest"), "p", admission.Delete, &metav1.DeleteOptions{}),
	}
}

// normalize names the kind that the webhook names.
func normalize(v *verdict) {
	name := func(s string) string { return strings.ReplaceAll(s, "ValidatingAdmissionPolicy '", "CompiledPolicy '") }
	for i := range v.Warnings {
		v.Warnings[i] = name(v.Warnings[i])
	}
	if v.Status != nil {
		v.Status.Message = name(v.Status.Message)
		for i := range v.Status.Details.Causes {
			v.Status.Details.Causes[i].Message = name(v.Status.Details.Causes[i].Message)
		}
	}
}

func shown(v verdict) string {
	out, _ := json.MarshalIndent(v, "  ", "  ")
	return string(out)
}

var _ warning.Recorder = &verdict{}
