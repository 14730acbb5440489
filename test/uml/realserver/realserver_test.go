// Package realserver tests real servers behind tunnels, in a kernel that has these.
package realserver

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast/internal/realserver"
	"holdfast/internal/realserver/kernel"
	"holdfast/test/uml/guest"
)

func TestMain(m *testing.M) {
	os.Exit(guest.Main(m, "ipv6", "veth", "ipip", "ip6_tunnel"))
}

func run(t *testing.T, line string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "sh", "-c", line).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", line, err, out)
	}
	return string(out)
}

// apply brings this machine to what m says, and returns what was done.
func apply(t *testing.T, m *realserver.Memory) string {
	t.Helper()
	k, err := kernel.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	store, _, err := kernel.OpenStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	var said strings.Builder
	job := realserver.Job{Machine: k, Keep: store.Keep, Say: func(format string, args ...any) { fmt.Fprintf(&said, format+"\n", args...) }}
	if err := job.Apply(m); err != nil {
		t.Fatal(err)
	}
	return said.String()
}

// A balancer sends wrapped packets; the answer goes straight back.
func TestTunnelsToARealServer(t *testing.T) {
	run(t, "ip link set lo up; ip netns add balancer; ip link add eth7 type veth peer name eth7 netns balancer;"+
		"ip addr add 192.0.2.11/24 dev eth7; ip addr add 2001:db8::11/64 dev eth7 nodad; ip link set eth7 up;"+
		"ip -n balancer addr add 192.0.2.9/24 dev eth7; ip -n balancer addr add 2001:db8::9/64 dev eth7 nodad; ip -n balancer link set eth7 up;"+
		"ip -n balancer link add wrap4 type ipip local 192.0.2.9 remote 192.0.2.11; ip -n balancer link set wrap4 up;"+
		"ip -n balancer link add wrap6 type ip6tnl mode ip6ip6 local 2001:db8::9 remote 2001:db8::11; ip -n balancer link set wrap6 up;"+
		"ip -n balancer route add 198.51.100.7/32 dev wrap4 src 192.0.2.9; ip -n balancer route add 2001:db8:1::7/128 dev wrap6 src 2001:db8::9;"+
		"echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter")
	const state = "ip -o addr | sed 's/ tentative//; s/ *valid.*//'; ip -o link | sed 's/ mtu.*//'; cat /proc/sys/net/ipv4/conf/*/arp_ignore /proc/sys/net/ipv4/conf/*/arp_announce /proc/sys/net/ipv4/conf/*/rp_filter"
	before := run(t, state)
	for _, vip := range []string{"198.51.100.7", "2001:db8:1::7"} {
		t.Run(vip, func(t *testing.T) {
			ping := "ip netns exec balancer ping -n -c1 -W2 " + vip
			if err := exec.CommandContext(t.Context(), "sh", "-c", ping).Run(); err == nil {
				t.Fatal("somebody answers before")
			}
			m := realserver.Memory{}
			m.Add(realserver.Service{Address: netip.MustParseAddr(vip), Tunnel: true})
			if said := apply(t, &m); said == "" {
				t.Error("nothing was done")
			}
			run(t, ping)
			if again := apply(t, &m); again != "" {
				t.Errorf("a second time: %s", again)
			}
			m.Drop(netip.MustParseAddr(vip))
			apply(t, &m)
			if after := run(t, state); after != before {
				t.Errorf("before:\n%s\nafter:\n%s", before, after)
			}
		})
	}
}

// A namespace may have no device of its own accord.
func TestADeviceIsMadeWhereThereIsNone(t *testing.T) {
	run(t, "echo 2 >/proc/sys/net/core/fb_tunnels_only_for_init_net")
	runtime.LockOSThread() // and never unlocked: the thread ends with the test
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	m := realserver.Memory{}
	m.Add(realserver.Service{Address: netip.MustParseAddr("198.51.100.7"), Tunnel: true})
	m.Add(realserver.Service{Address: netip.MustParseAddr("2001:db8:1::7"), Tunnel: true})
	said := apply(t, &m)
	for _, device := range []string{"tunl0", "ip6tnl0"} {
		if link, err := net.InterfaceByName(device); err != nil || link.Flags&net.FlagUp == 0 {
			t.Errorf("%s: %+v, %v; done: %s", device, link, err, said)
		}
	}
	m.Services = nil
	apply(t, &m)
	if links, err := net.Interfaces(); err != nil || len(links) != 1 || len(m.Done) > 0 {
		t.Errorf("left: %v, %v, remembered %v", links, err, m.Done)
	}
}
