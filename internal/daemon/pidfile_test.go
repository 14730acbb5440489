package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func locked(t *testing.T, path string) *pidFile {
	t.Helper()
	f, err := lockPIDFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// stated is what a pid file says.
func stated(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestALockedPIDFileMeansThatADaemonRuns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "main.pid")
	if err := locked(t, path).write(1234); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, err := lockPIDFile(path)
	if took := time.Since(began); !errors.Is(err, errRunning) || took < patience || took > 10*patience {
		t.Errorf("after %v: %v; want to be told, after a little patience, that one is running", took, err)
	}
	if got := stated(t, path); got != "1234\n" {
		t.Errorf("the file of the one that runs says %q", got)
	}
}

// A daemon that is just ending is waited for; its file may go with it.
func TestADyingDaemonIsWaitedFor(t *testing.T) {
	for name, end := range map[string]func(*pidFile){
		"killed":  func(f *pidFile) { _ = f.Close() },
		"stopped": (*pidFile).remove,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "main.pid")
			dying := locked(t, path)
			time.AfterFunc(patience/4, func() { end(dying) })
			if err := locked(t, path).write(77); err != nil {
				t.Fatal(err)
			}
			if got := stated(t, path); got != "77\n" {
				t.Errorf("the file says %q", got)
			}
			if _, err := lockPIDFile(path); !errors.Is(err, errRunning) {
				t.Errorf("a third gets %v, want to hear of the second", err)
			}
		})
	}
}

func TestAStalePIDFileIsTaken(t *testing.T) {
	path := write(t, "main.pid", "4194304 and more\n")
	withUmask(t, 0o177)
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	f := locked(t, path)
	if got := stated(t, path); got != "" {
		t.Errorf("before it is written the file says %q", got)
	}
	if err := errors.Join(f.write(123456), f.write(9)); err != nil {
		t.Fatal(err)
	}
	if got := stated(t, path); got != "9\n" {
		t.Errorf("the file says %q", got)
	}
	if info, _ := os.Stat(path); info.Mode() != 0o644 {
		t.Errorf("mode %v: others cannot read it", info.Mode())
	}
	f.remove()
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("removed, but %v", err)
	}
}

func TestAPIDFileIsNotFollowedThroughALink(t *testing.T) {
	target := write(t, "target", "precious")
	link := target + ".pid"
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if _, err := lockPIDFile(link); err == nil || errors.Is(err, errRunning) {
		t.Errorf("error %v", err)
	}
	if got := stated(t, target); got != "precious" {
		t.Errorf("the target says %q", got)
	}
}
