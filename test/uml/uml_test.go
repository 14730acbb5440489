// Package uml tests, in a kernel of their own, what the kernel of this machine
// may lack: VRFs, tunnels, dummy interfaces. See package guest.
package uml

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	kernel "holdfast/internal/lab/guest"
	"holdfast/test/uml/guest"
)

// programVariable names the program under test; it is built when unset.
const programVariable = "HOLDFAST_TEST_PROGRAM"

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	if !kernel.Inside() && os.Getenv(programVariable) == "" {
		dir, err := os.MkdirTemp("", "holdfast-uml-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(dir) }()
		program := filepath.Join(dir, "holdfast")
		if out, err := exec.Command("go", "build", "-o", program, "holdfast/cmd/holdfast").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build holdfast: %v\n%s", err, out)
			return 1
		}
		_ = os.Setenv(programVariable, program)
	}
	return guest.Main(m, "ipv6", "veth", "dummy", "vrf", "ipip", "sit", "ip6_tunnel", "mpls_router", "mpls_iptunnel", "ila", "bridge", "br_netfilter")
}

func TestGuestHasAKernelOfItsOwn(t *testing.T) {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		t.Fatal(err)
	}
	if os.Getpid() != 1 {
		t.Errorf("the tests run as process %d of %s: not as the init of a guest", os.Getpid(), unix.ByteSliceToString(name.Release[:]))
	}
}
