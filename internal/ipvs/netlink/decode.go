package netlink

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"

	"holdfast/internal/ipvs"
)

var errIncomplete = errors.New("the kernel's answer is incomplete")

// inside finds an attribute in the answer to a command.
func inside(b []byte, wanted uint16) []byte {
	for kind, v := range attributes(b) {
		if kind == wanted {
			return v
		}
	}
	return nil
}

// service is one as the kernel reports it.
type service struct {
	ipvs.Key
	ipvs.Service
	ipvs.Counters
}

// decodeService reads the answer to GET_SERVICE.
func decodeService(b []byte) (s service, err error) {
	v := inside(b, attrService)
	family := number(inside(v, svcAF))
	if family != unix.AF_INET && family != unix.AF_INET6 {
		return s, errIncomplete
	}
	var old, wide []byte
	var addr netip.Addr
	var at uint16
	for kind, v := range attributes(v) {
		switch kind {
		case svcProtocol:
			s.Protocol = ipvs.Protocol(number(v))
		case svcAddr:
			addr = address(v, family)
		case svcPort:
			at = port(v)
		case svcMark:
			s.Mark = uint32(number(v))
		case svcStats:
			old = v
		case svcStats64:
			wide = v
		default:
			s.option(kind, v, family)
		}
	}
	s.Counters = decodeCounters(old, wide)
	return s, s.identify(addr, at, family)
}

// identify makes the key. A service by mark has neither protocol nor address.
func (s *service) identify(addr netip.Addr, port uint16, family uint64) error {
	switch {
	case s.Mark != 0:
		s.Key = ipvs.Key{Mark: s.Mark, V6: family == unix.AF_INET6}
	case s.Protocol == 0 || !addr.IsValid():
		return errIncomplete
	default:
		s.At = netip.AddrPortFrom(addr, port)
	}
	s.Service = s.Service.Normal(s.Is6())
	return nil
}

func (s *service) option(kind uint16, v []byte, family uint64) {
	switch kind {
	case svcScheduler:
		s.Scheduler = text(v)
	case svcFlags:
		s.Flags = ipvs.Flags(number(v[:min(4, len(v))]))
	case svcTimeout:
		s.Timeout = uint32(number(v))
	case svcNetmask:
		s.Granularity = granularity(v, family)
	case svcEngine:
		s.Engine = text(v)
	}
}

func granularity(v []byte, family uint64) uint32 {
	if family == unix.AF_INET && len(v) >= 4 {
		return binary.BigEndian.Uint32(v)
	}
	return uint32(number(v))
}

// server is a destination as the kernel reports it.
type server struct {
	ipvs.ServerUsage
	ipvs.Destination
}

// decodeServer reads the answer to GET_DEST. Kernels before 3.18 name no family:
// it is that of the service.
func decodeServer(b []byte, v6 bool) (s server, err error) {
	v := inside(b, attrDest)
	family := uint64(familyOf(v6))
	if own := inside(v, destAF); own != nil {
		family = number(own)
	}
	var old, wide []byte
	var addr netip.Addr
	var at uint16
	for kind, v := range attributes(v) {
		switch kind {
		case destAddr:
			addr = address(v, family)
		case destPort:
			at = port(v)
		case destStats:
			old = v
		case destStats64:
			wide = v
		default:
			s.option(kind, v)
		}
	}
	s.Counters = decodeCounters(old, wide)
	s.At, s.Destination = netip.AddrPortFrom(addr, at), s.Destination.Normal()
	if !addr.IsValid() {
		return s, errIncomplete
	}
	return s, nil
}

func (s *server) option(kind uint16, v []byte) {
	n := uint32(number(v))
	switch kind {
	case destForward:
		s.Forward = ipvs.Forward(n & forwardingMask)
	case destWeight:
		s.Weight = n
	case destUpper:
		s.Upper = n
	case destLower:
		s.Lower = n
	case destActive:
		s.Active = n
	case destInactive:
		s.Inactive = n
	case destPersists:
		s.Persists = n
	case destTunType:
		s.Wrap = ipvs.Wrap(n)
	case destTunPort:
		s.Destination.Port = port(v)
	case destTunFlags:
		s.Sum = ipvs.Sum(n)
	}
}

// decodeCounters prefers those of 64 bits (kernel 4.1).
func decodeCounters(old, wide []byte) (c ipvs.Counters) {
	if wide == nil {
		wide = old
	}
	fields := []*uint64{&c.Conns, &c.InPackets, &c.OutPackets, &c.InBytes, &c.OutBytes,
		&c.ConnRate, &c.InPacketRate, &c.OutPacketRate, &c.InByteRate, &c.OutByteRate}
	for kind, v := range attributes(wide) {
		if kind >= 1 && int(kind) <= len(fields) {
			*fields[kind-1] = number(v)
		}
	}
	return c
}

// decodeDaemon reads the answer to GET_DAEMON.
func decodeDaemon(b []byte) (d ipvs.Daemon, err error) {
	for kind, v := range attributes(inside(b, attrDaemon)) {
		switch kind {
		case daemonState:
			d.Role = ipvs.Role(number(v))
		case daemonLink:
			d.Interface = text(v)
		case daemonID:
			d.ID = uint8(number(v))
		case daemonMaxLen:
			d.MaxLen = uint16(number(v))
		case daemonGroup, daemonGroup6:
			d.Group, _ = netip.AddrFromSlice(v)
		case daemonPort:
			d.Port = uint16(number(v))
		case daemonTTL:
			d.TTL = uint8(number(v))
		}
	}
	if d.Role != ipvs.Master && d.Role != ipvs.Backup {
		return d, errIncomplete
	}
	return d, nil
}
