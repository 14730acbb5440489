package wire

import (
	"encoding/binary"
	"net/netip"
	"time"

	"holdfast/internal/mono"
)

// Protocol is the IP protocol number of VRRP (RFC 9568 section 5.1.1.4).
const Protocol = 112

const (
	ipv4Header  = 20
	ipv6Header  = 40
	vrrpHeader  = 8
	authData    = 8  // version 2 carries it always (RFC 3768 section 5.3.10)
	smallestPad = 46 // payload of the smallest Ethernet frame; shorter ones arrive padded
)

// Advert is one advertisement as received. Its addresses stay in the
// receiver's buffer: it is valid as long as the Datagram it was decoded from.
type Advert struct {
	V6       bool
	Version  uint8
	Type     uint8
	VRID     uint8
	Priority uint8
	Count    uint8 // addresses it announces to carry
	AuthType uint8 // version 2
	HopLimit uint8
	Interval time.Duration
	Src, Dst netip.Addr // without zone
	At       mono.Instant

	pdu      []byte // VRRP message, Ethernet padding included
	datagram []byte // IPv4: from the IP header on
	ah       []byte // authentication header; nil without one
	header   int    // bytes of headers before the message
	total    int    // bytes of the datagram by its IPv4 header; 0 for IPv6
	sealed   int    // bytes of the trailer, if Unseal found one
}

// Decode finds the VRRP message in d. It checks only what it needs to read the
// fixed header; Length, Kind, Total and Verify judge the rest, so that the
// caller can put its own checks between them in keepalived's order.
func Decode(d *Datagram) (Advert, Flaw) {
	if d.V6 {
		return decode6(d)
	}
	return decode4(d)
}

func decode6(d *Datagram) (Advert, Flaw) {
	if len(d.Data) < vrrpHeader {
		return Advert{}, TooShort
	}
	a := Advert{V6: true, HopLimit: d.HopLimit, Src: d.Src.WithZone(""), Dst: d.Dst.WithZone(""), At: d.At}
	a.pdu, a.header = d.Data, ipv6Header
	a.readHeader()
	return a, Sound
}

func decode4(d *Datagram) (Advert, Flaw) {
	b := d.Data
	if len(b) < ipv4Header+vrrpHeader {
		return Advert{}, TooShort
	}
	header := int(b[0]&0x0f) * 4
	fragment := binary.BigEndian.Uint16(b[6:]) & 0x3fff // more fragments, offset
	if b[0]>>4 != 4 || header < ipv4Header || b[9] != Protocol && b[9] != ProtocolAH || fragment != 0 {
		return Advert{}, BadHeader
	}
	a := Advert{HopLimit: b[8], At: d.At, datagram: b}
	if b[9] == ProtocolAH {
		if len(b) < header+HeaderSize || b[header] != Protocol || b[header+1] != HeaderSize/4-2 {
			return Advert{}, BadHeader
		}
		a.ah = b[header : header+HeaderSize]
		header += HeaderSize
	}
	if len(b) < header+vrrpHeader {
		return Advert{}, TooShort
	}
	a.Src = netip.AddrFrom4([4]byte(b[12:16]))
	a.Dst = netip.AddrFrom4([4]byte(b[16:20]))
	a.pdu, a.header, a.total = b[header:], header, int(binary.BigEndian.Uint16(b[2:]))
	a.readHeader()
	return a, Sound
}

func (a *Advert) readHeader() {
	b := a.pdu
	a.Version, a.Type = b[0]>>4, b[0]&0x0f
	a.VRID, a.Priority, a.Count = b[1], b[2], b[3]
	if a.Version == 2 {
		a.AuthType, a.Interval = b[4], time.Duration(b[5])*time.Second
		return
	}
	a.Interval = time.Duration(binary.BigEndian.Uint16(b[4:])&0x0fff) * 10 * time.Millisecond
}

// addrLen is the size of one address in the message.
func (a *Advert) addrLen() int {
	if a.V6 {
		return 16
	}
	return 4
}

// size is how long the message has to be for its address count.
func (a *Advert) size() int {
	n := vrrpHeader + int(a.Count)*a.addrLen()
	if a.Version == 2 {
		n += authData
	}
	return n
}

// Length tells whether the message is as long as its address count asks for.
// A frame padded to the Ethernet minimum is accepted, and lengths are compared
// in units of four bytes, as keepalived does.
func (a *Advert) Length() Flaw {
	surplus := len(a.pdu) - a.size() - a.sealed
	padded := a.header+len(a.pdu) <= smallestPad
	if surplus < 0 || surplus >= 4 && !padded {
		return BadLength
	}
	return Sound
}

// Kind tells whether the message is an advertisement of version 2 or 3.
func (a *Advert) Kind() Flaw {
	if a.Version != 2 && a.Version != 3 {
		return BadVersion
	}
	if a.Type != 1 {
		return BadType
	}
	return Sound
}

// Total tells whether the IPv4 header agrees with the message about its length.
func (a *Advert) Total() Flaw {
	if a.V6 {
		return Sound
	}
	if surplus := a.total - a.header - a.size() - a.sealed; surplus < 0 || surplus >= 4 {
		return BadTotal
	}
	return Sound
}

// Verify tells whether the checksum is right. Group is used by OldUnicast only.
// Length must have been found Sound.
func (a *Advert) Verify(form Form, group netip.Addr) Flaw {
	s := sum(a.message())
	if pseudo(a.V6, a.Version, form) {
		s += a.pseudoSum(form, group)
	}
	if fold(s) != 0 {
		return BadChecksum
	}
	return Sound
}

func (a *Advert) pseudoSum(form Form, group netip.Addr) uint32 {
	dst := a.Dst
	if form == OldUnicast && !a.V6 {
		dst = group
	}
	return sumAddr(a.Src) + sumAddr(dst) + Protocol + uint32(len(a.message()))
}

// message is what the checksum covers: the VRRP message without padding, over IPv6
// with the trailer.
func (a *Advert) message() []byte {
	if a.V6 {
		return a.pdu[:a.size()+a.sealed]
	}
	return a.pdu[:a.size()]
}

// Check is everything that can be said of an advert without knowing the router
// it is for: Length, Kind, Total and Verify in the standard form.
func (a *Advert) Check() Flaw {
	for _, f := range [...]Flaw{a.Kind(), a.Length(), a.Total()} {
		if f != Sound {
			return f
		}
	}
	return a.Verify(Standard, netip.Addr{})
}

// Addr is the i-th advertised address, 0 <= i < Count. Length must have been
// found Sound.
func (a *Advert) Addr(i int) netip.Addr {
	n := a.addrLen()
	b := a.pdu[vrrpHeader+i*n:]
	if a.V6 {
		return netip.AddrFrom16([16]byte(b[:16]))
	}
	return netip.AddrFrom4([4]byte(b[:4]))
}

// Password is the authentication field of a version 2 message whose Length was
// found Sound.
func (a *Advert) Password() [authData]byte {
	return [authData]byte(a.pdu[a.size()-authData:])
}

// ID is the identification of the IPv4 header, in which senders count their adverts;
// 0 over IPv6.
func (a *Advert) ID() uint16 {
	if a.V6 {
		return 0
	}
	return binary.BigEndian.Uint16(a.datagram[4:])
}

// Totals are the length of the datagram by its IPv4 header and as received.
func (a *Advert) Totals() (header, have int) { return a.total, a.header + len(a.pdu) }

// Sizes are the length of the message and the one its address count asks for.
func (a *Advert) Sizes() (have, want int) { return len(a.pdu), a.size() + a.sealed }
