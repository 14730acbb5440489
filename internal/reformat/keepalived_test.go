package reformat

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/test/need"
)

// keepalived itself says the same of a file before and after, but for the places.
func TestKeepalivedReadsTheSame(t *testing.T) {
	need.Root(t, "a network namespace")
	need.Programs(t, "keepalived")
	compared := 0
	for _, pattern := range []string{"../*/testdata/*.conf", "../*/testdata/*/*.conf", "../config/testdata/*/*/*.conf", "../../examples/*/*.conf"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var out, errs bytes.Buffer
			if Files(Options{Out: &out, Err: &errs}, []string{file}) != done {
				continue // left alone
			}
			compared++
			if diff := cmp.Diff(verdict(t, text), verdict(t, out.Bytes())); diff != "" {
				t.Errorf("%s:\n%s", file, diff)
			}
		}
	}
	if compared < 50 {
		t.Errorf("only %d files were compared", compared)
	}
}

// verdict is what keepalived's test says of a text, without places, and how it ends.
func verdict(t *testing.T, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "k.conf")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, "keepalived", "-t", "-i", "node1", "-f", path)
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	said, _ := c.CombinedOutput() // the status is part of the verdict
	if ctx.Err() != nil {
		return "does not come back" // from a parameter that stands for itself
	}
	said = regexp.MustCompile(`[Ll]ine \d+`).ReplaceAll(said, []byte("line"))
	return string(bytes.ReplaceAll(said, []byte(path), []byte("k.conf"))) + c.ProcessState.String()
}
