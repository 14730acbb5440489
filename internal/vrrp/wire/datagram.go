// Package wire encodes and decodes VRRPv2 (RFC 3768) and VRRPv3 (RFC 9568)
// adverts: lengths, checksums, the authentication field. It judges nothing
// that needs configuration or state; package vrrp does.
package wire

import (
	"net/netip"

	"holdfast/internal/mono"
)

// Datagram is one received IP datagram as the kernel hands it over.
type Datagram struct {
	// Link is the name of the interface it came in on.
	Link string
	// V6 tells the two forms of Data apart.
	V6 bool
	// Data is, for IPv4, the whole datagram with its IP header, and for IPv6
	// the payload alone. It belongs to the receiver's buffer and is valid only
	// during the call it is passed to.
	Data []byte
	// Src, Dst and HopLimit come with the packet. For IPv4 they repeat what the
	// header in Data says; a reader may leave them zero and the decoder fills
	// them in. For IPv6 they come from ancillary data.
	Src, Dst netip.Addr
	HopLimit uint8
	// At is the kernel's receive time.
	At mono.Instant
}
