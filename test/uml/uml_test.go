// Package uml tests, in a kernel of their own, what the kernel of this machine
// may lack: VRFs, tunnels, dummy interfaces. See package guest.
package uml

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast/test/stand"
	"holdfast/test/uml/guest"
)

func TestMain(m *testing.M) {
	os.Exit(stand.Main(func() int {
		return guest.Main(m, "ipv6", "veth", "dummy", "vrf", "ipip", "sit", "ip6_tunnel", "mpls_router", "mpls_iptunnel", "ila", "bridge", "br_netfilter")
	}))
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
