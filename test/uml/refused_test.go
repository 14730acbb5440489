package uml

import (
	"strings"
	"testing"
	"time"

	"holdfast/test/space"
	"holdfast/test/wait"
)

// What a kernel that has the feature refuses all the same: it is told in its words,
// once, and the route beside it is there. The rest is tested in host/netlink.
func TestWhatTheKernelRefusesIsToldAndTheRestWorks(t *testing.T) {
	const good = "10.77.0.0/16 dev v0"
	for _, c := range []struct{ name, routes, rules, told string }{
		{"encap mpls", "10.9.0.0/16 encap mpls 3 via 192.0.2.9 dev v0", "", "invalid argument (Implicit NULL Label (3) can not be used in encapsulation)"},
		{"nexthop encap mpls", "10.9.0.0/16 nexthop via 192.0.2.9 dev v0 nexthop encap mpls 3 via 192.0.2.8 dev v0", "", "invalid argument (Implicit NULL Label (3) can not be used in encapsulation)"},
		{"encap ila", "2001:db8:9::/48 encap ila 2001:db8:7:8 via 2001:db8::9 dev v0", "", "invalid argument"},
		{"encap ila of IPv4", "10.9.0.0/16 encap ila 2001:db8:7:8 via 192.0.2.9 dev v0", "", "invalid argument"},
		{"vrf", "10.9.0.0/16 dev d0 vrf d0", "", "it is no VRF: d0 must be a link of type vrf, or write table"},
	} {
		t.Run(c.name, func(t *testing.T) {
			space.Own(t, tunnels()...)
			k := keep(t, things(t, c.routes+"\n"+good, c.rules))
			wait.For(t, 5*time.Second, "the other route is there", func() bool { return strings.Contains(routes(t), "10.77.0.0/16") })
			wait.For(t, 5*time.Second, "it is told", func() bool { return len(k.said(c.told)) > 0 })
			k.settle()
			if lines := k.said(""); len(lines) != 1 {
				t.Errorf("told is %q, want one line", lines)
			}
			if shown := routes(t); strings.Contains(shown, "10.9.0.0") || strings.Contains(shown, "2001:db8:9") {
				t.Errorf("it is half applied: %s", shown)
			}
		})
	}
}
