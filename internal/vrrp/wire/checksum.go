package wire

import (
	"encoding/binary"
	"net/netip"
)

// Form says what the checksum of a version 3 advert over IPv4 covers beside the
// VRRP message. Version 2 over IPv4 never has a pseudo header, IPv6 always has.
type Form uint8

const (
	// Standard is RFC 9568 section 5.2.8: a pseudo header of source,
	// destination, protocol and length.
	Standard Form = iota
	// Plain has no pseudo header (keyword v3_checksum_as_v2).
	Plain
	// OldUnicast puts the multicast group where the unicast destination should
	// be, as old versions of keepalived did.
	OldUnicast
)

// sum adds up b as 16 bit words in network order, without folding. A message
// has at most 4 KiB, so that 32 bits are enough.
func sum(b []byte) uint32 {
	var s uint32
	for len(b) >= 8 {
		w := binary.BigEndian.Uint64(b)
		s += uint32(w>>48) + uint32(w>>32&0xffff) + uint32(w>>16&0xffff) + uint32(w&0xffff)
		b = b[8:]
	}
	for len(b) >= 2 {
		s += uint32(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		s += uint32(b[0]) << 8
	}
	return s
}

// sumAddr adds up an address; the zero Addr counts nothing.
func sumAddr(a netip.Addr) uint32 {
	switch {
	case a.Is4():
		b := a.As4()
		return sum(b[:])
	case a.Is6():
		b := a.As16()
		return sum(b[:])
	}
	return 0
}

// fold makes the checksum of a sum: carries added in, complemented.
func fold(s uint32) uint16 {
	s = s>>16 + s&0xffff
	s = s>>16 + s&0xffff
	return ^uint16(s)
}

// pseudo says whether the checksum covers a pseudo header.
func pseudo(v6 bool, version uint8, form Form) bool {
	return v6 || version == 3 && form != Plain
}
