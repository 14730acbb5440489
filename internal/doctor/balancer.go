package doctor

import (
	"fmt"
	"net/netip"

	"holdfast/internal/conf"
	"holdfast/internal/config"
)

// The switches that are looked at.
const (
	forward4 = "ipv4/ip_forward"
	forward6 = "ipv6/conf/all/forwarding"
	ignore   = "ipv4/conf/all/arp_ignore"
	announce = "ipv4/conf/all/arp_announce"
	unwrap   = "ipv4/conf/tunl0/rp_filter"
	filter   = "ipv4/conf/all/rp_filter"
	redirect = "ipv4/conf/all/send_redirects"
)

// Switches are those that Facts is to have.
func Switches() []string {
	return []string{forward4, forward6, ignore, announce, unwrap, filter, redirect}
}

// balancer looks at what virtual servers need of this machine.
func (p *patient) balancer() {
	if len(p.VirtualServers) > 0 && !p.IPVS {
		p.add(conf.Error, "no-ipvs", "the kernel", "it has no IPVS: virtual servers are not balanced", "modprobe ip_vs, at the start of the machine too")
	}
	for i := range p.VirtualServers {
		v := &p.VirtualServers[i]
		for _, r := range v.RealServers {
			p.real(v, r)
		}
	}
}

func (p *patient) real(v *config.VirtualServer, r config.RealServer) {
	switch r.Forwarding.Method {
	case config.NAT:
		p.nat(r.Addr)
	case config.DR:
		p.direct(r.Addr)
	}
}

func (p *patient) nat(server netip.Addr) {
	name, thing := forward4, "IPv4"
	if server.Is6() {
		name, thing = forward6, "IPv6"
	}
	if p.Switches[name] == "0" {
		p.add(conf.Error, "nat-forwarding", thing, "lvs_method NAT needs a machine that forwards: what real servers answer is dropped here", "sysctl -w net/"+name+"=1, and in /etc/sysctl.d")
	}
	if !server.Is6() && p.neighbour(server) && p.Switches[redirect] != "0" {
		p.add(conf.Advice, "nat-redirects", server.String(), "a real server of NAT on a link of this machine is told by ICMP redirects to answer clients there directly, past the balancer", "sysctl -w net/"+redirect+"=0, for the link too")
	}
}

func (p *patient) direct(server netip.Addr) {
	if !p.neighbour(server) {
		p.add(conf.Error, "dr-link", server.String(), "lvs_method DR reaches real servers by their MAC address, and this one is on no network of a link of this machine", "write TUN or NAT, or give this machine an address of that network")
	}
}

// neighbour reports whether an address is on a network that a link is on.
func (p *patient) neighbour(a netip.Addr) bool {
	for _, l := range p.Links {
		for _, prefix := range l.Addrs {
			if prefix.Contains(a) && (!prefix.IsSingleIP() || prefix.Addr() == a) {
				return true
			}
		}
	}
	return false
}

// realServer looks at addresses that this machine seems to serve for a balancer.
func (p *patient) realServer() {
	for _, name := range []string{"lo", "tunl0"} {
		for _, prefix := range p.Links[name].Addrs {
			if a := prefix.Addr(); a.Is4() && prefix.IsSingleIP() && !a.IsLoopback() {
				p.serves(name, a)
			}
		}
	}
}

func (p *patient) serves(link string, vip netip.Addr) {
	const fix = "holdfast realserver up"
	tunnel := ""
	if link == "tunl0" {
		tunnel = " --tun"
	}
	if p.Switches[ignore] == "0" {
		p.add(conf.Advice, "realserver-answers", vip.String(), fmt.Sprintf("%s has it, and this machine answers for it on every link: if a balancer sends it here (DR, TUN), clients go past that", link), fix+tunnel+" "+vip.String())
	} else if p.Switches[announce] != "2" {
		p.add(conf.Advice, "realserver-announces", vip.String(), link+" has it, and this machine may ask for neighbours in its name, which teaches them to come here", fix+tunnel+" "+vip.String())
	}
	if strict := p.Switches[filter] == "1" || p.Switches[unwrap] == "1"; tunnel != "" && strict && p.Switches[unwrap] != "2" && p.Switches[filter] != "2" {
		p.add(conf.Complaint, "tunnel-filter", vip.String(), "what comes out of the tunnel has sources that are reached another way, and rp_filter drops it", "sysctl -w net/"+unwrap+"=2")
	}
}
