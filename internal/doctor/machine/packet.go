package machine

import (
	"encoding/binary"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"holdfast/internal/doctor"
)

// packet is an advert as rules see it.
type packet struct {
	doctor.Packet
	index  int    // of the link
	header []byte // of IP
}

func newPacket(p doctor.Packet, index int) packet {
	return packet{p, index, header(p)}
}

const protocol = 112

// header is what is known of the header of IP; the rest of it is never asked for by
// rules that mean a kind of packet.
func header(p doctor.Packet) []byte {
	if p.To.Is6() {
		b := make([]byte, 8, 40)
		b[0], b[6], b[7] = 0x60, protocol, 255
		return append(append(b, p.From.AsSlice()...), p.To.AsSlice()...)
	}
	b := make([]byte, 12, 20)
	b[0], b[1], b[8], b[9] = 0x45, 0xc0, 255, protocol
	return append(append(b, p.From.AsSlice()...), p.To.AsSlice()...)
}

// meets reports whether the packet comes through a base chain.
func (p packet) meets(c *nftables.Chain) bool {
	if c.Hooknum == nil || c.Type != nftables.ChainTypeFilter {
		return false
	}
	switch c.Table.Family {
	case nftables.TableFamilyINet:
	case nftables.TableFamilyIPv4:
		if p.To.Is6() {
			return false
		}
	case nftables.TableFamilyIPv6:
		if p.To.Is4() {
			return false
		}
	default:
		return false
	}
	hook := *c.Hooknum
	if p.Incoming {
		return hook == *nftables.ChainHookPrerouting || hook == *nftables.ChainHookInput
	}
	return hook == *nftables.ChainHookOutput || hook == *nftables.ChainHookPostrouting
}

// meta is what the kernel knows beside the packet.
func (p packet) meta(key expr.MetaKey) value {
	switch key {
	case expr.MetaKeyL4PROTO:
		return value{[]byte{protocol}, true}
	case expr.MetaKeyNFPROTO:
		return value{[]byte{p.either(unix.NFPROTO_IPV4, unix.NFPROTO_IPV6)}, true}
	case expr.MetaKeyPROTOCOL:
		return value{[]byte{p.either(0x08, 0x86), p.either(0x00, 0xdd)}, true}
	case expr.MetaKeyIIFNAME, expr.MetaKeyOIFNAME:
		return value{p.name(key == expr.MetaKeyIIFNAME), true}
	case expr.MetaKeyIIF, expr.MetaKeyOIF:
		if p.Incoming != (key == expr.MetaKeyIIF) {
			return number(0)
		}
		return number(uint32(p.index))
	case expr.MetaKeyPKTTYPE:
		if p.Incoming && p.To.IsMulticast() {
			return value{[]byte{unix.PACKET_MULTICAST}, true}
		}
		return value{[]byte{unix.PACKET_HOST}, true}
	}
	return value{}
}

func (p packet) either(four, six byte) byte {
	if p.To.Is6() {
		return six
	}
	return four
}

// name is that of the link, padded; a packet has no link on the other side.
func (p packet) name(in bool) []byte {
	b := make([]byte, unix.IFNAMSIZ)
	if in == p.Incoming {
		copy(b, p.Link)
	}
	return b
}

// payload is a part of the header. Of a source that stands for a network only a part
// is known.
func (p packet) payload(e *expr.Payload) value {
	end := int(e.Offset + e.Len)
	if e.Base != expr.PayloadBaseNetworkHeader || end > len(p.header) {
		return value{}
	}
	source := len(p.header) - 2*p.To.BitLen()/8
	whole := int(e.Offset) == source && end == source+p.To.BitLen()/8
	return value{p.header[e.Offset:end], !p.Vague || !whole}
}

// tracked is what conntrack says: adverts have no answer, and are new each time.
func (packet) tracked(key expr.CtKey) value {
	const isNew = 8
	if key != expr.CtKeySTATE {
		return value{}
	}
	return value{binary.NativeEndian.AppendUint32(nil, isNew), true}
}
