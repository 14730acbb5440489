package mib

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"time"

	"holdfast/internal/agentx/wire"
	"holdfast/internal/config"
	"holdfast/internal/status"
)

// Servers is the part of a configuration that is about virtual servers, and what is
// known of them, in the same order.
type Servers struct {
	Virtual []config.VirtualServer
	Groups  []config.ServerGroup
	Now     []status.VirtualServer
}

// fits reports whether the snapshot is of this configuration.
func (s *Servers) fits() bool { return len(s.Virtual) == len(s.Now) }

// service is a virtual server, server one of its real servers or the sorry server.
type service struct {
	*config.VirtualServer
	now *status.VirtualServer
}

type server struct {
	of     *config.VirtualServer
	real   *config.RealServer // nil: the sorry server
	now    *status.Server
	handed *config.Handed // to its checks; the sorry server has none
}

// checker draws what KEEPALIVED-MIB has about virtual servers.
func (d *drawing) checker() {
	d.serverGroups()
	d.synchronisation()
	s := &d.Servers
	if !s.fits() {
		return // a reload goes on
	}
	services := make([]service, len(s.Virtual))
	var servers []row[server]
	for n := range s.Virtual {
		services[n] = service{&s.Virtual[n], &s.Now[n]}
		servers = append(servers, rowsOf(services[n].servers(), uint32(n+1))...)
	}
	add(d.tree, keepalived(3, 3, 1), rowsOf(services), append(serviceFields(), serviceCounters()...))
	add(d.tree, keepalived(3, 4, 1), servers, append(serverFields(), serverCounters()...))
}

// servers are the rows: the sorry server first.
func (s *service) servers() (list []server) {
	now := s.now.Servers
	if s.Sorry != nil && len(now) > 0 {
		list, now = append(list, server{s.VirtualServer, nil, &now[0], &config.Handed{}}), now[1:]
	}
	for i := range min(len(now), len(s.RealServers)) {
		list = append(list, server{s.VirtualServer, &s.RealServers[i], &now[i], s.HandedBy(i)})
	}
	return list
}

// serverGroups draws virtualServerGroupTable and its members.
func (d *drawing) serverGroups() {
	type group = config.ServerGroup
	type entry = config.GroupEntry
	var members []row[entry]
	for n := range d.Servers.Groups {
		list := slices.Clone(d.Servers.Groups[n].Entries)
		slices.SortStableFunc(list, func(a, b entry) int { return cmp.Compare(min(memberType(&a), 2), min(memberType(&b), 2)) }) // marks first
		members = append(members, rowsOf(list, uint32(n+1))...)
	}
	add(d.tree, keepalived(3, 1, 1), rowsOf(d.Servers.Groups), []field[group]{
		{2, func(g *group) wire.Value { return wire.Text(g.Name) }},
	})
	single := func(e *entry) bool { return e.From.IsValid() && e.From == e.To }
	span := func(e *entry) bool { return e.From.IsValid() && e.From != e.To }
	add(d.tree, keepalived(3, 2, 1), members, []field[entry]{
		{2, func(e *entry) wire.Value { return wire.Int(memberType(e)) }},
		{3, func(e *entry) wire.Value { return only(!e.From.IsValid(), wire.Gauge(e.Mark)) }},
		{4, func(e *entry) wire.Value { return only(e.From.IsValid(), family(e.From)) }},
		{5, func(e *entry) wire.Value { return only(single(e), addr(e.From)) }},
		{6, func(e *entry) wire.Value { return only(span(e), addr(e.From)) }},
		{7, func(e *entry) wire.Value { return only(span(e), addr(e.To)) }},
		{8, func(e *entry) wire.Value { return only(e.From.IsValid(), wire.Gauge(e.Port)) }},
	})
}

// memberType is fwmark(1), ip(2) or iprange(3).
func memberType(e *config.GroupEntry) int {
	switch {
	case !e.From.IsValid():
		return 1
	case e.From == e.To:
		return 2
	}
	return 3
}

// synchronisation draws the daemon that tells of connections, and their timeouts.
func (d *drawing) synchronisation() {
	lvs := &d.Global.LVS
	list := []scalar{{1, yes(lvs.SyncDaemon != nil)}}
	if s := lvs.SyncDaemon; s != nil {
		list = append(list, scalar{2, wire.Text(s.Link)}, scalar{3, text(s.Instance)}, scalar{4, wire.Int(s.ID)},
			scalar{5, wire.Int(int(s.MaxLen))}, scalar{6, wire.Int(int(s.Port))}, scalar{7, wire.Int(s.TTL)},
			scalar{8, family(s.Group)}, scalar{9, addr(s.Group)})
	}
	d.tree.scalars(keepalived(3, 6), list...)
	d.tree.scalars(keepalived(3, 7), timeout(1, lvs.TCPTimeout), timeout(2, lvs.TCPFinTimeout), timeout(3, lvs.UDPTimeout))
}

func timeout(n uint32, t time.Duration) scalar {
	return scalar{n, only(t > 0, wire.Int(int(t/time.Second)))}
}

// kind is fwmark(1), ip(2) or group(3).
func kind(v *config.VirtualServer) int {
	switch {
	case v.Group != "":
		return 3
	case v.Mark != 0:
		return 1
	}
	return 2
}

// transport is tcp(1), udp(2), sctp(3) or none(4).
func transport(v *config.VirtualServer) int {
	return map[string]int{"TCP": 1, "UDP": 2, "SCTP": 3, "": 4}[v.Protocol]
}

// scheduler is a number of virtualServerLoadBalancingAlgo.
func scheduler(word string) int {
	for i, s := range []string{"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh", "twos"} {
		if s == word {
			return i + 1
		}
	}
	return 99
}

// forwarding is nat(1), dr(2) or tun(3).
func forwarding(m config.Method) wire.Value {
	return wire.Int(map[config.Method]int{config.NAT: 1, config.DR: 2, config.TUN: 3}[m])
}

// tunnel are the columns of an encapsulation, of servers that are reached by one.
func tunnel[T any](first uint32, of func(*T) *config.Forwarding) []field[T] {
	has := func(t *T, v wire.Value) wire.Value { return only(of(t).Method == config.TUN, v) }
	return []field[T]{
		{first, func(t *T) wire.Value { return has(t, wire.Int(of(t).Tunnel+1)) }},
		{first + 1, func(t *T) wire.Value { return only(of(t).Tunnel == config.GUE, has(t, wire.Gauge(of(t).Port))) }},
		{first + 2, func(t *T) wire.Value { return only(of(t).Tunnel != config.IPIP, has(t, wire.Int(of(t).Checksum+1))) }},
	}
}

func serviceFields() []field[service] {
	byAddr := func(s *service, v wire.Value) wire.Value { return only(kind(s.VirtualServer) == 2, v) }
	list := []field[service]{
		{2, func(s *service) wire.Value { return wire.Int(kind(s.VirtualServer)) }},
		{3, func(s *service) wire.Value { return text(s.Group) }},
		{4, func(s *service) wire.Value { return only(kind(s.VirtualServer) == 1, wire.Gauge(s.Mark)) }},
		{5, func(s *service) wire.Value { return yes(!s.V6) }}, // of marks and groups too
		{6, func(s *service) wire.Value { return byAddr(s, addr(s.Addr)) }},
		{7, func(s *service) wire.Value { return byAddr(s, wire.Gauge(s.Port)) }},
		{8, func(s *service) wire.Value { return wire.Int(transport(s.VirtualServer)) }},
		{9, func(s *service) wire.Value { return wire.Int(scheduler(s.Scheduler)) }},
		{10, func(s *service) wire.Value { return forwarding(s.Forwarding.Method) }},
		{11, func(s *service) wire.Value { return yes(s.now.Up) }},
		{12, func(s *service) wire.Value { return text(s.VirtualHost) }},
		{13, func(s *service) wire.Value { return yes(s.Persistence > 0) }},
		{14, func(s *service) wire.Value { return only(s.Persistence > 0, wire.Gauge(s.Persistence/time.Second)) }},
		{15, granularity},
		{16, func(s *service) wire.Value { return wire.Gauge(s.DelayLoop / time.Second) }},
		{17, func(s *service) wire.Value { return yes(s.HASuspend) }},
		{18, func(s *service) wire.Value { return yes(s.Alpha) }},
		{19, func(s *service) wire.Value { return yes(s.Omega) }},
		{20, func(s *service) wire.Value { return wire.Gauge(len(s.RealServers)) }},
		{21, func(s *service) wire.Value { return wire.Gauge(alive(s.VirtualServer, s.now)) }},
		{22, func(s *service) wire.Value { return wire.Gauge(s.Quorum) }},
		{23, func(s *service) wire.Value { return yes(s.now.Up) }},
		{24, func(s *service) wire.Value { return script(s.QuorumUp) }},
		{25, func(s *service) wire.Value { return script(s.QuorumDown) }},
		{26, func(s *service) wire.Value { return wire.Gauge(s.Hysteresis) }},
		{37, func(s *service) wire.Value { return yes(s.Flags&config.OnePacket != 0) }},
		{51, func(s *service) wire.Value {
			return only(s.V6, wire.Gauge(s.Netmask))
		}},
	}
	list = append(list, flagFields()...)
	list = append(list, handedFields(57, 65, 67, func(s *service) *config.Handed { return &s.Handed })...)
	list = append(list,
		field[service]{56, func(s *service) wire.Value { return yes(!s.Inhibit) }},
		field[service]{60, func(s *service) wire.Value { return wire.Int(s.Weight) }},
		field[service]{61, func(s *service) wire.Value { return yes(s.Mail) }},
		field[service]{62, flagged(config.Sched1)},
		field[service]{63, flagged(config.Sched2)},
		field[service]{64, func(s *service) wire.Value { return wire.Gauge(s.DelayLoop.Microseconds()) }})
	list = append(list, tunnel(68, func(s *service) *config.Forwarding { return &s.Forwarding })...)
	return append(list, field[service]{71, func(s *service) wire.Value { return text(s.SNMPName) }})
}

// handedFields are the columns of what checks are handed down: retries, with the seconds of their
// pauses and of the delay at first, the microseconds of both, and those that connecting may take.
func handedFields[T any](retry, micro, connect uint32, of func(*T) *config.Handed) []field[T] {
	column := func(n uint32, value func(*config.Handed) wire.Value) field[T] {
		return field[T]{n, func(t *T) wire.Value { return value(of(t)) }}
	}
	return []field[T]{
		column(retry, func(h *config.Handed) wire.Value { return wire.Gauge(h.Retry) }),
		column(retry+1, func(h *config.Handed) wire.Value { return wire.Gauge(h.DelayBeforeRetry / time.Second) }),
		column(retry+2, func(h *config.Handed) wire.Value { return wire.Gauge(h.Warmup / time.Second) }),
		column(micro, func(h *config.Handed) wire.Value { return wire.Gauge(h.DelayBeforeRetry.Microseconds()) }),
		column(micro+1, func(h *config.Handed) wire.Value { return wire.Gauge(h.Warmup.Microseconds()) }),
		column(connect, func(h *config.Handed) wire.Value { return wire.Gauge(h.Connect.Microseconds()) }),
	}
}

// flagFields are the flags by what they mean for sh. What they mean for mh stands elsewhere,
// and both are shown whichever the scheduler is.
func flagFields() []field[service] {
	return []field[service]{
		{52, flagged(0)}, // IP_VS_SVC_F_HASHED is the kernel's own
		{53, flagged(config.Sched1)},
		{54, flagged(config.Sched2)},
		{55, flagged(config.Sched3)},
	}
}

func flagged(f config.ServiceFlags) func(*service) wire.Value {
	return func(s *service) wire.Value { return yes(s.Flags&f != 0) }
}

// granularity is the mask of IPv4.
func granularity(s *service) wire.Value {
	if s.V6 {
		return wire.Value{}
	}
	m := s.Netmask
	return addr(netip.AddrFrom4([4]byte{byte(m >> 24), byte(m >> 16), byte(m >> 8), byte(m)}))
}

// alive counts the real servers that are.
func alive(v *config.VirtualServer, now *status.VirtualServer) (n int) {
	for i, s := range now.Servers {
		if s.Alive && (i > 0 || v.Sorry == nil) {
			n++
		}
	}
	return n
}

// at is where a server is.
func (s *server) at() netip.AddrPort {
	if s.real == nil {
		return netip.AddrPortFrom(s.of.Sorry.Addr, s.of.Sorry.Port)
	}
	return netip.AddrPortFrom(s.real.Addr, s.real.Port)
}

func (s *server) way() *config.Forwarding {
	if s.real == nil {
		return &s.of.Sorry.Forwarding
	}
	return &s.real.Forwarding
}

// ownHost is a Host header that is not that of the virtual server.
func ownHost(s *server) wire.Value {
	if s.real == nil || s.real.VirtualHost == s.of.VirtualHost {
		return wire.Value{}
	}
	return text(s.real.VirtualHost)
}

func serverFields() []field[server] {
	regular := func(of func(*config.RealServer) wire.Value) func(*server) wire.Value {
		return func(s *server) wire.Value {
			if s.real == nil {
				return wire.Value{}
			}
			return of(s.real)
		}
	}
	type one = config.RealServer
	list := []field[server]{
		{2, func(s *server) wire.Value { return yes(s.real != nil) }},
		{3, func(s *server) wire.Value { return family(s.at().Addr()) }},
		{4, func(s *server) wire.Value { return addr(s.at().Addr()) }},
		{5, func(s *server) wire.Value { return wire.Gauge(s.at().Port()) }},
		{6, func(s *server) wire.Value { return only(s.real != nil, yes(s.now.Alive)) }},
		{7, func(s *server) wire.Value { return only(s.real != nil, wire.Int(s.now.Weight)) }},
		{8, regular(func(r *one) wire.Value { return only(r.UpperThreshold > 0, wire.Gauge(r.UpperThreshold)) })},
		{9, regular(func(r *one) wire.Value { return only(r.LowerThreshold > 0, wire.Gauge(r.LowerThreshold)) })},
		{10, regular(func(r *one) wire.Value { return yes(!r.Inhibit) })},
		{11, regular(func(r *one) wire.Value { return script(r.NotifyUp) })},
		{12, regular(func(r *one) wire.Value { return script(r.NotifyDown) })},
		{13, func(s *server) wire.Value { return only(s.real != nil, wire.Gauge(s.now.Failed)) }},
		{40, func(s *server) wire.Value { return forwarding(s.way().Method) }},
		{41, ownHost},
		{42, func(s *server) wire.Value { return yes(s.handed.Alpha) }},
		{46, func(s *server) wire.Value { return wire.Gauge(s.handed.DelayLoop / time.Second) }},
		{47, func(s *server) wire.Value { return yes(s.real != nil && s.real.Mail) }},
		{50, func(s *server) wire.Value { return wire.Gauge(s.handed.DelayLoop.Microseconds()) }},
	}
	list = append(list, tunnel(52, (*server).way)...)
	list = append(list, handedFields(43, 48, 51, func(s *server) *config.Handed { return s.handed })...)
	return append(list, field[server]{55, regular(func(r *one) wire.Value { return text(r.SNMPName) })})
}

// countFields are the columns of counters, by the first of each run: connections with
// packets and bytes, rates, both halves of rates, and all in 64 bits.
func countFields[T any](of func(*T) *status.Counters, conns, packets, rates, conns64, halves, rates64 uint32) (list []field[T]) {
	column := func(n uint32, value func(*status.Counters) wire.Value) {
		list = append(list, field[T]{n, func(t *T) wire.Value { return value(of(t)) }})
	}
	column(conns, func(c *status.Counters) wire.Value { return wire.Gauge(c.Conns) })
	column(packets, func(c *status.Counters) wire.Value { return wire.Count(c.InPackets) })
	column(packets+1, func(c *status.Counters) wire.Value { return wire.Count(c.OutPackets) })
	column(packets+2, func(c *status.Counters) wire.Value { return wire.Count64(c.InBytes) })
	column(packets+3, func(c *status.Counters) wire.Value { return wire.Count64(c.OutBytes) })
	column(conns64, func(c *status.Counters) wire.Value { return wire.Count64(c.Conns) })
	column(conns64+1, func(c *status.Counters) wire.Value { return wire.Count64(c.InPackets) })
	column(conns64+2, func(c *status.Counters) wire.Value { return wire.Count64(c.OutPackets) })
	for i, rate := range []func(*status.Counters) uint64{
		func(c *status.Counters) uint64 { return c.ConnRate },
		func(c *status.Counters) uint64 { return c.InPacketRate }, func(c *status.Counters) uint64 { return c.OutPacketRate },
		func(c *status.Counters) uint64 { return c.InByteRate }, func(c *status.Counters) uint64 { return c.OutByteRate },
	} {
		n := uint32(i)
		column(rates+n, func(c *status.Counters) wire.Value { return wire.Gauge(min(rate(c), math.MaxUint32)) })
		column(halves+2*n, func(c *status.Counters) wire.Value { return wire.Gauge(rate(c)) })
		column(halves+2*n+1, func(c *status.Counters) wire.Value { return wire.Gauge(rate(c) >> 32) })
		column(rates64+n, func(c *status.Counters) wire.Value { return wire.Count64(rate(c)) })
	}
	return list
}

func serviceCounters() []field[service] {
	return countFields(func(s *service) *status.Counters { return &s.now.Counters }, 27, 28, 32, 38, 41, 74)
}

func serverCounters() []field[server] {
	list := countFields(func(s *server) *status.Counters { return &s.now.Counters }, 14, 18, 22, 27, 30, 58)
	return append(list,
		field[server]{15, func(s *server) wire.Value { return wire.Gauge(s.now.Active) }},
		field[server]{16, func(s *server) wire.Value { return wire.Gauge(s.now.Inactive) }},
		field[server]{17, func(s *server) wire.Value { return wire.Gauge(s.now.Persistent) }})
}
