package config_test

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"holdfast/internal/config"
)

// entry reads one line of a static block and answers what came of it, as text,
// and what was found in it, without the places.
func entry(block, line string) (printed, found string) {
	c, diags := buildText("track_group T {\ngroup {\nA\n}\n}\nvrrp_instance A {\n" + plain + "no_virtual_ipaddress\n}\n" + block + " {\n" + line + "\n}\n")
	var lines []string
	for _, a := range c.StaticAddresses {
		lines = append(lines, a.String())
	}
	for _, r := range c.StaticRoutes {
		lines = append(lines, r.String())
	}
	for _, r := range c.StaticRules {
		lines = append(lines, r.String())
	}
	var texts []string
	for _, d := range diags {
		if d.Span.Line > 11 {
			texts = append(texts, d.Severity.String()+": "+d.Text)
		}
	}
	return strings.Join(lines, "\n"), strings.Join(texts, "\n")
}

type entryTest struct{ line, want, finding string }

func testEntries(t *testing.T, block string, tests []entryTest) {
	t.Helper()
	for _, c := range tests {
		got, found := entry(block, c.line)
		if got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.line, got, c.want)
		}
		if c.finding == "" && found != "" || !strings.Contains(found, c.finding) {
			t.Errorf("%s\nfound %s\n want %s", c.line, found, c.finding)
		}
	}
}

func TestRoutes(t *testing.T) {
	const dropped = "; the route is dropped"
	testEntries(t, "static_routes", []entryTest{
		// Destinations and families.
		{"10.9.0.0/16 dev eth0", "10.9.0.0/16 dev eth0 proto 18", ""},
		{"to 10.9.0.0/16 dev eth0", "10.9.0.0/16 dev eth0 proto 18", ""},
		{"dev eth0 10.9.0.0/16", "10.9.0.0/16 dev eth0 proto 18", ""},
		{"10.9.0.1 dev eth0", "10.9.0.1 dev eth0 proto 18", ""},
		{"default dev eth0", "default dev eth0 proto 18", ""},
		{"any dev eth0", "default dev eth0 proto 18", ""},
		{"all dev eth0 via 2001:db8::1", "::/0 via inet6 2001:db8::1 dev eth0 proto 18", ""},
		{"default src 2001:db8::1 dev eth0", "::/0 dev eth0 src 2001:db8::1 proto 18", ""},
		{"default dev eth0 pref 9", "::/0 dev eth0 proto 18 pref 9", ""},
		{"default6 dev eth0", "::/0 dev eth0 proto 18", "advice: default6 is an old spelling"},
		{"blackhole default6 no_track", "blackhole ::/0 proto 18 no_track", ""},
		{"default inet6 x dev eth0", "::/0 dev eth0 proto 18", `advice: inet6 has the word behind it passed over: "x" is not read`},
		{"default dev eth0 inet6", "::/0 dev eth0 proto 18", ""},
		{"10.9.0.0/16 dev eth0 inet6", "", "complaint: inet6 is IPv6 in an IPv4 route" + dropped},
		{"10.9.0.0/16 10.8.0.0/16 dev eth0", "10.8.0.0/16 dev eth0 proto 18", "advice: there is a destination already; the last one counts"},
		{"10.9.0.0/33 dev eth0", "10.9.0.0 dev eth0 proto 18", "complaint: the prefix length of 10.9.0.0/33 is not legal and becomes 32"},
		{"10.9.0.5/24 dev eth0", "10.9.0.5/24 dev eth0 proto 18", "advice: 10.9.0.5/24 has bits behind its prefix; the kernel refuses the route"},
		{"dev eth0", "", "complaint: there is no destination" + dropped},
		{"10.9/16 dev eth0", "", `complaint: "10.9/16" is neither a word of routes nor a destination` + dropped},
		{"10.9.0.0/16 devv eth0", "", `complaint: "devv" is neither a word of routes nor a destination` + dropped},

		// Types.
		{"blackhole 10.9.0.0/16", "blackhole 10.9.0.0/16 proto 18 no_track", "complaint: a route without dev is not tracked"},
		{"to unreachable default no_track", "unreachable default proto 18 no_track", ""},
		{"throw to 10.9.0.0/16 no_track", "throw 10.9.0.0/16 proto 18 no_track", ""},
		{"brd 10.9.0.0/16 dev eth0", "broadcast 10.9.0.0/16 dev eth0 proto 18", ""},
		{"unicast 10.9.0.0/16 dev eth0", "10.9.0.0/16 dev eth0 proto 18", ""},
		{"append throw 10.9.0.0/16 no_track", "append throw 10.9.0.0/16 proto 18 no_track", ""},
		{"throw append 10.9.0.0/16", "", `complaint: "append" stands where the destination should` + dropped},
		{"prohibit throw 10.9.0.0/16", "", `complaint: "throw" stands where the destination should` + dropped},
		{"prohibit", "", "complaint: there is no destination" + dropped},

		// Where packets go.
		{"10.9.0.0/16 via 10.0.0.1", "10.9.0.0/16 via 10.0.0.1 proto 18 no_track", "complaint: a route without dev is not tracked"},
		{"10.9.0.0/16 via inet 10.0.0.1 oif eth0 onlink", "10.9.0.0/16 via 10.0.0.1 dev eth0 onlink proto 18", ""},
		{"10.9.0.0/16 via inet6 10.0.0.1 dev eth0", "", "complaint: 10.0.0.1 is not of the family before it" + dropped},
		{"10.9.0.0/16 via 2001:db8::1 dev eth0", "", "complaint: the next router 2001:db8::1 is IPv6 in an IPv4 route" + dropped},
		{"10.9.0.0/16 via 10.0.0.1/24 dev eth0", "", `complaint: "10.0.0.1/24" is not an address` + dropped},
		{"10.9.0.0/16 gw 10.0.0.1 dev eth0", "10.9.0.0/16 via 10.0.0.1 dev eth0 proto 18", "complaint: gw is an old spelling"},
		{"10.9.0.0/16 dev eth0 dev eth1", "10.9.0.0/16 dev eth1 proto 18", ""},
		{"10.9.0.0/16 dev sixteen.letters.", "", `complaint: "sixteen.letters." cannot be the name of an interface` + dropped},
		{"10.9.0.0/16 via 10.0.0.1 or 10.0.0.2 dev eth0", "10.9.0.0/16 dev eth0 proto 18 nexthop via 10.0.0.1 dev eth0 weight 1 nexthop via 10.0.0.2 dev eth0 weight 1", "complaint: or is an old spelling"},
		{"10.9.0.0/16 or 10.0.0.2 or 10.0.0.3 dev eth0", "10.9.0.0/16 dev eth0 proto 18 nexthop via 10.0.0.2 dev eth0 weight 1", "complaint: or is given twice"},
		{"10.9.0.0/16 dev eth0 as to 10.0.0.1", "10.9.0.0/16 dev eth0 proto 18", "complaint: as is for MPLS and ignored"},

		// What else it has.
		{"10.9.0.0/16 dev eth0 src 10.0.0.300", "", `complaint: "10.0.0.300" is not an address` + dropped},
		{"10.9.0.0/16 dev eth0 tos 020", "10.9.0.0/16 tos 0x10 dev eth0 proto 18", ""},
		{"2001:db8::/32 dev eth0 tos 5", "2001:db8::/32 tos 0x05 dev eth0 proto 18", "advice: the kernel refuses an IPv6 route with tos"},
		{"nat 10.9.0.0/16 dev eth0", "nat 10.9.0.0/16 dev eth0 proto 18", "advice: the kernel refuses routes of type nat"},
		{"10.9.0.0/16 dev eth0 tos EF", "10.9.0.0/16 tos 0xb8 dev eth0 proto 18", ""},
		{"10.9.0.0/16 dev eth0 tos ef", "", `complaint: "ef" is neither a number nor a name in rt_dsfield of iproute2` + dropped},
		{"10.9.0.0/16 dev eth0 dsfield 256", "", "complaint: 256 is more than 255" + dropped},
		{"10.9.0.0/16 dev eth0 table 0x5", "10.9.0.0/16 dev eth0 table 5 proto 18", ""},
		{"10.9.0.0/16 dev eth0 table 4294967295", "10.9.0.0/16 dev eth0 table 4294967295 proto 18", ""},
		{"10.9.0.0/16 dev eth0 table default", "10.9.0.0/16 dev eth0 table 253 proto 18", ""},
		{"10.9.0.0/16 dev eth0 table red", "10.9.0.0/16 dev eth0 table 1000 proto 18", ""}, // of Options
		{"10.9.0.0/16 dev eth0 table nonsense", "", `complaint: "nonsense" is neither a number nor a name in rt_tables of iproute2` + dropped},
		{"10.9.0.0/16 dev eth0 vrf blue", "10.9.0.0/16 dev eth0 vrf blue proto 18", ""},
		{"10.9.0.0/16 dev eth0 vrf blue table 7", "10.9.0.0/16 dev eth0 table 7 proto 18", ""},
		{"10.9.0.0/16 dev eth0 scope link", "10.9.0.0/16 dev eth0 proto 18 scope link", ""},
		{"10.9.0.0/16 dev eth0 scope xx", "", `complaint: "xx" is neither a number nor a name in rt_scopes of iproute2` + dropped},
		{"10.9.0.0/16 dev eth0 protocol static", "10.9.0.0/16 dev eth0 proto 18", "complaint: a route with another protocol than 18 cannot be tracked; the protocol becomes 18"},
		{"10.9.0.0/16 dev eth0 protocol bgp no_track", "10.9.0.0/16 dev eth0 proto 186 no_track", ""},
		{"10.9.0.0/16 dev eth0 protocol 300", "", "complaint: 300 is more than 255" + dropped},
		{"10.9.0.0/16 dev eth0 metric 5 priority 6", "10.9.0.0/16 dev eth0 proto 18 metric 6", ""},
		{"10.9.0.0/16 dev eth0 metric -1", "", `complaint: "-1" is not a number from 0 to 4294967295` + dropped},
		{"10.9.0.0/16 dev eth0 metric 0x10", "", `complaint: "0x10" is not a number from 0 to 4294967295` + dropped},
		{"10.9.0.0/16 dev eth0 realms 5/6", "10.9.0.0/16 dev eth0 realms 5/6 proto 18", ""},
		{"10.9.0.0/16 dev eth0 realms cosmos/3", "10.9.0.0/16 dev eth0 realms 3 proto 18", ""},
		{"10.9.0.0/16 dev eth0 realms 5/", "", `complaint: "5/" is not a realm` + dropped},
		{"10.9.0.0/16 dev eth0 realms 70000", "", `complaint: "70000" is not a realm` + dropped},
		{"2001:db8::/32 dev eth0 realms 5", "", "complaint: realms 5 is IPv4 in an IPv6 route" + dropped},
		{"10.9.0.0/16 dev eth0 from 10.0.0.0/8", "", "complaint: from is for IPv6" + dropped},
		{"10.9.0.0/16 dev eth0 expires 60", "", "complaint: expires is for IPv6" + dropped},
		{"10.9.0.0/16 dev eth0 pref low", "", "complaint: pref is for IPv6" + dropped},
		{"2001:db8::/32 dev eth0 pref high expires 60 from 2001:db8:1::/48", "2001:db8::/32 from 2001:db8:1::/48 dev eth0 proto 18 expires 60 pref high", ""},
		{"2001:db8::/32 dev eth0 pref 256", "", `complaint: "256" is not a number from 0 to 255` + dropped},
		{"10.9.0.0/16 dev eth0 ttl-propagate enabled", "10.9.0.0/16 dev eth0 proto 18 ttl-propagate enabled", ""},
		{"10.9.0.0/16 dev eth0 ttl-propagate foo", "10.9.0.0/16 dev eth0 proto 18 ttl-propagate disabled", `complaint: ttl-propagate knows no "foo"`},

		// Metrics.
		{"10.9.0.0/16 dev eth0 mtu lock 1400 hoplimit 9", "10.9.0.0/16 dev eth0 proto 18 mtu lock 1400 hoplimit 9", ""},
		{"10.9.0.0/16 dev eth0 initrwnd 20 initcwnd 10 mtu 9 mtu 1400", "10.9.0.0/16 dev eth0 proto 18 mtu 1400 initcwnd 10 initrwnd 20", ""},
		{"10.9.0.0/16 dev eth0 mtu 99999999999", "", `complaint: "99999999999" is not a number from 0 to 4294967295` + dropped},
		{"10.9.0.0/16 dev eth0 hoplimit 300", "", `complaint: "300" is not a number from 0 to 255` + dropped},
		{"10.9.0.0/16 dev eth0 quickack 2", "", `complaint: "2" is not a number from 0 to 1` + dropped},
		{"10.9.0.0/16 dev eth0 fastopen_no_cookie 7", "", `complaint: "7" is not a number from 0 to 1` + dropped},
		{"10.9.0.0/16 dev eth0 features ecn congctl lock reno", "10.9.0.0/16 dev eth0 proto 18 features ecn congctl lock reno", ""},
		{"10.9.0.0/16 dev eth0 features foo", "10.9.0.0/16 dev eth0 proto 18", `complaint: features knows no "foo"; it is ignored`},
		{"10.9.0.0/16 dev eth0 rtt 1s rttvar 1s rto_min 1s", "10.9.0.0/16 dev eth0 proto 18 rtt 8000 rttvar 4000 rto_min 1000", ""},
		{"10.9.0.0/16 dev eth0 rtt 8000 rttvar 4000 rto_min lock 1000", "10.9.0.0/16 dev eth0 proto 18 rtt 8000 rttvar 4000 rto_min lock 1000", ""},
		{"10.9.0.0/16 dev eth0 rtt 1000", "10.9.0.0/16 dev eth0 proto 18 rtt 1600", "advice: rtt 1000 is 0.125 s and becomes 0.2"},
		{"10.9.0.0/16 dev eth0 rtt 500s", "10.9.0.0/16 dev eth0 proto 18 rtt 960000", "advice: rtt 500s is 500 s and becomes 120"},
		{"10.9.0.0/16 dev eth0 rto_min 1.0005s", "10.9.0.0/16 dev eth0 proto 18 rto_min 1001", "complaint: 1.0005s is finer than a millisecond and is rounded"},
		{"10.9.0.0/16 dev eth0 rtt 5x", "", `complaint: "5x" is not a time` + dropped},

		// Adding and following.
		{"10.9.0.0/16 dev eth0 add", "add 10.9.0.0/16 dev eth0 proto 18", ""},
		{"10.9.0.0/16 dev eth0 add append prepend", "10.9.0.0/16 dev eth0 proto 18", ""},
		{"10.9.0.0/16 dev eth0 track_group T", "10.9.0.0/16 dev eth0 proto 18 track_group T", ""},
		{"10.9.0.0/16 dev eth0 track_group U", "10.9.0.0/16 dev eth0 proto 18", "complaint: there is no track_group U above; it is ignored"},
		{"10.9.0.0/16 dev eth0 track_group T no_track", "10.9.0.0/16 dev eth0 proto 18 no_track", ""},
		{"10.9.0.0/16 via 10.0.0.1 track_group T", "10.9.0.0/16 via 10.0.0.1 proto 18 no_track", "complaint: track_group needs an interface in a route; it is ignored"},
	})
}

func TestEncapsulations(t *testing.T) {
	const dropped = "; the route is dropped"
	testEntries(t, "static_routes", []entryTest{
		{"10.9.0.0/16 encap ip id 5 dst 10.0.0.9 src 10.0.0.8 tos AF11 ttl 9 flags 3 dev eth0", "10.9.0.0/16 encap ip id 5 dst 10.0.0.9 src 10.0.0.8 tos 40 ttl 9 flags 3 dev eth0 proto 18", ""},
		{"10.9.0.0/16 encap ip6 id 1 dst 2001:db8::1 tc 3 hoplimit 9 dev eth0", "10.9.0.0/16 encap ip6 id 1 dst 2001:db8::1 tc 3 hoplimit 9 dev eth0 proto 18", ""},
		{"10.9.0.0/16 encap mpls 100/200 dev eth0", "10.9.0.0/16 encap mpls 100/200 dev eth0 proto 18", ""},
		{"10.9.0.0/16 encap ila 1:a:0:ffff dev eth0", "10.9.0.0/16 encap ila 1:a:0:ffff dev eth0 proto 18", ""},
		{"10.9.0.0/16 dev eth0 encap ip6 id 1 hoplimit 9 tos 5", "10.9.0.0/16 tos 0x05 encap ip6 id 1 hoplimit 9 dev eth0 proto 18", ""}, // tos is the route's
		{"10.9.0.0/16 dev eth0 encap", "10.9.0.0/16 dev eth0 proto 18", "complaint: encap needs a kind"},
		{"10.9.0.0/16 dev eth0 encap foo 1 mtu 1400", "10.9.0.0/16 dev eth0 proto 18 mtu 1400", `complaint: encap knows no "foo"; it and the word behind it are ignored`},
		{"10.9.0.0/16 dev eth0 encap ip ttl 9", "10.9.0.0/16 encap ip ttl 9 dev eth0 proto 18", "complaint: encap ip has neither id nor dst"},
		{"10.9.0.0/16 dev eth0 encap ip id x", "", dropped},
		{"10.9.0.0/16 dev eth0 encap ip id 0x10", "", `complaint: "0x10" is not a number from 0 to 18446744073709551615`},
		{"10.9.0.0/16 dev eth0 encap ip id 1 ttl 300", "", dropped},
		{"10.9.0.0/16 dev eth0 encap ip dst 2001:db8::1", "", dropped},
		{"10.9.0.0/16 dev eth0 encap ip id 1 flags 65536", "", dropped},
		{"10.9.0.0/16 dev eth0 encap ip id", "", "complaint: id needs a value: N; the entry is dropped"},
		{"10.9.0.0/16 dev eth0 encap mpls 1/2x", "", dropped},
		{"10.9.0.0/16 dev eth0 encap mpls 1048576", "", dropped},
		{"10.9.0.0/16 dev eth0 encap ila 1:2:3", "", dropped},
	})
}

func TestNextHops(t *testing.T) {
	const untracked = "complaint: a route without dev is not tracked"
	testEntries(t, "static_routes", []entryTest{
		{"10.9.0.0/16 no_track nexthop via 10.0.0.4 dev eth0 weight 3 nexthop via inet 10.0.0.5 weight 256 onlink realms 4",
			"10.9.0.0/16 proto 18 nexthop via 10.0.0.4 dev eth0 weight 3 nexthop via 10.0.0.5 weight 256 onlink realms 4 no_track", ""},
		{"10.9.0.0/16 no_track nexthop encap ip id 5 dst 10.0.0.9 weight 2 nexthop dev eth1", "10.9.0.0/16 proto 18 nexthop encap ip id 5 dst 10.0.0.9 weight 2 nexthop dev eth1 weight 1 no_track", ""},
		{"default no_track nexthop via 2001:db8::1 nexthop via 2001:db8::2", "::/0 proto 18 nexthop via inet6 2001:db8::1 weight 1 nexthop via inet6 2001:db8::2 weight 1 no_track", ""},
		{"10.9.0.0/16 nexthop dev eth0", "10.9.0.0/16 proto 18 nexthop dev eth0 weight 1 no_track", untracked},
		{"10.9.0.0/16 no_track nexthop", "10.9.0.0/16 proto 18 nexthop weight 1 no_track", ""},
		// A bad one ends the list, and what was read before it stays.
		{"10.9.0.0/16 no_track nexthop via 10.0.0.4 nexthop via 2001:db8::1 nexthop via 10.0.0.5", "10.9.0.0/16 proto 18 nexthop via 10.0.0.4 weight 1 no_track",
			"complaint: 2001:db8::1 is of another family than the route; this nexthop and what follows it are left out"},
		{"10.9.0.0/16 no_track nexthop via 10.0.0.x nexthop via 10.0.0.5", "10.9.0.0/16 proto 18 no_track", `complaint: "10.0.0.x" is not an address; this nexthop`},
		{"10.9.0.0/16 no_track nexthop dev eth0 weight 0", "10.9.0.0/16 proto 18 no_track", `complaint: "0" is not a weight from 1 to 256`},
		{"10.9.0.0/16 no_track nexthop dev eth0 weight 257", "10.9.0.0/16 proto 18 no_track", `complaint: "257" is not a weight from 1 to 256`},
		{"10.9.0.0/16 no_track nexthop via 10.0.0.4 as to 10.0.0.5", "10.9.0.0/16 proto 18 no_track", "complaint: as is not supported"},
		{"10.9.0.0/16 no_track nexthop dev eth0 realms xx", "10.9.0.0/16 proto 18 no_track", `complaint: "xx" is not a realm`},
		{"10.9.0.0/16 no_track nexthop dev eth0 encap ip id 5 ttl 300 weight 3", "10.9.0.0/16 proto 18 nexthop encap ip id 5 dev eth0 weight 1 no_track", "complaint: \"300\" is not a number from 0 to 255; the rest of the line is left out"},
		{"10.9.0.0/16 no_track nexthop dev eth0 mtu 1400", "10.9.0.0/16 proto 18 nexthop dev eth0 weight 1 no_track", `complaint: "mtu" and what follows it is left out`},
		{"10.9.0.0/16 dev eth0 nexthop via 10.0.0.4 dev eth0 nexthop via 10.0.0.5", "10.9.0.0/16 dev eth0 proto 18 nexthop via 10.0.0.4 dev eth0 weight 1 nexthop via 10.0.0.5 weight 1", ""},
		{"10.9.0.0/16 dev eth0 nexthop via 10.0.0.4", "10.9.0.0/16 dev eth0 proto 18 nexthop via 10.0.0.4 weight 1", "advice: the kernel refuses a route whose dev is not that of its first nexthop"},
		{"10.9.0.0/16 no_track via 10.0.0.1 nexthop dev eth0", "10.9.0.0/16 via 10.0.0.1 proto 18 nexthop dev eth0 weight 1 no_track", "advice: the kernel refuses a route with nexthop"},
	})
}

func TestRules(t *testing.T) {
	const dropped = "; the rule is dropped"
	testEntries(t, "static_rules", []entryTest{
		{"from 10.1.0.0/16 table 5 preference 100", "from 10.1.0.0/16 pref 100 lookup 5 protocol 18", ""},
		{"from all lookup main order 0x10", "from all pref 16 lookup 254 protocol 18", ""},
		{"from default to 2001:db8::/32 table 5 priority 010", "from all to 2001:db8::/32 pref 8 lookup 5 protocol 18", ""},
		{"table 5 preference 1 inet6", "inet6 from all pref 1 lookup 5 protocol 18", ""},
		{"inet x table 5 preference 1", "from all pref 1 lookup 5 protocol 18", "advice: inet has the word behind it passed over"},
		{"inet6 x from 10.0.0.0/8 table 5 preference 1", "", "complaint: the source 10.0.0.0/8 is IPv4 in an IPv6 rule" + dropped},
		{"from 10.0.0.0/8 to 2001:db8::/32 table 5 preference 1", "", "is IPv6 in an IPv4 rule" + dropped},
		{"from bad table 5 preference 1", "", `complaint: "bad" is not an address` + dropped},
		{"from 10.0.0.0/x table 5 preference 1", "from 10.0.0.0/32 pref 1 lookup 5 protocol 18", "complaint: the prefix length of 10.0.0.0/x is not legal and becomes 32"},
		{"from 10.1.0.0/16 from 10.2.0.0/16 table 5 preference 1", "from 10.2.0.0/16 pref 1 lookup 5 protocol 18", ""},
		{"not from 10.1.0.0/16 table 5 preference 1", "not from 10.1.0.0/16 pref 1 lookup 5 protocol 18", ""},
		{"tos AF11 table 5 preference 1", "from all tos 0x28 pref 1 lookup 5 protocol 18", ""},
		{"tos xx table 5 preference 1", "", `complaint: "xx" is neither a number nor a name in rt_dsfield of iproute2` + dropped},
		{"fwmark 0x10/0xff table 5 preference 1", "from all fwmark 0x10/0xff pref 1 lookup 5 protocol 18", ""},
		{"fwmark 0 table 5 preference 1", "from all fwmark 0x0 pref 1 lookup 5 protocol 18", ""},
		{"fwmark 5/0 table 5 preference 1", "from all fwmark 0x5/0x0 pref 1 lookup 5 protocol 18", ""},
		{"fwmark 1/zz table 5 preference 1", "", `complaint: "1/zz" is not a mark` + dropped},
		{"iif eth0 oif eth1 table 5 preference 1", "from all iif eth0 oif eth1 pref 1 lookup 5 protocol 18", ""},
		{"dev eth0 table 5 preference 1", "from all iif eth0 pref 1 lookup 5 protocol 18", ""},
		{"tunnel-id 5 table 5 preference 1", "from all tun_id 5 pref 1 lookup 5 protocol 18", ""},
		{"tunnel-id 0x5 table 5 preference 1", "", `complaint: "0x5" is not a number` + dropped},
		{"uidrange 0-6 table 5 preference 1", "from all uidrange 0-6 pref 1 lookup 5 protocol 18", ""},
		{"uidrange 5 table 5 preference 1", "", `complaint: "5" is not a range` + dropped},
		{"uidrange 1- table 5 preference 1", "", `complaint: "1-" is not a range` + dropped},
		{"uidrange 9-6 table 5 preference 1", "from all uidrange 9-6 pref 1 lookup 5 protocol 18", "advice: the range 9-6 ends before it begins"},
		{"ipproto tcp sport 1-2 dport 0-65535 table 5 preference 1", "from all ipproto 6 sport 1-2 dport 0-65535 pref 1 lookup 5 protocol 18", ""},
		{"ipproto ipv6-icmp table 5 preference 1", "from all ipproto 58 pref 1 lookup 5 protocol 18", ""},
		{"ipproto 300 table 5 preference 1", "from all pref 1 lookup 5 protocol 18", `complaint: there is no IP protocol "300"; the rule is for all of them`},
		{"sport 5 table 5 preference 1", "from all pref 1 lookup 5 protocol 18", "complaint: sport takes a range only; the rule is for all ports"},
		{"dport 5-70000 table 5 preference 1", "from all pref 1 lookup 5 protocol 18", `complaint: "5-70000" is not a range of ports`},
		{"protocol 5 table 5 preference 1", "from all pref 1 lookup 5 protocol 18", "complaint: a rule with another protocol than 18 cannot be tracked"},
		{"protocol 5 no_track table 5 preference 1", "from all pref 1 lookup 5 protocol 5 no_track", ""},
		{"protocol static table 5 preference 1", "from all pref 1 lookup 5 protocol 18", `complaint: "static" is not a protocol of rules and is ignored`},
		{"table 5 preference abc", "", `complaint: "abc" is not a preference` + dropped},

		// Actions.
		{"table nonsense preference 1", "", `complaint: "nonsense" is neither a number nor a name in rt_tables of iproute2` + dropped},
		{"table 0 preference 1", "", "complaint: there is no table 0" + dropped},
		{"l3mdev preference 1", "from all pref 1 l3mdev protocol 18", ""},
		{"l3mdev suppress_prefixlength 5 preference 1", "from all pref 1 l3mdev suppress_prefixlength 5 protocol 18", ""},
		{"l3mdev table 5 preference 1", "", "complaint: a rule has one action, and this one has l3mdev already" + dropped},
		{"type goto 500 preference 1", "from all pref 1 goto 500 protocol 18", ""},
		{"goto 5 preference 5", "", "complaint: goto 5 does not lead forward from preference 5" + dropped},
		{"goto 500", "", "complaint: goto needs a preference" + dropped},
		{"goto 0x300 preference 1", "", `complaint: "0x300" is not a number`},
		{"nop preference 1", "from all pref 1 nop protocol 18", ""},
		{"blackhole preference 1", "from all pref 1 blackhole protocol 18", ""},
		{"unreachable preference 1", "from all pref 1 unreachable protocol 18", ""},
		{"type prohibit preference 1", "from all pref 1 prohibit protocol 18", ""},
		{"throw preference 1", "", "complaint: throw is not an action of rules" + dropped},
		{"type unicast preference 1", "", "complaint: unicast is not an action of rules" + dropped},
		{"type table 5 preference 1", "", `complaint: "table" is not a word of rules` + dropped},
		{"from 10.1.0.0/16 preference 1", "", "complaint: there is no action" + dropped},
		{"table 5 prohibit preference 1", "", "complaint: a rule has one action, and this one has table already" + dropped},
		{"10.1.0.0/16 table 5 preference 1", "", `complaint: "10.1.0.0/16" is not a word of rules` + dropped},

		// What goes with a table.
		{"table 5 realms 5/6 suppress_ifgroup default preference 1", "from all pref 1 lookup 5 realms 5/6 suppress_ifgroup 0 protocol 18", ""},
		{"table 5 sup_pl 200 sup_group 7 preference 1", "from all pref 1 lookup 5 suppress_prefixlength 200 suppress_ifgroup 7 protocol 18", ""},
		{"suppress_prefixlength 3 prohibit preference 1", "", "complaint: suppress_prefixlength goes with table only" + dropped},
		{"realms 5 prohibit preference 1", "", "complaint: realms goes with table only" + dropped},
		{"to 2001:db8::/32 realms 5 table 5 preference 1", "", "complaint: realms 5 is IPv4 in an IPv6 rule" + dropped},
		{"table 5 suppress_ifgroup nonsense preference 1", "", `complaint: "nonsense" is neither a number nor a name in group of iproute2` + dropped},

		{"iif eth0 table 5 preference 1 track_group T", "from all iif eth0 pref 1 lookup 5 protocol 18 track_group T", ""},
		{"oif eth0 table 5 preference 1 track_group T", "from all oif eth0 pref 1 lookup 5 protocol 18", "complaint: track_group needs an interface in a rule; it is ignored"},
	})
}

// Rules without a preference get one less each, a family at a time.
func TestPreferencesOfRulesThatHaveNone(t *testing.T) {
	got, found := entry("static_rules", "from 10.0.0.0/8 table 5\nfrom 2001:db8::/32 table 5\nfrom 10.1.0.0/16 table 5\ntable 5 preference 9\nfrom 2001:db8:1::/48 table 5")
	want := "from 10.0.0.0/8 pref 16384 lookup 5 protocol 18\nfrom 2001:db8::/32 pref 16384 lookup 5 protocol 18\nfrom 10.1.0.0/16 pref 16383 lookup 5 protocol 18\n" +
		"from all pref 9 lookup 5 protocol 18\nfrom 2001:db8:1::/48 pref 16383 lookup 5 protocol 18"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if strings.Count(found, "a rule without a preference gets") != 4 {
		t.Errorf("found %s", found)
	}
}

func TestStaticAddresses(t *testing.T) {
	testEntries(t, "static_ipaddress", []entryTest{
		{"10.9.0.1/24 dev eth3", "10.9.0.1/24 dev eth3", ""},
		{"10.9.0.1/24", "10.9.0.1/24 dev eth0", ""},
		{"10.9.0.1/24 dev eth3 track_group T", "10.9.0.1/24 dev eth3 track_group T", ""},
		{"10.9.0.1/24 dev eth3 track_group U", "10.9.0.1/24 dev eth3", "complaint: there is no track_group U above; it is ignored"},
		{"10.9.0.1/24 dev eth3 track_group T no_track", "10.9.0.1/24 dev eth3 no_track", ""},
		{"10.9.0.1/24 dev eth3 use_vmac", "10.9.0.1/24 dev eth3", `complaint: "use_vmac" is unknown here and ignored`},
		{"10.9.0.1/24 dev eth3 scope foo", "10.9.0.1/24 dev eth3", `complaint: there is no scope "foo"; it is ignored`},
		{"10.9.0.1/31 dev eth3 brd +", "10.9.0.1/31 dev eth3", "complaint: a /31 has no broadcast address; it is ignored"},
		{"10.9.0.1/30 dev eth3 brd -", "10.9.0.1/30 dev eth3 brd 10.9.0.0", ""},
		{"10.9.0.1/24 dev eth3 brd xx", "", `complaint: "xx" is not an IPv4 address; the address is dropped`},
		{"10.9.0.1/24 dev eth3 peer xx label k", "10.9.0.1/24 dev eth3 label k", `complaint: "xx" cannot be the peer of 10.9.0.1 and is ignored`},
		{"10.9.0.1/24 dev eth3 peer 10.8.0.1", "10.9.0.1/32 peer 10.8.0.1/32 dev eth3", "complaint: the prefix length before peer is ignored: 32 is taken"},
		{"10.9.0.1 dev eth3 peer 10.8.0.1/30", "10.9.0.1/30 peer 10.8.0.1/30 dev eth3", ""},
		{"10.9.0.1 dev eth3 peer 10.8.0.1/40", "10.9.0.1/32 peer 10.8.0.1/32 dev eth3", "complaint: the prefix length of 10.8.0.1/40 is not legal and becomes 32"},
		{"10.9.0.1/24 dev eth3 preferred_lft x", "10.9.0.1/24 dev eth3", `complaint: "x" is not a lifetime and is ignored`},
		{"10.9.0.1/24 dev eth3 preferred_lft", "", "complaint: preferred_lft needs a value"},
		{"10.9.0.1/24 dev eth3 label sixteen.letters.", "", "complaint: the label is longer than 15 bytes; the address is dropped"},
		{"10.9.0.1/24 dev eth3 dev eth4", "", "complaint: dev is given twice; the address is dropped"},
		{"10.9.0.1-5/24 dev eth3", "", `complaint: "10.9.0.1-5/24" is not an address; the line is dropped`},
	})
}

func TestDefaultInterfaceOfStaticAddresses(t *testing.T) {
	c, _ := buildText("static_ipaddress {\n10.9.0.1/24\n}\nglobal_defs {\ndefault_interface eth7\n}\n")
	if got := c.StaticAddresses[0].Link; got != "eth7" {
		t.Errorf("got %s", got)
	}
}

// A route or a rule that ends before the value of a word ends keepalived.
func TestLinesThatEndTooEarly(t *testing.T) {
	for _, c := range []struct {
		block, line string
		exit        int
	}{
		{"static_routes", "10.1.0.0/16 dev eth0 mtu", 2},
		{"static_routes", "10.1.0.0/16 dev eth0 mtu lock", 2},
		{"static_routes", "10.1.0.0/16 dev", 2},
		{"static_routes", "10.1.0.0/16 via", 2},
		{"static_routes", "10.1.0.0/16 via inet", 2},
		{"static_routes", "10.1.0.0/16 as", 2},
		{"static_routes", "10.1.0.0/16 features", 2},
		{"static_routes", "10.1.0.0/16 track_group", 2},
		{"static_routes", "10.1.0.0/16 nexthop via", 2},
		{"static_routes", "10.1.0.0/16 nexthop dev", 2},
		{"static_routes", "to", 2},
		{"static_routes", "10.1.0.0/16 dev eth0 inet", 0},
		{"static_routes", "10.1.0.0/16 encap", 5},
		{"static_routes", "10.1.0.0/16 encap ip", 5},
		{"static_routes", "10.1.0.0/16 encap ip id", 5},
		{"static_routes", "10.1.0.0/16 encap mpls", 5},
		{"static_rules", "from", 2},
		{"static_rules", "from all table", 2},
		{"static_rules", "table 5 preference", 2},
		{"static_rules", "table 5 fwmark", 2},
		{"static_rules", "table 5 sport", 2},
		{"static_rules", "type", 2},
		{"static_rules", "type goto", 2},
		{"static_rules", "goto", 2},
		{"static_rules", "not", 5},
		{"static_rules", "table 5 preference 5 inet", 0},
		{"static_ipaddress", "10.1.0.1/24 label", 5},
	} {
		_, diags := buildText(c.block + " {\n" + c.line + "\n}\n")
		if got := config.ExitStatus(diags); got != c.exit {
			t.Errorf("%s: exit %d, want %d", c.line, got, c.exit)
		}
	}
}

func TestVirtualRoutesAndRulesHaveNoGroup(t *testing.T) {
	c, diags := buildText("vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n10.0.0.1\n}\n" +
		"virtual_routes {\n10.1.0.0/16 dev eth0 track_group T\n10.2.0.0/16 dev eth0\n}\nvirtual_rules {\ntable 5 preference 1 track_group T\ntable 5 preference 2\n}\n}\n")
	got := fmt.Sprint(c.Instances[0].Routes, c.Instances[0].Rules)
	if want := "[10.2.0.0/16 dev eth0 proto 18] [from all pref 2 lookup 5 protocol 18]"; got != want {
		t.Errorf("got %s, want %s; %v", got, want, diags)
	}
}

// Every sample of what is held survives the way to the router process.
func TestGobCarriesAllThatIsHeld(t *testing.T) {
	var buf bytes.Buffer
	encoder, decoder := gob.NewEncoder(&buf), gob.NewDecoder(&buf)
	for word, sample := range heldSamples() {
		block, _, _ := strings.Cut(word, " ")
		if sample == "" || sample[0] == '@' || !strings.Contains(skeleton, "#"+block+"\n") {
			continue
		}
		sent, _ := buildText(strings.Replace(skeleton, "#"+block+"\n", strings.TrimSuffix(sample, " @same")+"\n", 1))
		if err := encoder.Encode(sent); err != nil {
			t.Fatal(err)
		}
		got := new(config.Config)
		if err := decoder.Decode(got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(sent, got) {
			t.Errorf("%s: not the same", word)
		}
	}
}

// No text that is made of a configuration tells a key.
func TestNobodyIsToldAKey(t *testing.T) {
	const secret = "0123456789abcdefghijklmnopqrstuv"
	text := func(key string) string {
		return "vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n10.0.0.1\n}\nauth_hmac {\nkey 1 " + key + "\nkey 1 " + key + "\nkey 0 " + key + "\nkey 2 " + key[:20] + "\nactive_key 1\n}\n}\n"
	}
	one, diags := buildText(text(secret))
	if one.Instances[0].HMAC == nil || string(one.Instances[0].HMAC.Keys[0].Secret) != secret {
		t.Fatalf("no key; %v", diags)
	}
	other, _ := buildText(text("x" + secret))
	var b strings.Builder
	fmt.Fprintf(&b, "%v %+v %#v %+v", one, one.Instances[0].HMAC, one.Instances[0].HMAC, one.Instances[0].HMAC.Keys)
	for _, c := range config.Diff(one, other) {
		b.WriteString(c.String())
	}
	for _, d := range diags {
		b.WriteString(d.String() + d.Source() + d.Line() + d.Fix)
	}
	if strings.Contains(b.String(), secret[:20]) {
		t.Errorf("a key is told:\n%s", b.String())
	}
	if !strings.Contains(b.String(), "auth_hmac changed") {
		t.Error("the change of a key is not told")
	}
}
