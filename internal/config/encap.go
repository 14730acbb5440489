package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"holdfast/internal/conf"
	"holdfast/internal/host"
)

// encapDraft is what stands behind encap while it is read.
type encapDraft struct {
	host.Encap
	b *builder
	// bad: a word could not be taken; it and those after it belong to nobody, and
	// this is what happens then.
	bad         bool
	consequence string
}

func encapTable(title string) *block[encapDraft] {
	type row = keyword[encapDraft]
	const whole64 = "0..18446744073709551615"
	return table(title,
		row{word: "ip", form: flag(),
			meaning: "An IPv4 tunnel, of which id, dst, src, tos, ttl and flags may follow; id or dst is needed.",
			set:     func(e *encapDraft, _ value) { e.Kind = host.EncapIP }},
		row{word: "ip6", form: flag(),
			meaning: "An IPv6 tunnel, of which id, dst, src, tc, hoplimit and flags may follow; id or dst is needed.",
			set:     func(e *encapDraft, _ value) { e.Kind = host.EncapIP6 }},
		row{word: "mpls", form: option("LABEL[/LABEL...]", "0..1048575 each"),
			meaning: "A stack of MPLS labels, the outermost first.",
			set:     (*encapDraft).labels},
		row{word: "ila", form: option("LOCATOR", "64 bits as four groups of hexadecimal digits"),
			meaning: "Identifier locator addressing: the upper half of the destination is replaced.",
			set:     (*encapDraft).locator},
		row{word: "id", form: option("N", whole64), note: "none",
			meaning: "The key of the tunnel.",
			set:     func(e *encapDraft, v value) { e.ID = e.number(v, 64) }},
		row{word: "dst", form: option("ADDR", "of the family of the tunnel"), note: "none",
			meaning: "The outer destination.",
			set:     func(e *encapDraft, v value) { e.Dst = e.address(v) }},
		row{word: "src", form: option("ADDR", "of the family of the tunnel"), note: "none",
			meaning: "The outer source.",
			set:     func(e *encapDraft, v value) { e.Src = e.address(v) }},
		row{word: "tos", form: option("NAME|N", "0..255 or a name in rt_dsfield"), note: "0",
			meaning: "The outer type of service of an IPv4 tunnel.",
			set:     func(e *encapDraft, v value) { e.TOS = e.trafficClass(v) }},
		row{word: "ttl", form: option("N", "0..255"), note: "0",
			meaning: "The outer TTL of an IPv4 tunnel.",
			set:     func(e *encapDraft, v value) { e.TTL = uint8(e.number(v, 8)) }},
		row{word: "tc", form: option("NAME|N", "0..255 or a name in rt_dsfield"), note: "0",
			meaning: "The outer traffic class of an IPv6 tunnel.",
			set:     func(e *encapDraft, v value) { e.TOS = e.trafficClass(v) }},
		row{word: "hoplimit", form: option("N", "0..255"), note: "0",
			meaning: "The outer hop limit of an IPv6 tunnel.",
			set:     func(e *encapDraft, v value) { e.TTL = uint8(e.number(v, 8)) }},
		row{word: "flags", form: option("N", "0..65535"), note: "0",
			meaning: "Flags of the tunnel.",
			set:     func(e *encapDraft, v value) { e.Flags = uint16(e.number(v, 16)) }},
	)
}

// encapsulation is the form of encap: it takes the words that belong to it. The
// value's encap is nil where there is none; on says that the rest cannot be read,
// of which the consequence was told.
func encapsulation(consequence string) form {
	return form{args: "ip|ip6|mpls|ila ARGS", limits: "an unknown kind is left out with its first argument", read: func(b *builder, c call) (value, int, bool) {
		e := encapDraft{b: b, consequence: consequence}
		used := e.read(c)
		v := value{at: c.at(used), on: e.bad}
		if e.Kind != host.NoEncap {
			v.encap = &e.Encap
		}
		return v, used, true
	}}
}

// read takes words behind encap and answers how many.
func (e *encapDraft) read(c call) int {
	t := e.b.voc.encap
	if len(c.args) == 0 {
		e.b.complain(c.word.Span, "encap needs a kind: ip, ip6, mpls or ila", "")
		return 0
	}
	kind := c.args[0]
	switch kind.Text {
	case "mpls", "ila":
		return e.take(t, c.args)
	case "ip", "ip6":
		return e.tunnel(t, c.args)
	}
	e.b.complain(kind.Span, fmt.Sprintf("encap knows no %q; it and the word behind it are ignored", kind.Text), "ip, ip6, mpls or ila")
	return min(2, len(c.args))
}

// take reads one word with its argument and answers how many words that were.
func (e *encapDraft) take(t *block[encapDraft], words []conf.Token) int {
	k := &t.ready().rows[t.ready().index[words[0].Text]]
	v, used, ok := k.form.read(e.b, call{word: words[0], args: words[1:], option: true})
	e.bad = e.bad || !ok
	if ok {
		k.set(e, v)
	}
	return 1 + used
}

// tunnel reads the options of ip and ip6.
func (e *encapDraft) tunnel(t *block[encapDraft], words []conf.Token) int {
	n := e.take(t, words)
	for n < len(words) && !e.bad && e.has(words[n].Text) {
		n += e.take(t, words[n:])
	}
	if !e.bad && e.ID == 0 && !e.Dst.IsValid() {
		e.b.complain(words[0].Span, "encap "+words[0].Text+" has neither id nor dst", "write where the tunnel ends: dst ADDR")
	}
	return n
}

// has reports whether a word is an option of the kind of tunnel.
func (e *encapDraft) has(word string) bool {
	switch word {
	case "id", "dst", "src", "flags":
		return true
	case "tos", "ttl":
		return e.Kind == host.EncapIP
	case "tc", "hoplimit":
		return e.Kind == host.EncapIP6
	}
	return false
}

// no says what is wrong, and what that means for the line.
func (e *encapDraft) no(v value, why string) {
	e.b.complain(v.at, fmt.Sprintf("%q %s; %s", v.text, why, e.consequence), "")
	e.bad = true
}

func (e *encapDraft) number(v value, bits int) uint64 {
	n, err := strconv.ParseUint(v.text, 10, bits)
	if err != nil {
		e.no(v, fmt.Sprintf("is not a number from 0 to %d", ^uint64(0)>>(64-bits)))
		return 0
	}
	return n
}

func (e *encapDraft) address(v value) netip.Addr {
	a, err := netip.ParseAddr(v.text)
	if err != nil || a.Zone() != "" || a.Is6() != (e.Kind == host.EncapIP6) {
		e.no(v, "is not an address of the tunnel's family")
		return netip.Addr{}
	}
	return a
}

func (e *encapDraft) trafficClass(v value) uint8 {
	n, ok := e.b.lookup(tosNames, v.text)
	if !ok || n > 255 {
		e.no(v, "is neither a number from 0 to 255 nor a name in rt_dsfield of iproute2")
		return 0
	}
	return uint8(n)
}

func (e *encapDraft) labels(v value) {
	e.Kind = host.EncapMPLS
	for label := range strings.SplitSeq(v.text, "/") {
		n, err := strconv.ParseUint(label, 10, 20)
		if err != nil {
			e.no(v, "is not a stack of labels, 0 to 1048575 each")
			return
		}
		e.Labels = append(e.Labels, uint32(n))
	}
}

func (e *encapDraft) locator(v value) {
	e.Kind = host.EncapILA
	groups := strings.Split(v.text, ":")
	for _, g := range groups {
		n, err := strconv.ParseUint(g, 16, 16)
		if err != nil || len(groups) != 4 {
			e.no(v, "is not a locator, four groups of hexadecimal digits")
			return
		}
		e.Locator = e.Locator<<16 | n
	}
}
