package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"holdfast/internal/conf"
	"holdfast/internal/host"
)

// addressDraft is a line of virtual_ipaddress while it is read.
type addressDraft struct {
	Address
	b         *builder
	drop      bool
	dad       bool
	preferred maybe[uint32]
	brd       maybe[string]
	// sized: the prefix length was written.
	sized bool
	// onVMAC is use_vmac, of virtual addresses; group is track_group, of static ones.
	onVMAC bool
	group  string
}

func (a *addressDraft) v6() bool { return a.Prefix.Addr().Is6() }

// no drops the entry and says why.
func (a *addressDraft) no(at conf.Span, why string) {
	a.b.complain(at, why+"; the address is dropped", "")
	a.drop = true
}

// only4 reports whether a word that IPv6 does not have may be taken.
func (a *addressDraft) only4(v value, word string) bool {
	if a.v6() {
		a.b.complain(v.at, word+" is for IPv4 and ignored", "")
	}
	return !a.v6()
}

// addressTable is that of virtual addresses.
func addressTable(title string) *block[addressDraft] {
	return table(title, append(addressRows(), keyword[addressDraft]{word: "use_vmac", form: flag(), note: "off",
		meaning: "The address goes to a macvlan over its interface.",
		set:     func(a *addressDraft, _ value) { a.onVMAC = true }})...)
}

// staticAddressTable is that of static_ipaddress.
func staticAddressTable() *block[addressDraft] {
	return table("static_ipaddress/ADDRESS", append(addressRows(), keyword[addressDraft]{word: "track_group", form: text("NAME"), note: "none",
		meaning: "The instances of the group follow the interface of the address.",
		set:     (*addressDraft).inGroup})...)
}

func addressRows() []keyword[addressDraft] {
	type row = keyword[addressDraft]
	return []row{
		{word: "<ADDR[/LEN]>", form: place("ADDR[/LEN]", "LEN 0..32 or 0..128; others become the longest"), note: "/32 or /128",
			meaning: "The address; every line has one."},
		{word: "<unknown word>", form: place("WORD", "ignored; an option without its value drops the address"),
			meaning: "Any other word is left out and the address is kept."},
		{word: "dev", form: link(), note: "the interface of the instance",
			meaning: "The interface that the address goes to.",
			set: func(a *addressDraft, v value) {
				if a.Link != "" {
					a.no(v.at, "dev is given twice")
				}
				a.Link = v.text
			}},
		{word: "scope", form: text("NAME|N"), note: "global",
			meaning: "The scope of an IPv4 address: host, link, site, global, nowhere or a number.",
			set:     (*addressDraft).scope},
		{word: "broadcast", form: text("ADDR|+|-"), note: "none",
			meaning: "The broadcast address; + sets the host bits, - clears them.",
			set:     func(a *addressDraft, v value) { a.brd = given(v.text, v.at) }},
		{word: "brd", form: text("ADDR|+|-"), note: "none",
			meaning: "The same as broadcast.",
			set:     func(a *addressDraft, v value) { a.brd = given(v.text, v.at) }},
		{word: "label", form: text("TEXT"), note: "none",
			meaning: "A name for an IPv4 address, 1 to 15 bytes.",
			set: func(a *addressDraft, v value) {
				if len(v.text) > nameLimit {
					a.no(v.at, "the label is longer than 15 bytes")
					return
				}
				if a.only4(v, "label") {
					a.Label = v.text
				}
			}},
		{word: "peer", form: text("ADDR[/LEN]"), note: "none",
			meaning: "The other end of a point-to-point link; the prefix length is its.",
			set:     (*addressDraft).peer},
		{word: "home", form: flag(), note: "off",
			meaning: "An IPv6 mobility home address.",
			set:     func(a *addressDraft, v value) { a.Home = true }},
		{word: "-nodad", form: flag(), note: "off: no detection of duplicates",
			meaning: "Detection of duplicate IPv6 addresses is done.",
			set:     func(a *addressDraft, v value) { a.dad = true }},
		{word: "mngtmpaddr", form: flag(), note: "off",
			meaning: "The kernel manages temporary IPv6 addresses made of this one.",
			set:     func(a *addressDraft, v value) { a.ManageTemp = true }},
		{word: "noprefixroute", form: flag(), note: "off",
			meaning: "No route to the network of the address is added with it.",
			set:     func(a *addressDraft, v value) { a.NoPrefixRoute = true }},
		{word: "autojoin", form: flag(), note: "off",
			meaning: "The kernel joins the group when a multicast address is added.",
			set:     func(a *addressDraft, v value) { a.AutoJoin = true }},
		{word: "no_track", form: flag(), note: "off",
			meaning: "The loss of the address and of its device is of no consequence.",
			set:     func(a *addressDraft, v value) { a.NoTrack = true }},
		{word: "preferred_lft", form: text("SECONDS|forever"), note: "forever; 0 for an IPv6 /128",
			meaning: "How long the address is preferred as a source; 0 means never.",
			set:     (*addressDraft).lifetime},
	}
}

func (a *addressDraft) scope(v value) {
	if !a.only4(v, "scope") {
		return
	}
	n, known := a.b.lookup(scopeNames, v.text)
	if !known || n > 255 {
		a.b.complain(v.at, fmt.Sprintf("there is no scope %q; it is ignored", v.text), "host, link, site, global, nowhere or a number")
		return
	}
	a.Scope = uint8(n)
}

func (a *addressDraft) peer(v value) {
	p, legal, ok := lengthy(v.text)
	if !ok || p.Addr().Is6() != a.v6() {
		a.b.complain(v.at, fmt.Sprintf("%q cannot be the peer of %s and is ignored", v.text, a.Prefix.Addr()), "")
		return
	}
	if !legal {
		a.b.complain(v.at, fmt.Sprintf("the prefix length of %s is not legal and becomes %d", v.text, p.Bits()), "")
	}
	if a.sized {
		a.b.complain(v.at, fmt.Sprintf("the prefix length before peer is ignored: %d is taken", p.Bits()), fmt.Sprintf("write %s without length", a.Prefix.Addr()))
	}
	a.Peer = p
	a.Prefix = netip.PrefixFrom(a.Prefix.Addr(), p.Bits())
}

func (a *addressDraft) lifetime(v value) {
	if v.text == "forever" {
		a.preferred = given(host.Forever, v.at)
		return
	}
	n, err := strconv.ParseUint(v.text, 10, 32)
	if err != nil {
		a.b.complain(v.at, fmt.Sprintf("%q is not a lifetime and is ignored", v.text), "a number of seconds, or forever")
		return
	}
	a.preferred = given(uint32(n), v.at)
}

// broadcast is settled when the prefix is known.
func (a *addressDraft) broadcast() {
	if !a.brd.given {
		return
	}
	switch addr, err := netip.ParseAddr(a.brd.value); {
	case a.v6():
		a.no(a.brd.at, "IPv6 has no broadcast")
	case a.Peer.IsValid():
		a.b.complain(a.brd.at, "a point-to-point address has no broadcast; it is ignored", "")
	case (a.brd.value == "+" || a.brd.value == "-") && a.Prefix.Bits() > 30:
		a.b.complain(a.brd.at, fmt.Sprintf("a /%d has no broadcast address; it is ignored", a.Prefix.Bits()), "write a length of 30 or less, or delete it")
	case a.brd.value == "+":
		a.Broadcast = hostBits(a.Prefix, true)
	case a.brd.value == "-":
		a.Broadcast = hostBits(a.Prefix, false)
	case err != nil || !addr.Is4():
		a.no(a.brd.at, fmt.Sprintf("%q is not an IPv4 address", a.brd.value))
	default:
		a.Broadcast = addr
	}
}

// hostBits sets or clears the bits behind an IPv4 prefix.
func hostBits(p netip.Prefix, set bool) netip.Addr {
	b := p.Masked().Addr().As4()
	if set {
		for i := p.Bits(); i < 32; i++ {
			b[i/8] |= 0x80 >> (i % 8)
		}
	}
	return netip.AddrFrom4(b)
}

// lengthy reads ADDR[/LEN], without a length the whole address, and says whether the length was legal; one that is
// not becomes the whole address.
func lengthy(s string) (p netip.Prefix, legal, ok bool) {
	text, length, _ := strings.Cut(s, "/")
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return netip.Prefix{}, false, false
	}
	whole := netip.PrefixFrom(addr, addr.BitLen())
	if length == "" {
		return whole, true, true
	}
	n, err := strconv.ParseUint(length, 10, 8)
	if err != nil || int(n) > addr.BitLen() {
		return whole, false, true
	}
	return netip.PrefixFrom(addr, int(n)), true, true
}

// readAddress reads one line of a list of addresses. The device may still be
// empty: the instance may name its interface later. The draft is used again for
// the next line.
func (b *builder) readAddress(t *block[addressDraft], n *conf.Node) (*addressDraft, bool) {
	p, legal, ok := lengthy(n.Keyword.Text)
	if !ok || n.Block {
		b.suspect(n.Keyword)
		b.complain(n.Span(), fmt.Sprintf("%q is not an address; the line is dropped", n.Keyword.Text), "ADDRESS/LENGTH and options, one per line")
		return nil, false
	}
	if !legal {
		b.complain(n.Keyword.Span, fmt.Sprintf("the prefix length of %s is not legal and becomes %d", n.Keyword.Text, p.Bits()), "")
	}
	a := &b.address
	*a = addressDraft{b: b}
	a.Prefix, a.sized = p, strings.Contains(n.Keyword.Text, "/")
	if !t.options(b, n.Args, a) {
		return nil, false
	}
	a.broadcast()
	if a.drop {
		return nil, false
	}
	a.Preferred = a.preferred.or(host.Forever)
	if a.v6() {
		a.NoDAD = !a.dad
		if a.Prefix.Bits() == 128 {
			a.Preferred = a.preferred.or(0)
		}
	}
	return a, true
}
