// Package ipvlan tests instances that run on an ipvlan, in a kernel that has them.
package ipvlan

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/host"
	"holdfast/internal/host/netlink"
	"holdfast/internal/lab/netns"
	"holdfast/test/stand"
	"holdfast/test/uml/guest"
)

func TestMain(m *testing.M) {
	os.Exit(stand.Main(func() int { return guest.Main(m, "ipv6", "veth", "bridge", "macvlan", "ipvlan") }))
}

// pair is two nodes that run VRID 51 of both families on ipvlans, and a client.
type pair struct {
	*stand.Stage
	a, b, client *netns.Node
}

func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{Stage: stand.New(t)}
	p.Must(p.World.Bridge("lan"))
	p.a, p.b, p.client = p.Node("a", "lan eth0 192.0.2.1/24"), p.Node("b", "lan eth0 192.0.2.2/24"), p.Node("client", "lan eth0 192.0.2.9/24")
	p.Must(p.client.Address("eth0", netip.MustParsePrefix("2001:db8::9/64")))
	return p
}

// start runs holdfast on a node; own is the address of its ipvlan.
func (p *pair) start(n *netns.Node, priority int, own, kind string) *stand.Daemon {
	p.Helper()
	return p.Start(n, fmt.Sprintf(`vrrp_instance V4 {
    interface eth0
    virtual_router_id 51
    version 3
    priority %d
    advert_int 0.2
    use_ipvlan iv51 %s %s
    virtual_ipaddress {
        192.0.2.100/24
    }
}
vrrp_instance V6 {
    interface eth0
    virtual_router_id 51
    priority %d
    advert_int 0.2
    use_ipvlan iv6 %s
    virtual_ipaddress {
        fe80::100
        2001:db8::100/64
    }
}
`, priority, own, kind, priority, kind))
}

// shows waits until a command prints all of the words.
func (p *pair) shows(n *netns.Node, line string, words ...string) {
	p.Helper()
	got := ""
	p.Eventually(15*time.Second, fmt.Sprintf("%s on %s prints all of %q", line, n.Name, words), func() bool {
		got = p.Sh(n, line+" 2>&1 || true")
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(got, w) })
	}, func() string { return got })
}

// master waits until a node holds the addresses and answers for them.
func (p *pair) master(n *netns.Node) {
	p.Helper()
	p.shows(n, "ip addr", "192.0.2.100/24 scope global secondary iv51", "inet6 2001:db8::100/64")
	p.shows(p.client, "ping -c 1 -W 1 192.0.2.100", "1 received")
	p.shows(p.client, "ping -c 1 -W 1 2001:db8::100", "1 received")
}

// ipvlan: mode L2 with bridge, private or vepa flag; its address is its own and the source of
// adverts; the MAC address is its parent's.
func TestAnInstanceRunsOnItsIPVLAN(t *testing.T) {
	for _, kind := range []string{"bridge", "private", "vepa"} {
		t.Run(kind, func(t *testing.T) {
			p := newPair(t)
			a := p.start(p.a, 150, "192.0.2.11/24", kind)
			p.master(p.a)
			mac := strings.TrimSpace(p.Sh(p.a, "cat /sys/class/net/eth0/address"))
			p.shows(p.a, "ip -d addr show dev iv51", "ipvlan  mode l2 "+kind, "192.0.2.11/24", mac, "alias holdfast")
			p.shows(p.a, "ip -d addr show dev iv6", "ipvlan  mode l2 "+kind, "/128 scope link nodad", mac)
			p.shows(p.client, "timeout 5 tcpdump -l -n -e -c 4 -i eth0 'proto 112 or ip6 proto 112'",
				mac+" > 01:00:5e:00:00:12", "192.0.2.11 > 224.0.0.18: VRRPv3, Advertisement, vrid 51, prio 150", mac+" > 33:33:00:00:00:12", "ff02::12: VRRPv3, Advertisement, vrid 51, prio 150")
			p.start(p.b, 100, "192.0.2.12/24", kind)
			time.Sleep(3 * time.Second)
			if strings.Contains(p.Sh(p.b, "ip addr"), "192.0.2.100/24") {
				t.Error("two masters")
			}
			a.Stop(syscall.SIGTERM)
			p.master(p.b)
			if left := p.Sh(p.a, "ip -o link"); strings.Contains(left, "ipvlan") || strings.Contains(left, "iv51") || strings.Contains(left, "iv6") {
				t.Errorf("devices are left:\n%s", left)
			}
		})
	}
}

func TestAnIPVLANIsPutBackAndAdopted(t *testing.T) {
	p := newPair(t)
	a := p.start(p.a, 150, "192.0.2.11/24", "bridge")
	p.master(p.a)
	for _, harm := range []string{"ip link del iv51", "ip link set iv51 down", "ip addr del 192.0.2.11/24 dev iv51"} {
		p.Sh(p.a, harm)
		time.Sleep(500 * time.Millisecond)
		p.shows(p.a, "ip -d addr show dev iv51", "192.0.2.11/24", "192.0.2.100/24", ",UP", "alias holdfast")
		p.master(p.a)
	}
	index := p.Sh(p.a, "cat /sys/class/net/iv51/ifindex /sys/class/net/iv6/ifindex")
	a.Stop(syscall.SIGKILL)
	p.start(p.a, 150, "192.0.2.11/24", "bridge")
	time.Sleep(2 * time.Second)
	p.master(p.a)
	if now := p.Sh(p.a, "cat /sys/class/net/iv51/ifindex /sys/class/net/iv6/ifindex"); now != index {
		t.Errorf("after a crash the devices have the numbers %q, before %q", now, index)
	}
}

// IPv4 without an address for the ipvlan means FAULT.
func TestIPv4OnAnIPVLANWithoutAddressIsAFault(t *testing.T) {
	p := newPair(t)
	a := p.start(p.a, 150, "", "bridge")
	p.shows(p.a, "ip addr", "inet6 2001:db8::100/64")
	if text := p.Sh(p.a, "ip addr"); strings.Contains(text, "192.0.2.100") {
		t.Errorf("it holds its address:\n%s", text)
	}
	a.Says(`\(V4\) Entering FAULT STATE`)
}

// The kernel allows one kind of device on a parent, and says so.
func TestAMacvlanBesideAnIPVLANIsRefused(t *testing.T) {
	p := newPair(t)
	p.Must(p.a.Do(func() error {
		k, err := netlink.Open()
		if err != nil {
			return err
		}
		defer k.Close()
		if _, err := k.Observe(); err != nil {
			return err
		}
		mac := host.Device{Name: "vrrp.1", Parent: "eth0", MAC: [6]byte{0, 0, 0x5e, 0, 1, 1}}
		vlan := host.Device{Name: "iv1", Parent: "eth0", IPVLAN: host.IPVLANBridge}
		errs := k.Shape([]host.LinkOp{{Verb: host.MakeLink, Device: mac}, {Verb: host.MakeLink, Device: vlan}})
		if want := "make iv1 on eth0: device or resource busy: the parent is part of a bridge or has macvlans, beside which there can be no ipvlan"; errs[0] != nil || fmt.Sprint(errs[1]) != want {
			return errors.Join(errors.New("unexpected answers"), errs[0], errs[1])
		}
		return nil
	}))
}
