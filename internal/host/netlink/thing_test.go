package netlink

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/host"
)

// things reads lines of static_routes and static_rules.
func things(t testing.TB, routes, rules string) (list []host.Thing) {
	t.Helper()
	text := "static_routes {\n" + routes + "\n}\nstatic_rules {\n" + rules + "\n}\n"
	tree, _ := conf.Parse(conf.MemoryFiles{"a.conf": text}, "a.conf", conf.Options{})
	c, diags := config.Build(tree, config.Options{})
	for i := range c.StaticRoutes {
		list = append(list, &c.StaticRoutes[i].Route)
	}
	for i := range c.StaticRules {
		list = append(list, &c.StaticRules[i].Rule)
	}
	if len(list) == 0 {
		t.Fatalf("%s is not read: %v", text, diags)
	}
	return list
}

// hold has a Reconciler bring the kernel to what is wanted.
func hold(t testing.TB, k *Kernel, list []host.Thing) *host.Reconciler {
	t.Helper()
	rec := host.NewReconciler()
	rec.Want(host.Delta{Things: list})
	ops := rec.Observe(observe(t, k))
	for i, err := range k.Do(ops) {
		if r := rec.Done(ops[i], err); r.Err != nil {
			t.Errorf("%v", r.Err)
		}
	}
	return rec
}

func TestEveryWordOfRoutesReachesTheKernel(t *testing.T) {
	for _, c := range []struct{ line, shown string }{
		{"10.9.0.0/16 dev v0", "unicast 10.9.0.0/16 dev v0 table main scope global"},
		{"default via 192.0.2.9", "unicast default via 192.0.2.9 dev v0 table main scope global"},
		{"default6 via 2001:db8::9 dev v0", "unicast default via 2001:db8::9 dev v0 table main scope global metric 1024 pref medium"},
		{"10.9.0.0/16 via 192.0.2.9 src 192.0.2.1 dev v0", "unicast 10.9.0.0/16 via 192.0.2.9 dev v0 table main scope global src 192.0.2.1"},
		{"10.9.0.0/16 via 198.51.100.1 dev v0 onlink", "unicast 10.9.0.0/16 via 198.51.100.1 dev v0 table main scope global onlink"},
		{"10.9.0.0/16 dev v0 table 1000 metric 7 tos 0x10 scope link", "unicast 10.9.0.0/16 tos 0x10 dev v0 table 1000 scope link metric 7"},
		{"local 10.9.0.1 dev lo table 100", "local 10.9.0.1 dev lo table 100 scope host"},
		{"broadcast 10.9.255.255 dev v0 table 100", "broadcast 10.9.255.255 dev v0 table 100 scope link"},
		{"anycast 10.9.0.3 dev v0 table 100", "anycast 10.9.0.3 dev v0 table 100 scope link"},
		{"multicast 239.1.0.0/16 dev v0", "multicast 239.1.0.0/16 dev v0 table main scope global"},
		{"blackhole 10.9.0.0/16", "blackhole 10.9.0.0/16 table main scope global"},
		{"unreachable 10.9.0.0/16 metric 20", "unreachable 10.9.0.0/16 table main scope global metric 20"},
		{"prohibit 10.9.0.0/16", "prohibit 10.9.0.0/16 table main scope global"},
		{"throw 10.9.0.0/16 table 100", "throw 10.9.0.0/16 table 100 scope global"},
		{"unreachable 2001:db8:9::/48", "unreachable 2001:db8:9::/48 dev lo table main scope global metric 1024 pref medium"},
		{"10.9.0.0/16 dev v0 protocol 18 realms 3/4", "unicast 10.9.0.0/16 dev v0 table main scope global realms 3/4"},
		{"10.9.0.0/16 dev v0 mtu lock 1400 hoplimit 7 advmss lock 1300 window 5000 reordering lock 5 initcwnd 11 initrwnd 12", "unicast 10.9.0.0/16 dev v0 table main scope global mtu lock 1400 window 5000 advmss lock 1300 reordering lock 5 hoplimit 7 initcwnd 11 initrwnd 12"},
		{"10.9.0.0/16 dev v0 rtt lock 300ms rttvar 250ms rto_min lock 210ms cwnd lock 9 ssthresh lock 8", "unicast 10.9.0.0/16 dev v0 table main scope global rtt lock 300ms rttvar 250ms ssthresh lock 8 cwnd lock 9 rto_min lock 210ms"},
		{"10.9.0.0/16 dev v0 features ecn quickack 1 congctl lock reno fastopen_no_cookie 1", "unicast 10.9.0.0/16 dev v0 table main scope global features ecn quickack 1 congctl lock reno fastopen_no_cookie 1"},
		{"10.9.0.0/16 via 192.0.2.9 dev v0 ttl-propagate enabled", "unicast 10.9.0.0/16 via 192.0.2.9 dev v0 table main scope global"},
		{"2001:db8:9::/48 via 2001:db8::9 dev v0 pref high", "unicast 2001:db8:9::/48 via 2001:db8::9 dev v0 table main scope global metric 1024 pref high"},
		{"2001:db8:9::/48 via 2001:db8::9 dev v0 pref low metric 10", "unicast 2001:db8:9::/48 via 2001:db8::9 dev v0 table main scope global metric 10 pref low"},
		{"2001:db8:9::/48 dev v0 expires 3600", "unicast 2001:db8:9::/48 dev v0 table main scope global metric 1024 expires 3599sec pref medium"},
		{"2001:db8:9::/48 from 2001:db8:7::/64 dev v0 table 1000", "unicast 2001:db8:9::/48 from 2001:db8:7::/64 dev v0 table 1000 scope global metric 1024 pref medium"},
		{"2001:db8:9::/48 dev v0 src 2001:db8::1 mtu 1400 hoplimit 9", "unicast 2001:db8:9::/48 dev v0 table main scope global src 2001:db8::1 metric 1024 mtu 1400 hoplimit 9 pref medium"},
		{"10.9.0.0/16 nexthop via 192.0.2.9 dev v0 weight 2 realms 5 nexthop via 192.0.2.8 dev v0 weight 5 onlink", "unicast 10.9.0.0/16 table main scope global\nnexthop via 192.0.2.9 realm 5 dev v0 weight 2\nnexthop via 192.0.2.8 dev v0 weight 5 onlink"},
		{"10.9.0.0/16 nexthop via 192.0.2.9 dev v0", "unicast 10.9.0.0/16 via 192.0.2.9 dev v0 table main scope global"},
		{"2001:db8:9::/48 nexthop via 2001:db8::9 dev v0 weight 3 nexthop via 2001:db8::8 dev v0", "unicast 2001:db8:9::/48 table main scope global metric 1024 pref medium\nnexthop via 2001:db8::9 dev v0 weight 3\nnexthop via 2001:db8::8 dev v0 weight 1"},
		{"10.9.0.0/16 via 192.0.2.9 or 192.0.2.8", "unicast 10.9.0.0/16 table main scope global\nnexthop via 192.0.2.9 dev v0 weight 1\nnexthop via 192.0.2.8 dev v0 weight 1"},
		{"add 10.9.0.0/16 dev v0", "unicast 10.9.0.0/16 dev v0 table main scope global"},
		{"append 10.9.0.0/16 dev v0", "unicast 10.9.0.0/16 dev v0 table main scope global"},
		{"prepend 10.9.0.0/16 dev v0", "unicast 10.9.0.0/16 dev v0 table main scope global"},
	} {
		t.Run(c.line, func(t *testing.T) {
			namespace(t)
			ip(t, "addr add 192.0.2.1/24 dev v0")
			ip(t, "addr add 2001:db8::1/64 dev v0 nodad")
			k := open(t)
			rec := hold(t, k, things(t, c.line, ""))
			shown := squeeze(ip(t, "-d route show table all proto 18"))
			if shown != c.shown {
				t.Errorf("ip shows\n%s\nwant\n%s", shown, c.shown)
			}
			recognised(t, k, rec)
		})
	}
}

// recognised expects that what the kernel reports is what was asked for, and that
// asking again changes nothing.
func recognised(t *testing.T, k *Kernel, rec *host.Reconciler) {
	t.Helper()
	ops := rec.Observe(observe(t, k))
	if i := slices.IndexFunc(ops, func(op host.Op) bool { return op.Verb == host.DelThing }); i >= 0 {
		t.Errorf("what the kernel reports as %s is not recognised", ops[i].Thing)
	}
	for i, err := range k.Do(ops) {
		if !errors.Is(err, host.ErrExists) {
			t.Errorf("%s a second time: %v", ops[i], err)
		}
	}
}

func squeeze(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.Replace(line, "3600sec", "3599sec", 1) // of expires, it runs
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

func TestEveryWordOfRulesReachesTheKernel(t *testing.T) {
	for _, c := range []struct{ line, shown string }{
		{"from 192.0.2.0/24 table 100 preference 50", "50: from 192.0.2.0/24 lookup 100 proto keepalived"},
		{"to 10.0.0.0/8 lookup 1000 preference 50", "50: from all to 10.0.0.0/8 lookup 1000 proto keepalived"},
		{"not from 192.0.2.0/24 to 198.51.100.7 table 100 preference 50", "50: not from 192.0.2.0/24 to 198.51.100.7 lookup 100 proto keepalived"},
		{"from all tos 0x10 table 100 preference 50", "50: from all tos 0x10 lookup 100 proto keepalived"},
		{"from all fwmark 0x7 table 100 preference 50", "50: from all fwmark 0x7 lookup 100 proto keepalived"},
		{"from all fwmark 0x7/0xff table 100 preference 50", "50: from all fwmark 0x7/0xff lookup 100 proto keepalived"},
		{"from all fwmark 0 table 100 preference 50", "50: from all lookup 100 proto keepalived"},
		{"iif v0 oif lo table 100 preference 50", "50: from all iif v0 oif lo lookup 100 proto keepalived"},
		{"from all tunnel-id 77 table 100 preference 50", "50: from all tun_id 77 lookup 100 proto keepalived"},
		{"from all uidrange 1000-1999 table 100 preference 50", "50: from all uidrange 1000-1999 lookup 100 proto keepalived"},
		{"from all ipproto tcp sport 1000-2000 dport 80-80 table 100 preference 50", "50: from all ipproto tcp sport 1000-2000 dport 80 lookup 100 proto keepalived"},
		{"from all table 100 realms 3/4 preference 50", "50: from all lookup 100 realms 3/4 proto keepalived"},
		{"from all table main suppress_prefixlength 0 preference 50", "50: from all lookup main suppress_prefixlength 0 proto keepalived"},
		{"from all table main suppress_ifgroup 7 preference 50", "50: from all lookup main suppress_ifgroup 7 proto keepalived"},
		{"from 192.0.2.0/24 goto 60 preference 50", "50: from 192.0.2.0/24 goto 60 [unresolved] proto keepalived"},
		{"from 192.0.2.0/24 nop preference 50", "50: from 192.0.2.0/24 nop proto keepalived"},
		{"from 192.0.2.0/24 blackhole preference 50", "50: from 192.0.2.0/24 blackhole proto keepalived"},
		{"from 192.0.2.0/24 unreachable preference 50", "50: from 192.0.2.0/24 unreachable proto keepalived"},
		{"from 192.0.2.0/24 prohibit preference 50", "50: from 192.0.2.0/24 prohibit proto keepalived"},
		{"from 2001:db8::/32 table 1000 preference 50", "50: from 2001:db8::/32 lookup 1000 proto keepalived"},
		{"inet6 x iif v0 table 100 preference 50", "50: from all iif v0 lookup 100 proto keepalived"},
	} {
		t.Run(c.line, func(t *testing.T) {
			namespace(t)
			k := open(t)
			rec := hold(t, k, things(t, "", c.line))
			shown := squeeze(ip(t, "-d rule show pref 50") + ip(t, "-6 -d rule show pref 50"))
			if shown != c.shown {
				t.Errorf("ip shows\n%s\nwant\n%s", shown, c.shown)
			}
			recognised(t, k, rec)
		})
	}
}
