// Package webhook answers AdmissionReviews with what package engine decides. It knows HTTP and no cluster: which programs
// serve, and what lookups read, come from outside.
//
//	POST /validate/3f9a {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "7", "object": …}}
//	→ 200 {…, "response": {"uid": "7", "allowed": false, "status": {"code": 422, "reason": "Invalid",
//	  "message": "CompiledPolicy 'tags' with binding 'tags' denied request: [tag] container c: no version"}}}
//
// There are two ways to refuse. A denial is a decision: a violation, or a policy that failed and has failurePolicy Fail. It
// is an AdmissionReview, in the words, with the reason and the code that the API server gives when it evaluates the policy
// itself. What keeps the webhook from deciding (an unknown entry, a body that is no review, a deadline, too many requests, a
// panic) is an HTTP error with a Status: the API server then does what the failurePolicy of the entry says, which is that of
// its policies, and counts it and notes it in the audit log when that admits the request. Neither is ever "allowed".
package webhook
