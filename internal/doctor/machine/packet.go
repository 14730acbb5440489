package machine

import (
	"encoding/binary"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"holdfast/internal/doctor"
)

// packet is an advert, or a message of ARP, as rules see it.
type packet struct {
	doctor.Packet
	index  int    // of the link
	bridge bool   // the link is one
	header []byte // of IP or ARP
	vague  [2]int // the part of the header that stands for others
}

func newPacket(p doctor.Packet, l doctor.Link) packet {
	made := packet{Packet: p, index: l.Index, bridge: l.Bridge != nil}
	if p.ARP {
		made.header, made.vague = arp(p)
		return made
	}
	made.header = header(p)
	if source := len(made.header) - 2*p.To.BitLen()/8; p.Vague {
		made.vague = [2]int{source, source + p.To.BitLen()/8}
	}
	return made
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

// arp is a message on Ethernet (RFC 826): a question, in which only the address that
// is asked for is certain, or an answer, in which only who answers is.
func arp(p doctor.Packet) (b []byte, vague [2]int) {
	const question, answer = 1, 2
	b = []byte{0, 1, 0x08, 0x00, 6, 4, 0, question}
	b = append(b, make([]byte, 20)...)
	if p.Incoming {
		copy(b[24:], p.To.AsSlice())
		return b, [2]int{8, 24}
	}
	b[7] = answer
	copy(b[14:], p.From.AsSlice())
	return b, [2]int{18, 28}
}

// hook is a place in the kernel where packets meet rules.
type hook struct {
	family  nftables.TableFamily
	number  nftables.ChainHook
	comesIn bool
}

// hooks are those where adverts and questions come by. Those of a bridge see what is for
// the bridge itself.
func hooks() []hook {
	const in, out = true, false
	all := []hook{
		{nftables.TableFamilyNetdev, *nftables.ChainHookIngress, in}, {nftables.TableFamilyNetdev, *nftables.ChainHookEgress, out},
		{nftables.TableFamilyARP, arpIn, in}, {nftables.TableFamilyARP, arpOut, out},
	}
	for _, f := range []nftables.TableFamily{nftables.TableFamilyINet, nftables.TableFamilyIPv4, nftables.TableFamilyIPv6, nftables.TableFamilyBridge} {
		all = append(all, hook{f, *nftables.ChainHookPrerouting, in}, hook{f, *nftables.ChainHookInput, in},
			hook{f, *nftables.ChainHookOutput, out}, hook{f, *nftables.ChainHookPostrouting, out})
	}
	return all
}

// The hooks of the family arp (linux/netfilter_arp.h).
const (
	arpIn  nftables.ChainHook = 0
	arpOut nftables.ChainHook = 1
)

// meets reports whether the packet comes through a base chain, which is that of some
// devices only, or of all when there are none.
func (p packet) meets(c *nftables.Chain, devices []string) bool {
	if c.Hooknum == nil || c.Type != nftables.ChainTypeFilter || !slices.Contains(hooks(), hook{c.Table.Family, *c.Hooknum, p.Incoming}) {
		return false
	}
	switch c.Table.Family {
	case nftables.TableFamilyNetdev:
		return slices.Contains(devices, p.Link)
	case nftables.TableFamilyBridge:
		return p.bridge
	case nftables.TableFamilyARP:
		return p.ARP
	case nftables.TableFamilyIPv4:
		return !p.ARP && p.To.Is4()
	case nftables.TableFamilyIPv6:
		return !p.ARP && p.To.Is6()
	}
	return !p.ARP
}

// meta is what the kernel knows beside the packet, in a table of a family.
func (p packet) meta(key expr.MetaKey, family nftables.TableFamily) value {
	switch key {
	case expr.MetaKeyL4PROTO:
		return value{[]byte{protocol}, !p.ARP}
	case expr.MetaKeyNFPROTO:
		return p.nfproto(family)
	case expr.MetaKeyPROTOCOL:
		return value{p.ethertype(), true}
	case expr.MetaKeyIIFNAME, expr.MetaKeyOIFNAME:
		return value{p.name(key == expr.MetaKeyIIFNAME), family != nftables.TableFamilyBridge}
	case expr.MetaKeyIIF, expr.MetaKeyOIF:
		if p.Incoming != (key == expr.MetaKeyIIF) {
			return number(0)
		}
		return value{number(uint32(p.index)).bytes, family != nftables.TableFamilyBridge}
	case expr.MetaKeyPKTTYPE:
		if p.Incoming && p.To.IsMulticast() {
			return value{[]byte{unix.PACKET_MULTICAST}, true}
		}
		return value{[]byte{unix.PACKET_HOST}, !p.ARP}
	}
	return value{}
}

// nfproto is the family of the packet where both of IP come by, and else that of the table.
func (p packet) nfproto(family nftables.TableFamily) value {
	if family == nftables.TableFamilyINet {
		return value{[]byte{p.either(unix.NFPROTO_IPV4, unix.NFPROTO_IPV6)}, true}
	}
	return value{[]byte{byte(family)}, true}
}

// ethertype is what a frame says that it carries.
func (p packet) ethertype() []byte {
	if p.ARP {
		return []byte{0x08, 0x06}
	}
	return []byte{p.either(0x08, 0x86), p.either(0x00, 0xdd)}
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

// payload is a part of the header, of IP or of the frame. What stands for others is
// not known.
func (p packet) payload(e *expr.Payload) value {
	end := int(e.Offset + e.Len)
	if e.Base == expr.PayloadBaseLLHeader {
		return p.frame(int(e.Offset), end)
	}
	if e.Base != expr.PayloadBaseNetworkHeader || end > len(p.header) {
		return value{}
	}
	if p.ARP {
		return value{p.header[e.Offset:end], end <= p.vague[0] || int(e.Offset) >= p.vague[1]}
	}
	return value{p.header[e.Offset:end], [2]int{int(e.Offset), end} != p.vague}
}

// frame is a part of the header of Ethernet, of which the type alone is known.
func (p packet) frame(from, to int) value {
	const ethertype = 12
	if from != ethertype || to != ethertype+2 {
		return value{}
	}
	return value{p.ethertype(), true}
}

// tracked is what conntrack says: adverts have no answer, and are new each time.
func (packet) tracked(key expr.CtKey) value {
	const isNew = 8
	if key != expr.CtKeySTATE {
		return value{}
	}
	return value{binary.NativeEndian.AppendUint32(nil, isNew), true}
}
