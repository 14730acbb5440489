package nft

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/host"
	"holdfast/test/space"
)

func marked(protocol uint8, first, last string, from, to uint16, mark uint32) host.Marked {
	return host.Marked{Protocol: protocol, First: netip.MustParseAddr(first), Last: netip.MustParseAddr(last), FirstPort: from, LastPort: to, Mark: mark}
}

func marks() host.FilterConfig { return host.FilterConfig{Table: "keepalived_ipvs", Priority: -1} }

func mark(t testing.TB, f *Firewall, op host.MarkOp) {
	t.Helper()
	if err := f.Mark(op); err != nil {
		t.Fatalf("%s: %v", op, err)
	}
}

// Section 15 of the reference: tables, chain, maps and rules. nft lists the bytes of a mark
// in the order of the network, for it is not told another: 1000 as 3892510720.
func TestMarksAreLaidOutAsThoseOfKeepalived(t *testing.T) {
	namespace(t)
	f := open(t)
	for _, test := range []struct {
		name string
		op   host.MarkOp
	}{
		{"marks-ipv4", host.MarkOp{FilterConfig: marks(), Marks: []host.Marked{
			marked(6, "10.0.1.1", "10.0.1.1", 80, 80, 1000), marked(6, "10.0.1.1", "10.0.1.1", 443, 443, 1000), marked(132, "10.0.1.1", "10.0.1.1", 9, 9, 1001)}}},
		{"marks-ipv4-ranges", host.MarkOp{FilterConfig: host.FilterConfig{Table: "mine", Priority: 20, Counters: true}, Marks: []host.Marked{
			marked(17, "10.0.1.1", "10.0.1.1", 53, 53, 7), marked(17, "10.0.1.5", "10.0.1.9", 53, 53, 7), marked(17, "10.0.1.2", "10.0.1.2", 0, 65535, 4294967295)}}},
		{"marks-ipv6", host.MarkOp{FilterConfig: marks(), V6: true, Marks: []host.Marked{
			marked(6, "fd00::1", "fd00::1", 80, 80, 1000), marked(6, "fd00::5", "fd00::9", 80, 80, 1000)}}},
	} {
		mark(t, f, test.op)
		golden(t, test.name, listing(t))
		test.op.Marks = nil
		mark(t, f, test.op)
		if left := listing(t); left != "\n" {
			t.Errorf("%s: removed, and yet there is\n%s", test.name, left)
		}
	}
}

// probe notes the marks of all packets that come in, after the table of marks did its work.
const probe = `table inet probe {
	set v4 { type inet_proto . ipv4_addr . inet_service . mark; flags dynamic; size 100; }
	set v6 { type inet_proto . ipv6_addr . inet_service . mark; flags dynamic; size 100; }
	chain in {
		type filter hook input priority 0;
		meta l4proto { tcp, udp, sctp } add @v4 { meta l4proto . ip daddr . th dport . meta mark }
		meta l4proto { tcp, udp, sctp } add @v6 { meta l4proto . ip6 daddr . th dport . meta mark }
	}
}`

// sent sends a packet of a protocol to an address of this machine.
func sent(t *testing.T, protocol int, to string, port uint16) {
	t.Helper()
	family := "ip4"
	if strings.Contains(to, ":") {
		family = "ip6"
	}
	conn, err := net.Dial(fmt.Sprintf("%s:%d", family, protocol), to)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	header := make([]byte, 20)
	binary.BigEndian.PutUint16(header, 4000)
	binary.BigEndian.PutUint16(header[2:], port)
	if _, err := conn.Write(header); err != nil {
		t.Fatal(err)
	}
}

func TestPacketsCarryTheMarkOfTheirGroup(t *testing.T) {
	namespace(t)
	for _, a := range []string{"10.0.1.1/32", "10.0.1.5/32", "10.0.1.9/32", "10.0.1.10/32", "fd00::1/128", "fd00::7/128"} {
		space.Run(t, "ip addr add "+a+" dev lo")
	}
	list := exec.CommandContext(t.Context(), "nft", "-f", "-")
	list.Stdin = strings.NewReader(probe)
	if out, err := list.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	f := open(t)
	mark(t, f, host.MarkOp{FilterConfig: marks(), Marks: []host.Marked{
		marked(6, "10.0.1.1", "10.0.1.1", 80, 80, 1000), marked(6, "10.0.1.5", "10.0.1.9", 80, 80, 1000),
		marked(6, "10.0.1.10", "10.0.1.10", 0, 65535, 1003), marked(17, "10.0.1.1", "10.0.1.1", 53, 53, 1001), marked(132, "10.0.1.1", "10.0.1.1", 80, 80, 1002)}})
	mark(t, f, host.MarkOp{FilterConfig: marks(), V6: true, Marks: []host.Marked{marked(6, "fd00::5", "fd00::9", 80, 80, 1000)}})
	for _, c := range []struct {
		protocol int
		to       string
		port     uint16
		want     uint32
	}{
		{6, "10.0.1.1", 80, 1000}, {6, "10.0.1.1", 81, 0}, {6, "10.0.1.5", 80, 1000}, {6, "10.0.1.9", 80, 1000}, {6, "10.0.1.9", 443, 0},
		{6, "10.0.1.10", 1, 1003}, {6, "10.0.1.10", 65535, 1003}, {17, "10.0.1.10", 1, 0},
		{17, "10.0.1.1", 53, 1001}, {17, "10.0.1.1", 80, 0}, {132, "10.0.1.1", 80, 1002},
		{6, "fd00::7", 80, 1000}, {6, "fd00::1", 80, 0}, {17, "fd00::7", 80, 0},
	} {
		sent(t, c.protocol, c.to, c.port)
		set := "v4"
		if strings.Contains(c.to, ":") {
			set = "v6"
		}
		element := fmt.Sprintf("{ %d . %s . %d . %d }", c.protocol, c.to, c.port, c.want)
		space.Run(t, "nft get element inet probe "+set+" "+element) // fails if it is not there
	}
}

func TestMarksAreReplacedInOneTransaction(t *testing.T) {
	namespace(t)
	f := open(t)
	first, second := marked(6, "10.0.1.1", "10.0.1.1", 80, 80, 1000), marked(6, "10.0.1.2", "10.0.1.3", 80, 80, 1001)
	mark(t, f, host.MarkOp{FilterConfig: marks(), Marks: []host.Marked{first}})
	if err := f.Mark(host.MarkOp{FilterConfig: marks(), Marks: []host.Marked{second, second}, V6: true}); err == nil {
		t.Error("an address of the other family is taken")
	}
	mark(t, f, host.MarkOp{FilterConfig: marks(), Marks: []host.Marked{second}})
	// nft is not told the order of the bytes, and lists 0x3e9 so.
	got := space.Run(t, "nft list map ip keepalived_ipvs tcp_map")
	if !strings.Contains(got, "elements = { 10.0.1.2/31 . 80 : 0xe9030000 }") {
		t.Errorf("the map is\n%s", got)
	}
	if diff := cmp.Diff("", space.Run(t, "nft list tables ip6")); diff != "" {
		t.Error(diff)
	}
}

func TestRemovingMarksSparesATableOfSomebodyElse(t *testing.T) {
	namespace(t)
	f := open(t)
	mark(t, f, host.MarkOp{FilterConfig: marks()}) // there is none: no error
	space.Run(t, "nft add table ip keepalived_ipvs")
	space.Run(t, "nft add set ip keepalived_ipvs mine { type ipv4_addr; }")
	mark(t, f, host.MarkOp{FilterConfig: marks()})
	if got := space.Run(t, "nft list ruleset"); !strings.Contains(got, "set mine") {
		t.Errorf("a table of somebody else is gone:\n%s", got)
	}
}

func TestMarksAreMadeInTheNamespaceOfIPVS(t *testing.T) {
	namespace(t)
	other := fmt.Sprintf("holdfast-nft-%d", os.Getpid())
	space.Run(t, "ip netns add "+other)
	defer func() { space.Run(t, "ip netns del "+other) }()
	f, err := Open("/run/netns/" + other)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	mark(t, f, host.MarkOp{FilterConfig: marks(), Marks: []host.Marked{marked(6, "10.0.1.1", "10.0.1.1", 80, 80, 1000)}})
	if got := space.Run(t, "nft list tables"); got != "" {
		t.Errorf("here is %s", got)
	}
	if got := space.Run(t, "ip netns exec "+other+" nft list tables"); !strings.Contains(got, "keepalived_ipvs") {
		t.Errorf("there is %q", got)
	}
}
