package lan

import (
	"encoding/binary"
	"net/netip"
)

// The lengths of the two frames.
const (
	arpLength = 14 + 28
	naLength  = 14 + 40 + 32
)

// appendGARP appends a gratuitous ARP: a request (RFC 5227 section 3) by the
// address for itself, the target hardware address all ones as keepalived has it; or
// a reply, to its own hardware address.
func appendGARP(b []byte, mac [6]byte, vip netip.Addr, reply bool) []byte {
	ip, operation, target := vip.As4(), byte(1), [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	if reply {
		operation, target = 2, mac
	}
	b = append(b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	b = append(b, mac[:]...)
	b = append(b, 0x08, 0x06)                           // EtherType ARP
	b = append(b, 0, 1, 0x08, 0x00, 6, 4, 0, operation) // Ethernet, IPv4
	b = append(b, mac[:]...)
	b = append(b, ip[:]...)
	b = append(b, target[:]...)
	return append(b, ip[:]...)
}

// allNodes is ff02::1.
func allNodes() [16]byte { return [16]byte{0: 0xff, 1: 0x02, 15: 1} }

// appendNA appends an unsolicited neighbour advertisement to all nodes
// (RFC 4861 sections 4.4 and 7.2.6) with the override flag set.
func appendNA(b []byte, mac [6]byte, vip netip.Addr, router bool) []byte {
	const icmp6, advertisement, targetLinkLayer = 58, 136, 2
	ip, all := vip.As16(), allNodes()
	b = append(b, 0x33, 0x33, 0, 0, 0, 1)
	b = append(b, mac[:]...)
	b = append(b, 0x86, 0xdd)                        // EtherType IPv6
	b = append(b, 0x60, 0, 0, 0, 0, 32, icmp6, 0xff) // hop limit 255
	b = append(append(b, ip[:]...), all[:]...)       // source, destination
	start := len(b)
	b = append(b, advertisement, 0, 0, 0, 0x20, 0, 0, 0)
	if router {
		b[start+4] |= 0x80
	}
	b = append(b, ip[:]...)
	b = append(b, targetLinkLayer, 1)
	b = append(b, mac[:]...)
	binary.BigEndian.PutUint16(b[start+2:], checksumNA(b[start:], ip))
	return b
}

// checksumNA is the Internet checksum over the pseudo header (RFC 8200 section
// 8.1) and msg.
func checksumNA(msg []byte, src [16]byte) uint16 {
	all := allNodes()
	sum := uint32(len(msg)) + 58
	for _, part := range [...][]byte{src[:], all[:], msg} {
		for i := 0; i < len(part); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(part[i:]))
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
