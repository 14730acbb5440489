// Package guest runs the tests of a package inside a kernel of their own, for
// what the kernel of this machine may lack: VRFs, tunnels, IPVS. The kernel is
// User-Mode Linux; its root is the file system of this machine, and the test
// binary itself is its init.
//
// A package of such tests has
//
//	func TestMain(m *testing.M) { os.Exit(guest.Main(m, "vrf", "ip_vs")) }
//
// and is run by `go test` like any other.
package guest

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// variable is set inside: the directory in which both sides leave word.
const variable = "HOLDFAST_GUEST"

// errand is what the inside is to do.
type errand struct {
	Args []string // of the test binary
	Dir  string   // where it works
	Path string
}

// Main runs the tests of a package inside a guest that has the modules, by name,
// and returns the exit code. Called inside, it runs them and ends the guest.
func Main(m *testing.M, modules ...string) int {
	if dir := os.Getenv(variable); dir != "" {
		serve(m, dir, modules)
	}
	flag.Parse()
	if listing := flag.Lookup("test.list").Value.String(); listing != "" {
		return m.Run()
	}
	code, err := boot()
	if err != nil {
		fmt.Fprintln(os.Stderr, "guest:", err)
		return 1
	}
	return code
}

// boot starts the guest and waits until it ends.
func boot() (code int, err error) {
	dir, err := os.MkdirTemp("", "holdfast-guest-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if err := leaveErrand(dir); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience())
	defer cancel()
	cmd, err := kernel(ctx, dir)
	if err != nil {
		return 0, err
	}
	if err := cmd.Run(); ctx.Err() != nil {
		return 0, fmt.Errorf("it did not end within %v (%v)", patience(), err)
	}
	return verdict(dir)
}

// kernel is the command that runs the guest. Its console is our standard output.
func kernel(ctx context.Context, dir string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "linux.uml", "rootfstype=hostfs", "rootflags=/", "rw", "loglevel=1", "mem=1G",
		"con=null", "con0=null,fd:1", "panic=-1", "init="+self, variable+"="+dir)
	cmd.Env = append(os.Environ(), "TMPDIR="+os.TempDir())
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd, nil
}

// leaveErrand writes down what the inside is to do. Files of profiles and of the
// go command's cache are written by the outside alone.
func leaveErrand(dir string) error {
	e := errand{Path: os.Getenv("PATH")}
	for _, arg := range os.Args[1:] {
		if !strings.HasPrefix(arg, "-test.testlogfile") {
			e.Args = append(e.Args, arg)
		}
	}
	var err error
	if e.Dir, err = os.Getwd(); err != nil {
		return err
	}
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "errand"), b, 0o600)
}

// patience is how long a guest may take: what the tests may, and a minute to boot.
func patience() time.Duration {
	limit, err := time.ParseDuration(flag.Lookup("test.timeout").Value.String())
	if err != nil || limit == 0 {
		limit = 10 * time.Minute
	}
	return limit + time.Minute
}

// verdict is the exit code that the inside has left. None means that the tests
// did not end: a panic of the kernel, or of a test.
func verdict(dir string) (int, error) {
	b, err := os.ReadFile(filepath.Join(dir, "verdict"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, errors.New("it ended before the tests did")
	}
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(b))
}

// serve is the life of the init process. It does not return.
func serve(m *testing.M, dir string, modules []string) {
	defer powerOff()
	if err := furnish(dir, modules); err != nil {
		fmt.Fprintln(os.Stderr, "guest:", err)
		return
	}
	code := strconv.Itoa(m.Run())
	if err := os.WriteFile(filepath.Join(dir, "verdict"), []byte(code), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, "guest:", err)
	}
}

// furnish makes the guest what tests expect of a machine.
func furnish(dir string, modules []string) error {
	if err := mountAll(); err != nil {
		return err
	}
	if err := load(modules); err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(dir, "errand"))
	if err != nil {
		return err
	}
	var e errand
	if err := json.Unmarshal(b, &e); err != nil {
		return err
	}
	os.Args = slices.Concat(os.Args[:1], e.Args)
	return errors.Join(os.Setenv("PATH", e.Path), os.Chdir(e.Dir))
}
