package config

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"holdfast/internal/conf"
	"holdfast/internal/host"
	"holdfast/internal/tracker"
)

// readInstance reads a vrrp_instance and settles everything that does not
// concern other blocks.
func (b *builder) readInstance(v value) {
	name, ok := b.name(v, b.names)
	if !ok {
		return
	}
	i := &b.instance
	*i = instance{b: b, node: v.node}
	i.VRRP.Name = name
	b.enter(v.node)
	defer b.leave()
	b.voc.instance.read(b, v.node.Body, i)
	if !i.settle() {
		return
	}
	b.index[name] = len(b.cfg.Instances)
	b.cfg.Instances = append(b.cfg.Instances, i.Instance)
	b.facts = append(b.facts, facts{i.node, i.tracks.at, i.priorityChanges.given})
}

// settle fills the defaults in and takes out what contradicts the rest, in the
// order in which one depends on the other. It answers false when nothing is
// left to run.
func (i *instance) settle() bool {
	i.VRRP.Strict = i.strict.or(i.b.globals.strict)
	i.settleIdentity()
	i.settleVersion()
	i.settleUnicast()
	i.settlePriority()
	i.settleInterval()
	i.settlePreemption()
	i.settleAddresses()
	i.settleHMAC()
	i.settleAuthentication()
	i.settleAnnouncing()
	i.settleTolerance()
	i.settleTracks()
	i.settleVMAC()
	i.settleSockets()
	i.settleLateness()
	i.Notify.Mail = i.mail.or(i.b.globals.mailDefault())
	i.Notify.PriorityChanges = i.priorityChanges.or(i.b.globals.priorityChanges)
	return i.vrid.given && i.settleKey() && i.settleStation()
}

// settleIdentity demands what an instance cannot be without.
func (i *instance) settleIdentity() {
	r := &i.VRRP
	r.Link, r.VRID, r.V6 = i.link.value, uint8(i.vrid.value), i.v6.value
	if !i.vrid.given {
		i.lacks("virtual_router_id", "write virtual_router_id N, 1 to 255, the same number on all nodes")
	}
	if i.settleVRF(); i.link.given {
		return
	}
	switch {
	case len(i.peers.value) == 0 && !(i.peers.given && i.FaultWithoutPeers):
		i.lacks("interface", "write interface NAME")
	case !i.source.given:
		i.b.fail(i.node.Span(), "a unicast instance needs an interface or a unicast_src_ip", "write interface NAME")
	case i.source.value.IsLinkLocalUnicast() && i.source.value.Is6():
		i.b.fail(i.source.at, "a link-local source needs an interface", "write interface NAME")
	}
}

// lacks speaks of a keyword that is missing, or of which nothing legal is left.
func (i *instance) lacks(word, fix string) {
	if n := written(i.node, word); n != nil {
		i.b.follow(func() { i.b.fail(n.ArgSpan(), "there is no legal "+word+": the instance cannot run", fix) })
		return
	}
	i.b.follow(func() { i.b.fail(i.node.Span(), word+" is missing", fix) })
}

// written finds a statement of a block by its keywords.
func written(n *conf.Node, words ...string) *conf.Node {
	for _, child := range n.Body {
		if slices.Contains(words, child.Keyword.Text) {
			return child
		}
	}
	return nil
}

func (i *instance) settleVersion() {
	byDefault := i.b.globals.version
	if i.v6.value {
		byDefault = 3
	}
	n := i.version.or(byDefault)
	if n == 2 && i.v6.value && i.VRRP.Strict {
		i.b.complain(i.version.at, "strict mode has no version 2 for IPv6; version 3 is used", "write version 3")
		n = 3
	}
	i.VRRP.Version = uint8(n)
}

// settleUnicast decides between peers and a group.
func (i *instance) settleUnicast() {
	r, g := &i.VRRP, &i.b.globals
	r.Source = i.source.value
	r.Group = g.group4
	if i.v6.value {
		r.Group = g.group6
	}
	r.Peers = i.peers.value
	switch {
	case len(r.Peers) > 0:
		i.settlePeers()
		return
	case i.peers.given && i.FaultWithoutPeers:
		r.NoPeers = true
		i.b.rule("unicast-without-peers").advise(i.peers.at, "unicast_peer names nobody: the instance stays in FAULT (unicast_fault_no_peer)", "name the other nodes")
	case i.peers.given:
		i.b.rule("unicast-without-peers").complain(i.peers.at, "unicast_peer names nobody: adverts go to the multicast group", "name the other nodes, or delete it")
	case i.unicast.given:
		i.b.rule("unicast-without-peers").complain(i.unicast.at, i.unicast.value+" without unicast_peer: adverts go to the multicast group", "add unicast_peer, or delete it")
	}
	r.Group = i.group.or(r.Group)
	if i.ttl.given {
		i.b.complain(i.ttl.at, "unicast_ttl without unicast_peer is ignored", "delete it")
	}
}

func (i *instance) settlePeers() {
	r := &i.VRRP
	r.From = r.Source
	r.Group = netip.Addr{}
	r.CheckUnicastSource = i.checkPeers || i.b.globals.checkUnicastSource
	r.UnicastTTL = uint8(i.ttl.value)
	if i.group.given {
		i.b.complain(i.group.at, "mcast_dst_ip is ignored where unicast_peer is given", "delete one of them")
	}
	if r.Strict {
		i.b.rule("strict-unicast").complain(i.peers.at, "strict mode does not allow unicast on an interface that can do multicast", "turn strict mode off")
	}
}

// settlePriority settles state and priority with one another.
func (i *instance) settlePriority() {
	r := &i.VRRP
	byDefault := 100
	if i.state.value == "MASTER" {
		byDefault = 255
	}
	r.Priority = uint8(i.priority.or(byDefault))
	owner := r.Priority == 255
	r.StartMaster = i.state.value == "MASTER" || owner && !i.state.given
	if !r.Strict || !i.state.given {
		return
	}
	if r.StartMaster != owner {
		i.b.complain(i.state.at, fmt.Sprintf("strict mode: state %s does not go with priority %d and follows it", i.state.value, r.Priority),
			"MASTER is for priority 255, BACKUP for all others")
		r.StartMaster = owner
	}
}

// settleInterval rounds the advert interval to what the version can say.
func (i *instance) settleInterval() {
	d := i.interval.or(time.Second)
	unit, lowest, highest := time.Second, time.Second, 255*time.Second
	if i.VRRP.Version == 3 {
		unit, lowest, highest = 10*time.Millisecond, 10*time.Millisecond, 40950*time.Millisecond
	}
	i.VRRP.Interval = min(max(d.Round(unit), lowest), highest)
	if i.VRRP.Interval != d {
		i.b.complain(i.interval.at, fmt.Sprintf("advert_int %s becomes %s under version %d", seconds(d), seconds(i.VRRP.Interval), i.VRRP.Version),
			"version 2 has whole seconds, version 3 hundredths up to 40.95")
	}
}

// settlePreemption clears what does not go with state MASTER, an owner, strict
// mode or nopreempt.
func (i *instance) settlePreemption() {
	r := &i.VRRP
	r.NoPreempt, r.PreemptDelay = i.noPreempt.given, i.preemptDelay.value
	switch {
	case r.NoPreempt && i.state.value == "MASTER" && r.StartMaster:
		i.b.rule("nopreempt-ignored").complain(i.noPreempt.at, "nopreempt does not go with state MASTER and is ignored", "write state BACKUP on both nodes")
		r.NoPreempt = false
	case r.NoPreempt && r.Priority == 255:
		i.b.rule("nopreempt-ignored").complain(i.noPreempt.at, "nopreempt does not go with priority 255 and is ignored", "delete it")
		r.NoPreempt = false
	}
	if r.PreemptDelay == 0 {
		return
	}
	why := ""
	switch {
	case r.Strict:
		why = "strict mode"
	case i.state.value == "MASTER":
		why = "state MASTER"
	case r.NoPreempt:
		why = "nopreempt"
	default:
		return
	}
	i.b.rule("preempt-delay-ignored").complain(i.preemptDelay.at, "preempt_delay does not go with "+why+" and is ignored", "delete one of them")
	r.PreemptDelay = 0
}

// advertLimit is how many addresses an advert can tell.
const advertLimit = 255

func (i *instance) settleAddresses() {
	vips := i.vips.value
	i.checkVIPs(vips)
	if len(vips) > advertLimit {
		i.b.complain(vips[advertLimit].at, fmt.Sprintf("an advert tells at most %d addresses; this one and those after it are not told", advertLimit),
			"move them to virtual_ipaddress_excluded")
		i.excluded = append(vips[advertLimit:len(vips):len(vips)], i.excluded...)
		vips = vips[:advertLimit]
	}
	if n := len(vips); n > 0 {
		i.VRRP.VIPs = make([]netip.Addr, 0, n)
	}
	if n := len(vips) + len(i.excluded); n > 0 {
		i.Addrs = make([]Address, 0, n)
	}
	for _, l := range vips {
		i.VRRP.VIPs = append(i.VRRP.VIPs, l.Prefix.Addr())
		i.own(l)
	}
	for _, l := range i.excluded {
		i.own(l)
	}
}

// own takes an address that names no device to the interface of the instance.
func (i *instance) own(l listed) {
	if l.Link != "" && l.Link == i.link.value && !l.onVMAC && (i.vmac.given || i.ipvlan.given) {
		i.OnParent = append(i.OnParent, l.Prefix.Addr())
	}
	named := l.Link != ""
	if l.Link == "" {
		l.Link = i.link.value
	}
	if l.Link == "" && i.peers.given {
		i.b.fail(l.at, fmt.Sprintf("%s has no interface to be on", l.Prefix.Addr()), "write dev NAME behind it, or interface NAME in the instance")
	}
	i.Addrs = append(i.Addrs, l.Address)
	if l.onVMAC && i.ownVMAC(l, named) {
		i.OnVMAC = append(i.OnVMAC, l.Prefix.Addr())
	}
}

// checkVIPs says what an instance without addresses means, and what the RFC
// demands of the first IPv6 one.
func (i *instance) checkVIPs(vips []listed) {
	r := &i.VRRP
	if i.noVIP.given && r.Strict {
		i.b.complain(i.noVIP.at, "strict mode demands a virtual address; no_virtual_ipaddress is ignored", "delete it")
		i.noVIP.given = false
	}
	switch {
	case len(vips) > 0:
		i.checkFirst(vips[0])
	case i.noVIP.given:
	case !i.vips.given && written(i.node, "virtual_ipaddress") != nil:
		// Its block is missing, which was said.
	case misspelt(i.node, "virtual_ipaddress"):
	default:
		i.b.follow(i.noAddress)
	}
}

// noAddress tells an instance without addresses, which version 2 runs.
func (i *instance) noAddress() {
	const text, fix = "there is no virtual address", "write virtual_ipaddress { ADDRESS/LENGTH }, or no_virtual_ipaddress"
	if i.VRRP.Version == 3 || i.VRRP.Strict {
		i.b.fail(i.node.Span(), text, fix)
		return
	}
	i.b.rule("no-address").complain(i.node.Span(), text, fix)
}

// misspelt finds a block under nearly this keyword: there it is told what is wrong.
func misspelt(n *conf.Node, word string) bool {
	return slices.ContainsFunc(n.Body, func(child *conf.Node) bool {
		return child.Block && child.Keyword.Text != word && edits(child.Keyword.Text, word, 3) < 3
	})
}

func (i *instance) checkFirst(first listed) {
	r := &i.VRRP
	a := first.Prefix.Addr()
	if !a.Is6() || a.IsLinkLocalUnicast() || len(r.Peers) > 0 {
		return
	}
	text := fmt.Sprintf("the first IPv6 address should be a link-local one (RFC 9568, section 5.2.9), not %s", a)
	if r.Strict {
		i.b.complain(first.at, text, "put an fe80:: address first")
		return
	}
	i.b.advise(first.at, text, "put an fe80:: address first")
}

// settleAuthentication keeps a password where version 2 can carry it.
func (i *instance) settleAuthentication() {
	if !i.authType.given && !i.password.given {
		return
	}
	at := i.authType.at
	if !i.authType.given {
		i.b.advise(i.password.at, "auth_pass without auth_type is not sent", "write auth_type PASS")
		return
	}
	switch {
	case i.HMAC != nil:
		i.b.rule("unused-password").complain(at, "authentication beside auth_hmac is ignored", "delete the block")
	case i.VRRP.Version == 3:
		i.b.rule("unused-password").complain(at, "version 3 has no authentication; it is ignored", "delete the block, or write version 2")
	case i.VRRP.Strict:
		i.b.rule("unused-password").complain(at, "strict mode has no authentication; it is ignored", "delete the block, or turn strict mode off")
	case !i.password.given || i.password.value == "":
		i.b.follow(func() {
			i.b.complain(at, "auth_type without auth_pass is ignored", "write auth_pass and 1 to 8 characters")
		})
	case i.authType.value == "AH":
		i.settleHeader(at)
	default:
		i.VRRP.HasPass = true
		copy(i.VRRP.Password[:], i.password.value)
	}
}

// settleHeader keeps an authentication header where it can be carried, and says what
// does not go with one.
func (i *instance) settleHeader(at conf.Span) {
	r := &i.VRRP
	if r.V6 {
		i.b.complain(at, "auth_type AH is for IPv4 and ignored", "delete the block")
		return
	}
	r.Header = true
	copy(r.Password[:], i.password.value)
	if r.StartMaster && r.Priority != 255 {
		i.b.complain(i.state.at, "state MASTER does not go with auth_type AH and is ignored", "write state BACKUP")
		r.StartMaster = false
	}
}

// settleVRF keeps vrf for instances that have peers and no interface. Its device
// takes the place of that: sockets are bound to it, and without it there is no router.
func (i *instance) settleVRF() {
	switch {
	case !i.vrf.given:
	case i.link.given:
		i.b.complain(i.vrf.at, "vrf beside interface is ignored", "delete one of them")
	case len(i.peers.value) == 0:
		i.b.complain(i.vrf.at, "vrf without unicast_peer is ignored", "delete it")
	default:
		i.VRRP.Link, i.VRF = i.vrf.value, true
	}
}

// settleSockets settles what concerns the source address and further interfaces.
func (i *instance) settleSockets() {
	i.TrackSource = i.trackSource.given && i.source.given
	if i.trackSource.given && !i.source.given {
		i.b.advise(i.trackSource.at, "track_src_ip does nothing without a source address", "write unicast_src_ip or mcast_src_ip")
	}
	i.ExtraGARP = i.extraGARP.or(i.b.globals.extraGARP)
}

// settleLateness keeps timer_expired_backup where a master that gave way is not
// at once master again.
func (i *instance) settleLateness() {
	if i.lateBackup.given && !i.VRRP.NoPreempt {
		i.b.complain(i.lateBackup.at, "timer_expired_backup needs nopreempt and is ignored", "write nopreempt, or delete it")
		return
	}
	i.LateBackup = uint8(i.lateBackup.value)
}

func (i *instance) settleAnnouncing() {
	g := &i.b.globals.announce
	r := &i.VRRP.Announce
	r.Repeat = i.announce.repeat.or(g.repeat.or(5))
	r.Delay = i.announce.delay.or(g.delay.or(5 * time.Second))
	r.Refresh = i.announce.refresh.or(g.refresh.or(0))
	r.RefreshRepeat = i.announce.refreshRepeat.or(g.refreshRepeat.or(1))
	r.LowerRepeat = i.announce.lowerRepeat.or(g.lowerRepeat.or(g.repeat.or(5)))
	r.LowerDelay = i.announce.lowerDelay.or(g.lowerDelay.or(g.delay.or(5 * time.Second)))
	if i.VRRP.Strict {
		r.LowerRepeat, r.LowerDelay = 0, 0
	}
}

// settleTolerance settles how adverts of others are met.
func (i *instance) settleTolerance() {
	r, g := &i.VRRP, &i.b.globals
	r.DownAdverts = i.downAdverts.or(g.downAdverts)
	r.LowerPrioNoAdvert = i.lowerPrioNoAdvert.or(g.lowerPrioNoAdvert || r.Strict)
	r.HigherPrioSendAdvert = i.higherPrioSendAdvert.or(g.higherPrioSendAdvert && !r.Strict)
	r.SkipCheckAdvAddr = i.skipCheckAdvAddr.or(g.skipCheckAdvAddr)
	r.ChecksumAsV2 = i.checksumAsV2.or(g.checksumAsV2)
	i.settleOwner()
	if r.Strict {
		i.settleStrict()
	}
	i.settleAccept()
}

// settleOwner settles owner_ignore_adverts, which only an owner can have.
func (i *instance) settleOwner() {
	r, o := &i.VRRP, i.ownerIgnoreAdverts
	if r.Priority != 255 {
		if o.given && o.value {
			i.b.complain(o.at, "owner_ignore_adverts is for priority 255 and ignored", "delete it")
		}
		return
	}
	r.OwnerIgnoreAdverts = o.given || i.b.globals.ownerIgnoreAdverts || r.Strict
	if o.given && !o.value {
		i.b.quirk(o.at, "owner_ignore_adverts is on, even with false behind it", "delete the line to have it off")
	}
}

// settleStrict puts back what strict mode does not allow to be changed.
func (i *instance) settleStrict() {
	r := &i.VRRP
	if r.DownAdverts != 3 {
		at := i.downAdverts.at
		if !i.downAdverts.given {
			at = i.node.Span()
		}
		i.b.complain(at, fmt.Sprintf("strict mode: down_timer_adverts %d becomes 3", r.DownAdverts), "delete it")
		r.DownAdverts = 3
	}
	if r.LowerPrioNoAdvert != true {
		i.b.complain(i.lowerPrioNoAdvert.at, "strict mode: lower_prio_no_advert becomes true", "delete it")
		r.LowerPrioNoAdvert = true
	}
	if r.HigherPrioSendAdvert {
		i.b.complain(i.higherPrioSendAdvert.at, "strict mode: higher_prio_send_advert becomes false", "delete it")
		r.HigherPrioSendAdvert = false
	}
}

// settleAccept settles who may reach the addresses of a router that does not own
// them: everybody, unless no_accept is written; under strict mode nobody, unless
// version 3 says accept.
func (i *instance) settleAccept() {
	r := &i.VRRP
	wanted := i.accept.or(!r.Strict)
	switch {
	case r.Priority == 255:
		if i.accept.given && !wanted {
			i.b.advise(i.accept.at, "no_accept does nothing for an address owner (priority 255)", "delete it")
		}
		return
	case r.Strict && r.Version == 2 && wanted:
		i.b.complain(i.accept.at, "strict mode has no accept under version 2; it is ignored", "delete it, or write version 3")
		wanted = false
	}
	i.NoAccept = !wanted
	i.shield()
	if said := i.accept.given && !i.accept.value; i.NoAccept && !said && i.b.filtered.Origin == nil {
		i.b.filtered = i.node.Span()
	}
}

// shield marks the addresses of a router that does not accept. The number of an
// interface that may come and go says nothing.
func (i *instance) shield() {
	if !i.NoAccept {
		return
	}
	how := host.ShieldedByIndex
	if i.DontTrackPrimary && !i.b.cfg.Global.Filter.ByIndex {
		how = host.ShieldedByName
	}
	for n := range i.Addrs {
		i.Addrs[n].Shield = how
	}
}

func (i *instance) settleTracks() {
	i.tracks.drop(func(t *tracker.Track, at conf.Span) bool {
		own := t.Kind == tracker.Interface && t.Name == i.VRRP.Link
		if own {
			i.b.rule("own-interface").complain(at, t.Name+" is the instance's own interface, which it follows anyway; the line is ignored", "delete it")
		}
		return own
	})
	if i.VRRP.Priority == 255 {
		i.b.dropOwnerWeights(&i.tracks)
	}
	i.Tracks = i.tracks.list
}

// settleKey refuses an instance that the wire could not tell from another.
func (i *instance) settleKey() bool {
	first := i.b.keys[i.VRRP.Key]
	if first == nil {
		i.b.keys[i.VRRP.Key] = i.node
		return true
	}
	at := i.vrid.at
	text := fmt.Sprintf("virtual_router_id %d is taken on %s by %s", i.VRRP.VRID, i.VRRP.Link, first.Title())
	if i.mayShare(first) {
		i.b.notRun(at, text+"; one VRID for several groups of routers", "")
		return false
	}
	i.b.fail(at, text, "give each instance on a link a number of its own")
	return false
}

// mayShare reports whether keepalived would run two instances of one VRID side
// by side: other multicast groups, or no peer in common.
func (i *instance) mayShare(first *conf.Node) bool {
	other := i.b.cfg.Instances[i.b.index[first.Args[0].Text]].VRRP
	if len(other.Peers) == 0 || len(i.VRRP.Peers) == 0 {
		return other.Group != i.VRRP.Group
	}
	for _, p := range i.VRRP.Peers {
		if hasPeer(other.Peers, p.Addr) {
			return false
		}
	}
	return true
}
