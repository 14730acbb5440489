package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"holdfast/internal/conf"
)

// serverGroup is a virtual_server_group as virtual servers see it.
type serverGroup struct {
	node *conf.Node
	// entries are as in the configuration.
	entries []GroupEntry
	// v4, v6 and marks say what there is; bare is the first mark without family.
	v4, v6, marks bool
	// addresses holds the first one, and the first one that has another port.
	addresses  []GroupEntry
	anyPort    bool
	bare       conf.Span
	used, gone bool
}

// groupLineDraft is a line of a virtual_server_group.
type groupLineDraft struct {
	GroupEntry
}

// serverGroupTable describes the lines of a group; only fwmark is a keyword.
func serverGroupTable() *block[groupLineDraft] {
	type row = keyword[groupLineDraft]
	return table("virtual_server_group",
		row{word: "IP", form: place("[PORT]", "IPv4 or IPv6; port 0..65535, 0 or none means every port"),
			meaning: "One address, one service."},
		row{word: "IP-N", form: place("[PORT]", "N is the last byte in decimal, or for IPv6 the last 16 bits in hexadecimal, and greater than that of IP"),
			meaning: "All addresses up to one with this last part, a service each."},
		row{word: "IP-IP", form: place("[PORT]", "both of one family, the second not before the first"),
			meaning: "All addresses from the first to the second, a service each."},
		row{word: "IP/MASK", form: place("[PORT]", "1..32 or 1..128, and no bits of the address behind it"),
			meaning: "All addresses of a network, the first and the last too, a service each."},
		row{word: "fwmark", form: place("N [inet|inet6]", "0..4294967295"),
			meaning: "Packets with a firewall mark; the family is needed where the group has addresses of both."},
	)
}

// readServerGroups reads all groups before everything else: they may stand below
// the virtual servers that use them.
func (b *builder) readServerGroups(tree *conf.Tree) {
	for _, n := range tree.Nodes {
		if n.Keyword.Text == "virtual_server_group" && n.Block {
			b.readServerGroup(n)
		}
	}
}

func (b *builder) readServerGroup(n *conf.Node) {
	if len(n.Args) != 1 {
		b.report(conf.Diag{Severity: conf.Error, Class: conf.Incomplete, Span: n.Span(), Text: "a virtual_server_group needs a name of one word"})
		return
	}
	name := b.keep(n.Args[0].Text)
	g := &serverGroup{node: n}
	b.enter(n)
	for _, line := range n.Body {
		b.readGroupLine(g, line)
	}
	b.leave()
	if len(g.entries) == 0 {
		b.follow(func() {
			b.complain(n.Span(), "virtual_server_group "+name+" has no legal entry and is left out", "write addresses or fwmark N")
		})
		return
	}
	if first := b.lvs.groups[name]; first != nil {
		b.advise(n.ArgSpan(), "there is a "+first.node.Title()+" already; the first one is used", "give it another name")
		return
	}
	b.lvs.groups[name] = g
	b.cfg.ServerGroups = append(b.cfg.ServerGroups, ServerGroup{name, g.entries})
}

func (b *builder) readGroupLine(g *serverGroup, n *conf.Node) {
	if n.Block {
		b.fail(n.Span(), "an entry of a group has no block", "delete the braces")
		return
	}
	e, used, ok := b.groupEntry(n)
	if !ok {
		return
	}
	if len(n.Args) > used {
		b.superfluous(n, used)
	}
	if many := e.count(); many > manyServices {
		b.advise(n.Span(), fmt.Sprintf("this makes more than %d services of IPVS, one for each address", manyServices), "a firewall mark is one service for any number of addresses")
	}
	g.add(e, n)
}

// manyServices is a number of services that nobody means to make by one line.
const manyServices = 65536

// count is the number of addresses, at most one more than manyServices.
func (e GroupEntry) count() int {
	if !e.From.IsValid() {
		return 1
	}
	a, z := e.From.As16(), e.To.As16()
	n := 0
	for i := range a {
		n = n<<8 + int(z[i]) - int(a[i])
		if n > manyServices {
			return manyServices + 1
		}
	}
	return n + 1
}

func (g *serverGroup) add(e GroupEntry, n *conf.Node) {
	if e.From.IsValid() {
		if n := len(g.addresses); n == 0 || n == 1 && g.addresses[0].Port != e.Port {
			g.addresses = append(g.addresses, e)
		}
		g.anyPort = g.anyPort || e.Port == 0
	} else {
		g.marks = true
		if e.Family == 0 && g.bare.Origin == nil {
			g.bare = n.Span()
		}
	}
	g.v4, g.v6 = g.v4 || e.Family == 4, g.v6 || e.Family == 6
	g.entries = append(g.entries, e)
}

// groupEntry reads a line and answers how many arguments that took.
func (b *builder) groupEntry(n *conf.Node) (e GroupEntry, used int, ok bool) {
	if n.Keyword.Text == "fwmark" {
		return b.groupMark(n)
	}
	e, why := addressRange(n.Keyword.Text)
	if why != "" {
		b.complain(n.Keyword.Span, fmt.Sprintf("%q %s; the line is left out", n.Keyword.Text, why), "write IP, IP-N, IP-IP or IP/LENGTH, and a port")
		return e, 0, false
	}
	if len(n.Args) == 0 {
		return e, 0, true
	}
	port, err := strconv.ParseUint(n.Args[0].Text, 10, 16)
	if err != nil {
		b.complain(n.Args[0].Span, fmt.Sprintf("%q is not a port; the line is left out", n.Args[0].Text), "a number, 0 to 65535")
		return e, 0, false
	}
	e.Port = uint16(port)
	return e, 1, true
}

func (b *builder) groupMark(n *conf.Node) (e GroupEntry, used int, ok bool) {
	if len(n.Args) == 0 {
		b.report(conf.Diag{Severity: conf.Error, Class: conf.Incomplete, Span: n.Keyword.Span, Text: "fwmark needs a number"})
		return e, 0, false
	}
	if e.Mark, ok = b.mark(n.Args[0], "the line is left out"); !ok || len(n.Args) == 1 {
		return e, 1, ok
	}
	switch n.Args[1].Text {
	case "inet":
		e.Family = 4
	case "inet6":
		e.Family = 6
	default:
		b.complain(n.Args[1].Span, fmt.Sprintf("there is no family %q; the line is left out", n.Args[1].Text), "write inet or inet6, or nothing")
		return e, 2, false
	}
	return e, 2, true
}

// addressRange reads IP, IP-N, IP-IP or IP/LENGTH, and says what is wrong with it.
func addressRange(s string) (e GroupEntry, why string) {
	if text, length, isNet := strings.Cut(s, "/"); isNet {
		return network(text, length)
	}
	text, last, ranged := strings.Cut(s, "-")
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return e, "is not an address"
	}
	e = GroupEntry{From: a, To: a, Family: familyOf(a)}
	if !ranged {
		return e, ""
	}
	if strings.ContainsAny(last, ".:") {
		z, err := netip.ParseAddr(last)
		if err != nil || z.Zone() != "" || familyOf(z) != e.Family {
			return e, "does not end with an address of the same family"
		}
		e.To = z
		return e, backwards(e.To.Less(e.From))
	}
	return lastPart(e, last)
}

func familyOf(a netip.Addr) uint8 {
	if a.Is4() {
		return 4
	}
	return 6
}

func backwards(is bool) string {
	if is {
		return "ends before it begins"
	}
	return ""
}

// lastPart ends a range with the last byte or the last 16 bits.
func lastPart(e GroupEntry, last string) (GroupEntry, string) {
	if e.Family == 4 {
		n, err := strconv.ParseUint(last, 10, 8)
		if err != nil {
			return e, "does not end with a byte, 1 to 255"
		}
		bytes := e.From.As4()
		bytes[3] = byte(n)
		e.To = netip.AddrFrom4(bytes)
		return e, backwards(!e.From.Less(e.To))
	}
	n, err := strconv.ParseUint(last, 16, 16)
	if err != nil {
		return e, "does not end with 16 bits in hexadecimal, 1 to ffff"
	}
	bytes := e.From.As16()
	bytes[14], bytes[15] = byte(n>>8), byte(n)
	e.To = netip.AddrFrom16(bytes)
	return e, backwards(!e.From.Less(e.To))
}

func network(text, length string) (e GroupEntry, why string) {
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return e, "is not an address"
	}
	n, err := strconv.Atoi(length)
	if err != nil || n < 1 || n > a.BitLen() {
		return e, fmt.Sprintf("has no legal prefix length, 1 to %d", a.BitLen())
	}
	p := netip.PrefixFrom(a, n)
	if p.Masked().Addr() != a {
		return e, "has bits behind its prefix length"
	}
	return GroupEntry{From: a, To: lastOf(p), Family: familyOf(a)}, ""
}

// lastOf is the last address of a network.
func lastOf(p netip.Prefix) netip.Addr {
	bytes := p.Addr().AsSlice()
	for i := range bytes {
		if inside := p.Bits() - 8*i; inside < 8 {
			bytes[i] |= 0xff >> max(inside, 0)
		}
	}
	z, _ := netip.AddrFromSlice(bytes)
	return z
}

// finishServerGroups speaks of groups that no virtual server has, and leaves out
// those that cannot be.
func (b *builder) finishServerGroups() {
	b.cfg.ServerGroups = slices.DeleteFunc(b.cfg.ServerGroups, func(group ServerGroup) bool {
		g := b.lvs.groups[group.Name]
		if !g.used {
			b.advise(g.node.Span(), "no virtual_server uses virtual_server_group "+group.Name, "write virtual_server group "+group.Name)
		}
		return g.gone
	})
}

// settleGroup settles a virtual server by its group, and answers false when it has
// none.
func (d *virtualDraft) settleGroup() bool {
	g := d.b.lvs.groups[d.Group]
	if g == nil {
		// keepalived only logs it.
		d.b.report(conf.Diag{Severity: conf.Complaint, Turn: conf.Consequence, Span: d.node.Args[1].Span, Text: "there is no virtual_server_group " + d.Group + "; the virtual_server is left out",
			Fix: d.b.groupLike(d.Group)})
		return false
	}
	if g.used = true; !g.legal(d.b) {
		return false
	}
	d.settleProtocol(len(g.addresses) > 0)
	d.settlePersistence(g.anyPort)
	d.settleGroupFamily(g)
	d.compareGroupPorts(g)
	if d.HASuspend {
		d.b.advise(d.haSuspend.at, "a group has no address that ha_suspend would see: nothing is ever checked", "delete it")
	}
	return true
}

// legal reports whether the family of everything in a group is known, which
// matters to those that use it.
func (g *serverGroup) legal(b *builder) bool {
	if g.gone || !g.v4 || !g.v6 || g.bare.Origin == nil {
		return !g.gone
	}
	g.gone = true
	b.enter(g.node)
	b.complain(g.bare, "a group with both families needs to know that of its marks; the group is left out", "write inet or inet6 behind the mark")
	b.leave()
	return false
}

// compareGroupPorts speaks of ports that are not those of the entries, which
// packets keep.
func (d *virtualDraft) compareGroupPorts(g *serverGroup) {
	for _, e := range d.fixed {
		i := slices.IndexFunc(g.addresses, func(entry GroupEntry) bool { return entry.Port != e.port })
		switch {
		case g.marks:
			d.b.complain(e.node.ArgSpan(), fmt.Sprintf("DR and TUN leave ports as they are; port %d is ignored", e.port), "delete the port")
		case i >= 0:
			d.b.complain(e.node.ArgSpan(), fmt.Sprintf("DR and TUN leave ports as they are; port %d is not that of %s in virtual_server_group %s, which is used", e.port, g.addresses[i].From, d.Group), "delete the port")
		}
	}
}

// settleGroupFamily compares the family of a group with that of the real servers;
// the kernel refuses what does not fit.
func (d *virtualDraft) settleGroupFamily(g *serverGroup) {
	if !d.v6.given {
		d.V6 = g.v6 && !g.v4
		return
	}
	if other := g.v4 && d.v6.value || g.v6 && !d.v6.value; other {
		d.b.report(conf.Diag{Severity: conf.Complaint, Span: d.v6.at, Text: fmt.Sprintf("this is %s, but virtual_server_group %s has %s addresses; the kernel refuses them",
			familyName(d.v6.value), d.Group, familyName(!d.v6.value)), Fix: "only TUN crosses the families"})
	}
}

func (b *builder) groupLike(name string) string {
	if b.full() {
		return ""
	}
	if b.lvs.groupNames == nil {
		for _, g := range b.cfg.ServerGroups {
			b.lvs.groupNames = append(b.lvs.groupNames, g.Name)
		}
	}
	return nearest(name, b.lvs.groupNames, "")
}

// parseUint32 reads a decimal number of 32 bits.
func parseUint32(s string) (uint32, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err == nil
}
