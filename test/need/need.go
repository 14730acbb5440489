// Package need says what a test cannot do without. An ordinary user is told what is left
// out; as root everything is there once test/setup has run, so that what is missing is a failure.
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
		t.Skipf("left out: %s: that takes root", what)
	}
}

// Programs needs other programs; a name with a slash is a path.
func Programs(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			Installed(t, err)
		}
	}
}

// Installed needs what test/setup installs, and was not found because of an error, if any.
func Installed(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case os.Geteuid() == 0:
		t.Fatalf("%v: test/setup installs it", err)
	default:
		t.Skipf("left out: %v: test/setup installs it", err)
	}
}

// Time needs more time than a short run has.
func Time(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("left out of short runs")
	}
}
