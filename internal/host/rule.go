package host

import (
	"fmt"
	"net/netip"
	"strings"
)

// RuleAction is what a policy rule does with packets that it is for: the action
// of struct fib_rule_hdr.
type RuleAction uint8

// The actions, FR_ACT_TO_TBL and so on of linux/fib_rules.h.
const (
	ToTable         RuleAction = 1 // table, or l3mdev
	Goto            RuleAction = 2
	Nop             RuleAction = 3
	RuleBlackhole   RuleAction = 6
	RuleUnreachable RuleAction = 7
	RuleProhibit    RuleAction = 8
)

// Range is a range of numbers, both ends included. The zero value is no range
// where the field says so.
type Range struct{ From, To uint32 }

// String is FROM-TO.
func (r Range) String() string { return fmt.Sprintf("%d-%d", r.From, r.To) }

// Rule is a policy rule of the kernel, by the words of `ip rule` and the
// attributes of linux/fib_rules.h. Names are numbers already, but for those of
// interfaces.
type Rule struct {
	V6     bool
	Invert bool // not: FIB_RULE_INVERT
	// From and To are the source and the destination that the rule is for; zero: all.
	From, To   netip.Prefix
	Preference uint32 // FRA_PRIORITY
	TOS        uint8
	// Mark is fwmark, FRA_FWMARK; HasMark tells that of 0 from none.
	Mark    uint32
	HasMark bool
	// MarkMask is the mask behind it, FRA_FWMASK; absent: all bits.
	MarkMask Optional
	// In and Out are iif and oif: FRA_IIFNAME, FRA_OIFNAME; empty: any.
	In, Out string
	// TunnelID is FRA_TUN_ID; 0: any.
	TunnelID uint64
	// UIDs are the owners of sockets, FRA_UID_RANGE, when HasUIDs.
	UIDs    Range
	HasUIDs bool
	// IPProto is FRA_IP_PROTO; 0: any.
	IPProto uint8
	// SPort and DPort are FRA_SPORT_RANGE and FRA_DPORT_RANGE; zero: any.
	SPort, DPort Range
	// Protocol is who made the rule: FRA_PROTOCOL.
	Protocol uint8

	Action RuleAction
	Table  uint32 // of ToTable: FRA_TABLE; 0 with L3MDev
	L3MDev bool   // of ToTable: the table of the master device, FRA_L3MDEV
	Goto   uint32 // of Goto: the preference of the rule to go on with, FRA_GOTO
	// Of ToTable:
	Realms Realms // FRA_FLOW, IPv4; zero: none
	// SuppressPrefix is suppress_prefixlength, FRA_SUPPRESS_PREFIXLEN: results with
	// a prefix of this length or less do not count.
	SuppressPrefix Optional
	// SuppressGroup is suppress_ifgroup, FRA_SUPPRESS_IFGROUP: results through
	// interfaces of this group do not count.
	SuppressGroup Optional
}

// String prints r as the arguments of `ip rule`.
func (r Rule) String() string {
	var line words
	line.when(r.V6 && !r.From.IsValid() && !r.To.IsValid(), "inet6")
	line.when(r.Invert, "not")
	line = append(line, "from", selector(r.From))
	line.when(r.To.IsValid(), "to", selector(r.To))
	line.when(r.TOS != 0, "tos", fmt.Sprintf("0x%02x", r.TOS))
	line.when(r.HasMark, "fwmark", r.mark())
	line.when(r.In != "", "iif", r.In)
	line.when(r.Out != "", "oif", r.Out)
	line.when(r.TunnelID != 0, "tun_id", fmt.Sprint(r.TunnelID))
	line.when(r.HasUIDs, "uidrange", r.UIDs.String())
	line.when(r.IPProto != 0, "ipproto", fmt.Sprint(r.IPProto))
	line.when(r.SPort != Range{}, "sport", r.SPort.String())
	line.when(r.DPort != Range{}, "dport", r.DPort.String())
	line = append(line, "pref", fmt.Sprint(r.Preference))
	line = append(line, r.action()...)
	line.when(r.Realms != Realms{}, "realms", r.Realms.String())
	line.when(r.SuppressPrefix.Given, "suppress_prefixlength", fmt.Sprint(r.SuppressPrefix.Value))
	line.when(r.SuppressGroup.Given, "suppress_ifgroup", fmt.Sprint(r.SuppressGroup.Value))
	line.when(r.Protocol != 0, "protocol", fmt.Sprint(r.Protocol))
	return strings.Join(line, " ")
}

func selector(p netip.Prefix) string {
	if !p.IsValid() {
		return "all"
	}
	return p.String()
}

func (r *Rule) mark() string {
	if r.MarkMask.Given {
		return fmt.Sprintf("0x%x/0x%x", r.Mark, r.MarkMask.Value)
	}
	return fmt.Sprintf("0x%x", r.Mark)
}

func (r *Rule) action() words {
	switch {
	case r.L3MDev:
		return words{"l3mdev"}
	case r.Action == Goto:
		return words{"goto", fmt.Sprint(r.Goto)}
	case r.Action == Nop:
		return words{"nop"}
	case r.Action == RuleBlackhole:
		return words{"blackhole"}
	case r.Action == RuleUnreachable:
		return words{"unreachable"}
	case r.Action == RuleProhibit:
		return words{"prohibit"}
	}
	return words{"lookup", fmt.Sprint(r.Table)}
}
