package config

import (
	"fmt"
	"net/netip"
	"time"

	"holdfast/internal/conf"
	"holdfast/internal/vrrp"
)

// facts is what the checks between blocks need to know of an instance beside
// what its Instance says.
type facts struct {
	node            *conf.Node
	trackedAt       []conf.Span
	priorityChanges bool // given
}

// instance is a vrrp_instance while it is read.
type instance struct {
	Instance
	b    *builder
	node *conf.Node

	// v6 is settled by the first address that is met.
	v6       maybe[bool]
	state    maybe[string]
	link     maybe[string]
	vrid     maybe[int]
	version  maybe[int]
	priority maybe[int]
	interval maybe[time.Duration]
	source   maybe[netip.Addr]
	// unicast is the first word that is meant for unicast.
	unicast    maybe[string]
	group      maybe[netip.Addr]
	peers      maybe[[]vrrp.Peer]
	checkPeers bool
	ttl        maybe[int]
	vips       maybe[[]listed]
	excluded   []listed
	noVIP      maybe[struct{}]
	accept     maybe[bool]
	vrf        maybe[string]
	vmac       maybe[VMAC]
	mac        maybe[[6]byte]
	shortMAC   bool // mac lacks its last octet
	xmitBase   maybe[struct{}]
	ipvlan     maybe[IPVLAN]
	hmac       maybe[hmacDraft]
	authType   maybe[string]
	password   maybe[string]

	announce             announcing
	strict               maybe[bool]
	noPreempt            maybe[struct{}]
	preemptDelay         maybe[time.Duration]
	downAdverts          maybe[int]
	lowerPrioNoAdvert    maybe[bool]
	higherPrioSendAdvert maybe[bool]
	ownerIgnoreAdverts   maybe[bool]
	skipCheckAdvAddr     maybe[bool]
	checksumAsV2         maybe[bool]
	tracks               tracks
	priorityChanges      maybe[bool]
	mail                 maybe[bool]
	trackSource          maybe[struct{}]
	lateBackup           maybe[int]
	extraGARP            maybe[ExtraGARP]
}

// listed is an address with the place where it stands.
type listed struct {
	Address
	at     conf.Span
	onVMAC bool
}

func instanceTable(v *vocabulary) *block[instance] {
	type row = keyword[instance]
	rows := []row{
		{word: "state", form: choice("MASTER", "BACKUP"), note: "BACKUP; MASTER for priority 255",
			meaning: "The role wanted at start; MASTER below 255 only clears nopreempt and preempt_delay.",
			set:     (*instance).setState},
		{word: "interface", form: link(), note: "required",
			meaning: "The interface that carries adverts and, where nothing else is said, the addresses.",
			set:     (*instance).setLink},
		{word: "virtual_router_id", form: integer(between(1, 255)), note: "required",
			meaning: "The number by which the routers of one virtual router know each other on a link.",
			set:     func(i *instance, v value) { i.vrid = given(v.n, v.at) }},
		{word: "version", form: integer(between(2, 3)), note: "vrrp_version; 3 for IPv6",
			meaning: "Protocol version.",
			set:     (*instance).setVersion},
		{word: "priority", form: integer(between(1, 255).else_(100)), note: "100; 255 for state MASTER",
			meaning: "Who is master: the highest; 255 means that the addresses are this machine's own.",
			set:     func(i *instance, v value) { i.priority = given(v.n, v.at) }},
		{word: "advert_int", form: duration(times(10*time.Millisecond, 255*time.Second, time.Microsecond)), note: "1",
			meaning: "Time from advert to advert; version 2 knows whole seconds, version 3 hundredths up to 40.95.",
			set:     func(i *instance, v value) { i.interval = given(v.d, v.at) }},

		// Where adverts go.
		{word: "mcast_src_ip", form: address(), note: "the first address of the interface",
			meaning: "The source address of adverts.",
			set:     func(i *instance, v value) { i.setSource(v, false) }},
		{word: "unicast_src_ip", form: address(), note: "the first address of the interface",
			meaning: "The source address of adverts to unicast peers.",
			set:     func(i *instance, v value) { i.setSource(v, true) }},
		{word: "mcast_dst_ip", form: address(), note: "vrrp_mcast_group4 or vrrp_mcast_group6",
			meaning: "The multicast address that adverts of this instance go to.",
			set:     (*instance).setGroup},
		{word: "unicast_peer", form: body("ADDR [min_ttl N] [max_ttl N] lines"), opens: v.peer,
			meaning: "The other routers, when adverts go to each of them and not to a group.",
			set:     (*instance).readPeers},
		{word: "unicast_ttl", form: integer(between(0, 255)), note: "255; for IPv6 the kernel's",
			meaning: "TTL or hop limit of adverts to peers.",
			set:     func(i *instance, v value) { i.ttl = given(v.n, v.at) }},
		{word: "check_unicast_src", form: flag(), note: "vrrp_check_unicast_src",
			meaning: "Adverts from who is not a peer are dropped.",
			set: func(i *instance, v value) {
				i.checkPeers = true
				i.meantForUnicast("check_unicast_src", v)
			}},
		{word: "old_unicast_checksum", form: words("[never]"), note: "automatic",
			meaning: "The checksum that keepalived before 1.3.6 used for IPv4 unicast of version 3.",
			set:     (*instance).setOldChecksum},
		{word: "v3_checksum_as_v2", form: boolean(), note: "the global one",
			meaning: "The IPv4 checksum of version 3 leaves out the addresses of the packet.",
			set:     func(i *instance, v value) { i.checksumAsV2 = given(v.on, v.at) }},
		{word: "skip_check_adv_addr", form: boolean(), note: "vrrp_skip_check_adv_addr",
			meaning: "The addresses in an advert are compared only when its sender is a new one.",
			set:     (*instance).setSkipCheck},
		{word: "native_ipv6", form: flag(), instead: "nothing: IPv6 addresses say it", quiet: true,
			meaning: "The instance is an IPv6 one.",
			set:     (*instance).setNative6},
		{word: "auth_hmac", form: body("block"), opens: v.hmac, note: "none",
			meaning: "Adverts carry a keyed trailer; all routers of the virtual router must know it.",
			set:     (*instance).readHMAC},
		{word: "vrf", form: link(), note: "none",
			meaning: "The VRF that the sockets of an instance with peers and without an interface are bound to; without it the instance is in FAULT.",
			set:     func(i *instance, v value) { i.vrf = given(v.text, v.at) }},
		{word: "track_src_ip", form: flag(), note: "off",
			meaning: "FAULT while the interface does not have the source address.",
			set:     func(i *instance, v value) { i.trackSource = given(struct{}{}, v.at) }},
		{word: "unicast_fault_no_peer", form: flag(), note: "off: multicast",
			meaning: "An instance whose unicast_peer names nobody stays in FAULT.",
			set:     func(i *instance, v value) { i.FaultWithoutPeers = true }},
		{word: "kernel_rx_buf_size", form: oneNumber(between(0, 1<<32-1).in("bytes")), note: "vrrp_rx_bufs_policy",
			meaning: "What the receive buffer has for this instance.",
			set:     func(i *instance, v value) { i.RxBuffer = uint32(v.n) }},
		{word: "authentication", form: body("block"), opens: v.auth,
			meaning: "The password field of version 2.",
			set: func(i *instance, v value) {
				i.b.enter(v.node)
				i.b.voc.auth.read(i.b, v.node.Body, i)
				i.b.leave()
			}},

		// Addresses.
		{word: "virtual_ipaddress", form: body("ADDRESS lines"), opens: v.address, note: "required",
			meaning: "The addresses owned while MASTER and told in adverts, in this order; the first settles the family.",
			set:     (*instance).readVIPs},
		{word: "virtual_ipaddress_excluded", form: body("ADDRESS lines"), opens: v.excluded,
			meaning: "Addresses owned while MASTER that adverts do not tell; of either family.",
			set:     (*instance).readExcluded},
		{word: "no_virtual_ipaddress", form: flag(), note: "off",
			meaning: "It is meant that there is no virtual address.",
			set:     func(i *instance, v value) { i.noVIP = given(struct{}{}, v.at) }},
		{word: "accept", form: flag(), note: "on, except under strict mode",
			meaning: "The machine takes what is sent to addresses that it does not own.",
			set:     func(i *instance, v value) { i.accept = given(true, v.at) }},
		{word: "no_accept", form: flag(), note: "off; on under strict mode, except with priority 255",
			meaning: "What is sent to the addresses or from them is dropped, but for neighbour discovery, unless the machine owns them.",
			set:     func(i *instance, v value) { i.accept = given(false, v.at) }},
		{word: "promote_secondaries", form: flag(), note: "off; on for macvlans",
			meaning: "The removal of a primary address leaves the secondary ones on the interface.",
			set:     func(i *instance, v value) { i.PromoteSecondaries = true }},

		// Routes and rules.
		{word: "virtual_routes", form: body("ROUTE lines"), opens: v.route,
			meaning: "Routes that are there while MASTER: added after the addresses, removed before them.",
			set:     (*instance).readRoutes},
		{word: "virtual_rules", form: body("RULE lines"), opens: v.rule,
			meaning: "Policy rules that are there while MASTER: added last, removed first.",
			set:     (*instance).readRules},

		// Who becomes master, and when.
		{word: "strict_mode", form: boolean(), note: "vrrp_strict",
			meaning: "What the RFC does not allow is refused.",
			set:     func(i *instance, v value) { i.strict = given(v.on, v.at) }},
		{word: "nopreempt", form: flag(), note: "off",
			meaning: "A running master of lower priority is left alone.",
			set:     func(i *instance, v value) { i.noPreempt = given(struct{}{}, v.at) }},
		{word: "preempt", form: flag(), instead: "nothing: it is the default", quiet: true,
			meaning: "Undoes nopreempt.",
			set:     func(i *instance, v value) { i.noPreempt.given = false }},
		{word: "preempt_delay", form: duration(times(0, 1000*time.Second, time.Microsecond).else_(0)), note: "0",
			meaning: "How long a master of lower priority is left alone, counted from its first advert.",
			set:     func(i *instance, v value) { i.preemptDelay = given(v.d, v.at) }},
		{word: "down_timer_adverts", form: integer(between(1, 100)), note: "vrrp_down_timer_adverts",
			meaning: "How many intervals without adverts make a dead master.",
			set:     func(i *instance, v value) { i.downAdverts = given(v.n, v.at) }},
		{word: "lower_prio_no_advert", form: boolean(), note: "vrrp_lower_prio_no_advert; under strict mode true",
			meaning: "A master does not answer an advert of lower priority at once.",
			set:     func(i *instance, v value) { i.lowerPrioNoAdvert = given(v.on, v.at) }},
		{word: "higher_prio_send_advert", form: boolean(), note: "vrrp_higher_prio_send_advert; under strict mode false",
			meaning: "A master sends one more advert before it gives way to a higher priority.",
			set:     func(i *instance, v value) { i.higherPrioSendAdvert = given(v.on, v.at) }},
		{word: "timer_expired_backup", form: optionalInteger(between(1, 254), 254), note: "off; 254 without an argument",
			meaning: "A MASTER that ran so late that a backup of this priority took over gives way; needs nopreempt.",
			set:     func(i *instance, v value) { i.lateBackup = given(v.n, v.at) }},
		{word: "thread_timer_expired", form: optionalInteger(between(1, 254), 254), instead: "timer_expired_backup",
			meaning: "The same as timer_expired_backup.",
			set:     func(i *instance, v value) { i.lateBackup = given(v.n, v.at) }},
		{word: "owner_ignore_adverts", form: boolean(), note: "vrrp_owner_ignore_adverts; under strict mode true",
			meaning: "An instance of priority 255 drops what it hears.",
			set:     func(i *instance, v value) { i.ownerIgnoreAdverts = given(v.on, v.at) }},

		// Announcing.
		{word: "garp_master_delay", form: garpDelay(), note: "vrrp_garp_master_delay",
			meaning: "Time to the second burst of announcements; 0 means none.",
			set:     func(i *instance, v value) { i.announce.delay = given(v.d, v.at) }},
		{word: "garp_master_repeat", form: integer(between(1, 1<<32-1).noZero(1)), note: "vrrp_garp_master_repeat",
			meaning: "Announcements of each address in a burst.",
			set:     func(i *instance, v value) { i.announce.repeat = given(v.n, v.at) }},
		{word: "garp_master_refresh", form: duration(times(0, whole, time.Second)), note: "vrrp_garp_master_refresh",
			meaning: "Time from refresh to refresh while MASTER; 0 means never.",
			set:     func(i *instance, v value) { i.announce.refresh = given(v.d, v.at) }},
		{word: "garp_master_refresh_repeat", form: integer(between(1, 1<<32-1).noZero(1)), note: "vrrp_garp_master_refresh_repeat",
			meaning: "Announcements of each address in a refresh.",
			set:     func(i *instance, v value) { i.announce.refreshRepeat = given(v.n, v.at) }},
		{word: "garp_lower_prio_delay", form: garpDelay(), note: "vrrp_garp_lower_prio_delay; under strict mode 0",
			meaning: "Time to a second burst after an advert of lower priority.",
			set:     func(i *instance, v value) { i.announce.lowerDelay = given(v.d, v.at) }},
		{word: "garp_lower_prio_repeat", form: integer(between(0, 1<<31-1)), note: "vrrp_garp_lower_prio_repeat; under strict mode 0",
			meaning: "Announcements of each address after an advert of lower priority.",
			set:     func(i *instance, v value) { i.announce.lowerRepeat = given(v.n, v.at) }},

		{word: "garp_extra_if", form: extraGARP(between(0, 86400).in("s")), note: "vrrp_garp_extra_if",
			meaning: "While MASTER, addresses on macvlans of their own, or with all on any other interface, are announced there too, this often.",
			set:     func(i *instance, v value) { i.extraGARP = given(ExtraGARP{v.d, v.on}, v.at) }},
		{word: "vmac_garp_intvl", form: extraGARP(between(0, 86400).in("s")), instead: "garp_extra_if",
			meaning: "The same as garp_extra_if.",
			set:     func(i *instance, v value) { i.extraGARP = given(ExtraGARP{v.d, v.on}, v.at) }},

		// What is watched.
		{word: "dont_track_primary", form: flag(), note: "off",
			meaning: "The loss of the instance's own interface is not FAULT.",
			set:     func(i *instance, v value) { i.DontTrackPrimary = true }},
		{word: "linkbeat_use_polling", form: flag(), instead: "the interface into linkbeat_interfaces",
			meaning: "The state of the link is asked for every second.",
			set:     func(i *instance, v value) { i.LinkbeatPolling = true }},

		// The balancer.
		{word: "lvs_sync_daemon_interface", form: link(), instead: "lvs_sync_daemon in global_defs",
			meaning: "IPVS tells its connections to the other nodes by this interface.",
			set:     func(i *instance, v value) { i.SyncDaemonLink = v.text }},

		// Who is told.
		{word: "notify_deleted", form: optionalCommand(), once: true, note: "off: FAULT is told",
			meaning: "An instance that a reload drops is told as DELETED; the command, if there is one, runs then.",
			set: func(i *instance, v value) {
				i.Notify.ReportDeleted, i.Notify.Deleted = true, v.command
				i.b.use(v.at, v.command)
			}},
		{word: "notify_master_rx_lower_pri", form: command(), once: true, note: "none",
			meaning: "Runs each time a MASTER hears an advert of lower priority.",
			set: func(i *instance, v value) {
				i.Notify.LowerPriority = v.command
				i.b.use(v.at, v.command)
			}},
		{word: "notify_priority_changes", form: boolean(), note: "that of the group, else vrrp_notify_priority_changes",
			meaning: "Changes of the priority are written to the pipes.",
			set:     func(i *instance, v value) { i.priorityChanges = given(v.on, v.at) }},
		{word: "smtp_alert", form: boolean(), note: "smtp_alert_vrrp, else smtp_alert",
			meaning: "Mail on state changes.",
			set:     func(i *instance, v value) { i.mail = given(v.on, v.at) }},
		{word: "debug", form: integer(between(0, 4)), note: "0",
			meaning: "Shown in the state dump; changes nothing.",
			set:     func(i *instance, v value) { i.Debug = uint8(v.n) }},
	}
	rows = append(rows, trackRows(v, "the priority or FAULT follows", func(i *instance) tracking { return tracking{i.b, &i.tracks} })...)
	rows = append(rows, vmacRows()...)
	return table("vrrp_instance", append(rows, notifyRows(func(i *instance) notifying { return notifying{i.b, &i.Notify} })...)...)
}

func authenticationTable() *block[instance] {
	type row = keyword[instance]
	return table("vrrp_instance/authentication",
		row{word: "auth_type", form: choice("PASS", "AH"), note: "none",
			meaning: "PASS is a password in clear text; AH an authentication header.",
			set:     func(i *instance, v value) { i.authType = given(v.text, v.at) }},
		row{word: "auth_pass", form: cutText("STRING", 8), note: "required",
			meaning: "The password that all routers of the virtual router share.",
			set:     func(i *instance, v value) { i.password = given(v.text, v.at) }},
	)
}

func peerTable() *block[vrrp.Peer] {
	type row = keyword[vrrp.Peer]
	return table("vrrp_instance/unicast_peer",
		row{word: "<ADDR>", form: place("ADDR", "of the family of the instance; others are ignored"),
			meaning: "The address of another router; every line has one."},
		row{word: "min_ttl", form: integer(between(0, 255)), note: "0",
			meaning: "Adverts of this peer with a smaller TTL are dropped; turns check_unicast_src on.",
			set:     func(p *vrrp.Peer, v value) { p.MinTTL = uint8(v.n) }},
		row{word: "max_ttl", form: integer(between(0, 255)), note: "255",
			meaning: "Adverts of this peer with a larger TTL are dropped; turns check_unicast_src on.",
			set:     func(p *vrrp.Peer, v value) { p.MaxTTL = uint8(v.n) }},
	)
}

func (i *instance) setState(v value) {
	if v.text == "BACKUP" && i.state.given && i.state.value == "MASTER" {
		i.b.complain(v.at, "state BACKUP after state MASTER is ignored", "delete one of them")
		return
	}
	i.state = given(v.text, v.at)
}

func (i *instance) setLink(v value) {
	if v.text == "lo" {
		i.b.fail(v.at, "an instance cannot use the loopback interface", "name the interface that faces the clients")
		return
	}
	i.link = given(v.text, v.at)
}

// setVersion refuses what contradicts what is known already.
func (i *instance) setVersion(v value) {
	switch {
	case v.n == 2 && i.v6.given && i.v6.value:
		i.b.complain(v.at, "version 2 is not for IPv6 and is ignored", "delete it")
	case i.version.given && i.version.value != v.n:
		i.b.complain(v.at, fmt.Sprintf("version %d contradicts version %d above and is ignored", v.n, i.version.value), "delete one of them")
	default:
		i.version = given(v.n, v.at)
	}
}

// family settles the family with the first address and afterwards reports
// whether one fits.
func (i *instance) family(a netip.Addr, at conf.Span, what string) bool {
	if !i.v6.given {
		i.v6 = given(a.Is6(), at)
	}
	if i.v6.value == a.Is6() {
		return true
	}
	own, other := "IPv4", "IPv6"
	if i.v6.value {
		own, other = other, own
	}
	i.b.complain(at, fmt.Sprintf("%s %s is %s in an %s instance and is ignored", what, a, other, own),
		"an instance has one family; virtual_ipaddress_excluded takes both")
	return false
}

func (i *instance) setSource(v value, unicast bool) {
	if !i.family(v.addr, v.at, "the source") {
		return
	}
	i.source = given(v.addr, v.at)
	if unicast {
		i.meantForUnicast("unicast_src_ip", v)
	}
}

// meantForUnicast notes a word that says nothing without peers.
func (i *instance) meantForUnicast(word string, v value) {
	if !i.unicast.given {
		i.unicast = given(word, v.at)
	}
}

func (i *instance) setGroup(v value) {
	switch {
	case !i.family(v.addr, v.at, "the group"):
	case v.addr.Is4() && !v.addr.IsMulticast():
		i.b.complain(v.at, v.addr.String()+" is not a multicast address and is ignored", "")
	case v.addr.Is6() && !v.addr.IsLinkLocalMulticast():
		i.b.complain(v.at, v.addr.String()+" is not a link-local multicast address and is ignored", "use an address of ff02::/16")
	default:
		i.group = given(v.addr, v.at)
	}
}

func (i *instance) readPeers(v value) {
	i.b.enter(v.node)
	defer i.b.leave()
	list := i.peers.value
	for _, n := range v.node.Body {
		addr, ok := i.b.plainAddress(n.Keyword)
		if !ok || !i.family(addr, n.Keyword.Span, "the peer") {
			continue
		}
		if hasPeer(list, addr) {
			i.b.complain(n.Keyword.Span, addr.String()+" is a peer already; this line is ignored", "delete it")
			continue
		}
		p := vrrp.Peer{Addr: addr, MaxTTL: 255}
		if !i.b.voc.peer.options(i.b, n.Args, &p) {
			continue
		}
		i.checkPeers = i.checkPeers || p.MinTTL != 0 || p.MaxTTL != 255
		list = append(list, p)
	}
	i.peers = given(list, v.at)
}

func hasPeer(list []vrrp.Peer, addr netip.Addr) bool {
	for _, p := range list {
		if p.Addr == addr {
			return true
		}
	}
	return false
}

func (i *instance) setOldChecksum(v value) {
	i.meantForUnicast("old_unicast_checksum", v)
	i.VRRP.OldUnicastChecksum = vrrp.OldChecksumAlways
	if len(v.words) == 0 {
		return
	}
	if v.words[0].Text == "never" {
		i.VRRP.OldUnicastChecksum = vrrp.OldChecksumNever
		return
	}
	i.b.complain(v.words[0].Span, fmt.Sprintf("old_unicast_checksum knows no %q", v.words[0].Text), "never or nothing")
}

// setSkipCheck keeps keepalived's habit: false turns it on as well.
func (i *instance) setSkipCheck(v value) {
	if !v.on {
		i.b.quirk(v.at, "skip_check_adv_addr is on, even with false behind it", "delete the line to have it off")
	}
	i.skipCheckAdvAddr = given(true, v.at)
}

func (i *instance) setNative6(v value) {
	if i.v6.given && !i.v6.value {
		i.b.complain(v.at, "native_ipv6 in an instance with IPv4 addresses is ignored", "delete it")
		return
	}
	i.v6, i.version = given(true, v.at), given(3, v.at)
}

func (i *instance) readVIPs(v value) {
	list := i.vips.value
	i.readList(v, i.b.voc.address, &list, func(a listed) bool {
		return i.family(a.Prefix.Addr(), a.at, "the address")
	})
	i.vips = given(list, v.at)
}

func (i *instance) readExcluded(v value) {
	i.readList(v, i.b.voc.excluded, &i.excluded, func(listed) bool { return true })
}

// readList reads address lines into a list in which no address stands twice.
func (i *instance) readList(v value, t *block[addressDraft], list *[]listed, fits func(listed) bool) {
	i.b.enter(v.node)
	defer i.b.leave()
	clear(i.b.seen)
	for _, l := range *list {
		i.b.seen[l.Prefix.Addr()] = true
	}
	for _, n := range v.node.Body {
		a, ok := i.b.readAddress(t, n)
		if !ok {
			continue
		}
		entry := listed{a.Address, n.Keyword.Span, a.onVMAC}
		if !fits(entry) {
			continue
		}
		if i.b.seen[a.Prefix.Addr()] {
			i.b.complain(n.Keyword.Span, a.Prefix.Addr().String()+" stands in the list already; this line is dropped", "delete it")
			continue
		}
		i.b.seen[a.Prefix.Addr()] = true
		*list = append(*list, entry)
	}
}

func (i *instance) readRoutes(v value) {
	i.b.lines(v, func(n *conf.Node) {
		if r, ok := i.b.readRoute(i.b.voc.route, n); ok {
			i.Routes = append(i.Routes, r)
		}
	})
}

func (i *instance) readRules(v value) {
	i.b.lines(v, func(n *conf.Node) {
		if r, ok := i.b.readRule(i.b.voc.rule, n); ok {
			i.Rules = append(i.Rules, r)
		}
	})
}
