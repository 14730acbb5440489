package netlink

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"holdfast/internal/host"
)

// The attributes of linux/fib_rules.h.
const (
	fraDst            = 1
	fraSrc            = 2
	fraIn             = 3
	fraGoto           = 4
	fraPriority       = 6
	fraMark           = 10
	fraFlow           = 11
	fraTunnelID       = 12
	fraSuppressGroup  = 13
	fraSuppressPrefix = 14
	fraTable          = 15
	fraMarkMask       = 16
	fraOut            = 17
	fraL3MDev         = 19
	fraUIDs           = 20
	fraProtocol       = 21
	fraIPProto        = 22
	fraSPort          = 23
	fraDPort          = 24

	fibRuleInvert    = 2
	sizeofFibRuleHdr = 12
)

// appendRule appends the message that adds or removes a rule.
func appendRule(b []byte, r *host.Rule) []byte {
	b = append(b, family(r.V6), prefixBits(r.To), prefixBits(r.From), r.TOS, tableByte(r.Table), 0, 0, uint8(r.Action))
	b = binary.NativeEndian.AppendUint32(b, invert(r.Invert))
	if prefixBits(r.From) > 0 {
		b = appendIP(b, fraSrc, r.From.Addr())
	}
	if prefixBits(r.To) > 0 {
		b = appendIP(b, fraDst, r.To.Addr())
	}
	b = appendUint32(b, fraPriority, r.Preference)
	b = appendAttr(b, fraProtocol, []byte{r.Protocol})
	b = appendSelectors(b, r)
	return appendAction(b, r)
}

func invert(on bool) uint32 {
	if on {
		return fibRuleInvert
	}
	return 0
}

func appendSelectors(b []byte, r *host.Rule) []byte {
	if r.HasMark {
		b = appendUint32(b, fraMark, r.Mark)
	}
	if r.MarkMask.Given {
		b = appendUint32(b, fraMarkMask, r.MarkMask.Value)
	}
	if r.In != "" {
		b = appendAttr(b, fraIn, append([]byte(r.In), 0))
	}
	if r.Out != "" {
		b = appendAttr(b, fraOut, append([]byte(r.Out), 0))
	}
	if r.TunnelID != 0 {
		b = appendAttr(b, fraTunnelID, binary.BigEndian.AppendUint64(nil, r.TunnelID))
	}
	if r.HasUIDs {
		b = appendAttr(b, fraUIDs, binary.NativeEndian.AppendUint32(binary.NativeEndian.AppendUint32(nil, r.UIDs.From), r.UIDs.To))
	}
	if r.IPProto != 0 {
		b = appendAttr(b, fraIPProto, []byte{r.IPProto})
	}
	b = appendPorts(b, fraSPort, r.SPort)
	return appendPorts(b, fraDPort, r.DPort)
}

func appendPorts(b []byte, kind uint16, p host.Range) []byte {
	if p == (host.Range{}) {
		return b
	}
	return appendAttr(b, kind, binary.NativeEndian.AppendUint16(binary.NativeEndian.AppendUint16(nil, uint16(p.From)), uint16(p.To)))
}

func appendAction(b []byte, r *host.Rule) []byte {
	switch {
	case r.L3MDev:
		b = appendAttr(b, fraL3MDev, []byte{1})
	case r.Action == host.ToTable:
		b = appendUint32(b, fraTable, r.Table)
	case r.Action == host.Goto:
		b = appendUint32(b, fraGoto, r.Goto)
	}
	if r.Realms != (host.Realms{}) {
		b = appendUint32(b, fraFlow, flow(r.Realms))
	}
	if r.SuppressPrefix.Given {
		b = appendUint32(b, fraSuppressPrefix, r.SuppressPrefix.Value)
	}
	if r.SuppressGroup.Given {
		b = appendUint32(b, fraSuppressGroup, r.SuppressGroup.Value)
	}
	return b
}

// decodeRule reads an RTM_NEWRULE or RTM_DELRULE.
func decodeRule(b []byte) (*host.Rule, error) {
	if len(b) < sizeofFibRuleHdr {
		return nil, errShort
	}
	r := &host.Rule{
		V6: b[0] == unix.AF_INET6, TOS: b[3], Table: uint32(b[4]), Action: host.RuleAction(b[7]),
		Invert: number(b[8:])&fibRuleInvert != 0,
	}
	for kind, v := range attributes(b[sizeofFibRuleHdr:]) {
		switch kind {
		case fraDst:
			r.To = prefixOf(v, b[1])
		case fraSrc:
			r.From = prefixOf(v, b[2])
		default:
			selector(r, kind, v)
			action(r, kind, v)
		}
	}
	if r.L3MDev || r.Action != host.ToTable {
		r.Table = 0
	}
	return r, nil
}

func prefixOf(v []byte, bits uint8) netip.Prefix {
	a, _ := netip.AddrFromSlice(v)
	return netip.PrefixFrom(a, int(bits))
}

func selector(r *host.Rule, kind uint16, v []byte) {
	switch kind {
	case fraMark:
		r.Mark, r.HasMark = number(v), true
	case fraMarkMask:
		r.MarkMask = host.Some(number(v))
	case fraIn:
		r.In = text(v)
	case fraOut:
		r.Out = text(v)
	case fraTunnelID:
		r.TunnelID = bigEndian(v)
	case fraUIDs:
		if len(v) >= 8 {
			r.UIDs, r.HasUIDs = host.Range{From: number(v), To: number(v[4:])}, true
		}
	case fraIPProto:
		r.IPProto = first(v)
	case fraSPort:
		r.SPort = ports(v)
	case fraDPort:
		r.DPort = ports(v)
	case fraPriority:
		r.Preference = number(v)
	case fraProtocol:
		r.Protocol = first(v)
	}
}

func ports(v []byte) host.Range {
	if len(v) < 4 {
		return host.Range{}
	}
	return host.Range{From: uint32(binary.NativeEndian.Uint16(v)), To: uint32(binary.NativeEndian.Uint16(v[2:]))}
}

// action leaves out what the kernel reports for "not given": -1.
func action(r *host.Rule, kind uint16, v []byte) {
	const none = ^uint32(0)
	switch kind {
	case fraTable:
		r.Table = number(v)
	case fraL3MDev:
		r.L3MDev = first(v) != 0
	case fraGoto:
		r.Goto = number(v)
	case fraFlow:
		r.Realms = realms(number(v))
	case fraSuppressPrefix:
		if n := number(v); n != none {
			r.SuppressPrefix = host.Some(n)
		}
	case fraSuppressGroup:
		if n := number(v); n != none {
			r.SuppressGroup = host.Some(n)
		}
	}
}
