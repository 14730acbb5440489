package config

import (
	"fmt"
	"net/netip"

	"holdfast/internal/conf"
	"holdfast/internal/host"
)

// hopDraft is a nexthop of a route while it is read.
type hopDraft struct {
	host.NextHop
	r *routeDraft
	// bad: the way is left out; ended: what follows on the line is.
	bad, ended bool
}

func nexthopTable(title string, encap page) *block[hopDraft] {
	type row = keyword[hopDraft]
	return table(title,
		row{word: "via", form: ofFamily(), note: "none",
			meaning: "The next router.",
			set:     (*hopDraft).via},
		row{word: "dev", form: option("IFNAME", "1..15 bytes"), note: "none",
			meaning: "The interface that packets leave through.",
			set:     (*hopDraft).dev},
		row{word: "weight", form: option("N", "1..256; others end the list"), note: "1",
			meaning: "Its share of the packets.",
			set:     (*hopDraft).weight},
		row{word: "onlink", form: flag(), note: "off",
			meaning: "The next router is reached directly, whatever the addresses say.",
			set:     func(h *hopDraft, _ value) { h.OnLink = true }},
		row{word: "encap", form: encapsulation("the rest of the line is left out"), opens: encap, note: "none",
			meaning: "What packets are wrapped into.",
			set: func(h *hopDraft, v value) {
				h.ended = h.ended || v.on
				if v.encap != nil {
					h.Encap = *v.encap
				}
			}},
		row{word: "realms", form: option("[FROM/]TO", "0..65535 each or names in rt_realms; IPv4"), note: "none",
			meaning: "The realms of this way.",
			set:     (*hopDraft).realms},
		row{word: "as", form: asForm(),
			meaning: "For address translation; it is not supported and ends the list.",
			set:     func(h *hopDraft, v value) { h.no(v.at, "as is not supported") }},
	)
}

// no leaves a way out, and the rest of the line with it.
func (h *hopDraft) no(at conf.Span, why string) {
	h.r.b.complain(at, why+"; this nexthop and what follows it are left out", "")
	h.bad, h.ended = true, true
}

func (h *hopDraft) via(v value) {
	a, err := netip.ParseAddr(v.text)
	switch {
	case err != nil || a.Zone() != "":
		h.no(v.at, fmt.Sprintf("%q is not an address", v.text))
	case v.n != 0 && (v.n == 6) != a.Is6(), h.r.v6.given && h.r.v6.value != a.Is6():
		h.no(v.at, fmt.Sprintf("%s is of another family than the route", a))
	default:
		h.Via = a
		h.r.v6 = given(a.Is6(), v.at)
	}
}

func (h *hopDraft) dev(v value) {
	if v.text == "" || len(v.text) > nameLimit {
		h.no(v.at, fmt.Sprintf("%q cannot be the name of an interface", v.text))
		return
	}
	h.Link = h.r.b.keep(v.text)
}

func (h *hopDraft) weight(v value) {
	n, ok := cNumber(v.text, 16)
	if !ok || v.text[0] == '0' || n > 256 {
		h.no(v.at, fmt.Sprintf("%q is not a weight from 1 to 256", v.text))
		return
	}
	h.Weight = uint16(n)
}

// realms reads them by the rules of the route's, with another consequence.
func (h *hopDraft) realms(v value) {
	realms, ok := parseRealms(h.r.b, v.text)
	switch {
	case !ok:
		h.no(v.at, fmt.Sprintf("%q is not a realm", v.text))
	case h.r.v6.given && h.r.v6.value:
		h.no(v.at, "realms are for IPv4")
	default:
		h.Realms = realms
	}
}

// nexthops reads the rest of a line, from the first nexthop on.
func (r *routeDraft) nexthops(v value) {
	words := v.words
	for {
		h := hopDraft{r: r}
		h.Weight = 1
		used := h.read(words)
		if used < 0 {
			r.dropped = true // an argument is missing: keepalived ends
			return
		}
		if !h.bad {
			r.Hops = append(r.Hops, h.NextHop)
		}
		words = words[used:]
		if h.ended || len(words) == 0 {
			return
		}
		if words[0].Text != "nexthop" {
			r.b.complain(words[0].Span, fmt.Sprintf("%q and what follows it is left out: nothing but nexthop may follow a nexthop", words[0].Text),
				"options of the route stand before the first nexthop")
			return
		}
		words = words[1:]
	}
}

// read takes the words of one way and answers how many, or -1 when an argument
// is missing.
func (h *hopDraft) read(words []conf.Token) int {
	t, b, n := h.r.b.voc.nexthop, h.r.b, 0
	for n < len(words) && !h.ended {
		i, known := t.ready().index[words[n].Text]
		if !known {
			break
		}
		v, used, ok := t.ready().rows[i].form.read(b, call{word: words[n], args: words[n+1:]})
		if !ok {
			return -1
		}
		t.ready().rows[i].set(h, v)
		n += 1 + used
	}
	return n
}
