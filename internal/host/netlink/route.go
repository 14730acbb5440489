package netlink

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"holdfast/internal/host"
)

// Of linux/lwtunnel.h, mpls_iptunnel.h and ila.h. The attributes of EncapIP and
// EncapIP6 have the same numbers: hop limit and traffic class for TTL and TOS.
const (
	tunnelID       = 1
	tunnelDst      = 2
	tunnelSrc      = 3
	tunnelTTL      = 4
	tunnelTOS      = 5
	tunnelFlags    = 6
	mplsDst        = 1
	ilaLocator     = 1
	rtaTTLPropag   = 26
	rtaxCongestion = 16
)

// appendRoute appends the message that adds or removes a route. Links have been
// looked up: index knows all of them.
func appendRoute(b []byte, r *host.Route, table uint32, index func(string) int) []byte {
	b = append(b, family(r.V6()), uint8(r.Dst.Bits()), prefixBits(r.Src), r.TOS, tableByte(table), r.Protocol, r.LeastScope(), uint8(r.Type))
	b = binary.NativeEndian.AppendUint32(b, hopFlags(&r.Hop))
	if r.Dst.Bits() > 0 {
		b = appendIP(b, unix.RTA_DST, r.Dst.Addr())
	}
	if prefixBits(r.Src) > 0 {
		b = appendIP(b, unix.RTA_SRC, r.Src.Addr())
	}
	b = appendUint32(b, unix.RTA_TABLE, table)
	if r.Metric != 0 {
		b = appendUint32(b, unix.RTA_PRIORITY, r.Metric)
	}
	if r.PrefSrc.IsValid() {
		b = appendIP(b, unix.RTA_PREFSRC, r.PrefSrc)
	}
	b = appendOptions(b, r)
	if r.Hop.Link != "" && len(r.Hops) == 0 {
		b = appendUint32(b, unix.RTA_OIF, uint32(index(r.Hop.Link)))
	}
	b = appendHop(b, &r.Hop, r.V6())
	return appendHops(b, r, index)
}

func family(v6 bool) uint8 {
	if v6 {
		return unix.AF_INET6
	}
	return unix.AF_INET
}

// prefixBits is the length of p; 0 without one.
func prefixBits(p netip.Prefix) uint8 { return uint8(max(p.Bits(), 0)) }

// tableByte is what the header has room for; the attribute has the whole number.
func tableByte(table uint32) uint8 {
	if table > 255 {
		return unix.RT_TABLE_UNSPEC
	}
	return uint8(table)
}

func hopFlags(h *host.NextHop) uint32 {
	if h.OnLink {
		return unix.RTNH_F_ONLINK
	}
	return 0
}

func appendOptions(b []byte, r *host.Route) []byte {
	b = appendMetrics(b, r)
	if r.Expires.Given {
		b = appendUint32(b, unix.RTA_EXPIRES, r.Expires.Value)
	}
	if r.Preference.Given {
		b = appendAttr(b, unix.RTA_PREF, []byte{uint8(r.Preference.Value)})
	}
	if r.TTLPropagate.Given {
		b = appendAttr(b, rtaTTLPropag, []byte{uint8(r.TTLPropagate.Value)})
	}
	return b
}

func appendMetrics(b []byte, r *host.Route) []byte {
	var list []byte
	var locks uint32
	for _, m := range r.Metrics {
		list = appendUint32(list, uint16(m.Kind), m.Value)
		if m.Locked {
			locks |= 1 << m.Kind
		}
	}
	if r.Congestion != "" {
		list = appendAttr(list, rtaxCongestion, append([]byte(r.Congestion), 0))
		if r.CongestionLocked {
			locks |= 1 << rtaxCongestion
		}
	}
	if locks != 0 {
		list = appendUint32(list, unix.RTAX_LOCK, locks)
	}
	if list == nil {
		return b
	}
	return appendAttr(b, unix.RTA_METRICS, list)
}

// appendHop appends what a way has beside its link, flags and weight.
func appendHop(b []byte, h *host.NextHop, v6 bool) []byte {
	switch {
	case !h.Via.IsValid():
	case h.Via.Is6() == v6:
		b = appendIP(b, unix.RTA_GATEWAY, h.Via)
	default:
		via := binary.NativeEndian.AppendUint16(nil, uint16(family(h.Via.Is6())))
		b = appendAttr(b, unix.RTA_VIA, append(via, h.Via.AsSlice()...))
	}
	if h.Realms != (host.Realms{}) {
		b = appendUint32(b, unix.RTA_FLOW, flow(h.Realms))
	}
	if h.Encap.Kind != host.NoEncap {
		b = appendAttr(b, unix.RTA_ENCAP_TYPE, binary.NativeEndian.AppendUint16(nil, uint16(h.Encap.Kind)))
		b = appendAttr(b, unix.RTA_ENCAP|unix.NLA_F_NESTED, encapOf(&h.Encap))
	}
	return b
}

func flow(r host.Realms) uint32 { return uint32(r.From)<<16 | uint32(r.To) }

func encapOf(e *host.Encap) (b []byte) {
	switch e.Kind {
	case host.EncapMPLS:
		var stack []byte
		for i, label := range e.Labels {
			entry := label << 12
			if i == len(e.Labels)-1 {
				entry |= 1 << 8 // bottom of stack
			}
			stack = binary.BigEndian.AppendUint32(stack, entry)
		}
		return appendAttr(b, mplsDst, stack)
	case host.EncapILA:
		return appendAttr(b, ilaLocator, binary.BigEndian.AppendUint64(nil, e.Locator))
	}
	return tunnelOf(e)
}

func tunnelOf(e *host.Encap) (b []byte) {
	if e.ID != 0 {
		b = appendAttr(b, tunnelID, binary.BigEndian.AppendUint64(nil, e.ID))
	}
	if e.Dst.IsValid() {
		b = appendIP(b, tunnelDst, e.Dst)
	}
	if e.Src.IsValid() {
		b = appendIP(b, tunnelSrc, e.Src)
	}
	if e.TTL != 0 {
		b = appendAttr(b, tunnelTTL, []byte{e.TTL})
	}
	if e.TOS != 0 {
		b = appendAttr(b, tunnelTOS, []byte{e.TOS})
	}
	if e.Flags != 0 {
		b = appendAttr(b, tunnelFlags, binary.BigEndian.AppendUint16(nil, e.Flags))
	}
	return b
}

// appendHops appends the ways of a multipath route, each a struct rtnexthop.
func appendHops(b []byte, r *host.Route, index func(string) int) []byte {
	if len(r.Hops) == 0 {
		return b
	}
	var list []byte
	for i := range r.Hops {
		h := &r.Hops[i]
		start := len(list)
		list = append(list, 0, 0, uint8(hopFlags(h)), uint8(max(h.Weight, 1)-1))
		list = binary.NativeEndian.AppendUint32(list, uint32(index(h.Link)))
		list = appendHop(list, h, r.V6())
		binary.NativeEndian.PutUint16(list[start:], uint16(len(list)-start))
	}
	return appendAttr(b, unix.RTA_MULTIPATH, list)
}

// decodeRoute reads an RTM_NEWROUTE or RTM_DELROUTE.
func decodeRoute(b []byte, name func(int) string) (*host.Route, error) {
	if len(b) < unix.SizeofRtMsg {
		return nil, errShort
	}
	v6 := b[0] == unix.AF_INET6
	r := &host.Route{TOS: b[3], Table: uint32(b[4]), Protocol: b[5], Scope: b[6], Type: host.RouteType(b[7])}
	r.Hop.OnLink = number(b[8:])&unix.RTNH_F_ONLINK != 0
	if v6 {
		r.Scope = 0
	}
	dst, src := everywhere(v6), netip.Addr{}
	r.Hop.Encap.Kind = encapKind(b[unix.SizeofRtMsg:])
	for kind, v := range attributes(b[unix.SizeofRtMsg:]) {
		switch kind {
		case unix.RTA_DST:
			dst, _ = netip.AddrFromSlice(v)
		case unix.RTA_SRC:
			src, _ = netip.AddrFromSlice(v)
		case unix.RTA_OIF:
			r.Hop.Link = name(int(number(v)))
		case unix.RTA_MULTIPATH:
			r.Hops = decodeHops(v, name)
		default:
			routeAttribute(r, kind, v)
		}
	}
	r.Dst = netip.PrefixFrom(dst, int(b[1]))
	if src.IsValid() {
		r.Src = netip.PrefixFrom(src, int(b[2]))
	}
	return r, nil
}

func everywhere(v6 bool) netip.Addr {
	if v6 {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

func routeAttribute(r *host.Route, kind uint16, v []byte) {
	switch kind {
	case unix.RTA_TABLE:
		r.Table = number(v)
	case unix.RTA_PRIORITY:
		r.Metric = number(v)
	case unix.RTA_PREFSRC:
		r.PrefSrc, _ = netip.AddrFromSlice(v)
	case unix.RTA_METRICS:
		decodeMetrics(r, v)
	case unix.RTA_CACHEINFO: // struct rta_cacheinfo: clntref, lastuse, expires
		if len(v) >= 12 && number(v[8:]) != 0 {
			r.Expires = host.Some(number(v[8:]))
		}
	case unix.RTA_PREF:
		r.Preference = host.Some(uint32(first(v)))
	case rtaTTLPropag:
		r.TTLPropagate = host.Some(uint32(first(v)))
	default:
		hopAttribute(&r.Hop, kind, v)
	}
}

func first(v []byte) uint8 {
	if len(v) == 0 {
		return 0
	}
	return v[0]
}

func decodeMetrics(r *host.Route, b []byte) {
	var locks uint32
	for kind, v := range attributes(b) {
		switch kind {
		case unix.RTAX_LOCK:
			locks = number(v)
		case rtaxCongestion:
			r.Congestion = text(v)
		default:
			r.SetMetric(host.Metric{Kind: host.MetricKind(kind), Value: number(v)})
		}
	}
	for i := range r.Metrics {
		r.Metrics[i].Locked = locks&(1<<r.Metrics[i].Kind) != 0
	}
	r.CongestionLocked = locks&(1<<rtaxCongestion) != 0
}

func hopAttribute(h *host.NextHop, kind uint16, v []byte) {
	switch kind {
	case unix.RTA_GATEWAY:
		h.Via, _ = netip.AddrFromSlice(v)
	case unix.RTA_VIA:
		h.Via, _ = netip.AddrFromSlice(v[min(2, len(v)):])
	case unix.RTA_FLOW:
		h.Realms = realms(number(v))
	case unix.RTA_ENCAP:
		h.Encap = decodeEncap(h.Encap.Kind, v)
	}
}

func realms(flow uint32) host.Realms { return host.Realms{From: uint16(flow >> 16), To: uint16(flow)} }

func decodeHops(b []byte, name func(int) string) (hops []host.NextHop) {
	for len(b) >= unix.SizeofRtNexthop {
		n := int(binary.NativeEndian.Uint16(b))
		if n < unix.SizeofRtNexthop || n > len(b) {
			return hops
		}
		h := host.NextHop{OnLink: b[2]&unix.RTNH_F_ONLINK != 0, Weight: uint16(b[3]) + 1, Link: name(int(number(b[4:])))}
		h.Encap.Kind = encapKind(b[unix.SizeofRtNexthop:n])
		for kind, v := range attributes(b[unix.SizeofRtNexthop:n]) {
			hopAttribute(&h, kind, v)
		}
		hops = append(hops, h)
		b = b[min(align(n), len(b)):]
	}
	return hops
}

// encapKind looks ahead: the kernel writes the type behind what it is the type of.
func encapKind(b []byte) host.EncapKind {
	for kind, v := range attributes(b) {
		if kind == unix.RTA_ENCAP_TYPE && len(v) >= 2 {
			return host.EncapKind(binary.NativeEndian.Uint16(v))
		}
	}
	return host.NoEncap
}

func decodeEncap(kind host.EncapKind, b []byte) host.Encap {
	e := host.Encap{Kind: kind}
	for at, v := range attributes(b) {
		switch {
		case kind == host.EncapMPLS && at == mplsDst:
			for ; len(v) >= 4; v = v[4:] {
				e.Labels = append(e.Labels, binary.BigEndian.Uint32(v)>>12)
			}
		case kind == host.EncapILA && at == ilaLocator:
			e.Locator = bigEndian(v)
		case kind == host.EncapIP || kind == host.EncapIP6:
			tunnelAttribute(&e, at, v)
		}
	}
	return e
}

func tunnelAttribute(e *host.Encap, kind uint16, v []byte) {
	switch kind {
	case tunnelID:
		e.ID = bigEndian(v)
	case tunnelDst:
		e.Dst = given(v)
	case tunnelSrc:
		e.Src = given(v)
	case tunnelTTL:
		e.TTL = first(v)
	case tunnelTOS:
		e.TOS = first(v)
	}
}

// given is an address; the unspecified one stands for none.
func given(v []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(v)
	if a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}

func bigEndian(v []byte) (n uint64) {
	for _, b := range v[:min(len(v), 8)] {
		n = n<<8 | uint64(b)
	}
	return n
}
