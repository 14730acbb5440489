package nft

import (
	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"holdfast/internal/host"
)

// Registers: an IPv6 address fills the first, what follows it is in the next.
const (
	first  = unix.NFT_REG_1
	second = unix.NFT_REG_2
)

// oifKind is NFT_META_OIFKIND: the kind of the interface that a packet leaves by.
const oifKind = 27

// rules writes the chains, the first rules first.
func (l *layout) rules() {
	out, in := l.hook("out", nftables.ChainHookOutput), l.hook("in", nftables.ChainHookInput)
	if l.has(host.VMACs) {
		l.vmacRules(out)
	}
	if l.has(host.Parents) {
		l.parentRule(out)
	}
	if !l.guards() {
		return
	}
	if l.op.V6 {
		l.neighbours(out, in)
	}
	if l.has(host.LinkLocalVIPs | host.NamedVIPs) {
		l.linkLocal(out, expr.MetaKeyOIF, expr.MetaKeyOIFNAME)
		l.linkLocal(in, expr.MetaKeyIIF, expr.MetaKeyIIFNAME)
	}
	if l.has(host.VIPs) {
		l.rule(out, expr.VerdictDrop, l.addr(out), lookup("vips"))
		l.rule(in, expr.VerdictDrop, l.addr(in), lookup("vips"))
	}
}

// vmacRules let IGMP or MLD reports leave from the parent, and router
// solicitations not at all.
func (l *layout) vmacRules(out *nftables.Chain) {
	report := []expr.Any{
		&expr.Payload{DestRegister: first, Base: expr.PayloadBaseNetworkHeader, Offset: 9, Len: 1},
		equals(unix.IPPROTO_IGMP),
	}
	group := l.daddr()
	if l.op.V6 {
		report = append(icmp6(), lookup("mld-report"))
	}
	report = append(append(report, ofVMAC()...), group,
		&expr.Meta{Key: expr.MetaKeyOIF, Register: second},
		&expr.Lookup{SourceRegister: second, DestRegister: second, IsDestRegSet: true, SetName: "vmac_map"},
		&expr.Dup{RegAddr: first, RegDev: second, IsRegDevSet: true})
	l.rule(out, expr.VerdictDrop, report...)
	if l.op.V6 {
		solicit := append(icmp6(), equals(routerSolicit))
		solicit = append(append(solicit, ofVMAC()...), &expr.Meta{Key: expr.MetaKeyOIF, Register: first}, lookup("vmac_set"))
		l.rule(out, expr.VerdictDrop, solicit...)
	}
}

// parentRule keeps a virtual MAC interface from saying that it is where its parent's
// address is: switches and neighbours would take the parent to be there.
func (l *layout) parentRule(out *nftables.Chain) {
	advert := append(append(icmp6(), equals(neighborAdvert)), ofVMAC()...)
	l.rule(out, expr.VerdictDrop, append(advert,
		&expr.Payload{DestRegister: first, Base: expr.PayloadBaseNetworkHeader, Offset: 8, Len: 16},
		&expr.Meta{Key: expr.MetaKeyOIF, Register: second}, lookup("parent_link_local"))...)
}

// ofVMAC matches what leaves by an interface of the kind that VMACs are.
func ofVMAC() []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: oifKind, Register: first},
		&expr.Cmp{Op: expr.CmpOpEq, Register: first, Data: name("macvlan")},
	}
}

// neighbours lets others find the address, and find that it is there.
func (l *layout) neighbours(chains ...*nftables.Chain) {
	for _, c := range chains {
		l.rule(c, expr.VerdictAccept, append(icmp6(), lookup("neighbor-discovery"))...)
	}
}

// linkLocal sends link-local addresses to a chain of their own, where the
// interface counts too.
func (l *layout) linkLocal(from *nftables.Chain, byIndex, byName expr.MetaKey) {
	to := l.conn.AddChain(&nftables.Chain{Table: l.table, Name: from.Name + "_link_local"})
	prefix, mask := make([]byte, 16), make([]byte, 16)
	prefix[0], prefix[1], mask[0], mask[1] = 0xfe, 0x80, 0xff, 0xc0
	l.judged(from, &expr.Verdict{Kind: expr.VerdictGoto, Chain: to.Name},
		l.addr(from),
		&expr.Bitwise{SourceRegister: first, DestRegister: first, Len: 16, Mask: mask, Xor: make([]byte, 16)},
		&expr.Cmp{Op: expr.CmpOpEq, Register: first, Data: prefix})
	if l.has(host.LinkLocalVIPs) {
		l.rule(to, expr.VerdictDrop, l.addr(from), &expr.Meta{Key: byIndex, Register: second}, lookup("vips_link_local"))
	}
	if l.has(host.NamedVIPs) {
		l.rule(to, expr.VerdictDrop, l.addr(from), &expr.Meta{Key: byName, Register: second}, lookup("vips_link_local_name"))
	}
}

// addr loads the address that is one of this machine: the source of what leaves.
func (l *layout) addr(of *nftables.Chain) expr.Any {
	if of.Name == "in" {
		return l.daddr()
	}
	if l.op.V6 {
		return &expr.Payload{DestRegister: first, Base: expr.PayloadBaseNetworkHeader, Offset: 8, Len: 16}
	}
	return &expr.Payload{DestRegister: first, Base: expr.PayloadBaseNetworkHeader, Offset: 12, Len: 4}
}

func (l *layout) daddr() expr.Any {
	if l.op.V6 {
		return &expr.Payload{DestRegister: first, Base: expr.PayloadBaseNetworkHeader, Offset: 24, Len: 16}
	}
	return &expr.Payload{DestRegister: first, Base: expr.PayloadBaseNetworkHeader, Offset: 16, Len: 4}
}

// icmp6 loads the type of an ICMPv6 message, wherever its header begins.
func icmp6() []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: first},
		equals(unix.IPPROTO_ICMPV6),
		&expr.Payload{DestRegister: first, Base: expr.PayloadBaseTransportHeader, Offset: 0, Len: 1},
	}
}

func equals(b byte) expr.Any { return &expr.Cmp{Op: expr.CmpOpEq, Register: first, Data: []byte{b}} }

func lookup(set string) expr.Any { return &expr.Lookup{SourceRegister: first, SetName: set} }

func (l *layout) hook(name string, hook *nftables.ChainHook) *nftables.Chain {
	accept := nftables.ChainPolicyAccept
	return l.conn.AddChain(&nftables.Chain{
		Table: l.table, Name: name, Type: nftables.ChainTypeFilter, Hooknum: hook,
		Priority: nftables.ChainPriorityRef(nftables.ChainPriority(l.op.Priority)), Policy: &accept,
	})
}

func (l *layout) rule(c *nftables.Chain, verdict expr.VerdictKind, match ...expr.Any) {
	l.judged(c, &expr.Verdict{Kind: verdict}, match...)
}

func (l *layout) judged(c *nftables.Chain, verdict expr.Any, match ...expr.Any) {
	if l.op.Counters {
		match = append(match, &expr.Counter{})
	}
	l.conn.AddRule(&nftables.Rule{Table: l.table, Chain: c, Exprs: append(match, verdict)})
}
