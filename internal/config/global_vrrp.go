package config

import (
	"fmt"
	"time"
)

// whole is what an unsigned 32 bit number of seconds can say.
const whole = (1<<32 - 1) * time.Second

// microsecond times reach up to what 32 bits of microseconds hold.
const microtimes = (1<<32 - 1) * time.Microsecond

// garpDelay is the range of the delays of the second burst.
func garpDelay() form { return duration(times(0, 4294*time.Second, time.Second)) }

// wireRows are about adverts: defaults of the instances.
func wireRows() []keyword[globals] {
	type row = keyword[globals]
	return []row{
		{word: "vrrp_notify_priority_changes", form: boolean(), def: "false",
			meaning: "Default of notify_priority_changes.",
			set:     func(g *globals, v value) { g.priorityChanges = v.on }},

		{word: "vrrp_mcast_group4", form: address(), def: "224.0.0.18",
			meaning: "Where IPv4 adverts go.",
			set:     (*globals).multicast4},
		{word: "vrrp_mcast_group6", form: address(), def: "ff02::12",
			meaning: "Where IPv6 adverts go.",
			set:     (*globals).multicast6},
		{word: "vrrp_version", form: integer(between(2, 3)), def: "2",
			meaning: "Protocol version of IPv4 instances that do not say; IPv6 ones speak version 3.",
			set:     func(g *globals, v value) { g.version = v.n }},
		{word: "vrrp_strict", form: boolean(), def: "false",
			meaning: "Default of strict_mode.",
			set:     func(g *globals, v value) { g.strict = v.on }},
		{word: "vrrp_check_unicast_src", form: flag(), note: "off",
			meaning: "Default of check_unicast_src.",
			set:     func(g *globals, v value) { g.checkUnicastSource = true }},
		{word: "vrrp_skip_check_adv_addr", form: boolean(), def: "false",
			meaning: "Default of skip_check_adv_addr.",
			set:     func(g *globals, v value) { g.skipCheckAdvAddr = v.on }},
		{word: "vrrp_down_timer_adverts", form: integer(between(1, 100)), def: "3",
			meaning: "Default of down_timer_adverts.",
			set:     func(g *globals, v value) { g.downAdverts = v.n }},
		{word: "vrrp_lower_prio_no_advert", form: boolean(), def: "false",
			meaning: "Default of lower_prio_no_advert.",
			set:     func(g *globals, v value) { g.lowerPrioNoAdvert = v.on }},
		{word: "vrrp_higher_prio_send_advert", form: boolean(), def: "false",
			meaning: "Default of higher_prio_send_advert.",
			set:     func(g *globals, v value) { g.higherPrioSendAdvert = v.on }},
		{word: "vrrp_owner_ignore_adverts", form: boolean(), def: "false",
			meaning: "Default of owner_ignore_adverts for instances of priority 255.",
			set:     func(g *globals, v value) { g.ownerIgnoreAdverts = v.on }},
		{word: "v3_checksum_as_v2", form: words(""), note: "off",
			meaning: "Default of v3_checksum_as_v2; an argument, even off, is ignored.",
			set:     (*globals).checksum},
	}
}

// announceRows are about gratuitous ARP and neighbour advertisements.
func announceRows() []keyword[globals] {
	type row = keyword[globals]
	return []row{
		{word: "vrrp_garp_master_delay", form: garpDelay(), note: "5",
			meaning: "Default of garp_master_delay.",
			set:     func(g *globals, v value) { g.announce.delay = given(v.d, v.at) }},
		{word: "vrrp_garp_master_repeat", form: integer(between(1, 1<<32-1).noZero(1)), note: "5",
			meaning: "Default of garp_master_repeat.",
			set:     func(g *globals, v value) { g.announce.repeat = given(v.n, v.at) }},
		{word: "vrrp_garp_master_refresh", form: duration(times(0, whole, time.Second)), note: "0: never",
			meaning: "Default of garp_master_refresh.",
			set:     func(g *globals, v value) { g.announce.refresh = given(v.d, v.at) }},
		{word: "vrrp_garp_master_refresh_repeat", form: integer(between(1, 1<<32-1).noZero(1)), note: "1",
			meaning: "Default of garp_master_refresh_repeat.",
			set:     func(g *globals, v value) { g.announce.refreshRepeat = given(v.n, v.at) }},
		{word: "vrrp_garp_lower_prio_delay", form: garpDelay(), note: "vrrp_garp_master_delay",
			meaning: "Default of garp_lower_prio_delay.",
			set:     func(g *globals, v value) { g.announce.lowerDelay = given(v.d, v.at) }},
		{word: "vrrp_garp_lower_prio_repeat", form: integer(between(0, 1<<31-1)), note: "vrrp_garp_master_repeat",
			meaning: "Default of garp_lower_prio_repeat.",
			set:     func(g *globals, v value) { g.announce.lowerRepeat = given(v.n, v.at) }},
		{word: "vrrp_garp_extra_if", form: extraGARP(between(1, 86400).in("s")), note: "off",
			meaning: "Default of garp_extra_if.",
			set:     func(g *globals, v value) { g.extraGARP = ExtraGARP{v.d, v.on} }},
		{word: "vrrp_vmac_garp_intvl", form: extraGARP(between(1, 86400).in("s")), instead: "vrrp_garp_extra_if",
			meaning: "The old spelling of vrrp_garp_extra_if.",
			set:     func(g *globals, v value) { g.extraGARP = ExtraGARP{v.d, v.on} }},
		{word: "vrrp_garp_interval", form: duration(pacing()), note: "0: no pause",
			meaning: "The smallest gap between gratuitous ARPs on an interface.",
			set:     func(g *globals, v value) { g.GARPInterval = v.d; g.slowPacing("vrrp_garp_interval", v) }},
		{word: "vrrp_gna_interval", form: duration(pacing()), note: "0: no pause",
			meaning: "The smallest gap between unsolicited neighbour advertisements on an interface.",
			set:     func(g *globals, v value) { g.GNAInterval = v.d; g.slowPacing("vrrp_gna_interval", v) }},
		{word: "vrrp_min_garp", form: boolean(), note: "false",
			meaning: "One burst of one gratuitous ARP, for what has not been set before this line.",
			set:     (*globals).minGARP},
	}
}

// linkRows are about the start and about interfaces.
func linkRows() []keyword[globals] {
	type row = keyword[globals]
	return []row{
		{word: "vrrp_startup_delay", form: duration(times(time.Millisecond, 4294967*time.Millisecond, time.Microsecond)), note: "0",
			meaning: "Instances neither hear nor send adverts for this long after the start.",
			set:     func(g *globals, v value) { g.StartupDelay = v.d }},
		{word: "vrrp_delay_after_boot", form: duration(times(time.Millisecond, 4294967*time.Millisecond, time.Microsecond)), note: "0",
			meaning: "The same, counted from the boot of the machine.",
			set:     func(g *globals, v value) { g.DelayAfterBoot = v.d }},
		{word: "log_unknown_vrids", form: flag(), note: "off",
			meaning: "Each VRID that is heard on a link and that no instance has is logged.",
			set:     func(g *globals, v value) { g.LogUnknownVRIDs = true }},
		{word: "vmac_prefix", form: text("STRING"), once: true, def: "vrrp",
			meaning: "How the names of the interfaces begin that use_vmac makes.",
			set:     func(g *globals, v value) { g.VMACPrefix = v.text }},
		{word: "vmac_addr_prefix", form: text("STRING"), once: true, note: "vmac_prefix",
			meaning: "How the names of the interfaces begin that are made for single addresses.",
			set:     func(g *globals, v value) { g.VMACAddrPrefix = v.text }},
		{word: "default_interface", form: loose(link()), def: "eth0",
			meaning: "Where static addresses go that name no interface.",
			set:     func(g *globals, v value) { g.DefaultLink = v.text }},
		{word: "disable_local_igmp", form: flag(), note: "off",
			meaning: "The kernel sends no IGMP reports for link-local groups while holdfast runs.",
			set:     func(g *globals, v value) { g.NoLocalIGMP = true }},
		{word: "dynamic_interfaces", form: words("[allow_if_changes]"), note: "off",
			meaning: "Interfaces may come later; holdfast waits for them anyway.",
			set:     (*globals).dynamic},
	}
}

// pacing is the range of the pauses between announcements.
func pacing() span {
	s := times(time.Microsecond, microtimes, time.Microsecond)
	s.off = "no pause is the default: delete the line"
	return s
}

// slowPacing warns where announcements would take very long.
func (g *globals) slowPacing(word string, v value) {
	if v.d >= time.Second {
		g.b.advise(v.at, fmt.Sprintf("%s of %s s delays every take-over by that much per address", word, seconds(v.d)), "")
	}
}

func (g *globals) multicast4(v value) {
	if !v.addr.Is4() || !v.addr.IsMulticast() {
		g.b.complain(v.at, v.addr.String()+" is not an IPv4 multicast address; vrrp_mcast_group4 stays as it was", "")
		return
	}
	g.group4 = v.addr
}

func (g *globals) multicast6(v value) {
	if !v.addr.Is6() || !v.addr.IsMulticast() {
		g.b.complain(v.at, v.addr.String()+" is not an IPv6 multicast address; vrrp_mcast_group6 stays as it was", "")
		return
	}
	if !v.addr.IsLinkLocalMulticast() {
		g.b.complain(v.at, v.addr.String()+" is not link-local: routers may carry adverts to other links", "use an address of ff02::/16")
	}
	g.group6 = v.addr
}

// checksum keeps keepalived's habit: whatever the argument says, it is on.
func (g *globals) checksum(v value) {
	g.checksumAsV2, g.SNMP.ChecksumAsV2 = true, true
	if len(v.words) > 0 {
		g.b.quirk(v.at, "v3_checksum_as_v2 is on, whatever follows it here", "delete the line to have it off")
	}
}

// minGARP lowers what is still at its default on this line.
func (g *globals) minGARP(v value) {
	if !v.on {
		return
	}
	a := &g.announce
	a.repeat = given(a.repeat.or(1), v.at)
	a.delay = given(a.delay.or(0), v.at)
	a.refresh = given(a.refresh.or(0), v.at)
	a.refreshRepeat = given(a.refreshRepeat.or(0), v.at)
}

func (g *globals) dynamic(v value) {
	g.DynamicInterfaces = true
	if len(v.words) == 0 {
		return
	}
	if first := v.words[0]; first.Text != "allow_if_changes" {
		g.b.complain(first.Span, fmt.Sprintf("dynamic_interfaces knows no %q", first.Text), "allow_if_changes or nothing")
		return
	}
	g.AllowIfChanges = true
	if len(v.words) > 1 {
		g.b.superfluous(v.node, 1)
	}
}
