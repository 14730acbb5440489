package netlink

import (
	"os"
	"strings"
	"testing"

	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/host"
)

// refusal is a line of a block that the kernel refuses, and how that is told.
type refusal struct{ block, line, told string }

const (
	excluded = "virtual_ipaddress_excluded"
	routes   = "virtual_routes"
	rules    = "virtual_rules"
)

// refusals has a row for every option whose value a kernel can refuse.
func refusals() []refusal {
	return []refusal{
		{excluded, "192.0.2.50/24 dev v0 scope 77", "add 192.0.2.50/24 to v0: invalid argument (ipv4: Invalid scope value)"},
		{excluded, "192.0.2.50/24 dev v0 autojoin", "add 192.0.2.50/24 to v0: invalid argument (ipv4: Multicast auto join failed): autojoin is for multicast addresses"},
		{excluded, "2001:db8::50/64 dev v0 autojoin", "(ipv6: Multicast auto join failed): autojoin is for multicast addresses"},
		{excluded, "2001:db8::50/96 dev v0 mngtmpaddr", "mngtmpaddr needs a prefix length of 64"},
		{excluded, "2001:db8::50/64 dev off", "permission denied (ipv6: IPv6 is disabled on this device): IPv6 is switched off on the link: sysctl -w net.ipv6.conf.off.disable_ipv6=0"},
		{excluded, "ff02::50/64 dev v0", "cannot assign requested address (ipv6: Cannot assign multicast address without"},
		{excluded, "::1/128 dev v0", "cannot assign requested address (ipv6: Cannot assign loopback address on this device)"},
		{excluded, "::/128 dev v0", "cannot assign requested address (ipv6: Invalid address)"},
		{"static_ipaddress", "192.0.2.50/24 dev v0 scope 77", "add 192.0.2.50/24 to v0: invalid argument (ipv4: Invalid scope value)"},

		{routes, "nat 10.9.0.0/16 dev v0", "route add nat 10.9.0.0/16 dev v0 proto 18: invalid argument (Invalid scope)"},
		{routes, "xresolve 10.9.0.0/16 dev v0", "route add xresolve 10.9.0.0/16 dev v0 proto 18: invalid argument (Invalid scope)"},
		{routes, "10.9.0.0/16 via 198.51.100.1 dev v0", "network is unreachable (Nexthop has invalid gateway): the gateway is in no subnet of the link: give the link an address there, or write onlink"},
		{routes, "10.9.0.0/16 via 224.0.0.1 dev v0", "network is unreachable (Nexthop has invalid gateway)"},
		{routes, "2001:db8:9::/48 via 2001:db8:77::1 dev v0", "no route to host: the gateway is in no subnet of the link: give the link an address there, or write onlink"},
		{routes, "2001:db8:9::/48 via 2001:db8::1 dev v0", "invalid argument (Gateway can not be a local address)"},
		{routes, "2001:db8:9::/48 via ff02::1 dev v0", "invalid argument (Invalid gateway address)"},
		{routes, "10.9.0.0/16 via 192.0.2.9 onlink", "no such device (Nexthop device required for onlink): onlink needs dev"},
		{routes, "10.9.0.0/16 via 192.0.2.9 dev v0 src 10.1.1.1", "invalid argument (Invalid prefsrc address): the address of src has to be on this machine"},
		{routes, "2001:db8:9::/48 dev v0 src 2001:db8:55::1", "invalid argument (Invalid source address): the address of src has to be on this machine"},
		{routes, "10.9.0.0/16 via 192.0.2.9 dev v0 scope host", "invalid argument (Route with host scope can not have a gateway)"},
		{routes, "10.9.0.0/16 dev v0 scope nowhere", "invalid argument (Invalid scope)"},
		{routes, "local 10.9.0.0/16 dev v0 scope link", "invalid argument (Invalid scope)"},
		{routes, "10.9.0.0/16 via 192.0.2.9 dev v0 tos 0x13", "invalid argument (Invalid dsfield (tos): ECN bits must be 0)"},
		{routes, "2001:db8:9::/48 dev v0 dsfield 0x10", "invalid argument (Invalid dsfield (tos): option not available for IPv6)"},
		{routes, "10.9.0.0/16 dev v0 congctl nosuch", "invalid argument (Unknown tcp congestion algorithm)"},
		{routes, "10.9.0.0/16 dev v0 vrf v0", "it is no VRF: v0 must be a link of type vrf, or write table"},
		{routes, "10.9.0.0/16 nexthop via 198.51.100.1 dev v0 nexthop via 192.0.2.9 dev v0", "network is unreachable (Nexthop has invalid gateway)"},
		{routes, "2001:db8:9::/48 nexthop via 2001:db8:77::1 dev v0 nexthop via 2001:db8::8 dev v0", "no route to host"},
		{routes, "10.9.0.0/16 via 192.0.2.7 nexthop via 192.0.2.9 dev v0 nexthop via 192.0.2.8 dev v0", "invalid argument (Nexthop gateway does not match RTA_GATEWAY or RTA_VIA)"},
		{routes, "add 10.99.0.0/16 dev v0", "another route to the same place with the same metric is there: remove that one, or write another metric"},
		{routes, "unreachable 10.99.0.0/16", "another route to the same place with the same metric is there"},
		{routes, "unreachable 2001:db8:99::/48 metric 7", "another route to the same place with the same metric is there"},
		{"static_routes", "10.9.0.0/16 via 198.51.100.1 dev v0", "network is unreachable (Nexthop has invalid gateway)"},

		{rules, "from 192.0.2.0/24 tos 0x13 table 100 preference 50", "rule add from 192.0.2.0/24 tos 0x13 pref 50 lookup 100 protocol 18: invalid argument (Invalid dsfield (tos): ECN bits must be 0)"},
		{rules, "from 2001:db8::/32 dsfield 0x13 table 100 preference 50", "invalid argument (Invalid dsfield (tos): ECN bits must be 0)"},
		{rules, "from all uidrange 2000-1000 table 100 preference 50", "invalid argument (Invalid uid range)"},
		{rules, "from all ipproto tcp sport 2000-1000 table 100 preference 50", "invalid argument (Invalid sport range)"},
		{rules, "from 2001:db8::/32 ipproto tcp dport 9-1 table 100 preference 50", "invalid argument (Invalid dport range)"},
		{"static_rules", "from 192.0.2.0/24 tos 0x13 table 100 preference 50", "invalid argument (Invalid dsfield (tos): ECN bits must be 0)"},
	}
}

// unsupported are refused by kernels without the module or the feature. Where it is
// there, test/uml has them.
func unsupported() []refusal {
	return []refusal{
		{routes, "10.9.0.0/16 encap mpls 100 via 192.0.2.9 dev v0", "operation not supported (lwt encapsulation type not supported): the kernel lacks it: modprobe mpls_iptunnel"},
		{routes, "2001:db8:9::/48 encap ila 1:2:3:4 dev v0", "operation not supported (lwt encapsulation type not supported): the kernel lacks it: modprobe ila"},
		{routes, "10.9.0.0/16 nexthop via 192.0.2.9 dev v0 weight 9 nexthop encap mpls 100 via 192.0.2.8 dev v0", "operation not supported (lwt encapsulation type not supported): the kernel lacks it: modprobe mpls_iptunnel"},
	}
}

// wanted is what a MASTER and the static blocks of a configuration hold: an address, a
// route and a rule that are right, and a line of a block.
func wanted(block, line string) (d host.Delta) {
	text := map[string]string{excluded: "", routes: "10.77.0.0/16 dev v0 src 192.0.2.77\n", rules: "from 192.0.2.77 table 77 preference 77\n"}
	static := ""
	if strings.HasPrefix(block, "static_") {
		static = block + " {\n" + line + "\n}\n"
	} else {
		text[block] = line + "\n" + text[block]
	}
	static += "vrrp_instance A {\ninterface v0\nvirtual_router_id 1\nvirtual_ipaddress {\n192.0.2.77/24\n}\n"
	for name, lines := range text {
		static += name + " {\n" + lines + "}\n"
	}
	tree, _ := conf.Parse(conf.MemoryFiles{"a.conf": static + "}\n"}, "a.conf", conf.Options{})
	c, _ := config.Build(tree, config.Options{})
	in := &c.Instances[0]
	for _, a := range c.StaticAddresses {
		d.Want = append(d.Want, a.Wish)
	}
	for _, a := range in.Addrs {
		d.Want = append(d.Want, a.Wish)
	}
	for _, r := range append(c.StaticRoutes, in.Routes...) {
		d.Things = append(d.Things, &r.Route)
	}
	for _, r := range append(c.StaticRules, in.Rules...) {
		d.Things = append(d.Things, &r.Rule)
	}
	return d
}

// half is a namespace in which some is not possible.
func half(t *testing.T) *Kernel {
	t.Helper()
	namespace(t)
	for _, line := range []string{
		"link add off type veth peer name off1", "link set off up", "link set v0 addrgenmode none",
		"addr add 2001:db8::1/64 dev v0 nodad", "addr add 192.0.2.1/24 dev v0",
		"route add 10.99.0.0/16 via 192.0.2.9", "route add 2001:db8:99::/48 via 2001:db8::9 metric 7",
	} {
		ip(t, line)
	}
	if err := os.WriteFile("/proc/sys/net/ipv6/conf/off/disable_ipv6", []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	return open(t)
}

func everything(t *testing.T) string {
	t.Helper()
	return ip(t, "-br -4 addr") + ip(t, "-br -6 addr show dev v0 scope global") + ip(t, "route show table all proto 18") + ip(t, "-6 route show table all proto 18") + ip(t, "rule") + ip(t, "-6 rule")
}

// Each option word with a value that the kernel refuses: that is told in words, once;
// the rest works, and nothing is half applied.
func TestWhatTheKernelRefusesIsToldAndTheRestWorks(t *testing.T) {
	k := half(t)
	without := everything(t)
	apply(t, k, wanted(routes, ""))
	good := everything(t)
	for _, c := range append(refusals(), unsupported()...) {
		t.Run(c.block+" "+c.line, func(t *testing.T) {
			k := half(t)
			d := wanted(c.block, c.line)
			rec, refused := apply(t, k, d)
			if len(refused) != 1 || !strings.Contains(refused[0], c.told) {
				t.Errorf("told is %q\nwant one with %q", refused, c.told)
			}
			if now := everything(t); now != good {
				t.Errorf("the kernel holds\n%s\nwant\n%s", now, good)
			}
			if again := carry(k, rec, rec.Retry()); len(again) > 0 {
				t.Errorf("it is told again: %q", again)
			}
			gone := host.Delta{Gone: d.Things}
			for _, w := range d.Want {
				gone.Drop = append(gone.Drop, w.Addr)
			}
			if left := carry(k, rec, rec.Want(gone)); len(left) > 0 || everything(t) != without {
				t.Errorf("%q; what stays is\n%s\nwant\n%s", left, everything(t), without)
			}
		})
	}
}

// apply starts with a wanted state, and returns what was refused.
func apply(t *testing.T, k *Kernel, d host.Delta) (rec *host.Reconciler, refused []string) {
	t.Helper()
	rec = host.NewReconciler()
	rec.Want(d)
	return rec, carry(k, rec, rec.Observe(observe(t, k)))
}

func carry(k *Kernel, rec *host.Reconciler, ops []host.Op) (refused []string) {
	for i, err := range k.Do(ops) {
		if r := rec.Done(ops[i], err); r.Fate == host.Failed {
			refused = append(refused, r.Err.Error())
		}
	}
	return refused
}

// A route that is to be the only one is held when it is there, and refused when it is
// another that is there: the kernel says the same of both.
func TestARouteThatIsToBeTheOnlyOneIsToldFromAnother(t *testing.T) {
	for _, line := range []string{"unreachable 10.9.0.0/16", "add 10.9.0.0/16 dev v0", "prohibit 2001:db8:9::/48", "add 2001:db8:9::/48 via 2001:db8::9 dev v0"} {
		t.Run(line, func(t *testing.T) {
			k := half(t)
			d := wanted(routes, line)
			if _, refused := apply(t, k, d); len(refused) > 0 {
				t.Fatal(refused)
			}
			if _, refused := apply(t, k, d); len(refused) > 0 {
				t.Errorf("a second start refuses its own: %q", refused)
			}
		})
	}
}
