package mib

import (
	"net/netip"

	"holdfast/internal/agentx/wire"
	"holdfast/internal/dump"
	"holdfast/internal/host"
)

// route is one of an instance.
type route struct {
	*host.Route
	of *dump.Instance
}

// routes draws vrrpRouteTable, and vrrpRouteNextHopTable of those with several ways.
func (d *drawing) routes() {
	var rows []row[route]
	var ways []row[host.NextHop]
	for n := range d.instances {
		i := &d.instances[n]
		if i.Routing == nil {
			continue
		}
		list := make([]route, len(i.Routing.Routes))
		for k := range i.Routing.Routes {
			r := &i.Routing.Routes[k]
			list[k] = route{r, i}
			ways = append(ways, rowsOf(r.Hops, uint32(n+1), uint32(k+1))...)
		}
		rows = append(rows, rowsOf(list, uint32(n+1))...)
	}
	add(d.tree, keepalived(2, 7, 1), rows, append(d.routeFields(), encapFields(46, func(r *route) *host.Encap { return &r.Hop.Encap }, fastOpen())...))
	add(d.tree, keepalived(2, 11, 1), ways, append(d.wayFields(), encapFields(10, func(h *host.NextHop) *host.Encap { return &h.Encap })...))
}

func (d *drawing) routeFields() []field[route] {
	return append([]field[route]{
		{2, func(r *route) wire.Value { return family(r.Dst.Addr()) }},
		{3, func(r *route) wire.Value { return addr(r.Dst.Addr()) }},
		{4, func(r *route) wire.Value { return wire.Gauge(r.Dst.Bits()) }},
		{5, func(r *route) wire.Value { return addr(r.Hop.Via) }},
		// 6, a second gateway, is of configurations that are no more.
		{7, func(r *route) wire.Value { return addr(r.PrefSrc) }},
		{8, func(r *route) wire.Value { return wire.Gauge(r.Metric) }},
		{9, func(r *route) wire.Value { return scope(r.Scope) }},
		{10, func(r *route) wire.Value { return wire.Int(routeType(r.Route)) }},
		{11, func(r *route) wire.Value { return only(r.Hop.Link != "", wire.Int(d.index(r.Hop.Link))) }},
		{12, func(r *route) wire.Value { return text(r.Hop.Link) }},
		{13, func(r *route) wire.Value { return wire.Gauge(r.Table) }},
		{14, func(r *route) wire.Value { return yes(holds(r.of)) }},
		{15, func(r *route) wire.Value { return addr(r.Src.Addr()) }},
		{16, func(r *route) wire.Value { return only(r.Src.IsValid(), wire.Gauge(r.Src.Bits())) }},
		{17, func(r *route) wire.Value { return only(r.TOS != 0, wire.Gauge(r.TOS)) }},
		{18, func(r *route) wire.Value { return wire.Int(protocol(r.Protocol)) }},
	}, metricFields()...)
}

// protocol is one more than the kernel's number.
func protocol(n uint8) int {
	if n == 0 {
		n = host.Protocol
	}
	return int(n) + 1
}

// routeType is a RouteType, which ecmp is among.
func routeType(r *host.Route) int {
	if len(r.Hops) > 0 {
		return 2
	}
	return map[host.RouteType]int{
		host.Unicast: 1, host.Blackhole: 3, host.Anycast: 4, host.Multicast: 5, host.Broadcast: 6,
		host.Unreachable: 7, host.Prohibit: 8, host.Throw: 9, host.NAT: 10, host.XResolve: 11,
	}[r.Type]
}

// metricFields are columns of what a route may say of connections. Those that can be
// locked have a column for that behind them.
func metricFields() []field[route] {
	list := []field[route]{
		{19, func(r *route) wire.Value { return yes(metric(r, host.Features).Value&host.FeatureECN != 0) }},
		{20, func(r *route) wire.Value { return yes(metric(r, host.QuickACK).Value != 0) }},
		{21, func(r *route) wire.Value { return only(r.Expires.Given, wire.Int(r.Expires.Value)) }},
	}
	for _, m := range []struct {
		number   uint32
		kind     host.MetricKind
		lockable bool
		unit     uint32 // the kernel's, in that of the MIB
	}{
		{22, host.MTU, true, 1}, {24, host.HopLimit, false, 1}, {25, host.AdvMSS, true, 1},
		{27, host.RTT, true, 8}, {29, host.RTTVar, true, 4}, {31, host.Reordering, true, 1},
		{33, host.Window, false, 1}, {34, host.CongestionWindow, true, 1}, {36, host.SlowStart, true, 1},
		{38, host.RTOMin, true, 1}, {40, host.InitCwnd, false, 1}, {41, host.InitRwnd, false, 1},
	} {
		has := func(r *route, v wire.Value) wire.Value { return only(metric(r, m.kind).Kind != 0, v) }
		list = append(list, field[route]{m.number, func(r *route) wire.Value { return has(r, wire.Gauge(metric(r, m.kind).Value/m.unit)) }})
		if m.lockable {
			list = append(list, field[route]{m.number + 1, func(r *route) wire.Value { return has(r, yes(metric(r, m.kind).Locked)) }})
		}
	}
	return append(list,
		field[route]{42, func(r *route) wire.Value { return text(r.Congestion) }},
		field[route]{43, func(r *route) wire.Value { return only(r.Preference.Given, preference(r.Preference.Value)) }},
		field[route]{44, func(r *route) wire.Value { return realm(r.Hop.Realms.To) }},
		field[route]{45, func(r *route) wire.Value { return realm(r.Hop.Realms.From) }},
	)
}

func fastOpen() field[route] {
	return field[route]{55, func(r *route) wire.Value {
		return only(metric(r, host.FastOpenNoCookie).Kind != 0, yes(metric(r, host.FastOpenNoCookie).Value != 0))
	}}
}

// metric is one of a route; the zero Metric if it has none of the kind.
func metric(r *route, k host.MetricKind) (m host.Metric) {
	for _, m := range r.Metrics {
		if m.Kind == k {
			return m
		}
	}
	return m
}

// preference is low(1), medium(2) or high(3).
func preference(n uint32) wire.Value {
	return wire.Int(map[uint32]int{3: 1, 0: 2, 1: 3}[n])
}

func realm(n uint16) wire.Value { return only(n != 0, wire.Gauge(n)) }

func (d *drawing) wayFields() []field[host.NextHop] {
	type one = host.NextHop
	return []field[one]{
		{2, func(h *one) wire.Value { return family(h.Via) }},
		{3, func(h *one) wire.Value { return addr(h.Via) }},
		{4, func(h *one) wire.Value { return only(h.Link != "", wire.Int(d.index(h.Link))) }},
		{5, func(h *one) wire.Value { return text(h.Link) }},
		{6, func(h *one) wire.Value { return wire.Gauge(max(h.Weight, 1)) }},
		{7, func(h *one) wire.Value { return yes(h.OnLink) }},
		{8, func(h *one) wire.Value { return realm(h.Realms.To) }},
		{9, func(h *one) wire.Value { return realm(h.Realms.From) }},
	}
}

// encapFields are the columns of an encapsulation, from a number on.
func encapFields[T any](first uint32, of func(*T) *host.Encap, more ...field[T]) []field[T] {
	is := func(t *T, k ...host.EncapKind) bool {
		for _, kind := range k {
			if of(t).Kind == kind {
				return true
			}
		}
		return false
	}
	ip := func(t *T) bool { return is(t, host.EncapIP, host.EncapIP6) }
	outer := func(t *T, a netip.Addr) wire.Value { return only(ip(t), addr(a)) }
	return append([]field[T]{
		{first, func(t *T) wire.Value { return only(!is(t, host.NoEncap), wire.Int(of(t).Kind)) }},
		{first + 1, func(t *T) wire.Value { return only(is(t, host.EncapMPLS), wire.Text(of(t).Stack())) }},
		{first + 2, func(t *T) wire.Value { return only(ip(t) && of(t).ID != 0, wire.Count64(of(t).ID)) }},
		{first + 3, func(t *T) wire.Value { return outer(t, of(t).Dst) }},
		{first + 4, func(t *T) wire.Value { return outer(t, of(t).Src) }},
		{first + 5, func(t *T) wire.Value { return only(ip(t) && of(t).TOS != 0, wire.Gauge(of(t).TOS)) }},
		{first + 6, func(t *T) wire.Value { return only(ip(t) && of(t).TTL != 0, wire.Gauge(of(t).TTL)) }},
		{first + 7, func(t *T) wire.Value { return only(ip(t) && of(t).Flags != 0, wire.Gauge(of(t).Flags)) }},
		{first + 8, func(t *T) wire.Value { return only(is(t, host.EncapILA), wire.Count64(of(t).Locator)) }},
	}, more...)
}
