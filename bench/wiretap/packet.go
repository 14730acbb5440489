package wiretap

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// Kind says what a packet is.
type Kind uint8

// The kinds of packet that a tap keeps.
const (
	Advert   Kind = iota + 1 // a VRRP advertisement
	Announce                 // a gratuitous ARP or an unsolicited neighbour advertisement
)

// Packet is one VRRP advert or address announcement as it passed a tap.
type Packet struct {
	At   time.Time // by the kernel's receive or transmit time stamp
	Link int       // index of the interface in the tapped namespace
	Out  bool      // left through the interface instead of coming in
	Kind Kind

	// From is the source address of an advert, or the announced address.
	From netip.Addr
	// The following are set for adverts only.
	Version, VRID, Priority uint8
}

const (
	etherHeader   = 14
	etherARP      = 0x0806
	etherIPv4     = 0x0800
	etherIPv6     = 0x86dd
	protoVRRP     = 112
	protoAH       = 51 // before the message of a signed advert
	ahHeader      = 24
	protoICMPv6   = 58
	ipv6Header    = 40
	neighborAdv   = 136
	arpTargetAddr = 24
)

// decode reads an Ethernet frame; ok is false for what a tap does not keep.
func decode(frame []byte) (p Packet, ok bool) {
	if len(frame) < etherHeader {
		return p, false
	}
	body := frame[etherHeader:]
	switch binary.BigEndian.Uint16(frame[12:]) {
	case etherIPv4:
		return decodeIPv4(body)
	case etherIPv6:
		return decodeIPv6(body)
	case etherARP:
		return decodeARP(body)
	}
	return p, false
}

func decodeIPv4(b []byte) (p Packet, ok bool) {
	if len(b) < 20 || b[9] != protoVRRP && b[9] != protoAH {
		return p, false
	}
	header := int(b[0]&15) * 4
	if b[9] == protoAH {
		header += ahHeader
	}
	return decodeAdvert(b, header, netip.AddrFrom4([4]byte(b[12:16])))
}

func decodeIPv6(b []byte) (p Packet, ok bool) {
	if len(b) < ipv6Header+4 {
		return p, false
	}
	if b[6] == protoICMPv6 {
		return decodeNeighbour(b)
	}
	if b[6] != protoVRRP {
		return p, false
	}
	return decodeAdvert(b, ipv6Header, netip.AddrFrom16([16]byte(b[8:24])))
}

func decodeAdvert(b []byte, header int, from netip.Addr) (p Packet, ok bool) {
	if len(b) < header+4 || b[header]&15 != 1 {
		return p, false
	}
	v := b[header:]
	return Packet{Kind: Advert, From: from, Version: v[0] >> 4, VRID: v[1], Priority: v[2]}, true
}

func decodeNeighbour(b []byte) (p Packet, ok bool) {
	if len(b) < ipv6Header+24 || b[ipv6Header] != neighborAdv {
		return p, false
	}
	return Packet{Kind: Announce, From: netip.AddrFrom16([16]byte(b[ipv6Header+8 : ipv6Header+24]))}, true
}

// decodeARP keeps requests whose sender and target address are the same.
func decodeARP(b []byte) (p Packet, ok bool) {
	if len(b) < arpTargetAddr+4 {
		return p, false
	}
	sender, target := [4]byte(b[14:18]), [4]byte(b[arpTargetAddr:arpTargetAddr+4])
	return Packet{Kind: Announce, From: netip.AddrFrom4(sender)}, sender == target
}
