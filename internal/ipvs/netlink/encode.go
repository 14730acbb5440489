package netlink

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"holdfast/internal/ipvs"
)

func commandOf(v ipvs.Verb) uint8 {
	switch v {
	case ipvs.AddService:
		return cmdNewService
	case ipvs.SetService:
		return cmdSetService
	case ipvs.DelService:
		return cmdDelService
	case ipvs.AddServer:
		return cmdNewDest
	case ipvs.SetServer:
		return cmdSetDest
	case ipvs.DelServer:
		return cmdDelDest
	}
	panic("ipvs/netlink: verb out of range")
}

// appendOp appends the attributes of op.
func appendOp(b []byte, op ipvs.Op) []byte {
	b = nested(b, attrService, func(b []byte) []byte {
		b = appendKey(b, op.Key)
		if op.Verb == ipvs.AddService || op.Verb == ipvs.SetService {
			b = appendService(b, op.Service.Normal(op.Is6()), op.Is6())
		}
		return b
	})
	if op.Verb < ipvs.AddServer {
		return b
	}
	return nested(b, attrDest, func(b []byte) []byte {
		b = appendServer(b, op)
		if op.Verb != ipvs.DelServer {
			b = appendDestination(b, op.Destination.Normal())
		}
		return b
	})
}

func familyOf(v6 bool) uint16 {
	if v6 {
		return unix.AF_INET6
	}
	return unix.AF_INET
}

func appendKey(b []byte, k ipvs.Key) []byte {
	b = appendUint16(b, svcAF, familyOf(k.Is6()))
	if k.Protocol == 0 {
		return appendUint32(b, svcMark, k.Mark)
	}
	b = appendUint16(b, svcProtocol, uint16(k.Protocol))
	b = appendAddr(b, svcAddr, k.At.Addr())
	return appendPort(b, svcPort, k.At.Port())
}

// appendService sends all flags as settable.
func appendService(b []byte, s ipvs.Service, v6 bool) []byte {
	var flags [8]byte
	binary.NativeEndian.PutUint32(flags[0:], uint32(s.Flags))
	binary.NativeEndian.PutUint32(flags[4:], 0xffffffff)
	b = appendText(b, svcScheduler, s.Scheduler)
	b = appendAttr(b, svcFlags, flags[:])
	b = appendUint32(b, svcTimeout, s.Timeout)
	b = appendNetmask(b, s.Granularity, v6)
	if s.Engine != "" {
		b = appendText(b, svcEngine, s.Engine)
	}
	return b
}

// appendNetmask is apart because its form depends on the family: the order of
// the network for IPv4, a plain prefix length for IPv6.
func appendNetmask(b []byte, granularity uint32, v6 bool) []byte {
	if v6 {
		return appendUint32(b, svcNetmask, granularity)
	}
	return appendAttr(b, svcNetmask, binary.BigEndian.AppendUint32(nil, granularity))
}

func appendServer(b []byte, op ipvs.Op) []byte {
	b = appendUint16(b, destAF, familyOf(op.Server.Addr().Is6()))
	b = appendAddr(b, destAddr, op.Server.Addr())
	return appendPort(b, destPort, op.Server.Port())
}

func appendDestination(b []byte, d ipvs.Destination) []byte {
	b = appendUint32(b, destForward, uint32(d.Forward))
	b = appendUint32(b, destWeight, d.Weight)
	b = appendUint32(b, destUpper, d.Upper)
	b = appendUint32(b, destLower, d.Lower)
	if d.Forward != ipvs.Tunnel {
		return b
	}
	b = appendAttr(b, destTunType, []byte{byte(d.Wrap)})
	b = appendPort(b, destTunPort, d.Port)
	return appendUint16(b, destTunFlags, uint16(d.Sum))
}

func appendDaemon(b []byte, d ipvs.Daemon) []byte {
	b = appendUint32(b, daemonState, uint32(d.Role))
	b = appendText(b, daemonLink, d.Interface)
	b = appendUint32(b, daemonID, uint32(d.ID))
	if d.MaxLen != 0 {
		b = appendUint16(b, daemonMaxLen, d.MaxLen)
	}
	switch {
	case d.Group.Is4():
		b = appendAttr(b, daemonGroup, d.Group.AsSlice())
	case d.Group.Is6():
		b = appendAttr(b, daemonGroup6, d.Group.AsSlice())
	}
	if d.Port != 0 {
		b = appendUint16(b, daemonPort, d.Port)
	}
	if d.TTL != 0 {
		b = appendAttr(b, daemonTTL, []byte{d.TTL})
	}
	return b
}
