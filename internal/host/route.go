package host

import (
	"fmt"
	"net/netip"
	"strings"
)

// RouteType is what becomes of packets that a route is for: rtm_type of
// linux/rtnetlink.h.
type RouteType uint8

// The types of routes, RTN_UNICAST and so on.
const (
	Unicast RouteType = 1 + iota
	Local
	Broadcast
	Anycast
	Multicast
	Blackhole
	Unreachable
	Prohibit
	Throw
	NAT      // the kernel refuses it since Linux 2.6
	XResolve // the kernel has never had it
)

// RouteTypes are the names of the types, as iproute2 has them.
func RouteTypes() []string {
	return []string{"unicast", "local", "broadcast", "anycast", "multicast", "blackhole", "unreachable", "prohibit", "throw", "nat", "xresolve"}
}

// String is the name of the type.
func (t RouteType) String() string {
	if names := RouteTypes(); t >= 1 && int(t) <= len(names) {
		return names[t-1]
	}
	return fmt.Sprint(uint8(t))
}

// Placement is where a route goes among those with the same destination, TOS
// and metric: the flags of RTM_NEWROUTE.
type Placement uint8

// The placements.
const (
	Prepend   Placement = iota // before them: NLM_F_CREATE
	Append                     // after them: NLM_F_CREATE and NLM_F_APPEND
	Exclusive                  // refused if there is one: NLM_F_CREATE and NLM_F_EXCL; `ip route add`
)

// The tables that always exist.
const (
	TableDefault = 253
	TableMain    = 254
	TableLocal   = 255
)

// Optional is a number that may be absent; the zero value is absent.
type Optional struct {
	Given bool
	Value uint32
}

// Some is a number that is there.
func Some(n uint32) Optional { return Optional{true, n} }

// Realms are the realms of a route or a rule: both halves of RTA_FLOW. Zero is none.
type Realms struct{ From, To uint16 }

// String is FROM/TO, or TO when there is no other.
func (r Realms) String() string {
	if r.From == 0 {
		return fmt.Sprint(r.To)
	}
	return fmt.Sprintf("%d/%d", r.From, r.To)
}

// Route is a route of the kernel, by the words of `ip route` and the fields of
// linux/rtnetlink.h. Names are numbers already, but for those of interfaces.
type Route struct {
	// Dst is the destination, /0 for the default route; its family is that of the route.
	Dst netip.Prefix
	// Src is from: an IPv6 route for packets from there only; zero: from everywhere.
	Src   netip.Prefix
	Type  RouteType
	TOS   uint8  // tos, dsfield: rtm_tos
	Table uint32 // RTA_TABLE
	// VRF is the interface whose table is meant and not Table; empty: none.
	VRF      string
	Protocol uint8  // rtm_protocol
	Scope    uint8  // rtm_scope: 0 global, 253 link, 254 host
	Metric   uint32 // RTA_PRIORITY; 0: the kernel's choice
	// PrefSrc is src, the source that connections get: RTA_PREFSRC; zero: none.
	PrefSrc netip.Addr
	// Hop is where packets go when there is one way only. Its weight is 0.
	Hop NextHop
	// Hops are the ways of a multipath route. Hop has no more than the interface
	// then, unless it was written beside them, which the kernel refuses.
	Hops []NextHop
	// Expires is after how many seconds an IPv6 route goes: RTA_EXPIRES.
	Expires Optional
	// Metrics are RTA_METRICS, ordered by kind, each once.
	Metrics []Metric
	// Congestion is congctl, RTAX_CC_ALGO; empty: none.
	Congestion       string
	CongestionLocked bool
	// Preference is pref of an IPv6 route, RTA_PREF: 0 medium, 1 high, 3 low.
	Preference Optional
	// TTLPropagate is ttl-propagate, RTA_TTL_PROPAGATE: 0 or 1.
	TTLPropagate Optional
	Placement    Placement
}

// NextHop is one way that a route may take: struct rtnexthop and its attributes.
type NextHop struct {
	Via  netip.Addr // RTA_GATEWAY, or RTA_VIA for the other family; zero: none
	Link string     // RTA_OIF; empty: the kernel finds it
	// Weight is 1 to 256 (rtnh_hops + 1); 0 outside of a multipath route.
	Weight uint16
	OnLink bool // RTNH_F_ONLINK
	Encap  Encap
	Realms Realms // RTA_FLOW, IPv4
}

// EncapKind is a kind of lightweight tunnel: enum lwtunnel_encap_types.
type EncapKind uint8

// The kinds of lightweight tunnels, LWTUNNEL_ENCAP_MPLS and so on.
const (
	NoEncap EncapKind = iota
	EncapMPLS
	EncapIP
	EncapILA
	EncapIP6
)

// Encap is what packets are wrapped into: RTA_ENCAP. The zero value is nothing.
type Encap struct {
	Kind EncapKind
	// Of EncapIP and EncapIP6:
	ID       uint64     // tunnel key
	Dst, Src netip.Addr // outer addresses; zero: not given
	TOS      uint8      // tos of ip, tc of ip6
	TTL      uint8      // ttl of ip, hoplimit of ip6
	Flags    uint16
	// Labels is the stack of EncapMPLS, outermost first, 20 bits each.
	Labels []uint32
	// Locator is that of EncapILA.
	Locator uint64
}

// MetricKind tells the metrics of a route apart: RTAX_MTU and so on.
type MetricKind uint8

// The kinds of metrics, with their units.
const (
	MTU              MetricKind = 2 + iota // bytes
	Window                                 // bytes
	RTT                                    // 1/8 ms
	RTTVar                                 // 1/4 ms
	SlowStart                              // ssthresh, segments
	CongestionWindow                       // cwnd, segments
	AdvMSS                                 // bytes
	Reordering                             // segments
	HopLimit
	InitCwnd // segments
	Features // bits: FeatureECN
	RTOMin   // ms
	InitRwnd // segments
	QuickACK // 0 or 1
	_        // RTAX_CC_ALGO: Route.Congestion
	FastOpenNoCookie
)

// FeatureECN is RTAX_FEATURE_ECN.
const FeatureECN = 1

// String is the word of `ip route`.
func (k MetricKind) String() string {
	names := []string{"mtu", "window", "rtt", "rttvar", "ssthresh", "cwnd", "advmss", "reordering", "hoplimit", "initcwnd", "features", "rto_min", "initrwnd", "quickack", "congctl", "fastopen_no_cookie"}
	if k >= MTU && int(k-MTU) < len(names) {
		return names[k-MTU]
	}
	return fmt.Sprint(uint8(k))
}

// Metric is one metric of a route. Locked sets its bit in RTAX_LOCK: the kernel
// does not change it by what it measures.
type Metric struct {
	Kind   MetricKind
	Value  uint32
	Locked bool
}

// V6 reports whether r is an IPv6 route.
func (r *Route) V6() bool { return r.Dst.Addr().Is6() }

// Encap is the encapsulation of the first way that has one; NoEncap if none has.
func (r *Route) Encap() EncapKind {
	for i := range r.Hops {
		if kind := r.Hops[i].Encap.Kind; kind != NoEncap {
			return kind
		}
	}
	return r.Hop.Encap.Kind
}

// SetMetric sets a metric, in place of one of its kind that was there.
func (r *Route) SetMetric(m Metric) {
	for i := range r.Metrics {
		switch {
		case r.Metrics[i].Kind == m.Kind:
			r.Metrics[i] = m
			return
		case r.Metrics[i].Kind > m.Kind:
			r.Metrics = append(r.Metrics[:i], append([]Metric{m}, r.Metrics[i:]...)...)
			return
		}
	}
	r.Metrics = append(r.Metrics, m)
}

// String prints r as the arguments of `ip route`.
func (r Route) String() string {
	var line words
	line.when(r.Type != Unicast, r.Type.String())
	line = append(line, destination(r.Dst))
	line.when(r.Src.IsValid(), "from", destination(r.Src))
	line.when(r.TOS != 0, "tos", fmt.Sprintf("0x%02x", r.TOS))
	line = append(line, r.Hop.words()...)
	line.when(r.PrefSrc.IsValid(), "src", r.PrefSrc.String())
	line.when(r.VRF != "", "vrf", r.VRF)
	line.when(r.VRF == "" && r.Table != TableMain, "table", fmt.Sprint(r.Table))
	line.when(r.Protocol != 0, "proto", fmt.Sprint(r.Protocol))
	line.when(r.Scope != 0, "scope", scope(r.Scope))
	line.when(r.Metric != 0, "metric", fmt.Sprint(r.Metric))
	line = append(line, r.metrics()...)
	line.when(r.Expires.Given, "expires", fmt.Sprint(r.Expires.Value))
	line.when(r.Preference.Given, "pref", preference(r.Preference.Value))
	line.when(r.TTLPropagate.Given, "ttl-propagate", []string{"disabled", "enabled"}[min(r.TTLPropagate.Value, 1)])
	for i := range r.Hops {
		line = append(append(line, "nexthop"), r.Hops[i].words()...)
	}
	return strings.Join(line, " ")
}

// destination prints a prefix as `ip route` does.
func destination(p netip.Prefix) string {
	switch {
	case p.Bits() == 0 && p.Addr().Is6():
		return "::/0"
	case p.Bits() == 0:
		return "default"
	case p.IsSingleIP():
		return p.Addr().String()
	}
	return p.String()
}

func preference(n uint32) string {
	switch n {
	case 0:
		return "medium"
	case 1:
		return "high"
	case 3:
		return "low"
	}
	return fmt.Sprint(n)
}

func (h *NextHop) words() words {
	line := h.Encap.words()
	line.when(h.Via.Is4(), "via", h.Via.String())
	line.when(h.Via.Is6(), "via", "inet6", h.Via.String())
	line.when(h.Link != "", "dev", h.Link)
	line.when(h.Weight > 0, "weight", fmt.Sprint(h.Weight))
	line.when(h.OnLink, "onlink")
	line.when(h.Realms != Realms{}, "realms", h.Realms.String())
	return line
}

// String prints e as the arguments of `ip route`.
func (e *Encap) String() string { return strings.Join(e.words(), " ") }

func (e *Encap) words() words {
	var line words
	switch e.Kind {
	case EncapMPLS:
		return words{"encap", "mpls", e.Stack()}
	case EncapILA:
		return words{"encap", "ila", e.locator()}
	case EncapIP, EncapIP6:
		v6 := e.Kind == EncapIP6
		line = words{"encap", named(v6, "ip6", "ip")}
		line.when(e.ID != 0, "id", fmt.Sprint(e.ID))
		line.when(e.Dst.IsValid(), "dst", e.Dst.String())
		line.when(e.Src.IsValid(), "src", e.Src.String())
		line.when(e.TOS != 0, named(v6, "tc", "tos"), fmt.Sprint(e.TOS))
		line.when(e.TTL != 0, named(v6, "hoplimit", "ttl"), fmt.Sprint(e.TTL))
		line.when(e.Flags != 0, "flags", fmt.Sprint(e.Flags))
	}
	return line
}

func named(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

// Stack prints the labels of EncapMPLS as `ip route` does.
func (e *Encap) Stack() string {
	var labels []string
	for _, l := range e.Labels {
		labels = append(labels, fmt.Sprint(l))
	}
	return strings.Join(labels, "/")
}

func (e *Encap) locator() string {
	l := e.Locator
	return fmt.Sprintf("%x:%x:%x:%x", l>>48, l>>32&0xffff, l>>16&0xffff, l&0xffff)
}

func (r *Route) metrics() words {
	var line words
	for _, m := range r.Metrics {
		line = append(line, m.Kind.String())
		line.when(m.Locked, "lock")
		line = append(line, m.value())
	}
	if r.Congestion != "" {
		line = append(line, "congctl")
		line.when(r.CongestionLocked, "lock")
		line = append(line, r.Congestion)
	}
	return line
}

// value prints times in the unit of the kernel, as `ip route` reads bare numbers.
func (m Metric) value() string {
	if m.Kind == Features && m.Value == FeatureECN {
		return "ecn"
	}
	return fmt.Sprint(m.Value)
}
