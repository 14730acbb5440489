package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"holdfast/internal/conf"
	"holdfast/internal/host"
)

// line is an entry of a list of routes or rules while it is read. The first
// word that cannot be taken drops the entry and ends its reading.
type line struct {
	b       *builder
	what    string // "route" or "rule"
	dropped bool
	noTrack bool
	// v6 is settled by the first word that has a family.
	v6 maybe[bool]
	// trackGroup is for static entries only.
	trackGroup string
}

// no drops the entry and says why.
func (l *line) no(at conf.Span, why, fix string) {
	l.b.complain(at, why+"; the "+l.what+" is dropped", fix)
	l.dropped = true
}

func (l *line) isDropped() bool { return l.dropped }

// liner is a draft of a line: other takes words that its table does not have and
// says how many.
type liner[T any] interface {
	*T
	other([]conf.Token) int
	isDropped() bool
}

// readLine reads the words of a line into to until one of them drops it. It
// answers whether there is an entry.
func readLine[T any, P liner[T]](t *block[T], b *builder, words []conf.Token, to P) bool {
	for len(words) > 0 && !to.isDropped() {
		i, known := t.ready().index[words[0].Text]
		if !known {
			words = words[to.other(words):]
			continue
		}
		k := &t.ready().rows[i]
		if k.instead != "" {
			b.deprecated(words[0], k.instead, k.quiet)
		}
		v, used, ok := k.form.read(b, call{word: words[0], args: words[1:]})
		if !ok {
			return false // an argument is missing: keepalived ends
		}
		k.set(to, v)
		words = words[1+used:]
	}
	return !to.isDropped()
}

// wordsOf lists all words of a line, the first included.
func (b *builder) wordsOf(n *conf.Node) []conf.Token {
	b.words = append(append(b.words[:0], n.Keyword), n.Args...)
	return b.words
}

// lineOf reads one line of a list, which has no block.
func (b *builder) lineOf(n *conf.Node) ([]conf.Token, bool) {
	if n.Block {
		b.fail(n.Span(), "a line of this list has no block", "delete the braces")
		return nil, false
	}
	return b.wordsOf(n), true
}

// option is a word with an argument that the entry judges.
func option(args, limits string) form {
	return form{args: args, limits: limits, read: func(b *builder, c call) (value, int, bool) {
		if len(c.args) == 0 {
			return b.missing(c, "a value: "+args)
		}
		return value{at: c.at(1), text: c.args[0].Text}, 1, true
	}}
}

// lockable is an option with a word before its argument that locks it.
func lockable(args, limits string) form {
	return form{args: "[lock] " + args, limits: limits, read: func(b *builder, c call) (value, int, bool) {
		locked := len(c.args) > 0 && c.args[0].Text == "lock"
		n := 1
		if locked {
			n = 2
		}
		if len(c.args) < n {
			return b.missing(c, "a value: "+args)
		}
		return value{at: c.at(n), on: locked, text: c.args[n-1].Text}, n, true
	}}
}

// ofFamily is an option with an address that may have its family before it. The
// value's n is 4 or 6 where it has.
func ofFamily() form {
	return form{args: "[inet|inet6] ADDR", limits: "of the family of the route", read: func(b *builder, c call) (value, int, bool) {
		n, family := 1, 0
		if len(c.args) > 0 {
			switch c.args[0].Text {
			case "inet":
				n, family = 2, 4
			case "inet6":
				n, family = 2, 6
			}
		}
		if len(c.args) < n {
			return b.missing(c, "an address")
		}
		return value{at: c.at(n), n: family, text: c.args[n-1].Text}, n, true
	}}
}

// swallowing is a flag that keeps the word behind it from being read.
func swallowing() form {
	return form{args: "[WORD]", limits: "the word behind it is passed over", read: func(b *builder, c call) (value, int, bool) {
		if len(c.args) == 0 {
			return value{at: c.word.Span}, 0, true
		}
		b.advise(c.args[0].Span, fmt.Sprintf("%s has the word behind it passed over: %q is not read", c.word.Text, c.args[0].Text), "write "+c.word.Text+" last")
		return value{at: c.at(1)}, 1, true
	}}
}

// meant is advice on a word that the entry does not have.
func (l *line) meant(w conf.Token, vocabulary []string) string {
	if w.Text == "track_group" {
		return "only static " + l.what + "s have a track_group"
	}
	return nearest(w.Text, vocabulary, "")
}

// family settles the family of the entry, or drops an entry with both.
func (l *line) family(v6 bool, at conf.Span, what string) bool {
	if !l.v6.given {
		l.v6 = given(v6, at)
	}
	if l.v6.value == v6 {
		return true
	}
	own, other := "IPv4", "IPv6"
	if l.v6.value {
		own, other = other, own
	}
	l.no(at, fmt.Sprintf("%s is %s in an %s %s", what, other, own, l.what), "")
	return false
}

// address reads an address of the entry's family. Its n may say which that is.
func (l *line) address(v value, what string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(v.text)
	if err != nil || a.Zone() != "" {
		l.no(v.at, fmt.Sprintf("%q is not an address", v.text), "")
		return netip.Addr{}, false
	}
	if v.n != 0 && (v.n == 6) != a.Is6() {
		l.no(v.at, fmt.Sprintf("%s is not of the family before it", a), "")
		return netip.Addr{}, false
	}
	return a, l.family(a.Is6(), v.at, what+" "+a.String())
}

// prefix reads a prefix of the entry's family. A length that is not legal
// becomes the longest.
func (l *line) prefix(v value, what string) (netip.Prefix, bool) {
	p, legal, ok := lengthy(v.text)
	if !ok {
		l.no(v.at, fmt.Sprintf("%q is not an address", v.text), "")
		return p, false
	}
	if !legal {
		l.b.complain(v.at, fmt.Sprintf("the prefix length of %s is not legal and becomes %d", v.text, p.Bits()), "")
	}
	return p, l.family(p.Addr().Is6(), v.at, what+" "+p.String())
}

// number reads a decimal number from lo to hi.
func (l *line) number(v value, lo, hi uint64) (uint32, bool) {
	n, err := strconv.ParseUint(v.text, 10, 64)
	if err != nil || n < lo || n > hi {
		l.no(v.at, fmt.Sprintf("%q is not a number from %d to %d", v.text, lo, hi), "")
		return 0, false
	}
	return uint32(n), true
}

// named reads a number up to hi in any base of C, or a name.
func (l *line) named(v value, kind string, hi uint64) (uint32, bool) {
	n, ok := l.b.lookup(kind, v.text)
	if !ok {
		l.no(v.at, fmt.Sprintf("%q is neither a number nor a name in %s of iproute2", v.text, kind), "")
		return 0, false
	}
	if n > hi {
		l.no(v.at, fmt.Sprintf("%s is more than %d", v.text, hi), "")
		return 0, false
	}
	return uint32(n), true
}

// realm reads [FROM/]TO, which IPv4 has.
func (l *line) realm(v value) (r host.Realms) {
	r, ok := parseRealms(l.b, v.text)
	if !ok {
		l.no(v.at, fmt.Sprintf("%q is not a realm", v.text), "[FROM/]TO, each 0 to 65535 or a name in rt_realms of iproute2")
		return r
	}
	l.family(false, v.at, "realms "+v.text)
	return r
}

func parseRealms(b *builder, text string) (r host.Realms, ok bool) {
	from, to, two := strings.Cut(text, "/")
	if !two {
		from, to = "0", from
	}
	a, known := b.lookup(realmNames, from)
	z, known2 := b.lookup(realmNames, to)
	return host.Realms{From: uint16(a), To: uint16(z)}, known && known2 && a <= 65535 && z <= 65535
}

// link reads the name of an interface.
func (l *line) link(v value) string {
	if v.text == "" || len(v.text) > nameLimit {
		l.no(v.at, fmt.Sprintf("%q cannot be the name of an interface", v.text), "1 to 15 bytes")
		return ""
	}
	return l.b.keep(v.text)
}

// protocol settles who made a route or a rule. keepalived finds by it those that
// somebody else removed.
func (l *line) protocol(p maybe[uint8]) uint8 {
	if p.given && p.value != keepalivedProtocol && !l.noTrack {
		l.b.complain(p.at, fmt.Sprintf("a %s with another protocol than %d cannot be tracked; the protocol becomes %d", l.what, keepalivedProtocol, keepalivedProtocol),
			"delete it, or write no_track")
		return keepalivedProtocol
	}
	return p.or(keepalivedProtocol)
}

// keepalivedProtocol is RTPROT_KEEPALIVED.
const keepalivedProtocol = 18

// group is the track_group of a static entry.
func (l *line) group(v value) {
	if !l.b.trackGroup(v.text) {
		l.b.complain(v.at, fmt.Sprintf("there is no track_group %s above; it is ignored", v.text), "a track_group must stand above what names it")
		return
	}
	l.trackGroup = l.b.keep(v.text)
}

// settleGroup clears a track_group that has no interface to track.
func (l *line) settleGroup(at conf.Span, tracked string) string {
	switch {
	case l.trackGroup == "":
	case l.noTrack:
		l.trackGroup = "" // no_track takes it back
	case tracked == "":
		l.b.complain(at, fmt.Sprintf("track_group needs an interface in a %s; it is ignored", l.what), "write dev NAME")
		l.trackGroup = ""
	}
	return l.trackGroup
}
