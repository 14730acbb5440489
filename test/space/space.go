// Package space gives a test a network of its own.
package space

import (
	"bytes"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast/test/need"
)

// Own puts the rest of a test into a network namespace of its own, in which loopback is up,
// and has `ip` carry out lines there. The thread is never unlocked: it ends with the test. A
// subtest is on another thread, outside of it.
func Own(t testing.TB, lines ...string) {
	t.Helper()
	need.Root(t, "a network namespace")
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	batch := exec.CommandContext(t.Context(), "ip", "-batch", "-")
	batch.Stdin = strings.NewReader("link set lo up\n" + strings.Join(lines, "\n") + "\n")
	if out, err := batch.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// Process runs the test again as a process in a network of its own, all threads of it, with
// env by which it knows that.
func Process(t testing.TB, env string) {
	t.Helper()
	need.Root(t, "a network namespace")
	again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=2m")
	again.Env = append(os.Environ(), env)
	again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	out, err := again.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("%v\n%s", err, out)
	}
}

// Run runs a command, without a shell, which must succeed, and returns what it prints.
func Run(t testing.TB, command string) string {
	t.Helper()
	words := strings.Fields(command)
	out, err := exec.CommandContext(t.Context(), words[0], words[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}
