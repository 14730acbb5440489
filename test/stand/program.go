// Package stand is what tests of the whole program stand on: the program, nodes of a kernel
// and daemons that run on them.
package stand

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"holdfast/internal/lab/guest"
)

// programVariable names the program under test; it is built when unset.
const programVariable = "HOLDFAST_TEST_PROGRAM"

// Program is the path of the program under test. A shell finds it in $HOLDFAST_TEST_PROGRAM.
func Program() string { return os.Getenv(programVariable) }

// Main is for TestMain: run runs the tests, with the program built.
func Main(run func() int) int {
	remove, err := build()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer remove()
	return run()
}

func build() (remove func(), err error) {
	if Program() != "" || guest.Inside() { // who is inside was told outside, and will know
		return func() {}, nil
	}
	dir, err := os.MkdirTemp("", "holdfast-test-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the program: %w", err)
	}
	remove = func() { _ = os.RemoveAll(dir) }
	path := filepath.Join(dir, "holdfast")
	c := exec.Command("go", "build", "-o", path, "holdfast/cmd/holdfast")
	c.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is shipped
	if out, err := c.CombinedOutput(); err != nil {
		remove()
		return nil, fmt.Errorf("build holdfast: %w\n%s", err, out)
	}
	_ = os.Chmod(dir, 0o755) // scripts of other users call it
	return remove, os.Setenv(programVariable, path)
}
