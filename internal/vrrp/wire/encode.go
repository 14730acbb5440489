package wire

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// Authentication types of version 2 (RFC 2338 section 5.3.6).
const (
	NoAuth uint8 = 0
	Pass   uint8 = 1
	Header uint8 = 2
)

const precedence = 0xc0 // TOS: internetwork control, as keepalived sends

// Spec is everything about a router's adverts that stays the same between them.
type Spec struct {
	V6       bool
	Version  uint8
	VRID     uint8
	Interval time.Duration
	VIPs     []netip.Addr // at most 255 are advertised
	HasPass  bool
	Password [authData]byte
	Header   bool // an authentication header stands before the message
	Sealed   bool // a trailer follows the message
	Src      netip.Addr
	TTL      uint8 // IPv4
	MTU      int   // of the link; 0: not known. What does not fit is left out
	Form     Form
	Group    netip.Addr // for OldUnicast
}

// Packet is a prebuilt advert in which only priority, IP id, destination and
// checksums are open. The sums of all that is fixed are kept, so that sending
// costs the same with one address and with two hundred.
type Packet struct {
	buf  []byte
	head uint32 // sum of the IPv4 header
	body uint32 // sum of what the VRRP checksum covers
	at   int    // where the message begins
	v6   bool
	to   bool // the VRRP checksum covers the destination
}

// Build makes the packet of s. It is the only place that allocates.
func Build(s *Spec) Packet {
	start, each := s.before(), 4
	if s.V6 {
		each = 16
	}
	vips := s.VIPs[:s.fits(each)]
	n := vrrpHeader + len(vips)*each
	if s.Version == 2 {
		n += authData
	}
	p := Packet{buf: make([]byte, start+n), at: start, v6: s.V6}
	s.putMessage(p.buf[start:], vips)
	p.body = sum(p.buf[start:])
	if pseudo(s.V6, s.Version, s.Form) {
		p.addPseudo(s, n)
	}
	if !s.V6 {
		s.putHeader(p.buf)
		p.head = sum(p.buf[:ipv4Header])
	}
	return p
}

// before is how many bytes of headers stand before the message in the packet.
func (s *Spec) before() int {
	switch {
	case s.V6:
		return 0
	case s.Header:
		return ipv4Header + HeaderSize
	}
	return ipv4Header
}

// trailer is how many bytes follow the message.
func (s *Spec) trailer() int {
	if s.Sealed {
		return TrailerSize
	}
	return 0
}

// Len is how many addresses Build puts into the packet.
func (s *Spec) Len() int {
	if s.V6 {
		return s.fits(16)
	}
	return s.fits(4)
}

// fits is how many addresses of each bytes a packet takes: the count field is
// one byte, and adverts are never fragmented.
func (s *Spec) fits(each int) int {
	n := min(len(s.VIPs), 255)
	if s.MTU == 0 {
		return n
	}
	room := s.MTU - s.before() - vrrpHeader - s.trailer()
	if s.V6 {
		room -= ipv6Header
	}
	if s.Version == 2 {
		room -= authData
	}
	return max(0, min(n, room/each))
}

func (s *Spec) putHeader(b []byte) {
	b[0], b[1] = 0x45, precedence
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)+s.trailer()))
	b[8], b[9] = s.TTL, Protocol
	src := s.Src.As4()
	copy(b[12:], src[:])
	if s.Header {
		b[9] = ProtocolAH
		putAH(b[ipv4Header:], s.Src)
	}
}

func (s *Spec) putMessage(b []byte, vips []netip.Addr) {
	b[0], b[1], b[3] = s.Version<<4|1, s.VRID, uint8(len(vips))
	if s.Version == 2 {
		s.putVersion2(b)
	} else {
		binary.BigEndian.PutUint16(b[4:], uint16(s.Interval/(10*time.Millisecond))&0x0fff)
	}
	b = b[vrrpHeader:]
	for _, a := range vips {
		b = b[copy(b, a.AsSlice()):]
	}
}

func (s *Spec) putVersion2(b []byte) {
	b[5] = uint8(s.Interval / time.Second)
	switch {
	case s.Header:
		b[4] = Header
	case s.HasPass:
		b[4] = Pass
		copy(b[len(b)-authData:], s.Password[:])
	}
}

func (p *Packet) addPseudo(s *Spec, n int) {
	if s.V6 {
		n += s.trailer()
	}
	p.body += sumAddr(s.Src) + Protocol + uint32(n)
	p.to = s.V6 || s.Form != OldUnicast
	if !p.to {
		p.body += sumAddr(s.Group)
	}
}

// Append appends the advert with priority to dst: for IPv4 a whole datagram,
// for IPv6 the payload. ID is the IPv4 identification; the kernel would replace 0.
// Trailer is that of a sealed advert, else empty.
func (p *Packet) Append(to []byte, dst netip.Addr, priority uint8, id uint16, trailer []byte) []byte {
	start := len(to)
	to = append(to, p.buf...)
	b := to[start:]
	if !p.v6 {
		p.patchHeader(b, dst, id)
	}
	b = b[p.at:]
	b[2] = priority
	s := p.body + uint32(priority)<<8
	if p.to {
		s += sumAddr(dst)
	}
	if p.v6 { // over IPv4 the checksum ends with the message
		s += sum(trailer)
	}
	binary.BigEndian.PutUint16(b[6:], fold(s))
	return append(to, trailer...)
}

// message is the VRRP message, priority and checksum zero.
func (p *Packet) message() []byte { return p.buf[p.at:] }

func (p *Packet) patchHeader(b []byte, dst netip.Addr, id uint16) {
	d := dst.As4()
	copy(b[16:], d[:])
	binary.BigEndian.PutUint16(b[4:], id)
	binary.BigEndian.PutUint16(b[10:], fold(p.head+sum(d[:])+uint32(id)))
}

// Equal tells whether two packets differ in nothing that a receiver sees,
// priority aside.
func (p *Packet) Equal(o *Packet) bool {
	return string(p.buf) == string(o.buf) && p.body == o.body
}

// Ready tells whether the packet was built.
func (p *Packet) Ready() bool { return len(p.buf) > 0 }
