package syntax

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
)

// Input is one file, or stdin, to be parsed.
type Input struct {
	// Path is relative where it can be, with forward slashes.
	Path string
	Data []byte
	// Walked means that the file was found in a folder and not named: YAML
	// that is not policyc's is then passed over in silence.
	Walked bool
}

// StdinPath is the path of what was read from stdin.
// StdinPath is the path that diagnostics give to standard input.
const StdinPath = "<stdin>"

// ReadPaths reads the files that are named, and *.yaml and *.yml in the
// folders that are named, at any depth. Hidden files and folders in them are
// left out, symbolic links are followed once. "-" is stdin. What cannot be
// read is reported. The inputs are sorted by path, each file once.
func ReadPaths(paths []string, stdin io.Reader, r *diag.Report) []Input {
	w := &walker{report: r, files: map[string]int{}}
	for _, path := range paths {
		if path == "-" {
			w.stdin(stdin)
			continue
		}
		w.named(path)
	}
	slices.SortFunc(w.inputs, func(a, b Input) int { return cmp.Compare(a.Path, b.Path) })
	return w.inputs
}

type walker struct {
	report *diag.Report
	inputs []Input
	// files are the real paths that were read, with their place in inputs.
	files map[string]int
	// open are the real paths of the folders that are being walked.
	open      []string
	readStdin bool
}

func (w *walker) stdin(stdin io.Reader) {
	if w.readStdin || stdin == nil {
		return
	}
	w.readStdin = true
	data, err := io.ReadAll(io.LimitReader(stdin, maxFile+1))
	if err != nil {
		w.unreadable(StdinPath, err)
		return
	}
	w.inputs = append(w.inputs, Input{Path: StdinPath, Data: data})
}

// named reads a path of the command line.
func (w *walker) named(path string) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		w.unreadable(displayPath(path), err)
	case info.IsDir():
		w.folder(path)
	default:
		w.file(path, false)
	}
}

// folder reads a folder. A link to a folder that is being walked already
// would never end.
func (w *walker) folder(path string) {
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		w.unreadable(displayPath(path), err)
		return
	}
	if slices.Contains(w.open, real) {
		return
	}
	w.open = append(w.open, real)
	defer func() { w.open = w.open[:len(w.open)-1] }()

	entries, err := os.ReadDir(path)
	if err != nil {
		w.unreadable(displayPath(path), err)
		return
	}
	for _, entry := range entries {
		w.entry(filepath.Join(path, entry.Name()), entry)
	}
}

func (w *walker) entry(path string, entry fs.DirEntry) {
	if strings.HasPrefix(entry.Name(), ".") {
		return
	}
	mode := entry.Type()
	if mode&fs.ModeSymlink != 0 {
		info, err := os.Stat(path)
		if err != nil {
			if isYAML(path) {
				w.unreadable(displayPath(path), err)
			}
			return
		}
		mode = info.Mode().Type()
	}
	switch {
	case mode.IsDir():
		w.folder(path)
	case mode.IsRegular() && isYAML(path):
		w.file(path, true)
	}
}

func isYAML(path string) bool {
	extension := filepath.Ext(path)
	return extension == ".yaml" || extension == ".yml"
}

func (w *walker) file(path string, walked bool) {
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		w.unreadable(displayPath(path), err)
		return
	}
	if i, seen := w.files[real]; seen {
		// The first path by name stays, whichever order they were given in.
		w.inputs[i].Path = min(w.inputs[i].Path, displayPath(path))
		w.inputs[i].Walked = w.inputs[i].Walked && walked
		return
	}
	data, err := readLimited(path)
	if err != nil {
		w.unreadable(displayPath(path), err)
		return
	}
	w.files[real] = len(w.inputs)
	w.inputs = append(w.inputs, Input{Path: displayPath(path), Data: data, Walked: walked})
}

// readLimited reads a file, or so much of it that Load knows it is too large.
func readLimited(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

func (w *walker) unreadable(path string, err error) {
	what := err.Error()
	var pathError *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		what = "it does not exist"
	case errors.Is(err, fs.ErrPermission):
		what = "permission denied"
	case errors.As(err, &pathError):
		what = pathError.Err.Error()
	}
	w.report.Errorf(diag.UnreadableFile, source.Span{}, "cannot read `%s`: %s", path, what)
}

// displayPath is a path as it is printed: relative to the working directory
// where that is shorter, with forward slashes.
func displayPath(path string) string {
	path = filepath.Clean(path)
	if filepath.IsAbs(path) {
		if here, err := os.Getwd(); err == nil {
			if relative, err := filepath.Rel(here, path); err == nil && !strings.HasPrefix(relative, "..") {
				path = relative
			}
		}
	}
	return filepath.ToSlash(path)
}
