// Package reformat is the command that lays configurations out: it reads them,
// and prints the result, writes it back or shows what would change. How a text
// is laid out is decided by package format.
package reformat

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/aymanbagabas/go-udiff"
	"golang.org/x/sys/unix"

	"holdfast/internal/format"
	"holdfast/internal/load"
)

// The exit statuses of `holdfast format`, the worst of all files.
const (
	done    = 0
	differs = 1 // with Diff: laying out would change something
	refused = 3 // a file was not laid out: it cannot be read or its braces do not match
)

// Options is what to do with the result.
type Options struct {
	// Write writes it back into the file, in one step.
	Write bool
	// Diff prints what would change.
	Diff bool
	// In is what the name "-" stands for.
	In io.Reader
	// Out takes what is asked for, Err what went wrong.
	Out, Err io.Writer
}

// Files lays files out and returns the exit status. One that cannot be laid out
// does not keep the others from it.
func Files(o Options, names []string) int {
	worst := done
	for _, name := range names {
		worst = max(worst, o.file(name))
	}
	return worst
}

func (o Options) file(name string) int {
	text, err := o.read(name)
	if err != nil {
		fmt.Fprintln(o.Err, "holdfast:", err)
		return refused
	}
	out, findings := format.Source(load.Disk{}, label(name), text)
	for _, d := range findings {
		fmt.Fprintln(o.Err, d)
	}
	if len(findings) > 0 {
		return refused
	}
	return o.hand(name, text, out)
}

// label is the name under which a text is shown.
func label(name string) string {
	if name == "-" {
		return "standard input"
	}
	return name
}

var errIrregular = errors.New("not a regular file")

func (o Options) read(name string) (string, error) {
	if name == "-" {
		text, err := io.ReadAll(o.In)
		return string(text), err
	}
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: %w", name, errIrregular)
	}
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(name)
	return string(text), err
}

// hand does with the result what was asked for.
func (o Options) hand(name, text, out string) int {
	status := done
	if o.Diff && out != text {
		fmt.Fprint(o.Out, udiff.Unified(label(name), label(name)+" (formatted)", text, out))
		status = differs
	}
	if o.Write && name != "-" {
		if out == text {
			return status
		}
		if err := replace(name, out); err != nil {
			fmt.Fprintln(o.Err, "holdfast:", err)
			return refused
		}
		return status
	}
	if !o.Diff {
		fmt.Fprint(o.Out, out)
	}
	return status
}

// replace gives a file another content in one step: whoever reads it meanwhile
// sees the old text or the new one. Owner and mode stay, and so does a symbolic
// link that leads to it.
func replace(name, text string) (err error) {
	path, err := filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".holdfast-format-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp.Name())
		}
	}()
	if err := fill(tmp, path, text); err != nil {
		return fmt.Errorf("write %s: %w", name, errors.Join(err, tmp.Close()))
	}
	if err := tmp.Close(); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return os.Rename(tmp.Name(), path)
}

// fill writes the text and gives it the owner and the mode of the file that it
// is to replace.
func fill(tmp *os.File, path, text string) error {
	var was unix.Stat_t
	if err := unix.Stat(path, &was); err != nil {
		return err
	}
	if _, err := tmp.WriteString(text); err != nil {
		return err
	}
	if err := own(tmp, &was); err != nil {
		return err
	}
	if err := unix.Fchmod(int(tmp.Fd()), was.Mode&0o7777); err != nil {
		return err
	}
	return tmp.Sync()
}

// own gives a file its owner, if it has another.
func own(tmp *os.File, was *unix.Stat_t) error {
	var is unix.Stat_t
	if err := unix.Fstat(int(tmp.Fd()), &is); err != nil {
		return err
	}
	if is.Uid == was.Uid && is.Gid == was.Gid {
		return nil
	}
	return tmp.Chown(int(was.Uid), int(was.Gid))
}
