package uml

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"holdfast/internal/engine"
	"holdfast/internal/host"
	"holdfast/test/space"
	"holdfast/test/wait"
)

// routes and rules are those that are ours, as `ip` prints them for programs.
func routes(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(ip(t, "-d -j -4 route show table all proto 18") + ip(t, "-d -j -6 route show table all proto 18"))
}

func rules(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(ip(t, "-d -j -4 rule show preference 50") + ip(t, "-d -j -6 rule show preference 50"))
}

// entry is a line of the configuration that `ip` understands as well: what it makes
// of it is what the kernel has to hold.
type entry struct {
	line string
	// same is how `ip` writes it; empty: as the line.
	same string
	// other takes the place of the route by `ip route replace`; empty: it is deleted.
	other string
	v6    bool
}

func encapsulated() []entry {
	return []entry{
		{line: "10.9.0.0/16 encap mpls 100 via 192.0.2.9 dev v0", other: "10.9.0.0/16 encap mpls 101 via 192.0.2.9 dev v0"},
		{line: "10.9.0.0/16 encap mpls 100/200/1048575 via 192.0.2.9 dev v0", other: "10.9.0.0/16 encap mpls 100/200 via 192.0.2.9 dev v0"},
		{line: "10.9.0.0/16 ttl-propagate enabled via 192.0.2.9 dev v0", other: "10.9.0.0/16 dev v0"},
		{line: "2001:db8:9::/48 encap mpls 16/17 via 2001:db8::9 dev v0", v6: true},
		{line: "10.9.0.0/16 encap ip id 77 dst 203.0.113.9 src 192.0.2.1 tos 4 ttl 64 dev t4", other: "10.9.0.0/16 encap ip id 78 dst 203.0.113.9 dev t4"},
		{line: "10.9.0.0/16 encap ip id 7 dst 203.0.113.9 flags 4 dev t4", same: "10.9.0.0/16 encap ip id 7 dst 203.0.113.9 key dev t4", other: "10.9.0.0/16 dev t4"},
		{line: "10.9.0.0/16 encap ip dst 203.0.113.9 dev t4", other: "10.9.0.0/16 encap ip dst 203.0.113.8 dev t4"},
		{line: "10.9.0.0/16 encap ip id 18446744073709551615 dev t4", other: "10.9.0.0/16 dev t4"},
		{line: "2001:db8:9::/48 encap ip id 7 dst 203.0.113.9 dev t4", other: "2001:db8:9::/48 dev t4", v6: true},
		{line: "10.9.0.0/16 encap ip6 id 77 dst 2001:db8::9 src 2001:db8::1 tc 8 hoplimit 64 dev t6", other: "10.9.0.0/16 encap ip6 id 77 dst 2001:db8::8 dev t6"},
		{line: "2001:db8:9::/48 encap ip6 dst 2001:db8::9 dev t6", other: "2001:db8:9::/48 encap ip6 dst 2001:db8::9 hoplimit 3 dev t6", v6: true},
		{line: "2001:db8:9:0:2000::1/128 encap ila 2001:db8:7:8 via 2001:db8::9 dev v0", v6: true},
		{line: "10.9.0.0/16 nexthop encap mpls 100 via 192.0.2.9 dev v0 weight 2 nexthop encap ip dst 203.0.113.9 dev t4", other: "10.9.0.0/16 nexthop encap mpls 100 via 192.0.2.9 dev v0 nexthop encap ip dst 203.0.113.9 dev t4"},
		{line: "2001:db8:9::/48 nexthop encap mpls 100 via 2001:db8::9 dev v0 nexthop encap mpls 200 via 2001:db8::8 dev v0 weight 3", v6: true},
	}
}

func inVRFs() []entry {
	return []entry{
		{line: "10.9.0.0/16 via 198.51.100.9 dev r0 vrf red", other: "10.9.0.0/16 dev r0 vrf red"},
		{line: "10.9.0.0/16 vrf red dev r0 metric 7", other: "10.9.0.0/16 vrf red dev r0 metric 7 mtu 1400"},
		{line: "unreachable default metric 4278198272 vrf red"},
		{line: "2001:db8:9::/48 via 2001:db8:1::9 dev r0 vrf red", v6: true},
		{line: "10.9.0.0/16 dev red", other: "10.9.0.0/16 dev v0"}, // a leak into the VRF
		{line: "10.9.0.0/16 dev d0", other: "10.9.0.0/16 dev v0"},
		{line: "2001:db8:9::/48 dev d0", other: "2001:db8:9::/48 dev v0", v6: true},
	}
}

func ofVRFs() []entry {
	return []entry{
		{line: "from all l3mdev preference 50"},
		{line: "from 192.0.2.0/24 l3mdev preference 50"},
		{line: "iif red l3mdev preference 50"},
		{line: "oif red table 1000 preference 50"},
		{line: "from 2001:db8::/32 l3mdev preference 50", v6: true},
		{line: "to 2001:db8:9::/48 iif r0 l3mdev preference 50", v6: true},
	}
}

func TestRoutesWithEncapsulationAreKept(t *testing.T) { keepsRoutes(t, encapsulated()) }

func TestRoutesOfVRFsAndDummiesAreKept(t *testing.T) { keepsRoutes(t, inVRFs()) }

func keepsRoutes(t *testing.T, list []entry) {
	for _, e := range list {
		t.Run(e.line, func(t *testing.T) {
			space.Own(t, tunnels()...)
			family := e.family()
			ip(t, family+"route add proto 18 scope global "+cmp.Or(e.same, e.line))
			want := routes(t)
			ip(t, family+"route flush proto 18 table all")
			kept(t, things(t, e.line, ""), want, routes, func() { ip(t, family+e.harm()) })
		})
	}
}

func TestRulesOfVRFsAreKept(t *testing.T) {
	for _, e := range ofVRFs() {
		t.Run(e.line, func(t *testing.T) {
			space.Own(t, tunnels()...)
			family := e.family()
			ip(t, family+"rule add protocol 18 "+e.line)
			want := rules(t)
			ip(t, family+"rule del protocol 18 "+e.line)
			kept(t, things(t, "", e.line), want, rules, func() { ip(t, family+"rule del preference 50") })
		})
	}
}

func (e *entry) harm() string {
	if e.other == "" {
		return "route del " + e.line
	}
	return "route replace " + e.other
}

func (e *entry) family() string {
	if e.v6 {
		return "-6 "
	}
	return "-4 "
}

// kept follows things through their life: added, adopted by a second start, put
// back after somebody has harmed them, removed.
func kept(t *testing.T, list []host.Thing, want string, show func(*testing.T) string, harm func()) {
	t.Helper()
	before := show(t)
	same := func() bool { return show(t) == want }
	first := keep(t, list)
	wait.For(t, 5*time.Second, "added", same)
	first.stop()

	seen := monitor(t, "route", "rule")
	second := keep(t, list)
	second.settle()
	if text := seen(); text != "" || !same() {
		t.Errorf("a second start does not adopt it: %s", text)
	}

	harm()
	wait.For(t, 5*time.Second, "put back", same)
	wait.For(t, 5*time.Second, "told", func() bool { return len(second.said("Restoring deleted")) == 1 })

	second.Order(engine.HostOrder{Delta: host.Delta{Gone: list}})
	wait.For(t, 5*time.Second, "removed", func() bool { return show(t) == before })
	for _, k := range []*keeping{first, second} {
		for _, line := range k.said("") {
			if !strings.Contains(line, "Restoring") {
				t.Errorf("it said %q", line)
			}
		}
	}
	if t.Failed() {
		t.Logf("want %s\nhave %s\nsaid %q", want, show(t), second.said(""))
	}
}
