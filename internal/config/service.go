package config

import (
	"fmt"
	"math"
	"net/netip"
	"slices"

	"holdfast/internal/conf"
)

// lvs is what the builder keeps while it reads virtual servers.
type lvs struct {
	store  checkStore
	ssl    *conf.Node
	groups map[string]*serverGroup
	// groupNames are all names of groups, made when one is misspelt.
	groupNames []string
	taken      map[service]*conf.Node

	// Used again from block to block.
	server virtualDraft
	real   realDraft
	check  checkDraft
	urls   []URL
	reals  []RealServer
	ports  map[netip.AddrPort]bool
}

func newLVS() lvs {
	return lvs{store: newCheckStore(), groups: map[string]*serverGroup{}, taken: map[service]*conf.Node{}, ports: map[netip.AddrPort]bool{}}
}

// service is what IPVS tells services apart by.
type service struct {
	at       netip.AddrPort
	protocol string
	mark     uint32
	v6       bool
}

func (b *builder) readVirtualServer(v value) {
	d := &b.lvs.server
	*d = virtualDraft{b: b, node: v.node, reals: d.reals[:0]}
	if !d.identify(v) {
		return
	}
	b.enter(v.node)
	defer b.leave()
	b.voc.virtualServer.read(b, v.node.Body, d)
	d.settle()
	d.readReals()
	if len(d.RealServers) == 0 {
		b.follow(func() { b.complain(v.node.Span(), "a virtual_server without real_server is left out", "") })
		return
	}
	if d.Group != "" && !d.settleGroup() {
		return
	}
	d.settleQuorum()
	d.keep()
}

// identify reads IP [PORT], fwmark N or group NAME.
func (d *virtualDraft) identify(v value) bool {
	if len(v.words) == 0 {
		d.b.missing(call{word: v.node.Keyword}, "an address, fwmark N or group NAME")
		return false
	}
	switch v.words[0].Text {
	case "fwmark":
		return d.identifyMark(v)
	case "group":
		return d.identifyGroup(v)
	}
	e, ok := d.b.endpoint(v, "the virtual_server is left out")
	d.Addr, d.Port = e.addr, e.port
	d.v6 = given(e.addr.Is6(), v.words[0].Span)
	return ok
}

func (d *virtualDraft) identifyMark(v value) bool {
	if len(v.words) < 2 {
		d.b.missing(call{word: v.words[0]}, "a number")
		return false
	}
	mark, ok := d.b.mark(v.words[1], "the virtual_server is left out")
	if ok && mark == 0 {
		d.b.complain(v.words[1].Span, "packets without a mark have mark 0, so no service can have it; the virtual_server is left out", "give the packets another mark")
		return false
	}
	d.Mark = mark
	d.b.extra(v, 2)
	return ok
}

func (d *virtualDraft) identifyGroup(v value) bool {
	if len(v.words) < 2 {
		d.b.missing(call{word: v.words[0]}, "the name of a virtual_server_group")
		return false
	}
	d.Group = d.b.keep(v.words[1].Text)
	d.b.extra(v, 2)
	return true
}

// admit takes a real_server whose family fits. The first one settles that of a
// service by mark or group, unless a tunnel makes it unimportant.
func (d *virtualDraft) admit(v value) {
	if len(v.words) == 0 {
		d.b.missing(call{word: v.node.Keyword}, "an address")
		return
	}
	e, ok := d.b.endpoint(v, "the real_server is left out")
	if !ok {
		return
	}
	own := written(v.node, "lvs_method")
	tunnel := isTUN(own) || own == nil && d.forwarding.value.Method == TUN
	if !tunnel && !d.family(e.addr.Is6(), v.words[0].Span) {
		d.b.complain(v.words[0].Span, fmt.Sprintf("real_server %s is not %s like its virtual_server; it is left out", e.addr, familyName(d.v6.value)),
			"only TUN crosses the families, and lvs_method TUN must stand above it")
		return
	}
	d.reals = append(d.reals, e)
}

func familyName(v6 bool) string {
	if v6 {
		return "IPv6"
	}
	return "IPv4"
}

// settle fills in what keepalived complains about when it is missing.
func (d *virtualDraft) settle() {
	d.settleScheduling()
	if d.Group == "" {
		d.settleProtocol(d.Mark == 0)
		d.settlePersistence(d.Mark == 0 && d.Port == 0)
	}
	d.settleFamily()
	d.Netmask = d.granularity.or(wholeMask(d.V6))
	d.Handed, d.Weight, d.Inhibit = d.timing.handed(), d.weight.or(1), d.inhibit
	d.Mail = d.mail.or(d.b.globals.mailOfServers(false))
	d.HASuspend = d.haSuspend.given
	if d.HASuspend && d.Mark != 0 {
		d.b.complain(d.haSuspend.at, "a firewall mark has no address to wait for; ha_suspend is ignored", "delete it")
		d.HASuspend = false
	}
	d.settleSorry()
}

// wholeMask is the granularity of a whole address.
func wholeMask(v6 bool) uint32 {
	if v6 {
		return 128
	}
	return math.MaxUint32
}

func (d *virtualDraft) settleScheduling() {
	d.Scheduler, d.Forwarding = d.scheduler.or("wlc"), d.forwarding.value
	if !d.scheduler.given && written(d.node, "lvs_sched", "lb_algo") == nil {
		d.b.rule("default-used").complain(d.node.Span(), "no scheduler is given; wlc is used", "write lb_algo")
	}
	if !d.forwarding.given && written(d.node, "lvs_method", "lb_kind") == nil {
		d.b.rule("default-used").complain(d.node.Span(), "no way of forwarding is given; NAT is used", "write lb_kind")
	}
}

// settleProtocol settles the protocol of a service, which one by mark has not.
func (d *virtualDraft) settleProtocol(needed bool) {
	d.Protocol = d.protocol.value
	switch {
	case needed && !d.protocol.given:
		d.Protocol = "UDP"
		if written(d.node, "protocol") == nil {
			d.b.rule("default-used").complain(d.node.Span(), "no protocol is given; UDP is used", "write protocol TCP, if that is meant")
		}
	case !needed && d.protocol.given:
		d.Protocol = ""
		d.b.rule("mark-protocol").complain(d.protocol.at, "a service by firewall mark has no protocol; it is ignored", "delete it")
	}
	if !d.onePacket.given {
		return
	}
	if needed && d.Protocol != "UDP" {
		d.b.complain(d.onePacket.at, "ops is for UDP and ignored", "delete it")
		return
	}
	d.Flags |= OnePacket
}

// settlePersistence settles persistence, which a service for every port needs.
func (d *virtualDraft) settlePersistence(anyPort bool) {
	d.Persistence, d.PersistenceEngine = d.persistence.value, d.engine.value
	if !d.persistence.given && d.granularity.given {
		d.Persistence = persistenceDefault
	}
	if anyPort && d.Persistence == 0 {
		d.b.rule("default-used").complain(d.node.Span(), "a service for every port is persistent; persistence_timeout 360 is used", "write a port, or persistence_timeout")
		d.Persistence = persistenceDefault
	}
	if d.engine.given && d.Persistence == 0 {
		d.b.advise(d.engine.at, "persistence_engine says nothing without persistence_timeout", "write persistence_timeout")
	}
}

// settleFamily settles the family where only tunnels lead, and so all addresses
// fit: that of the real servers if they agree, else IPv4.
func (d *virtualDraft) settleFamily() {
	d.V6 = d.v6.value
	if d.v6.given || len(d.reals) == 0 {
		return
	}
	d.V6 = !slices.ContainsFunc(d.reals, func(e endpoint) bool { return e.addr.Is4() })
}

func (d *virtualDraft) settleSorry() {
	if !d.sorry.given {
		return
	}
	s := d.sorry.value
	s.Forwarding = d.sorryMethod.or(d.Forwarding)
	if s.Forwarding.Method != TUN && s.Addr.Is6() != d.V6 && (d.Group == "" || d.v6.given) {
		d.b.complain(d.sorry.at, fmt.Sprintf("sorry_server %s is not %s like its virtual_server; it is left out", s.Addr, familyName(d.V6)), "only TUN crosses the families")
		return
	}
	if s.Forwarding.Method != NAT {
		s.Port = d.samePort(s.Port, d.sorry.at, "sorry_server")
		if d.Group != "" && s.Port != 0 {
			d.fixed = append(d.fixed, endpoint{s.Addr, s.Port, written(d.node, "sorry_server")})
		}
	}
	d.Sorry = &s
}

// samePort is the port of a server that is reached without translation: that of
// the service.
func (d *virtualDraft) samePort(port uint16, at conf.Span, what string) uint16 {
	if d.Group != "" || port == d.Port {
		return port
	}
	if port != 0 && d.Mark != 0 {
		d.b.rule("port-ignored").complain(at, fmt.Sprintf("DR and TUN leave ports as they are; port %d of the %s is ignored", port, what), "delete the port")
	} else if port != 0 {
		d.b.rule("port-ignored").complain(at, fmt.Sprintf("DR and TUN leave ports as they are; port %d of the %s becomes %d", port, what, d.Port), fmt.Sprintf("write port %d, or lb_kind NAT", d.Port))
	}
	return d.Port
}

// settleQuorum keeps quorum and hysteresis in what the weights can reach.
func (d *virtualDraft) settleQuorum() {
	d.Quorum, d.Hysteresis = d.quorum.or(1), d.hysteresis.or(0)
	total := uint64(0)
	for i := range d.RealServers {
		total += uint64(d.RealServers[i].Weight)
	}
	if uint64(d.Quorum) > total {
		d.unreachable(uint32(total))
	}
	if d.Hysteresis < d.Quorum {
		return
	}
	if d.Quorum == 0 {
		d.Hysteresis = math.MaxUint32 // keepalived subtracts 1 here too
		return
	}
	d.b.complain(d.hysteresis.at, fmt.Sprintf("hysteresis %d is not below quorum %d and becomes %d", d.Hysteresis, d.Quorum, d.Quorum-1),
		"with it as written, the quorum would never be lost")
	d.Hysteresis = d.Quorum - 1
}

// unreachable lowers a quorum that no weights can reach.
func (d *virtualDraft) unreachable(total uint32) {
	at := d.node.Span()
	if d.quorum.given {
		at = d.quorum.at
	}
	if total == 0 {
		d.b.rule("quorum-out-of-reach").complain(at, "all real servers have weight 0: the quorum is never gained", "give one of them a weight")
	} else {
		d.b.rule("quorum-out-of-reach").complain(at, fmt.Sprintf("quorum %d is more than all weights together and becomes %d", d.Quorum, total), "the quorum is a sum of weights, not a number of servers")
	}
	d.Quorum = total
}

// keep puts the virtual server into the configuration.
func (d *virtualDraft) keep() {
	b := d.b
	d.compareServices()
	b.cfg.VirtualServers = append(b.cfg.VirtualServers, d.VirtualServer)
}

// compareServices speaks of a service that is there twice. A group may well have
// several virtual servers, with protocols of their own.
func (d *virtualDraft) compareServices() {
	if d.Group != "" {
		return
	}
	taken := d.b.lvs.taken
	if first := taken[d.service()]; first != nil {
		d.b.advise(d.node.ArgSpan(), "this service is "+first.Title()+" already; both would write the same entry of IPVS", "put their real servers into one block")
		return
	}
	taken[d.service()] = d.node
}

func (d *virtualDraft) service() service {
	return service{at: netip.AddrPortFrom(d.Addr, d.Port), protocol: d.Protocol, mark: d.Mark, v6: d.V6}
}

// mark reads a firewall mark.
func (b *builder) mark(arg conf.Token, lost string) (uint32, bool) {
	n, ok := parseUint32(arg.Text)
	if !ok {
		b.complain(arg.Span, fmt.Sprintf("%q is not a firewall mark; %s", arg.Text, lost), "a number, 0 to 4294967295")
	}
	return n, ok
}
