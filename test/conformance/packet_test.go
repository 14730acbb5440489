package conformance

import (
	"encoding/binary"
	"net/netip"
	"slices"
)

const (
	protocol     = 112
	icmp         = 1
	icmp6        = 58
	ethernetIPv4 = 0x0800
	ethernetARP  = 0x0806
	ethernetIPv6 = 0x86dd
)

// advert is an advertisement as it lies on the wire. It is written and read here
// from the text of the RFCs alone: what holdfast itself encodes and decodes with
// is not asked.
type advert struct {
	mac, toMAC    [6]byte
	from, to      netip.Addr
	hops          uint8
	version, kind uint8
	vrid          uint8
	priority      uint8
	count         uint8
	reserved      uint8  // version 2: the type of authentication
	interval      uint16 // version 2: in seconds, version 3: in hundredths
	addrs         []netip.Addr
	cut           int // bytes taken from the end
	surplus       int // bytes beyond what the count says
	summed        summing
}

// summing is the form of a checksum.
type summing uint8

const (
	right     summing = iota
	wrong             // on reception: any that is not right
	other             // with the pseudo-header where there is none, without it where there is one
	forgotten         // zero
)

// frame is the advert in Ethernet, with every length and sum the fields do not spoil.
func (a advert) frame() []byte {
	b := a.body()
	binary.BigEndian.PutUint16(b[6:], a.sum(b))
	b = b[:len(b)-a.cut]
	if a.from.Is4() {
		return a.ethernet(ethernetIPv4, a.ipv4(protocol, b))
	}
	return a.ethernet(ethernetIPv6, a.ipv6(protocol, b))
}

func (a advert) ethernet(kind uint16, payload []byte) []byte {
	b := append(slices.Clone(a.toMAC[:]), a.mac[:]...)
	return append(binary.BigEndian.AppendUint16(b, kind), payload...)
}

func (a advert) ipv4(protocol byte, payload []byte) []byte {
	b := make([]byte, 20, 20+len(payload))
	b[0], b[1], b[8], b[9] = 0x45, 0xc0, a.hops, protocol
	binary.BigEndian.PutUint16(b[2:], uint16(20+len(payload)))
	copy(b[12:], a.from.AsSlice())
	copy(b[16:], a.to.AsSlice())
	binary.BigEndian.PutUint16(b[10:], internet(b))
	return append(b, payload...)
}

func (a advert) ipv6(protocol byte, payload []byte) []byte {
	b := make([]byte, 8, 40+len(payload))
	b[0], b[6], b[7] = 0x60, protocol, a.hops
	binary.BigEndian.PutUint16(b[4:], uint16(len(payload)))
	b = append(append(b, a.from.AsSlice()...), a.to.AsSlice()...)
	return append(b, payload...)
}

// body is the VRRP packet without its checksum.
func (a advert) body() []byte {
	b := []byte{a.version<<4 | a.kind, a.vrid, a.priority, a.count, 0, 0, 0, 0}
	if a.version == 2 {
		b[4], b[5] = a.reserved, byte(a.interval)
	} else {
		binary.BigEndian.PutUint16(b[4:], uint16(a.reserved)<<12|a.interval)
	}
	for _, addr := range a.addrs {
		b = append(b, addr.AsSlice()...)
	}
	if a.version == 2 {
		b = append(b, make([]byte, 8)...)
	}
	return append(b, make([]byte, a.surplus)...)
}

// sum covers a pseudo-header since version 3.
func (a advert) sum(body []byte) uint16 {
	bare := a.version == 2
	switch a.summed {
	case wrong:
		a.summed = right
		return a.sum(body) ^ 0x5555
	case forgotten:
		return 0
	case other:
		bare = !bare
	}
	if bare {
		return internet(body)
	}
	head := append(a.from.AsSlice(), a.to.AsSlice()...)
	head = binary.BigEndian.AppendUint32(head, uint32(len(body)))
	return internet(append(binary.BigEndian.AppendUint32(head, protocol), body...))
}

// internet is the checksum of RFC 1071.
func internet(b []byte) uint16 {
	var sum uint32
	for len(b) > 1 {
		sum, b = sum+uint32(binary.BigEndian.Uint16(b)), b[2:]
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

// readAdvert takes an Ethernet frame apart; ok is false for anything else.
func readAdvert(f []byte) (a advert, ok bool) {
	if len(f) < 14 {
		return a, false
	}
	copy(a.toMAC[:], f)
	copy(a.mac[:], f[6:])
	body, ok := a.readIP(binary.BigEndian.Uint16(f[12:]), f[14:])
	return a, ok && a.readBody(body)
}

func (a *advert) readIP(kind uint16, b []byte) (body []byte, ok bool) {
	switch {
	case kind == ethernetIPv4 && len(b) >= 20 && b[9] == protocol:
		a.hops = b[8]
		a.from, a.to = netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
		head, end := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
		return b[min(head, len(b)):min(max(head, end), len(b))], true
	case kind == ethernetIPv6 && len(b) >= 40 && b[6] == protocol:
		a.hops = b[7]
		a.from, a.to = netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:]))
		return b[40:min(40+int(binary.BigEndian.Uint16(b[4:])), len(b))], true
	}
	return nil, false
}

func (a *advert) readBody(b []byte) bool {
	if len(b) < 8 {
		return false
	}
	a.version, a.kind, a.vrid, a.priority, a.count = b[0]>>4, b[0]&15, b[1], b[2], b[3]
	word := binary.BigEndian.Uint16(b[4:])
	a.reserved, a.interval = uint8(word>>12), word&0xfff
	rest := b[8:]
	if a.version == 2 {
		a.reserved, a.interval = b[4], uint16(b[5])
		rest = rest[:max(0, len(rest)-8)]
	}
	size := a.from.BitLen() / 8
	for ; len(rest) >= size; rest = rest[size:] {
		addr, _ := netip.AddrFromSlice(rest[:size])
		a.addrs = append(a.addrs, addr)
	}
	clean := slices.Clone(b)
	clean[6], clean[7] = 0, 0
	if a.sum(clean) != binary.BigEndian.Uint16(b[6:]) {
		a.summed = wrong
	}
	return true
}

// claim is what a packet says about who has an address: an ARP packet or a
// neighbour advertisement.
type claim struct {
	mac, toMAC [6]byte // of the Ethernet header
	addr       netip.Addr
	owner      [6]byte // the link-layer address inside
	reply      bool    // an ARP reply, or a solicited advertisement
	own        bool    // ARP: sender and target are the same address
	override   bool    // the O flag; of ARP always
	router     bool    // the R flag; of ARP always
	hops       uint8
}

func readClaim(f []byte) (c claim, ok bool) {
	if len(f) < 14+28 {
		return c, false
	}
	copy(c.toMAC[:], f)
	copy(c.mac[:], f[6:])
	switch b := f[14:]; binary.BigEndian.Uint16(f[12:]) {
	case ethernetARP:
		c.reply, c.override, c.router, c.hops = b[7] == 2, true, true, 255
		copy(c.owner[:], b[8:])
		c.addr = netip.AddrFrom4([4]byte(b[14:]))
		c.own = c.addr == netip.AddrFrom4([4]byte(b[24:]))
		return c, c.reply || c.own
	case ethernetIPv6:
		return c, c.readNeighbour(b)
	}
	return c, false
}

func (c *claim) readNeighbour(b []byte) bool {
	const advertisement, targetLinkLayer = 136, 2
	if len(b) < 40+32 || b[6] != icmp6 || b[40] != advertisement || b[64] != targetLinkLayer {
		return false
	}
	flags := b[44]
	c.hops, c.router, c.reply, c.override = b[7], flags&0x80 != 0, flags&0x40 != 0, flags&0x20 != 0
	c.addr, c.own = netip.AddrFrom16([16]byte(b[48:])), flags&0x40 == 0
	copy(c.owner[:], b[66:])
	return true
}

// question is who asks for an address.
type question struct {
	mac      [6]byte
	from, of netip.Addr
}

// frame is an ARP request or a neighbour solicitation.
func (q question) frame() []byte {
	if q.of.Is4() {
		b := []byte{0, 1, 8, 0, 6, 4, 0, 1}
		b = append(append(b, q.mac[:]...), q.from.AsSlice()...)
		b = append(append(b, make([]byte, 6)...), q.of.AsSlice()...)
		return advert{mac: q.mac, toMAC: [6]byte{255, 255, 255, 255, 255, 255}}.ethernet(ethernetARP, b)
	}
	of := q.of.As16()
	to := netip.AddrFrom16([16]byte{0xff, 2, 11: 1, 12: 0xff, 13: of[13], 14: of[14], 15: of[15]})
	b := append([]byte{135, 0, 0, 0, 0, 0, 0, 0}, of[:]...)
	b = append(append(b, 1, 1), q.mac[:]...)
	head := binary.BigEndian.AppendUint32(append(q.from.AsSlice(), to.AsSlice()...), uint32(len(b)))
	binary.BigEndian.PutUint16(b[2:], internet(append(binary.BigEndian.AppendUint32(head, icmp6), b...)))
	a := advert{mac: q.mac, toMAC: [6]byte{0x33, 0x33, 0xff, of[13], of[14], of[15]}, from: q.from, to: to, hops: 255}
	return a.ethernet(ethernetIPv6, a.ipv6(icmp6, b))
}

// echo is an ICMP echo request.
type echo struct {
	mac, toMAC [6]byte
	from, to   netip.Addr
}

func (e echo) frame() []byte {
	a := advert{mac: e.mac, toMAC: e.toMAC, from: e.from, to: e.to, hops: 64}
	b := []byte{8, 0, 0, 0, 0, 1, 0, 1}
	if e.to.Is4() {
		binary.BigEndian.PutUint16(b[2:], internet(b))
		return a.ethernet(ethernetIPv4, a.ipv4(icmp, b))
	}
	b[0] = 128
	head := binary.BigEndian.AppendUint32(append(e.from.AsSlice(), e.to.AsSlice()...), uint32(len(b)))
	binary.BigEndian.PutUint16(b[2:], internet(append(binary.BigEndian.AppendUint32(head, icmp6), b...)))
	return a.ethernet(ethernetIPv6, a.ipv6(icmp6, b))
}

// repliesTo reports whether a frame is an echo reply of an address.
func repliesTo(f []byte, addr netip.Addr) bool {
	if len(f) < 14+28 {
		return false
	}
	switch b := f[14:]; binary.BigEndian.Uint16(f[12:]) {
	case ethernetIPv4:
		return b[9] == icmp && b[20] == 0 && netip.AddrFrom4([4]byte(b[12:])) == addr
	case ethernetIPv6:
		return len(b) > 40 && b[6] == icmp6 && b[40] == 129 && netip.AddrFrom16([16]byte(b[8:])) == addr
	}
	return false
}
