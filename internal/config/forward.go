package config

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/internal/conf"
)

// schedulerTable lists the schedulers of the kernel.
func schedulerTable() *block[virtualDraft] {
	row := func(name, meaning string) keyword[virtualDraft] {
		return keyword[virtualDraft]{word: name, form: flag(), meaning: meaning,
			set: func(d *virtualDraft, v value) { d.scheduler = given(name, v.at) }}
	}
	return table("virtual_server/lvs_sched",
		row("rr", "Round robin: one after the other."),
		row("wrr", "Round robin by weight."),
		row("lc", "The server with the fewest connections."),
		row("wlc", "The server with the fewest connections for its weight."),
		row("lblc", "By destination address, so that caches are hit; else the fewest connections."),
		row("sh", "By a hash of the source address."),
		row("mh", "By a Maglev hash of the source address: few clients move when a server goes."),
		row("dh", "By a hash of the destination address."),
		row("fo", "The live server of the highest weight; the others wait."),
		row("ovf", "The server of the highest weight until its connections reach the weight, then the next."),
		row("lblcr", "Like lblc, with several servers for a busy address."),
		row("sed", "The server with the shortest expected delay."),
		row("nq", "An idle server, else like sed."),
		row("twos", "The better of two that are drawn at random by weight."),
	)
}

// oneOf is a keyword with one word of a table.
func oneOf[T any](t *block[T]) form {
	all := slices.Collect(t.words())
	f := choice(all...)
	f.args = strings.Join(all, "|")
	read := f.read
	f.read = func(b *builder, c call) (value, int, bool) {
		v, used, ok := read(b, c)
		v.words = c.args[:used]
		return v, used, ok
	}
	return f
}

// methodDraft is the line of an lvs_method while it is read.
type methodDraft struct {
	Forwarding
	port, options bool
	// typed says that the word before was type.
	typed bool
}

func methodTable() *block[methodDraft] {
	type row = keyword[methodDraft]
	method := func(m Method, meaning string) row {
		return row{word: m.String(), form: flag(), meaning: meaning, set: func(d *methodDraft, v value) { d.Method = m }}
	}
	tunnel := func(word string, t Tunnel, meaning string) row {
		return row{word: word, form: flag(), meaning: meaning, set: func(d *methodDraft, v value) { d.Tunnel, d.typed = t, false }}
	}
	checksum := func(word string, c Checksum, meaning string) row {
		return row{word: word, form: flag(), meaning: meaning, set: func(d *methodDraft, v value) { d.Checksum, d.options = c, true }}
	}
	return table("virtual_server/lvs_method",
		method(NAT, "Addresses are translated; the real server may have another port."),
		method(DR, "Packets go on unchanged to the MAC address of the real server, which has the address too; the port stays."),
		method(TUN, "Packets are wrapped into a tunnel to the real server; the port stays, the family may differ."),
		row{word: "type", form: flag(), note: "ipip",
			meaning: "What the tunnel wraps packets in; ipip, gue or gre follows.",
			set:     func(d *methodDraft, v value) { d.typed, d.options = true, true }},
		tunnel("ipip", IPIP, "IP in IP."),
		tunnel("gue", GUE, "Generic UDP encapsulation, which needs a port; Linux 5.2."),
		tunnel("gre", GRE, "Generic routing encapsulation; Linux 5.3."),
		row{word: "port", form: integer(between(1, 65535)), note: "none",
			meaning: "The UDP port that gue sends to.",
			set:     func(d *methodDraft, v value) { d.Port, d.port, d.options = uint16(v.n), true, true }},
		checksum("nocsum", NoChecksum, "No outer checksum."),
		checksum("csum", OuterChecksum, "With an outer checksum; for gue and gre."),
		checksum("remcsum", RemoteChecksum, "With remote checksum offload; for gue."),
	)
}

// forwarding is a keyword with a method and the options of its tunnel. Options
// that cannot be leave the method alone.
func forwarding(t *block[methodDraft]) form {
	methods := choice(NAT.String(), DR.String(), TUN.String())
	return form{args: "NAT|DR|TUN [type ipip|gue|gre] [port N] [nocsum|csum|remcsum]", limits: methods.limits,
		read: func(b *builder, c call) (value, int, bool) {
			first, used, ok := methods.read(b, c)
			if !ok {
				return first, used, false
			}
			var d methodDraft
			t.ready().rows[t.ready().index[first.text]].set(&d, first)
			v := value{at: c.at(len(c.args)), node: c.node, forwarding: Forwarding{Method: d.Method}}
			if d.read(b, t, c) && d.legal(b, c) {
				v.forwarding = d.Forwarding
			}
			return v, len(c.args), true
		}}
}

// read reads the words behind the method.
func (d *methodDraft) read(b *builder, t *block[methodDraft], c call) bool {
	for words := c.args[1:]; len(words) > 0; {
		i, known := t.ready().index[words[0].Text]
		if !known || !d.expects(words[0].Text) {
			b.complain(words[0].Span, fmt.Sprintf("%q cannot stand here; the options of the tunnel are ignored", words[0].Text), d.hint(words[0].Text))
			return false
		}
		v, used, ok := t.ready().rows[i].form.read(b, call{word: words[0], args: words[1:], option: true})
		if !ok {
			return false
		}
		t.ready().rows[i].set(d, v)
		words = words[1+used:]
	}
	if d.typed {
		b.complain(c.args[len(c.args)-1].Span, "type needs ipip, gue or gre; the options of the tunnel are ignored", "")
	}
	return !d.typed
}

// expects reports whether a word may stand behind those that were read.
func (d *methodDraft) expects(word string) bool {
	switch word {
	case "ipip", "gue", "gre":
		return d.typed
	case "NAT", "DR", "TUN":
		return false
	}
	return !d.typed
}

func (d *methodDraft) hint(word string) string {
	if d.typed {
		return nearest(word, []string{"ipip", "gue", "gre"}, "write ipip, gue or gre")
	}
	return nearest(word, []string{"type", "port", "nocsum", "csum", "remcsum"}, "write type, port, nocsum, csum or remcsum")
}

// legal refuses what a tunnel cannot have.
func (d *methodDraft) legal(b *builder, c call) bool {
	at, why := c.args[0].Span.To(c.args[len(c.args)-1].Span), ""
	switch {
	case d.Tunnel == GUE && !d.port:
		why = "gue needs a port"
	case d.Tunnel != GUE && d.port:
		why = "only gue has a port"
	case d.Tunnel == IPIP && d.Checksum != NoChecksum:
		why = "ipip has no checksum"
	case d.Tunnel == GRE && d.Checksum == RemoteChecksum:
		why = "gre has no remote checksum"
	}
	if why != "" {
		b.complain(at, why+"; the options of the tunnel are ignored", "")
		return false
	}
	if d.options && d.Method != TUN {
		b.advise(at, "the options of a tunnel say nothing with "+d.Method.String(), "delete them, or write TUN")
	}
	return true
}

// isTUN reports whether a statement says TUN.
func isTUN(n *conf.Node) bool {
	return n != nil && len(n.Args) > 0 && n.Args[0].Text == TUN.String()
}
