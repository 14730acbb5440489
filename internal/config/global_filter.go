package config

import (
	"fmt"
	"slices"
)

// Filter says where packet filters for virtual addresses and VMACs go.
type Filter struct {
	// Table is the nftables table; empty: none, until an instance needs one.
	Table string
	// Priority is that of its base chains.
	Priority int32
	// ByIndex matches link-local addresses by the number of the interface.
	ByIndex bool
	// Counters go with every rule.
	Counters bool
	// InChain and OutChain are what vrrp_iptables names, Sets the ipsets; both are
	// shown only, as in a keepalived that has nftables alone.
	InChain, OutChain string
	Sets              []string

	// IPVSTable is the table that marks packets for virtual_server_group; empty:
	// none, until a group needs one. Marks are counted from IPVSMark on.
	IPVSTable    string
	IPVSPriority int32
	IPVSMark     uint32
}

// tableName is how long the name of an nftables table can be.
const tableName = 254

// filterRows are about the filters of the kernel.
func filterRows() []keyword[globals] {
	type row = keyword[globals]
	priority := between(-1<<31, 1<<31-1)
	return []row{
		{word: "nftables", form: optional(shortText("TABLE", tableName), value{text: "keepalived"}), once: true, note: "unset; keepalived without a name",
			meaning: "The nftables table for the filters of virtual addresses and VMACs.",
			set:     func(g *globals, v value) { g.Filter.Table = v.text }},
		{word: "nftables_priority", form: integer(priority), def: "-1",
			meaning: "The priority of the base chains of that table.",
			set:     func(g *globals, v value) { g.Filter.Priority = int32(v.n) }},
		{word: "nftables_ifindex", form: flag(), note: "off",
			meaning: "Link-local addresses are matched by the number of the interface, not its name.",
			set:     func(g *globals, v value) { g.Filter.ByIndex = true }},
		{word: "nftables_counters", form: flag(), note: "off",
			meaning: "Every rule counts its packets.",
			set:     func(g *globals, v value) { g.Filter.Counters = true }},
		{word: "nftables_ipvs", form: optional(shortText("TABLE", tableName), value{text: "keepalived_ipvs"}), once: true, note: "unset; keepalived_ipvs without a name",
			meaning: "The nftables table that marks the packets of virtual server groups.",
			set:     func(g *globals, v value) { g.Filter.IPVSTable = v.text }},
		{word: "nftables_ipvs_priority", form: integer(priority), def: "-1",
			meaning: "The priority of the chains of that table.",
			set:     func(g *globals, v value) { g.Filter.IPVSPriority = int32(v.n) }},
		{word: "nftables_ipvs_start_fwmark", form: integer(between(1, 1<<32-1)), def: "1000",
			meaning: "The first mark that is given to a virtual server group.",
			set:     func(g *globals, v value) { g.Filter.IPVSMark = uint32(v.n) }},
		{word: "vrrp_iptables", form: words("[INCHAIN [OUTCHAIN]]"), note: "unset; INPUT and OUTPUT without names",
			meaning: "The iptables chains for the filters of virtual addresses, in a keepalived that was built with iptables; nftables takes their place.",
			set:     (*globals).iptables},
		{word: "vrrp_ipsets", form: words("[NAME4 [NAME6 [IF6 [IGMP [MLD [ND]]]]]]"), note: "keepalived, keepalived6, keepalived_if6, keepalived_igmp, keepalived_mld, keepalived_nd",
			meaning: "The names of the ipsets for vrrp_iptables, or with no name that there are none.",
			set:     (*globals).ipsets},
	}
}

// iptables keeps the names of chains; filters are nftables ones.
func (g *globals) iptables(v value) {
	in, out := "INPUT", "OUTPUT"
	if len(v.words) > 0 {
		in, out = g.b.keep(v.words[0].Text), ""
	}
	if len(v.words) > 1 {
		out = g.b.keep(v.words[1].Text)
	}
	switch {
	case in == out:
		g.b.complain(v.at, "the chains of vrrp_iptables must differ; it is ignored", "")
		return
	case len(in) > 27 || len(out) > 27:
		g.b.complain(v.at, "the name of an iptables chain has at most 27 bytes; vrrp_iptables is ignored", "")
		return
	}
	g.Filter.InChain, g.Filter.OutChain = in, out
	g.b.complain(v.at, "iptables is not used: the filters go to nftables", "write nftables in place of vrrp_iptables and vrrp_ipsets")
}

// ipsets keeps the names of sets, which only iptables needs.
func (g *globals) ipsets(v value) {
	g.Filter.Sets = []string{}
	for i, w := range v.words[:min(6, len(v.words))] {
		if len(w.Text) > 30 || slices.Contains(g.Filter.Sets, w.Text) {
			g.b.complain(w.Span, fmt.Sprintf("%q cannot be the name of ipset %d: 30 bytes at most, each name once", w.Text, i+1), "")
			return
		}
		g.Filter.Sets = append(g.Filter.Sets, g.b.keep(w.Text))
	}
	g.b.complain(v.at, "ipsets are not used: the filters go to nftables", "write nftables in place of vrrp_iptables and vrrp_ipsets")
}
