// Package doctor finds what keeps a machine from doing what its configuration says:
// switches of the kernel, firewalls, links, and others on the wire. It is told the
// facts; package machine collects them.
package doctor

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"holdfast/internal/conf"
	"holdfast/internal/config"
)

// Finding is one thing that is wrong, why that matters, and what to do.
type Finding struct {
	Severity conf.Severity `json:"-"`
	Rule     string        `json:"rule"` // a name that never means something else later
	Thing    string        `json:"thing"`
	Reason   string        `json:"reason"`
	Fix      string        `json:"fix"`
}

// Facts are what a machine is found to be.
type Facts struct {
	Links map[string]Link
	// Switches are values below /proc/sys/net; one that is not there is missing.
	Switches map[string]string
	// IPVS says that the kernel has it loaded.
	IPVS bool
	// Obstacles are what rules of the firewall do to the packets of Adverts.
	Obstacles []Obstacle
	// Unseen says that there are tables of iptables-legacy, which are not looked into.
	Unseen bool
	Heard  []Heard
}

// Link is an interface.
type Link struct {
	Index         int
	Up, Multicast bool
	Addrs         []netip.Prefix
	Bridge        *Bridge // nil for any other kind
}

// Bridge is how a bridge treats multicast.
type Bridge struct {
	Snooping, Querier bool
	Unflooded         []string // ports to which unknown multicast is not sent
}

// Packet is an advert on its way in or out, or a message of ARP.
type Packet struct {
	Instance string
	Link     string
	Incoming bool
	From, To netip.Addr
	// Vague says that From stands for anybody on the network of the link.
	Vague bool
	// ARP says that it is somebody's question for the address To, on its way in, or the
	// answer of the address From.
	ARP bool
}

// Obstacle is a packet that the firewall certainly drops.
type Obstacle struct {
	Packet
	By  string // what drops it
	Fix string // a command
}

// Heard is an advert that somebody else sent.
type Heard struct {
	Link    string
	From    netip.Addr
	Version uint8
	VRID    uint8
	VIPs    []netip.Addr
}

func (h Heard) v6() bool { return h.From.Is6() }

// Adverts are the packets that must get through the firewall.
func Adverts(c *config.Config, links map[string]Link) (all []Packet) {
	for i := range c.Instances {
		r := &c.Instances[i].VRRP
		own := ownAddress(links[r.Link], r.V6)
		if r.Source.IsValid() {
			own = r.Source
		}
		if !own.IsValid() {
			continue
		}
		p := Packet{Instance: r.Name, Link: r.Link}
		if len(r.Peers) == 0 {
			all = append(all, p.in(own, r.Group, true), p.out(own, r.Group))
		}
		for _, peer := range r.Peers {
			all = append(all, p.in(peer.Addr, own, false), p.out(own, peer.Addr))
		}
	}
	return all
}

// Questions are messages of ARP that must get through too: those for the first address
// that an instance has on each link of its own.
func Questions(c *config.Config) (all []Packet) {
	for i := range c.Instances {
		inst := &c.Instances[i]
		asked := map[string]bool{}
		for _, a := range inst.Addrs {
			link := cmp.Or(a.Link, inst.VRRP.Link)
			if asked[link] || !a.Prefix.Addr().Is4() || inst.VMAC != nil {
				continue
			}
			asked[link] = true
			p := Packet{Instance: inst.VRRP.Name, Link: link, ARP: true}
			all = append(all, p.in(a.Prefix.Addr(), a.Prefix.Addr(), true), p.out(a.Prefix.Addr(), a.Prefix.Addr()))
		}
	}
	return all
}

func (p Packet) in(from, to netip.Addr, vague bool) Packet {
	p.Incoming, p.From, p.To, p.Vague = true, from, to, vague
	return p
}

func (p Packet) out(from, to netip.Addr) Packet {
	p.From, p.To = from, to
	return p
}

// ownAddress is where adverts of a link come from.
func ownAddress(l Link, v6 bool) netip.Addr {
	for _, p := range l.Addrs {
		if p.Addr().Is6() == v6 && (!v6 || p.Addr().IsLinkLocalUnicast()) {
			return p.Addr()
		}
	}
	return netip.Addr{}
}

// patient is a diagnosis in the making.
type patient struct {
	*config.Config
	Facts
	found []Finding
}

// Diagnose lists what is wrong, worst first.
func Diagnose(c *config.Config, f Facts) []Finding {
	p := &patient{Config: c, Facts: f}
	p.links()
	p.firewall()
	p.wire()
	p.balancer()
	p.realServer()
	slices.SortStableFunc(p.found, func(a, b Finding) int { return cmp.Compare(a.Severity, b.Severity) })
	return p.found
}

func (p *patient) add(s conf.Severity, rule, thing, reason, fix string) {
	f := Finding{s, rule, thing, reason, fix}
	if !slices.Contains(p.found, f) {
		p.found = append(p.found, f)
	}
}

func (p *patient) links() {
	for i := range p.Instances {
		inst := &p.Instances[i]
		name := inst.VRRP.Link
		l, there := p.Links[name]
		switch {
		case name == "":
			continue
		case !there:
			p.add(conf.Complaint, "link-missing", name, "the interface of "+inst.VRRP.Name+" does not exist: it is in FAULT until it does", "create it, or correct `interface`")
			continue
		case !l.Up:
			p.add(conf.Complaint, "link-down", name, "it is down: "+inst.VRRP.Name+" is in FAULT", "ip link set dev "+name+" up")
		}
		if len(inst.VRRP.Peers) > 0 {
			continue
		}
		if !l.Multicast {
			p.add(conf.Error, "no-multicast", name, "it has no flag MULTICAST: adverts of "+inst.VRRP.Name+" reach nobody", "ip link set dev "+name+" multicast on, or unicast_peer")
		}
		if l.Bridge != nil {
			p.bridge(name, l.Bridge, inst)
		}
	}
}

func (p *patient) bridge(name string, b *Bridge, inst *config.Instance) {
	for _, port := range b.Unflooded {
		p.add(conf.Complaint, "bridge-flood", port, fmt.Sprintf("bridge %s does not send unknown multicast to this port: whoever is behind it misses adverts of %s", name, inst.VRRP.Name),
			"bridge link set dev "+port+" mcast_flood on")
	}
	if b.Snooping && !b.Querier && inst.VRRP.V6 {
		p.add(conf.Advice, "bridge-snooping", name, "it snoops on multicast and asks nobody: without a querier on the network, or with one that comes and goes, adverts over IPv6 may stay away from some ports",
			"ip link set dev "+name+" type bridge mcast_querier 1, or mcast_snooping 0")
	}
}

func (p *patient) firewall() {
	for _, o := range p.Obstacles {
		if o.ARP {
			p.arp(o)
			continue
		}
		rule, way := "firewall-out", "sent to "+o.To.String()
		if o.Incoming {
			rule, way = "firewall-in", "from "+o.From.String()
			if o.Vague {
				way = "from others"
			}
		}
		p.add(conf.Error, rule, o.Link, fmt.Sprintf("adverts of %s %s are dropped: %s", o.Instance, way, o.By), o.Fix)
	}
	if p.Unseen {
		p.add(conf.Advice, "firewall-unseen", "iptables-legacy", "it has tables, which are not looked into here", "see whether iptables-legacy-save has rules that drop protocol 112, or move them to nftables")
	}
}

// arp is about an address that nobody finds.
func (p *patient) arp(o Obstacle) {
	what := "answers for it"
	if o.Incoming {
		what = "questions who has it"
	}
	p.add(conf.Error, "firewall-arp", o.Link, fmt.Sprintf("nobody finds %s of %s: %s are dropped: %s", o.To, o.Instance, what, o.By), o.Fix)
}

// wire compares what others send with what is configured.
func (p *patient) wire() {
	for _, h := range p.Heard {
		if p.own(h.From) {
			continue
		}
		for i := range p.Instances {
			inst := &p.Instances[i]
			r := &inst.VRRP
			if r.Link == h.Link && r.VRID == h.VRID && r.V6 == h.v6() && (len(r.Peers) == 0 || inst.VMAC != nil) {
				p.compare(h, inst)
			}
		}
	}
}

// own reports whether this machine has an address.
func (p *patient) own(a netip.Addr) bool {
	for _, l := range p.Links {
		if slices.ContainsFunc(l.Addrs, func(p netip.Prefix) bool { return p.Addr() == a }) {
			return true
		}
	}
	return false
}

func (p *patient) compare(h Heard, inst *config.Instance) {
	r := &inst.VRRP
	shared := 0
	for _, vip := range h.VIPs {
		if slices.Contains(r.VIPs, vip) {
			shared++
		}
	}
	who := fmt.Sprintf("VRID %d on %s", h.VRID, h.Link)
	switch {
	case shared == 0 && len(h.VIPs)+len(r.VIPs) > 0:
		p.add(conf.Error, "foreign-vrid", who, fmt.Sprintf("%s uses it too, for %s: %s and it take each other for the same virtual router", h.From, list(h.VIPs), r.Name),
			fmt.Sprintf("virtual_router_id %d, which nobody was heard to use", p.freeVRID(h.Link)))
	case h.Version != r.Version:
		p.add(conf.Complaint, "peer-version", who, fmt.Sprintf("%s speaks version %d, and %s version %d: neither hears the other", h.From, h.Version, r.Name, r.Version), "write the same `version` on all nodes")
	case shared != len(r.VIPs) || shared != len(h.VIPs):
		p.add(conf.Complaint, "peer-addresses", who, fmt.Sprintf("%s announces %s, and %s has %s", h.From, list(h.VIPs), r.Name, list(r.VIPs)), "write the same virtual_ipaddress on all nodes")
	}
}

func list(addrs []netip.Addr) string {
	if len(addrs) == 0 {
		return "no address"
	}
	text := ""
	for i, a := range addrs {
		if i > 0 {
			text += ", "
		}
		text += a.String()
	}
	return text
}

func (p *patient) freeVRID(link string) uint8 {
	for id := uint8(1); id < 255; id++ {
		heard := slices.ContainsFunc(p.Heard, func(h Heard) bool { return h.Link == link && h.VRID == id })
		if !heard && !slices.ContainsFunc(p.Instances, func(i config.Instance) bool { return i.VRRP.Link == link && i.VRRP.VRID == id }) {
			return id
		}
	}
	return 255
}

// Listening is how long others have to be listened to until each was heard: three
// intervals of the slowest instance, and ten seconds at most.
func Listening(c *config.Config) time.Duration {
	longest := time.Second
	for i := range c.Instances {
		longest = max(longest, c.Instances[i].VRRP.Interval)
	}
	return min(3*longest, 10*time.Second)
}
