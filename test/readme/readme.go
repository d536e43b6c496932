// Package readme reads the commands and files out of a Markdown tour, so that
// tests can do what a reader would do and compare what they see.
//
//	Save this as `policies/a.yaml`:   ```yaml … ```   → a Step with a File
//	```console
//	$ policyc build policies          → a Step with a Command and its Output
//	…
//	```
package readme

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Step is one thing that a reader does: write a file, or run a command.
type Step struct {
	// Line is where the step begins in the document, from 1.
	Line int
	// File and Content are set for a file to be written.
	File, Content string
	// Command is set for a command; Output is what the document shows
	// behind it. A line `…` in it stands for any lines.
	Command, Output string
}

// Follow reads a document and does its steps in the current folder: files are
// written, and each command is given to run with its words.
func Follow(document string, run func(s Step, words []string)) error {
	markdown, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	for _, s := range Steps(string(markdown)) {
		if s.Command != "" {
			run(s, strings.Fields(s.Command))
			continue
		}
		err := os.MkdirAll(filepath.Dir(s.File), 0o755)
		if err := errors.Join(err, os.WriteFile(s.File, []byte(s.Content), 0o644)); err != nil {
			return err
		}
	}
	return nil
}

var saveAs = regexp.MustCompile("[Ss]ave (?:this )?as `([^`]+)`")

// Steps returns the steps of a document in order.
func Steps(markdown string) []Step {
	var steps []Step
	lines := strings.Split(markdown, "\n")
	file := ""
	for i := 0; i < len(lines); i++ {
		fence, language := strings.CutPrefix(lines[i], "```")
		if !language {
			if m := saveAs.FindStringSubmatch(lines[i]); m != nil {
				file = m[1]
			}
			continue
		}
		start := i + 1
		for i++; i < len(lines) && lines[i] != "```"; i++ {
		}
		block := lines[start:min(i, len(lines))]
		switch {
		case fence == "yaml" && file != "":
			steps = append(steps, Step{Line: start, File: file, Content: strings.Join(block, "\n") + "\n"})
		case fence == "console":
			steps = append(steps, commands(block, start+1)...)
		}
		file = ""
	}
	return steps
}

func commands(block []string, line int) []Step {
	var steps []Step
	for i, text := range block {
		if command, ok := strings.CutPrefix(text, "$ "); ok {
			steps = append(steps, Step{Line: line + i, Command: command})
		} else if len(steps) > 0 {
			steps[len(steps)-1].Output += text + "\n"
		}
	}
	return steps
}

var duration = regexp.MustCompile(`\bin [0-9.]+(ns|µs|ms|s)\b`)

// Matches reports whether output is what a step shows, in which a line `…`
// stands for any number of lines.
func Matches(shown, output string) bool {
	// How long something took is never the same.
	shown, output = duration.ReplaceAllString(shown, "in 0s"), duration.ReplaceAllString(output, "in 0s")
	var pattern strings.Builder
	pattern.WriteString("(?s)^")
	for _, line := range strings.SplitAfter(strings.TrimSpace(shown), "\n") {
		if strings.TrimSpace(line) == "…" {
			pattern.WriteString(".*")
			continue
		}
		pattern.WriteString(regexp.QuoteMeta(line))
	}
	pattern.WriteString("$")
	return regexp.MustCompile(pattern.String()).MatchString(strings.TrimSpace(output))
}
