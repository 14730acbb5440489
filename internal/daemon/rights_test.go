package daemon

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"holdfast/test/need"
)

// insideVariable marks the process of a test that is closed in, and says where the socket of the daemon is.
const insideVariable = "HOLDFAST_TEST_CONFINED"

// What Landlock and the filter of system calls close is closed in all threads: this is tried by a program of its own, built as the daemon is.
func TestWhoIsConfinedReachesTheSocketAndNothingElse(t *testing.T) {
	if socket := os.Getenv(insideVariable); socket != "" {
		triesEverything(t, socket)
		return
	}
	need.Time(t)
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	program := filepath.Join(dir, "test")
	build := exec.Command("go", "test", "-c", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	run := exec.Command(program, "-test.run", "^"+t.Name()+"$", "-test.count", "1")
	run.Env = append(os.Environ(), insideVariable+"="+l.Addr().String())
	if out, err := run.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func triesEverything(t *testing.T, socket string) {
	outside, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(noNewPrivileges(), confine()); err != nil {
		t.Fatal(err)
	}
	for what, try := range map[string]func() error{
		"read a file":      func() error { _, err := os.ReadFile("/etc/passwd"); return err },
		"list a directory": func() error { _, err := os.ReadDir("/etc"); return err },
		"make a file":      func() error { return os.WriteFile(filepath.Join(filepath.Dir(socket), "new"), nil, 0o600) },
		"remove a file":    func() error { return os.Remove(socket) },
		"start a program":  func() error { return exec.Command("/bin/true").Run() },
		"connect by TCP":   func() error { _, err := net.Dial("tcp", outside.Addr().String()); return err },
		"listen by TCP":    func() error { _, err := net.Listen("tcp", "127.0.0.1:0"); return err },
	} {
		done := make(chan error)
		for range 4 { // of several threads
			go func() { done <- try() }()
		}
		for range 4 {
			if err := <-done; !errors.Is(err, os.ErrPermission) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Errorf("the socket: %v", err)
		return
	}
	_ = c.Close()
}
