package daemon

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast/internal/cli"
)

// withUmask sets the creation mask for the time of a test.
func withUmask(t *testing.T, mask int) {
	t.Helper()
	old := unix.Umask(mask)
	t.Cleanup(func() { unix.Umask(old) })
}

// The default mask, 0177, would leave folders that not even their owner enters.
func TestFoldersCanBeEnteredWhateverTheMask(t *testing.T) {
	run := filepath.Join(t.TempDir(), "run")
	withUmask(t, 0o177)
	p, err := lockPIDFile(filepath.Join(run, "pids", "main.pid"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.remove()
	m, err := openMemory((&cli.Options{RunDir: filepath.Join(run, "deep", "holdfast")}).MemoryFile())
	if err != nil {
		t.Fatal(err)
	}
	defer m.forget()
	for _, dir := range []string{"", "pids", "deep", "deep/holdfast"} {
		if info, err := os.Stat(filepath.Join(run, dir)); err != nil || info.Mode() != fs.ModeDir|0o755 {
			t.Errorf("%q: %v, %v; want it for all to enter", dir, info.Mode(), err)
		}
	}
}

// A folder that somebody else made keeps its mode.
func TestFoldersThatAreThereAreLeftAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := makeDir(dir); err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(dir); info.Mode() != fs.ModeDir|0o700 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestAFileInTheWayIsAnError(t *testing.T) {
	file := write(t, "file", "")
	for _, dir := range []string{file, file + "/below"} {
		if err := makeDir(dir); err == nil {
			t.Errorf("%s: no error", dir)
		}
	}
}
