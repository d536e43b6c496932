package syntax

// The keys of each map, in the order in which Format writes them.
var (
	documentKeys = []string{"apiVersion", "kind", "metadata", "spec"}
	metadataKeys = []string{"name", "labels", "annotations"}

	policyKeys = []string{
		"title", "description", "severity", "category", "controls", "reason", "failurePolicy", "match", "exclude",
		"parameters", "parameterObject", "variables", "lookups", "ratchet", "rules", "enforce",
	}
	matchKeys = []string{
		"kinds", "operations", "namespaces", "namespaceLabels", "names", "labels", "users", "groups",
		"serviceAccounts", "when",
	}
	selectorKeys   = []string{"matchLabels", "matchExpressions"}
	expressionKeys = []string{"key", "operator", "values"}
	parameterKeys  = []string{
		"type", "description", "default", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength",
		"minItems", "maxItems",
	}
	lookupKeys = []string{"kind", "namespace", "name", "labels", "consistency"}
	ruleKeys   = []string{
		"name", "when", "forEach", "deny", "require", "mutate", "generate", "verifyImages", "message", "ratchet",
		"absent",
	}
	mutateKeys      = []string{"default", "set", "remove", "append"}
	environmentKeys = []string{"name", "namespaces", "namespaceLabels", "action", "parameters"}

	exceptionKeys = []string{"policies", "match", "reason", "owner", "expires"}

	libraryKeys  = []string{"functions"}
	functionKeys = []string{"description", "params", "returns", "body"}

	projectKeys = []string{
		"kubernetes", "crds", "exclude", "workloads", "limits", "layout", "tiers", "webhook", "output",
	}
	kubernetesKeys = []string{"minVersion"}
	workloadKeys   = []string{"kind", "path"}
	webhookKeys    = []string{"namespace", "service", "configuration"}

	testKeys = []string{"policies", "parameters", "enforce", "cases"}
	caseKeys = []string{
		"name", "parameters", "enforce", "request", "object", "objectFile", "oldObject", "oldObjectFile", "cluster",
		"clusterFiles", "expect",
	}
	requestKeys = []string{"operation", "name", "namespace", "namespaceLabels", "user", "groups", "subresource", "dryRun"}
	expectKeys  = []string{"deny", "warn", "audit", "message", "exactMessage", "object", "patch"}
)

// The words of the fields that allow a few.
var (
	severities      = []string{"info", "low", "medium", "high", "critical"}
	reasons         = []string{"Invalid", "Forbidden", "Unauthorized", "RequestEntityTooLarge"}
	failurePolicies = []string{"Fail", "Ignore"}
	operations      = []string{"CREATE", "UPDATE", "DELETE", "CONNECT", "*"}
	caseOperations  = []string{"CREATE", "UPDATE", "DELETE", "CONNECT"}
	actions         = []string{"deny", "warn", "audit"}
	layouts         = []string{"policy", "fused"}
	operators       = []string{"In", "NotIn", "Exists", "DoesNotExist"}
	consistencies   = []string{"cached", "strong"}
)
