// Package need says what a test cannot do without. An ordinary user is told what is left
// out; for root everything is there once test/setup has run, and what is missing is a failure.
package need

import (
	"os"
	"os/exec"
	"testing"
)

// Root needs the rights of root for something.
func Root(t testing.TB, what string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skipf("left out: %s: only for root", what)
	}
}

// Nodes needs network namespaces, and programs that run in them.
func Nodes(t testing.TB, programs ...string) {
	t.Helper()
	Root(t, "network namespaces")
	Programs(t, programs...)
}

// Programs needs other programs; a name with a slash is a path.
func Programs(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		_, err := exec.LookPath(name)
		switch {
		case err == nil:
		case os.Geteuid() == 0:
			t.Fatalf("%v: run test/setup", err)
		default:
			t.Skipf("left out: %v: test/setup installs it", err)
		}
	}
}

// Time needs more time than a short run has.
func Time(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("left out of short runs")
	}
}
