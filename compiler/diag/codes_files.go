package diag

// Files and flags.
var (
	// UnreadableFile is a path that does not exist or cannot be read.
	UnreadableFile = &Code{
		ID:    "PC0001",
		Title: "file cannot be read",
		Text: `A path that was given, or a file in a folder that was given, does not exist or cannot be
read. Nothing is compiled from what is left, since a policy may be missing.`,
		Since: "0.1",
	}

	// FileTooLarge is a file over the size that policyc reads.
	FileTooLarge = &Code{
		ID:    "PC0002",
		Title: "file is too large",
		Text: `policyc reads files of up to 4 MiB. A policy is a few kilobytes; a file of this size is most
likely something else. Files without policyc documents are passed over in folders.`,
		Since: "0.1",
	}

	// NotText is a file that holds something else than UTF-8 text.
	NotText = &Code{
		ID:    "PC0003",
		Title: "file is not UTF-8 text",
		Text: `YAML is UTF-8 text without control characters other than tab and line breaks. Save the file
as UTF-8; write a control character as an escape in a double-quoted text.`,
		Before: "message: \"a b\"   # with a raw control character between a and b\n",
		After:  "message: \"a\\x07b\"\n",
		Since:  "0.1",
	}

	// NoDocuments is input without any policyc document.
	NoDocuments = &Code{
		ID:    "PC0004",
		Title: "no policyc document found",
		Text: `None of the files holds a document with apiVersion policyc.dev/v1alpha1. Other YAML is passed
over, so that policies can stand beside other manifests; but a build of nothing is a mistake.`,
		Before: "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\n",
		After:  "apiVersion: policyc.dev/v1alpha1\nkind: Policy\n",
		Since:  "0.1",
	}

	// ForeignFile is a named file without a policyc document.
	ForeignFile = &Code{
		ID:    "PC0005",
		Title: "named file holds no policyc document",
		Text: `A file that was named on the command line holds no document of policyc, so it was passed over.
Files found in folders are passed over in silence.`,
		Since: "0.1",
	}
)

var fileCodes = []*Code{UnreadableFile, FileTooLarge, NotText, NoDocuments, ForeignFile}
