package doctor

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/vrrp"
)

func addrs(texts ...string) (all []netip.Addr) {
	for _, t := range texts {
		all = append(all, netip.MustParseAddr(t))
	}
	return all
}

// healthy is a machine with one virtual router and nothing wrong.
func healthy() (*config.Config, Facts) {
	c := &config.Config{Instances: []config.Instance{{VRRP: vrrp.Config{Key: vrrp.Key{Link: "eth0", VRID: 51}, Name: "V", Version: 3, Interval: time.Second,
		VIPs: addrs("192.0.2.100"), Group: netip.MustParseAddr("224.0.0.18")}}}}
	f := Facts{IPVS: true, Switches: map[string]string{ignore: "0", announce: "0", forward4: "0", forward6: "0", redirect: "1"}, Links: map[string]Link{
		"eth0": {Index: 2, Up: true, Multicast: true, Addrs: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")}},
		"lo":   {Index: 1, Up: true, Addrs: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8")}},
	}}
	return c, f
}

func text(found []Finding) string {
	var b strings.Builder
	for _, f := range found {
		fmt.Fprintf(&b, "%s %s %s", f.Severity, f.Rule, f.Thing)
	}
	return b.String()
}

func TestDiagnoses(t *testing.T) {
	real := func(method config.Method, server string) []config.VirtualServer {
		return []config.VirtualServer{{RealServers: []config.RealServer{{Addr: netip.MustParseAddr(server), Forwarding: config.Forwarding{Method: method}}}}}
	}
	has := func(link, address string) func(*config.Config, *Facts) {
		return func(_ *config.Config, f *Facts) {
			f.Links[link] = Link{Up: true, Addrs: []netip.Prefix{netip.MustParsePrefix(address)}}
		}
	}
	hears := func(h Heard) func(*config.Config, *Facts) {
		return func(_ *config.Config, f *Facts) { f.Heard = []Heard{h} }
	}
	peer := netip.MustParseAddr("192.0.2.2")
	for _, tt := range []struct {
		name   string
		change func(*config.Config, *Facts)
		want   string
	}{
		{"nothing", func(*config.Config, *Facts) {}, ""},
		{"no link", func(_ *config.Config, f *Facts) { delete(f.Links, "eth0") }, "complaint link-missing eth0"},
		{"unicast needs no multicast", func(c *config.Config, f *Facts) {
			c.Instances[0].VRRP.Peers = []vrrp.Peer{{Addr: peer}}
			f.Links["eth0"] = Link{Up: true}
		}, ""},
		{"a bridge that asks nobody, IPv4 alone", func(_ *config.Config, f *Facts) {
			f.Links["eth0"] = Link{Up: true, Multicast: true, Bridge: &Bridge{Snooping: true}}
		}, ""},
		{"rules of the past", func(_ *config.Config, f *Facts) { f.Unseen = true }, "advice firewall-unseen iptables-legacy"},
		{"rules that drop questions and answers", func(_ *config.Config, f *Facts) {
			p := Packet{Instance: "V", Link: "eth0", ARP: true}
			f.Obstacles = []Obstacle{{Packet: p.in(peer, peer, true)}, {Packet: p.out(peer, peer)}}
		}, "error firewall-arp eth0error firewall-arp eth0"},
		{"a peer", hears(Heard{"eth0", peer, 3, 51, addrs("192.0.2.100")}), ""},
		{"a stranger", hears(Heard{"eth0", peer, 3, 51, addrs("192.0.2.200")}), "error foreign-vrid VRID 51 on eth0"},
		{"a stranger without addresses", hears(Heard{"eth0", peer, 3, 51, nil}), "error foreign-vrid VRID 51 on eth0"},
		{"itself", hears(Heard{"eth0", netip.MustParseAddr("192.0.2.1"), 3, 51, addrs("192.0.2.200")}), ""},
		{"a stranger beyond", hears(Heard{"eth7", peer, 3, 51, addrs("192.0.2.200")}), ""},
		{"a stranger beside unicast", func(c *config.Config, f *Facts) {
			c.Instances[0].VRRP.Peers = []vrrp.Peer{{Addr: peer}}
			hears(Heard{"eth0", peer, 3, 51, addrs("192.0.2.200")})(c, f)
		}, ""},
		{"a stranger beside unicast with the same MAC address", func(c *config.Config, f *Facts) {
			c.Instances[0].VRRP.Peers, c.Instances[0].VMAC = []vrrp.Peer{{Addr: peer}}, &config.VMAC{}
			hears(Heard{"eth0", peer, 3, 51, addrs("192.0.2.200")})(c, f)
		}, "error foreign-vrid VRID 51 on eth0"},
		{"no IPVS", func(c *config.Config, f *Facts) { c.VirtualServers, f.IPVS = real(config.DR, "192.0.2.7"), false }, "error no-ipvs the kernel"},
		{"NAT", func(c *config.Config, _ *Facts) { c.VirtualServers = real(config.NAT, "198.51.100.7") }, "error nat-forwarding IPv4"},
		{"NAT over IPv6", func(c *config.Config, _ *Facts) { c.VirtualServers = real(config.NAT, "2001:db8::7") }, "error nat-forwarding IPv6"},
		{"DR to a stranger", func(c *config.Config, _ *Facts) { c.VirtualServers = real(config.DR, "198.51.100.7") }, "error dr-link 198.51.100.7"},
		{"DR to this machine", func(c *config.Config, _ *Facts) { c.VirtualServers = real(config.DR, "192.0.2.1") }, ""},
		{"a real server of DR", has("lo", "192.0.2.200/32"), "advice realserver-answers 192.0.2.200"},
		{"a real server of TUN", func(c *config.Config, f *Facts) {
			has("tunl0", "192.0.2.200/32")(c, f)
			f.Switches[ignore], f.Switches[announce], f.Switches[filter], f.Switches[unwrap] = "1", "2", "1", "0"
		}, "complaint tunnel-filter 192.0.2.200"},
		{"a prepared real server of TUN", func(c *config.Config, f *Facts) {
			has("tunl0", "192.0.2.200/32")(c, f)
			f.Switches[ignore], f.Switches[announce], f.Switches[filter], f.Switches[unwrap] = "1", "2", "1", "2"
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, f := healthy()
			tt.change(c, &f)
			if got := text(Diagnose(c, f)); got != tt.want {
				t.Errorf("found %q, want %q", got, tt.want)
			}
		})
	}
}

func TestTheWorstComesFirst(t *testing.T) {
	c, f := healthy()
	f.Unseen = true
	f.Links["eth0"] = Link{Addrs: f.Links["eth0"].Addrs}
	if got := text(Diagnose(c, f)); got != "error no-multicast eth0complaint link-down eth0advice firewall-unseen iptables-legacy" {
		t.Error(got)
	}
}

func TestAdvertsThatMustGetThrough(t *testing.T) {
	c, f := healthy()
	c.Instances = append(c.Instances, config.Instance{VRRP: vrrp.Config{Key: vrrp.Key{Link: "eth0"}, Name: "U", Peers: []vrrp.Peer{{Addr: netip.MustParseAddr("192.0.2.2")}}}},
		config.Instance{VRRP: vrrp.Config{Key: vrrp.Key{Link: "eth7"}, Name: "nowhere"}})
	var got []string
	for _, p := range Adverts(c, f.Links) {
		got = append(got, fmt.Sprintf("%s in=%v %s>%s vague=%v", p.Instance, p.Incoming, p.From, p.To, p.Vague))
	}
	want := "V in=true 192.0.2.1>224.0.0.18 vague=true|V in=false 192.0.2.1>224.0.0.18 vague=false|U in=true 192.0.2.2>192.0.2.1 vague=false|U in=false 192.0.2.1>192.0.2.2 vague=false"
	if strings.Join(got, "|") != want {
		t.Errorf("%s\nwant %s", strings.Join(got, "|"), want)
	}
}

// One address of a link stands for all, and those of IPv6 are not asked for by ARP.
func TestQuestionsThatMustGetThrough(t *testing.T) {
	c, _ := healthy()
	has := func(link, address string) config.Address {
		a := config.Address{}
		a.Link, a.Prefix = link, netip.MustParsePrefix(address)
		return a
	}
	c.Instances[0].Addrs = []config.Address{has("eth0", "2001:db8::1/64"), has("eth0", "192.0.2.100/32"), has("eth0", "192.0.2.101/32"), has("eth7", "198.51.100.1/24")}
	c.Instances = append(c.Instances, config.Instance{VMAC: &config.VMAC{}, Addrs: []config.Address{has("eth0", "192.0.2.102/32")}})
	var got []string
	for _, p := range Questions(c) {
		got = append(got, fmt.Sprintf("%s in=%v %s ARP=%v", p.Link, p.Incoming, p.To, p.ARP))
	}
	want := "eth0 in=true 192.0.2.100 ARP=true|eth0 in=false 192.0.2.100 ARP=true|eth7 in=true 198.51.100.1 ARP=true|eth7 in=false 198.51.100.1 ARP=true"
	if strings.Join(got, "|") != want {
		t.Errorf("%s\nwant %s", strings.Join(got, "|"), want)
	}
}

func TestListeningIsLongEnoughAndEnds(t *testing.T) {
	for interval, want := range map[time.Duration]time.Duration{10 * time.Millisecond: 3 * time.Second, 2 * time.Second: 6 * time.Second, 40 * time.Second: 10 * time.Second} {
		c, _ := healthy()
		c.Instances[0].VRRP.Interval = interval
		if got := Listening(c); got != want {
			t.Errorf("an interval of %v: %v, want %v", interval, got, want)
		}
	}
}
