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
	v6   bool
	to   bool // the VRRP checksum covers the destination
}

// Build makes the packet of s. It is the only place that allocates.
func Build(s *Spec) Packet {
	start, each := ipv4Header, 4
	if s.V6 {
		start, each = 0, 16
	}
	vips := s.VIPs[:s.fits(each)]
	n := vrrpHeader + len(vips)*each
	if s.Version == 2 {
		n += authData
	}
	p := Packet{buf: make([]byte, start+n), v6: s.V6}
	s.putMessage(p.buf[start:], vips)
	p.body = sum(p.buf[start:])
	if pseudo(s.V6, s.Version, s.Form) {
		p.addPseudo(s, n)
	}
	if !s.V6 {
		s.putHeader(p.buf)
		p.head = sum(p.buf[:start])
	}
	return p
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
	room := s.MTU - ipv4Header - vrrpHeader
	if s.V6 {
		room = s.MTU - ipv6Header - vrrpHeader
	}
	if s.Version == 2 {
		room -= authData
	}
	return max(0, min(n, room/each))
}

func (s *Spec) putHeader(b []byte) {
	b[0], b[1] = 0x45, precedence
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	b[8], b[9] = s.TTL, Protocol
	src := s.Src.As4()
	copy(b[12:], src[:])
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
	if !s.HasPass {
		return
	}
	b[4] = Pass
	copy(b[len(b)-authData:], s.Password[:])
}

func (p *Packet) addPseudo(s *Spec, n int) {
	p.body += sumAddr(s.Src) + Protocol + uint32(n)
	p.to = s.V6 || s.Form != OldUnicast
	if !p.to {
		p.body += sumAddr(s.Group)
	}
}

// Append appends the advert with priority to dst: for IPv4 a whole datagram,
// for IPv6 the payload. ID is the IPv4 identification; the kernel would replace 0.
func (p *Packet) Append(to []byte, dst netip.Addr, priority uint8, id uint16) []byte {
	start := len(to)
	to = append(to, p.buf...)
	b := to[start:]
	if !p.v6 {
		p.patchHeader(b, dst, id)
		b = b[ipv4Header:]
	}
	b[2] = priority
	s := p.body + uint32(priority)<<8
	if p.to {
		s += sumAddr(dst)
	}
	binary.BigEndian.PutUint16(b[6:], fold(s))
	return to
}

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
