package netlink

import (
	"bytes"
	"encoding/binary"
	"iter"
	"net/netip"

	"golang.org/x/sys/unix"
)

// From linux/ip_vs.h.
const (
	version       = 1
	sizeofGenlHdr = 4

	cmdNewService = 1
	cmdSetService = 2
	cmdDelService = 3
	cmdGetService = 4
	cmdNewDest    = 5
	cmdSetDest    = 6
	cmdDelDest    = 7
	cmdGetDest    = 8
	cmdNewDaemon  = 9
	cmdDelDaemon  = 10
	cmdGetDaemon  = 11
	cmdSetConfig  = 12
	cmdGetConfig  = 13
	cmdZero       = 16
	cmdFlush      = 17

	attrService    = 1
	attrDest       = 2
	attrDaemon     = 3
	attrTCP        = 4
	attrTCPFin     = 5
	attrUDP        = 6
	svcAF          = 1
	svcProtocol    = 2
	svcAddr        = 3
	svcPort        = 4
	svcMark        = 5
	svcScheduler   = 6
	svcFlags       = 7
	svcTimeout     = 8
	svcNetmask     = 9
	svcStats       = 10
	svcEngine      = 11
	svcStats64     = 12
	destAddr       = 1
	destPort       = 2
	destForward    = 3
	destWeight     = 4
	destUpper      = 5
	destLower      = 6
	destActive     = 7
	destInactive   = 8
	destPersists   = 9
	destStats      = 10
	destAF         = 11
	destStats64    = 12
	destTunType    = 13
	destTunPort    = 14
	destTunFlags   = 15
	daemonState    = 1
	daemonLink     = 2
	daemonID       = 3
	daemonMaxLen   = 4
	daemonGroup    = 5
	daemonGroup6   = 6
	daemonPort     = 7
	daemonTTL      = 8
	forwardingMask = 7 // of IP_VS_CONN_F_FWD_MASK
)

func align(n int) int { return (n + 3) &^ 3 }

func appendAttr(b []byte, kind uint16, v []byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(unix.SizeofRtAttr+len(v)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, v...)
	return append(b, make([]byte, align(len(v))-len(v))...)
}

func appendUint16(b []byte, kind, v uint16) []byte {
	return appendAttr(b, kind, binary.NativeEndian.AppendUint16(nil, v))
}

func appendPort(b []byte, kind, v uint16) []byte {
	return appendAttr(b, kind, binary.BigEndian.AppendUint16(nil, v))
}

func appendUint32(b []byte, kind uint16, v uint32) []byte {
	return appendAttr(b, kind, binary.NativeEndian.AppendUint32(nil, v))
}

func appendText(b []byte, kind uint16, v string) []byte {
	return appendAttr(b, kind, append([]byte(v), 0))
}

// appendAddr appends 16 bytes, of which an IPv4 address takes the first four.
func appendAddr(b []byte, kind uint16, a netip.Addr) []byte {
	var v [16]byte
	copy(v[:], a.AsSlice())
	return appendAttr(b, kind, v[:])
}

// nested appends an attribute that holds what fill appends.
func nested(b []byte, kind uint16, fill func([]byte) []byte) []byte {
	start := len(b)
	b = fill(appendAttr(b, kind|unix.NLA_F_NESTED, nil))
	binary.NativeEndian.PutUint16(b[start:], uint16(len(b)-start))
	return b
}

// attributes yields type and value of each attribute in b. What is cut short ends the list.
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

func text(b []byte) string { return string(bytes.TrimRight(b, "\x00")) }

// number reads an unsigned number of the machine's order, however long.
func number(b []byte) uint64 {
	switch {
	case len(b) >= 8:
		return binary.NativeEndian.Uint64(b)
	case len(b) >= 4:
		return uint64(binary.NativeEndian.Uint32(b))
	case len(b) >= 2:
		return uint64(binary.NativeEndian.Uint16(b))
	case len(b) == 1:
		return uint64(b[0])
	}
	return 0
}

func port(b []byte) uint16 {
	if len(b) < 2 {
		return 0
	}
	return binary.BigEndian.Uint16(b)
}

// address reads one of a family out of 16 bytes.
func address(b []byte, family uint64) netip.Addr {
	n := 4
	if family == unix.AF_INET6 {
		n = 16
	}
	a, _ := netip.AddrFromSlice(b[:min(n, len(b))])
	return a
}
