package netlink

import (
	"bytes"
	"encoding/binary"
	"errors"
	"iter"
	"net/netip"

	"golang.org/x/sys/unix"

	"holdfast/internal/host"
)

var errShort = errors.New("netlink message is cut short")

// attributes yields type and value of each attribute in b (rtnetlink(3)). What
// is cut short ends the list.
func attributes(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= unix.SizeofRtAttr {
			n := int(binary.NativeEndian.Uint16(b))
			if n < unix.SizeofRtAttr || n > len(b) {
				return
			}
			kind := binary.NativeEndian.Uint16(b[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
			if !yield(kind, b[unix.SizeofRtAttr:n]) {
				return
			}
			b = b[min(align(n), len(b)):]
		}
	}
}

func align(n int) int { return (n + 3) &^ 3 }

func text(b []byte) string { return string(bytes.TrimRight(b, "\x00")) }

func number(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(b)
}

// decodeLink reads an RTM_NEWLINK or RTM_DELLINK. A message of another family,
// such as a bridge speaking of its port, yields a Link without a name.
func decodeLink(b []byte) (host.Link, error) {
	if len(b) < unix.SizeofIfInfomsg {
		return host.Link{}, errShort
	}
	if b[0] != unix.AF_UNSPEC {
		return host.Link{}, nil
	}
	l := host.Link{Index: int(number(b[4:]))}
	setFlags(&l, number(b[8:]))
	elsewhere := false
	for kind, v := range attributes(b[unix.SizeofIfInfomsg:]) {
		switch kind {
		case unix.IFLA_IFNAME:
			l.Name = text(v)
		case unix.IFLA_MTU:
			l.MTU = int(number(v))
		case unix.IFLA_ADDRESS:
			setMAC(&l, v)
		case unix.IFLA_LINKINFO:
			linkInfo(&l, v)
		case unix.IFLA_LINK:
			l.Parent = int(number(v))
		case unix.IFLA_MASTER:
			l.Master = int(number(v))
		case unix.IFLA_GROUP:
			l.Group = number(v)
		case unix.IFLA_IFALIAS:
			l.Alias = text(v)
		case unix.IFLA_LINK_NETNSID:
			elsewhere = true
		}
	}
	if elsewhere {
		l.Parent = 0
	}
	return l, nil
}

// setFlags takes IFF_RUNNING for carrier: it is what keepalived looks at, and
// unlike IFF_LOWER_UP it is off for a dormant link.
func setFlags(l *host.Link, flags uint32) {
	l.Up = flags&unix.IFF_UP != 0
	l.Carrier = flags&unix.IFF_RUNNING != 0
	l.Loopback = flags&unix.IFF_LOOPBACK != 0
	l.NoARP = flags&unix.IFF_NOARP != 0
	l.Multicast = flags&unix.IFF_MULTICAST != 0
	l.PointToPoint = flags&unix.IFF_POINTOPOINT != 0
}

// setMAC leaves out hardware addresses that are none of Ethernet.
func setMAC(l *host.Link, v []byte) {
	if len(v) == len(l.MAC) {
		l.MAC = [6]byte(v)
	}
}

// macvlanPrivate is MACVLAN_MODE_PRIVATE, and macvlanMode the attribute that says so
// (linux/if_link.h).
const (
	macvlanMode    = 1
	macvlanPrivate = 1
)

// The attributes of ipvlans, the mode L2, and the flags (linux/if_link.h).
const (
	ipvlanMode        = 1
	ipvlanFlags       = 2
	ipvlanL2          = 0
	ipvlanFlagPrivate = 1
	ipvlanFlagVEPA    = 2
)

// linkInfo reads IFLA_LINKINFO: what driver made the link, whether it is a
// private macvlan, what kind of ipvlan it is, and the table of a VRF.
func linkInfo(l *host.Link, b []byte) {
	var data []byte
	for kind, v := range attributes(b) {
		switch kind {
		case unix.IFLA_INFO_KIND:
			l.Kind = text(v)
		case unix.IFLA_INFO_DATA:
			data = v
		}
	}
	if l.Kind == "ipvlan" {
		l.IPVLAN = ipvlan(data)
		return
	}
	for kind, v := range attributes(data) {
		switch {
		case l.Kind == "macvlan" && kind == macvlanMode:
			l.Private = number(v) == macvlanPrivate
		case l.Kind == "vrf" && kind == unix.IFLA_VRF_TABLE:
			l.Table = number(v)
		}
	}
}

// ipvlan reads the mode and the flags of one.
func ipvlan(data []byte) host.IPVLAN {
	of := host.IPVLANBridge
	for kind, v := range attributes(data) {
		switch {
		case len(v) < 2:
		case kind == ipvlanMode && binary.NativeEndian.Uint16(v) != ipvlanL2:
			return host.NoIPVLAN
		case kind == ipvlanFlags && binary.NativeEndian.Uint16(v) == ipvlanFlagPrivate:
			of = host.IPVLANPrivate
		case kind == ipvlanFlags && binary.NativeEndian.Uint16(v) == ipvlanFlagVEPA:
			of = host.IPVLANVEPA
		}
	}
	return of
}

// decodeAddr reads an RTM_NEWADDR or RTM_DELADDR and the index of its link.
func decodeAddr(b []byte) (index int, w host.Wish, err error) {
	if len(b) < unix.SizeofIfAddrmsg {
		return 0, w, errShort
	}
	a := address{v6: b[0] == unix.AF_INET6, bits: int(b[1]), flags: uint32(b[2])}
	w.Scope, w.Preferred = b[3], host.Forever
	for kind, v := range attributes(b[unix.SizeofIfAddrmsg:]) {
		a.attribute(kind, v, &w.AddrOpts)
	}
	if a.flags&unix.IFA_F_DEPRECATED != 0 {
		w.Preferred = 0
	}
	a.setFlags(&w.AddrOpts)
	w.Prefix, w.Peer, err = a.prefixes()
	return int(number(b[4:])), w, err
}

// address is what is known of one before all of its attributes are read.
type address struct {
	v6          bool
	bits        int
	flags       uint32
	local, peer netip.Addr
}

func (a *address) attribute(kind uint16, v []byte, o *host.AddrOpts) {
	switch kind {
	case unix.IFA_LOCAL:
		a.local, _ = netip.AddrFromSlice(v)
	case unix.IFA_ADDRESS:
		a.peer, _ = netip.AddrFromSlice(v)
	case unix.IFA_BROADCAST:
		o.Broadcast, _ = netip.AddrFromSlice(v)
	case unix.IFA_LABEL:
		o.Label = text(v)
	case unix.IFA_FLAGS:
		a.flags = number(v)
	case ifaProto:
		if len(v) > 0 {
			o.Protocol = v[0]
		}
	case unix.IFA_CACHEINFO:
		o.Preferred = number(v)
	}
}

func (a *address) setFlags(o *host.AddrOpts) {
	has := func(flag uint32) bool { return a.flags&flag != 0 }
	o.NoDAD = has(unix.IFA_F_NODAD)
	o.Home = has(unix.IFA_F_HOMEADDRESS)
	o.ManageTemp = has(unix.IFA_F_MANAGETEMPADDR)
	o.NoPrefixRoute = has(unix.IFA_F_NOPREFIXROUTE)
	o.AutoJoin = has(unix.IFA_F_MCAUTOJOIN)
	o.Tentative = has(unix.IFA_F_TENTATIVE)
	o.DADFailed = has(unix.IFA_F_DADFAILED)
	// For IPv6 the same bit says "temporary".
	o.Secondary = !a.v6 && has(unix.IFA_F_SECONDARY)
}

// prefixes tells the address from its peer: IFA_ADDRESS is the peer when it
// differs from IFA_LOCAL, and the address itself when there is no IFA_LOCAL.
func (a *address) prefixes() (prefix, peer netip.Prefix, err error) {
	local := a.local
	if !local.IsValid() {
		local = a.peer
	}
	prefix = netip.PrefixFrom(local, a.bits)
	mixed := local.Is6() != a.v6 || a.peer.IsValid() && a.peer.Is6() != a.v6
	if mixed || !prefix.IsValid() {
		return netip.Prefix{}, netip.Prefix{}, errors.New("netlink message holds no valid address")
	}
	if a.peer.IsValid() && a.peer != local {
		peer = netip.PrefixFrom(a.peer, a.bits)
	}
	return prefix, peer, nil
}
