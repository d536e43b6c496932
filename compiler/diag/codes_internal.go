package diag

// Mistakes of policyc itself.
var (
	// Internal is a failure that no input should be able to cause.
	Internal = &Code{
		ID:    "PC9001",
		Title: "internal error",
		Text: `policyc failed on input that it had accepted, or panicked. The fault is policyc's: please
report it with the named file.`,
		Since: "0.1",
	}
)

var internalCodes = []*Code{Internal}
