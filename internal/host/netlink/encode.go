package netlink

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"holdfast/internal/host"
)

// ifaProto is IFA_PROTO (linux/if_addr.h, kernel 5.18).
const ifaProto = 11

// skipStats is RTEXT_FILTER_SKIP_STATS (linux/rtnetlink.h): counters are most of a link.
const skipStats = 1 << 3

func linkQuery() []byte {
	b := make([]byte, unix.SizeofIfInfomsg)
	return appendUint32(b, unix.IFLA_EXT_MASK, skipStats)
}

func addrQuery() []byte { return make([]byte, unix.SizeofIfAddrmsg) }

// routeQuery asks for the routes of a family that carry our mark.
func routeQuery(family byte) []byte {
	b := make([]byte, unix.SizeofRtMsg)
	b[0], b[5] = family, host.Protocol
	return b
}

func ruleQuery(family byte) []byte {
	b := make([]byte, sizeofFibRuleHdr)
	b[0] = family
	return b
}

// appendOp appends the message for op on the link numbered index.
func appendOp(b []byte, op host.Op, index int, seq uint32) []byte {
	start := len(b)
	kind, flags := kindOf(op.Verb)
	b = append(b, make([]byte, unix.SizeofNlMsghdr+unix.SizeofIfAddrmsg)...)
	b = appendAddr(b, op.Addr.Canonical())
	if op.Verb != host.DelAddr {
		b = appendOpts(b, op.AddrOpts, op.V6())
	}
	header := b[start:]
	binary.NativeEndian.PutUint32(header, uint32(len(header)))
	binary.NativeEndian.PutUint16(header[4:], kind)
	binary.NativeEndian.PutUint16(header[6:], flags)
	binary.NativeEndian.PutUint32(header[8:], seq)
	putAddrMsg(header[unix.SizeofNlMsghdr:], op, index)
	return b
}

func kindOf(v host.Verb) (kind, flags uint16) {
	switch v {
	case host.AddAddr:
		return unix.RTM_NEWADDR, unix.NLM_F_REQUEST | unix.NLM_F_CREATE | unix.NLM_F_EXCL
	case host.ChangeAddr:
		return unix.RTM_NEWADDR, unix.NLM_F_REQUEST | unix.NLM_F_CREATE | unix.NLM_F_REPLACE
	case host.DelAddr:
		return unix.RTM_DELADDR, unix.NLM_F_REQUEST
	}
	panic("netlink: verb out of range")
}

// putAddrMsg fills in struct ifaddrmsg. The eight bits of its flags are not
// used: IFA_FLAGS carries all of them.
func putAddrMsg(b []byte, op host.Op, index int) {
	b[0] = unix.AF_INET
	if op.V6() {
		b[0] = unix.AF_INET6
	}
	b[1] = uint8(op.Addr.Canonical().Prefix.Bits())
	if op.Verb != host.DelAddr && !op.V6() {
		b[3] = op.Scope
	}
	binary.NativeEndian.PutUint32(b[4:], uint32(index))
}

func appendAddr(b []byte, a host.Addr) []byte {
	remote := a.Prefix.Addr()
	if a.Peer.IsValid() {
		remote = a.Peer.Addr()
	}
	b = appendIP(b, unix.IFA_LOCAL, a.Prefix.Addr())
	return appendIP(b, unix.IFA_ADDRESS, remote)
}

func appendOpts(b []byte, o host.AddrOpts, v6 bool) []byte {
	if flags := flagsOf(o, v6); flags != 0 {
		b = appendUint32(b, unix.IFA_FLAGS, flags)
	}
	if o.Protocol != 0 {
		b = appendAttr(b, ifaProto, []byte{o.Protocol})
	}
	if o.Preferred != host.Forever {
		b = appendLifetime(b, o.Preferred)
	}
	if o.Broadcast.Is4() {
		b = appendIP(b, unix.IFA_BROADCAST, o.Broadcast)
	}
	if o.Label != "" && !v6 {
		b = appendAttr(b, unix.IFA_LABEL, append([]byte(o.Label), 0))
	}
	return b
}

// flagsOf leaves out what only IPv6 knows; the kernel would keep and show it.
func flagsOf(o host.AddrOpts, v6 bool) (flags uint32) {
	set := func(on bool, flag uint32) {
		if on {
			flags |= flag
		}
	}
	set(o.NoDAD && v6, unix.IFA_F_NODAD)
	set(o.Home && v6, unix.IFA_F_HOMEADDRESS)
	set(o.ManageTemp && v6, unix.IFA_F_MANAGETEMPADDR)
	set(o.NoPrefixRoute, unix.IFA_F_NOPREFIXROUTE)
	set(o.AutoJoin, unix.IFA_F_MCAUTOJOIN)
	return flags
}

// appendLifetime appends struct ifa_cacheinfo: preferred for seconds, valid forever.
func appendLifetime(b []byte, seconds uint32) []byte {
	var info [unix.SizeofIfaCacheinfo]byte
	binary.NativeEndian.PutUint32(info[0:], seconds)
	binary.NativeEndian.PutUint32(info[4:], host.Forever)
	return appendAttr(b, unix.IFA_CACHEINFO, info[:])
}

func appendIP(b []byte, kind uint16, ip netip.Addr) []byte {
	if ip.Is4() {
		v := ip.As4()
		return appendAttr(b, kind, v[:])
	}
	v := ip.As16()
	return appendAttr(b, kind, v[:])
}

func appendUint32(b []byte, kind uint16, v uint32) []byte {
	var value [4]byte
	binary.NativeEndian.PutUint32(value[:], v)
	return appendAttr(b, kind, value[:])
}

func appendAttr(b []byte, kind uint16, v []byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(unix.SizeofRtAttr+len(v)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, v...)
	return append(b, make([]byte, align(len(v))-len(v))...)
}
