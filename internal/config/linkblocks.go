package config

import (
	"fmt"
	"slices"
	"time"

	"holdfast/internal/conf"
)

// TrackGroup is one track_group: instances that are in FAULT while a static
// address, route or rule that names the group is lost.
type TrackGroup struct {
	Name    string
	Members []string // names of instances, in the order written
}

// GARPGroup is one garp_group: interfaces that share the pauses between
// announcements.
type GARPGroup struct {
	Links []string
	// GARP is the pause between gratuitous ARPs, NA that between neighbour
	// advertisements, up to 4294.967295 s; 0: none.
	GARP, NA time.Duration
}

// Linkbeat is one line of linkbeat_interfaces: an interface whose link is asked for.
type Linkbeat struct {
	Link   string
	Method LinkbeatMethod
}

// LinkbeatMethod is how the link is asked for.
type LinkbeatMethod uint8

// The methods. LinkbeatAny is the first that works of the others, in their order.
const (
	LinkbeatAny LinkbeatMethod = iota
	LinkbeatMII
	LinkbeatEthtool
	LinkbeatIoctl
)

// String is the method as a file has it.
func (m LinkbeatMethod) String() string { return [...]string{"any", "MII", "ETHTOOL", "IOCTL"}[m] }

// Polled lists the interfaces whose links are asked for: those of linkbeat_interfaces,
// and with linkbeat_use_polling those of instances, by the first method that works.
func (c *Config) Polled() []Linkbeat {
	list := slices.Clip(c.Linkbeats)
	for i := range c.Instances {
		inst := &c.Instances[i]
		named := func(l Linkbeat) bool { return l.Link == inst.VRRP.Link }
		asked := c.Global.LinkbeatPolling || inst.LinkbeatPolling
		if asked && inst.VRRP.Link != "" && !slices.ContainsFunc(list, named) {
			list = append(list, Linkbeat{Link: inst.VRRP.Link})
		}
	}
	return list
}

// LinkDelay is one line of interface_up_down_delays: how long a change of a link
// must last before it counts, 0 to 255 s.
type LinkDelay struct {
	Link     string
	Down, Up time.Duration
}

// trackGroupDraft is a track_group until all instances are known.
type trackGroupDraft struct {
	node    *conf.Node
	name    string
	members []conf.Token
}

func trackGroupTable() *block[trackGroupDraft] {
	return table("track_group",
		keyword[trackGroupDraft]{word: "group", form: wordList("INSTANCE"), once: true, note: "required",
			meaning: "The instances that are in FAULT while what names the group is lost.",
			set:     func(g *trackGroupDraft, v value) { g.members = v.words }})
}

func (b *builder) readTrackGroup(v value) {
	if b.trackGroups == nil {
		b.trackGroups = map[string]*conf.Node{}
	}
	name, ok := b.name(v, b.trackGroups)
	if !ok {
		return
	}
	g := trackGroupDraft{node: v.node, name: name}
	b.enter(v.node)
	b.voc.trackGroup.read(b, v.node.Body, &g)
	b.leave()
	b.groupsTracked = append(b.groupsTracked, g)
}

// finishTrackGroups finds the members when all instances are known.
func (b *builder) finishTrackGroups() {
	for i := range b.groupsTracked {
		b.in(b.groupsTracked[i].node, func() { b.finishTrackGroup(&b.groupsTracked[i]) })
	}
}

func (b *builder) finishTrackGroup(draft *trackGroupDraft) {
	g, seen := TrackGroup{Name: draft.name}, map[string]bool{}
	for _, w := range draft.members {
		_, known := b.index[w.Text]
		switch {
		case !known:
			b.report(conf.Diag{Severity: conf.Complaint, Turn: conf.Consequence, Span: w.Span, Rule: "undefined-name",
				Text: "there is no vrrp_instance " + w.Text + "; it is left out of the track_group", Fix: b.instanceLike(w.Text)})
		case seen[w.Text]:
			b.advise(w.Span, w.Text+" is named twice", "delete one")
		default:
			name := b.keep(w.Text)
			g.Members, seen[name] = append(g.Members, name), true
		}
	}
	if len(draft.members) == 0 {
		b.complain(draft.node.Span(), fmt.Sprintf("track_group %s has no members and is left out", g.Name), "name instances in group { }")
		return
	}
	b.cfg.TrackGroups = append(b.cfg.TrackGroups, g)
}

// garpDraft is a garp_group while it is read.
type garpDraft struct {
	b        *builder
	links    []string
	garp, na maybe[time.Duration]
}

func garpGroupTable() *block[garpDraft] {
	type row = keyword[garpDraft]
	pause := func() form { return duration(times(0, microtimes, time.Microsecond)) }
	return table("garp_group",
		row{word: "garp_interval", form: pause(), note: "none",
			meaning: "The smallest gap between gratuitous ARPs on all interfaces of the group together.",
			set: func(g *garpDraft, v value) {
				g.garp = given(v.d, v.at)
				g.b.globals.slowPacing("garp_interval", v)
			}},
		row{word: "gna_interval", form: pause(), note: "none",
			meaning: "The smallest gap between unsolicited neighbour advertisements on all interfaces of the group together.",
			set: func(g *garpDraft, v value) {
				g.na = given(v.d, v.at)
				g.b.globals.slowPacing("gna_interval", v)
			}},
		row{word: "interface", form: link(),
			meaning: "An interface of the group; each is in one group only.",
			set:     func(g *garpDraft, v value) { g.add(conf.Token{Text: v.text, Span: v.at}) }},
		row{word: "interfaces", form: wordList("IFNAME"),
			meaning: "Several interfaces of the group.",
			set:     (*garpDraft).addAll},
	)
}

func (g *garpDraft) add(w conf.Token) {
	if first := g.b.grouping[w.Text]; first != nil {
		g.b.complain(w.Span, w.Text+" is in "+first.Title()+" already; it is left out here", "delete it")
		return
	}
	name := g.b.keep(w.Text)
	g.b.grouping[name] = g.b.within[len(g.b.within)-1]
	g.links = append(g.links, name)
}

func (g *garpDraft) addAll(v value) {
	if len(v.words) == 0 {
		g.b.complain(v.at, "interfaces is empty", "name an interface, or delete it")
	}
	for _, w := range v.words {
		if g.b.linkName(w) {
			g.add(w)
		}
	}
}

func (b *builder) readGARPGroup(v value) {
	if b.grouping == nil {
		b.grouping = map[string]*conf.Node{}
	}
	g := &garpDraft{b: b}
	b.enter(v.node)
	defer b.leave()
	b.voc.garpGroup.read(b, v.node.Body, g)
	switch {
	case !g.garp.given && !g.na.given:
		b.complain(v.node.Span(), "garp_group has neither garp_interval nor gna_interval and is left out", "write one of them")
		return
	case len(g.links) == 0:
		b.advise(v.node.Span(), "garp_group names no interface", "write interface NAME")
	}
	b.cfg.GARPGroups = append(b.cfg.GARPGroups, GARPGroup{g.links, g.garp.value, g.na.value})
}

func linkbeatTable(method *block[Linkbeat]) *block[Linkbeat] {
	return table("linkbeat_interfaces",
		keyword[Linkbeat]{word: "<IFNAME>", form: place("[MII|ETHTOOL|IOCTL]", "1..15 bytes; a method in capital letters"), note: "the first method that works of MII, ETHTOOL, IOCTL", opens: method,
			meaning: "An interface whose link is asked for once a second."})
}

func linkbeatMethodTable() *block[Linkbeat] {
	method := func(m LinkbeatMethod, what string) keyword[Linkbeat] {
		return keyword[Linkbeat]{word: m.String(), form: flag(),
			meaning: "The link is asked for by " + what + ", or by another method where the driver does not know it.",
			set:     func(l *Linkbeat, v value) { l.Method = m }}
	}
	return table("linkbeat_interfaces/IFNAME", method(LinkbeatMII, "the registers of the transceiver"),
		method(LinkbeatEthtool, "ethtool"), method(LinkbeatIoctl, "the flags of the interface"))
}

func (b *builder) readLinkbeats(v value) {
	b.eachLine(v, func(n *conf.Node) {
		l := Linkbeat{Link: b.keep(n.Keyword.Text)}
		if len(n.Args) > 1 {
			b.complain(n.ArgSpan(), "an interface has one method; others are ignored", "delete all but one")
		}
		b.voc.linkbeatMethod.options(b, n.Args[:min(1, len(n.Args))], &l)
		b.cfg.Linkbeats = insteadOf(b.linkbeatAt, l.Link, b.cfg.Linkbeats, l)
	})
}

func linkDelayTable() *block[LinkDelay] {
	return table("interface_up_down_delays",
		keyword[LinkDelay]{word: "<IFNAME>", form: place("DOWN [UP]", "0..255 s each, to the microsecond"), note: "UP 0",
			meaning: "An interface with the time that a loss of its link must last before it counts, and the time that its return must."})
}

func (b *builder) readLinkDelays(v value) {
	b.eachLine(v, func(n *conf.Node) {
		d := LinkDelay{Link: b.keep(n.Keyword.Text)}
		if len(n.Args) == 0 {
			b.advise(n.Span(), "the line says no delay and is without effect", "write DOWN [UP] behind the interface, in seconds")
			return
		}
		r := times(0, 255*time.Second, time.Microsecond)
		c := call{word: conf.Token{Text: "the delay"}}
		d.Down, _ = b.time(c, n.Args[0], r)
		if len(n.Args) > 1 {
			d.Up, _ = b.time(c, n.Args[1], r)
		}
		if len(n.Args) > 2 {
			b.superfluous(n, 2)
		}
		b.cfg.LinkDelays = insteadOf(b.delayAt, d.Link, b.cfg.LinkDelays, d)
	})
}

// insteadOf adds what is said of an interface to a list, in place of what was said of it
// before; at knows where that is.
func insteadOf[T any](at map[string]int, link string, list []T, it T) []T {
	if i, before := at[link]; before {
		list[i] = it
		return list
	}
	at[link] = len(list)
	return append(list, it)
}

// eachLine reads the lines of a list that begin with the name of an interface.
func (b *builder) eachLine(v value, read func(*conf.Node)) {
	b.enter(v.node)
	defer b.leave()
	for _, n := range v.node.Body {
		if n.Block {
			b.fail(n.Span(), n.Keyword.Text+" has no block here", "delete the braces")
			continue
		}
		if b.linkName(n.Keyword) {
			read(n)
		}
	}
}

// linkRootRows are the blocks about interfaces that stand outside of instances.
func linkRootRows(v *vocabulary) []keyword[builder] {
	type row = keyword[builder]
	return []row{
		{word: "track_group", form: named("NAME { block }"), opens: v.trackGroup,
			meaning: "Instances that are in FAULT while a static address, route or rule is lost.",
			set:     (*builder).readTrackGroup},
		{word: "garp_group", form: body("block"), opens: v.garpGroup,
			meaning: "Interfaces that share the pauses between announcements.",
			set:     (*builder).readGARPGroup},
		{word: "linkbeat_interfaces", form: body("IFNAME [MII|ETHTOOL|IOCTL] lines"), opens: v.linkbeat,
			meaning: "Interfaces whose link is asked for once a second, in place of being told of changes.",
			set:     (*builder).readLinkbeats},
		{word: "interface_up_down_delays", form: body("IFNAME DOWN [UP] lines"), opens: v.linkDelay,
			meaning: "How long a change of a link must last before it counts.",
			set:     (*builder).readLinkDelays},
	}
}
