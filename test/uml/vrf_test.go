package uml

import (
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/lab/netns"
	"holdfast/test/stand"
)

// pair are two nodes, 10.0.0.1 and 10.0.0.2, each with a link in the VRF red and one,
// with the same addresses, in the VRF blue. The links of a VRF are on one LAN.
type pair struct {
	*stand.Stage
	a, b *netns.Node
}

func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{Stage: stand.New(t)}
	p.Slow = 2 // the guest has one processor
	p.a, p.b = p.node("a", "10.0.0.1/24"), p.node("b", "10.0.0.2/24")
	return p
}

func (p *pair) node(name, addr string) *netns.Node {
	p.Helper()
	n := p.Node(name)
	for i, vrf := range []string{"red", "blue"} {
		p.Must(p.World.Bridge(vrf))
		p.Must(n.Attach(vrf, vrf+"0"))
		p.Sh(n, fmt.Sprintf("ip link add %[1]s type vrf table %[2]d; ip link set %[1]s up; ip link set %[1]s0 master %[1]s; ip addr add %[3]s dev %[1]s0", vrf, 1000+i, addr))
	}
	return n
}

// has tells whether the output of a command on a node contains a text.
func (p *pair) has(n *netns.Node, command, text string) bool {
	return strings.Contains(p.Sh(n, command), text)
}

// unicast is an instance of one of the two nodes; where is its interface or VRF.
func unicast(name, where string, own, other netip.Addr, priority int, more string) string {
	return fmt.Sprintf(`vrrp_instance %s {
	%s
	virtual_router_id 7
	version 3
	priority %d
	advert_int 0.3
	unicast_src_ip %s
	unicast_peer {
		%s
	}
	%s
}
`, name, where, priority, own, other, more)
}

var (
	one = netip.MustParseAddr("10.0.0.1")
	two = netip.MustParseAddr("10.0.0.2")
)

const redVIP = "virtual_ipaddress {\n10.0.0.100/24 dev red0\n}\n"

// Section 16: vrf is for unicast without interface, and the sockets are bound to it:
// what is sent in another VRF, between the same addresses, is not heard.
func TestVRFIsForUnicastWithoutInterfaceAndSocketsAreBoundToIt(t *testing.T) {
	p := newPair(t)
	const blueVIP = "virtual_ipaddress {\n10.0.0.100/24 dev blue0\n}\n"
	a := p.Start(p.a, unicast("R", "vrf red", one, two, 200, redVIP)+unicast("B", "vrf blue", one, two, 100, blueVIP))
	b := p.Start(p.b, unicast("R", "vrf red", two, one, 100, redVIP)+unicast("B", "vrf blue", two, one, 200, blueVIP))
	a.Says(`\(R\) Entering MASTER STATE`)
	b.Says(`\(B\) Entering MASTER STATE`)
	p.Eventually(10*time.Second, "each is MASTER in one VRF, with VRID and addresses the same", func() bool {
		return p.has(p.a, "ip addr show dev red0", "10.0.0.100/24") && !p.has(p.a, "ip addr show dev blue0", "10.0.0.100/24") &&
			p.has(p.b, "ip addr show dev blue0", "10.0.0.100/24") && !p.has(p.b, "ip addr show dev red0", "10.0.0.100/24")
	})
	a.Stop(syscall.SIGKILL)
	p.Sh(p.a, "ip addr del 10.0.0.100/24 dev red0")
	p.Eventually(10*time.Second, "the other one takes over", func() bool { return p.has(p.b, "ip addr show dev red0", "10.0.0.100/24") })
	b.Stop(syscall.SIGTERM)
	if p.has(p.b, "ip addr", "10.0.0.100") {
		t.Error("it leaves its addresses")
	}
}

func TestAnInstanceInAVRFThatGoesIsInFaultUntilItReturns(t *testing.T) {
	p := newPair(t)
	a := p.Start(p.a, unicast("R", "vrf red", one, two, 200, redVIP))
	a.Says("Entering MASTER STATE")
	p.Sh(p.a, "ip link del red")
	a.Says("Entering FAULT STATE")
	p.Sh(p.a, "ip link add red type vrf table 1000; ip link set red up; ip link set red0 master red")
	p.Eventually(10*time.Second, "it is MASTER again", func() bool { return strings.Count(a.Log(), "Entering MASTER STATE") == 2 })
	b := p.Start(p.b, unicast("R", "vrf red", two, one, 100, redVIP))
	b.Says("Entering BACKUP STATE")
	time.Sleep(2 * time.Second) // more than three intervals and the skew
	if strings.Contains(b.Log(), "MASTER") {
		t.Error("the BACKUP does not hear the MASTER")
	}
	a.Stop(syscall.SIGTERM)
	b.Stop(syscall.SIGTERM)
}

func TestUnicastOfIPv6InAVRF(t *testing.T) {
	p := newPair(t)
	own, other := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
	const vip = "virtual_ipaddress {\n2001:db8::100/64 dev red0\n}\n"
	for n, addr := range map[*netns.Node]netip.Addr{p.a: own, p.b: other} {
		p.Sh(n, fmt.Sprintf("ip addr add %s/64 dev red0 nodad", addr))
	}
	a := p.Start(p.a, unicast("R", "vrf red", own, other, 200, vip))
	a.Says("Entering MASTER STATE")
	b := p.Start(p.b, unicast("R", "vrf red", other, own, 100, vip))
	b.Says("master set to 2001:db8::1")
	a.Stop(syscall.SIGTERM)
	b.Says("Entering MASTER STATE")
	b.Stop(syscall.SIGTERM)
}

// Section 16: an interface in a VRF; unicast and multicast are heard there.
func TestAnInterfaceInAVRFIsHeard(t *testing.T) {
	for name, conf := range map[string]func(own, other netip.Addr, priority int) string{
		"unicast": func(own, other netip.Addr, priority int) string {
			return unicast("V", "interface red0", own, other, priority, redVIP)
		},
		"multicast": func(_, _ netip.Addr, priority int) string {
			return fmt.Sprintf("vrrp_instance V {\ninterface red0\nvirtual_router_id 7\nversion 3\npriority %d\nadvert_int 0.3\n%s}\n", priority, redVIP)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t)
			a := p.Start(p.a, conf(one, two, 200))
			a.Says("Entering MASTER STATE")
			b := p.Start(p.b, conf(two, one, 100))
			b.Says("Entering BACKUP STATE")
			time.Sleep(2 * time.Second) // more than three intervals and the skew
			if strings.Contains(b.Log(), "MASTER") {
				t.Error("the BACKUP does not hear the MASTER")
			}
			a.Stop(syscall.SIGTERM)
			b.Says("Entering MASTER STATE")
			b.Stop(syscall.SIGTERM)
		})
	}
}

// Section 16: routes take table or vrf; nothing is automatic for virtual routes.
func TestRoutesOfAnInstanceInAVRFGoWhereTheySay(t *testing.T) {
	p := newPair(t)
	const routes = "virtual_routes {\n10.7.0.0/16 via 10.0.0.9 dev red0 vrf red\n10.8.0.0/16 dev red0 table 77\n10.9.0.0/16 dev red0\n}\n"
	a := p.Start(p.a, unicast("R", "vrf red", one, two, 200, redVIP+routes))
	a.Says("Entering MASTER STATE")
	for _, c := range []struct{ table, route string }{{"1000", "10.7.0.0/16 via 10.0.0.9"}, {"77", "10.8.0.0/16"}, {"main", "10.9.0.0/16"}} {
		p.Eventually(10*time.Second, c.route+" is in table "+c.table, func() bool { return p.has(p.a, "ip route show proto 18 table "+c.table, c.route) })
		if n := strings.Count(p.Sh(p.a, "ip route show proto 18 table "+c.table), "10."+c.route[3:5]); n != 1 {
			t.Errorf("table %s has it %d times", c.table, n)
		}
	}
	a.Stop(syscall.SIGTERM)
	if left := p.Sh(p.a, "ip route show proto 18 table all"); left != "" {
		t.Errorf("left is %s", left)
	}
}

func TestUnicastNeedsNoInterface(t *testing.T) {
	p := newPair(t)
	for i, n := range []*netns.Node{p.a, p.b} {
		p.Sh(n, fmt.Sprintf("ip link set red0 nomaster; ip link add lo9 type dummy; ip link set lo9 up; ip addr add 10.9.0.%d/32 dev lo9; ip route add 10.9.0.%d dev red0 src 10.9.0.%d", i+1, 2-i, i+1))
	}
	own, other := netip.MustParseAddr("10.9.0.1"), netip.MustParseAddr("10.9.0.2")
	a := p.Start(p.a, unicast("V", "", own, other, 200, redVIP))
	a.Says("Entering MASTER STATE")
	b := p.Start(p.b, unicast("V", "", other, own, 100, redVIP))
	b.Says("Entering BACKUP STATE")
	time.Sleep(2 * time.Second) // more than three intervals and the skew
	if strings.Contains(b.Log(), "MASTER") {
		t.Error("the BACKUP does not hear the MASTER")
	}
	a.Stop(syscall.SIGTERM)
	b.Says("Entering MASTER STATE")
	b.Stop(syscall.SIGTERM)
}
