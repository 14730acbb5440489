package config

import (
	"fmt"
	"net/netip"
	"time"

	"holdfast/internal/bfd"
	"holdfast/internal/conf"
	"holdfast/internal/tracker"
)

// BFD is one bfd_instance: a session of RFC 5880 with one neighbour.
type BFD struct {
	// Times are 1 ms to 4294967 ms, IdleTX from 1 s on.
	bfd.Config
	// VRRP and Checker say who is told of changes; at least one is.
	VRRP, Checker bool
}

// bfdDraft is a bfd_instance while it is read.
type bfdDraft struct {
	BFD
	b *builder
	definition
	neighbor, source maybe[netip.Addr]
	ttl, maxHops     maybe[int]
}

func bfdTable() *block[bfdDraft] {
	type row = keyword[bfdDraft]
	return table("bfd_instance",
		row{word: "neighbor_ip", form: address(), note: "required",
			meaning: "The address of the neighbour.",
			set:     func(d *bfdDraft, v value) { d.neighbor = given(v.addr, v.at) }},
		row{word: "neighbour_ip", form: address(), note: "required",
			meaning: "The same as neighbor_ip.",
			set:     func(d *bfdDraft, v value) { d.neighbor = given(v.addr, v.at) }},
		row{word: "source_ip", form: address(), note: "what the kernel chooses",
			meaning: "The address that packets come from, of the family of the neighbour.",
			set:     func(d *bfdDraft, v value) { d.source = given(v.addr, v.at) }},
		row{word: "min_rx", form: milliseconds(1), def: "10",
			meaning: "The shortest interval in which packets of the neighbour are taken.",
			set:     func(d *bfdDraft, v value) { d.MinRX = d.interval("min_rx", v) }},
		row{word: "min_tx", form: milliseconds(1), def: "10",
			meaning: "The interval in which packets are sent while the session is up, if the neighbour takes them so fast.",
			set:     func(d *bfdDraft, v value) { d.MinTX = d.interval("min_tx", v) }},
		row{word: "idle_tx", form: milliseconds(1000), def: "1000",
			meaning: "The interval in which packets are sent while the session is down.",
			set:     func(d *bfdDraft, v value) { d.IdleTX = d.interval("idle_tx", v) }},
		row{word: "multiplier", form: integer(between(1, 255)), def: "5",
			meaning: "How many packets must be missed for the session to be down.",
			set:     (*bfdDraft).setMultiplier},
		row{word: "passive", form: flag(), note: "off",
			meaning: "Nothing is sent before the neighbour was heard.",
			set:     func(d *bfdDraft, v value) { d.Passive = true }},
		row{word: "ttl", form: integer(between(1, 255)), note: "255; for IPv6 64 of what is received",
			meaning: "The TTL or hop limit of packets that are sent, and what those of the neighbour must have left, but for max_hops.",
			set:     func(d *bfdDraft, v value) { d.ttl = given(v.n, v.at) }},
		row{word: "hoplimit", form: integer(between(1, 255)), note: "255; for IPv6 64 of what is received",
			meaning: "The same as ttl.",
			set:     func(d *bfdDraft, v value) { d.ttl = given(v.n, v.at) }},
		row{word: "max_hops", form: integer(between(-1, 255)), note: "0",
			meaning: "How many hops a packet of the neighbour may have crossed, at most ttl; -1 turns the check off.",
			set:     func(d *bfdDraft, v value) { d.maxHops = given(v.n, v.at) }},
		row{word: "multihop", form: boolean(), def: "false",
			meaning: "The UDP port for neighbours that are several hops away is used.",
			set:     func(d *bfdDraft, v value) { d.MultiHop = v.on }},
		row{word: "weight", form: weight(between(-weightLimit, weightLimit)), note: "0",
			meaning: "What the priority changes by where the track gives no weight; 0: a session that is down means FAULT.",
			set:     func(d *bfdDraft, v value) { d.setWeight(v) }},
		row{word: "vrrp", form: flag(), note: "on; off where only checker is given",
			meaning: "Instances and sync groups can follow the session; without checker beside it, nobody else.",
			set:     func(d *bfdDraft, v value) { d.VRRP = true }},
		row{word: "checker", form: flag(), note: "on; off where only vrrp is given",
			meaning: "Health checks can follow the session; without vrrp beside it, nobody else.",
			set:     func(d *bfdDraft, v value) { d.Checker = true }},
	)
}

// milliseconds is a keyword with a time in ms, of at least lo.
func milliseconds(lo int) form {
	low := time.Duration(lo) * time.Millisecond
	r := times(low, 4294967*time.Millisecond, time.Microsecond)
	limits := fmt.Sprintf("%d..4294967 ms, to the microsecond; others are ignored", lo)
	return form{args: "MS", limits: limits, read: func(b *builder, c call) (value, int, bool) {
		if len(c.args) == 0 {
			return b.missing(c, "a time in milliseconds")
		}
		d, ok := b.milliseconds(c, c.args[0], r, limits)
		return value{at: c.at(1), d: d}, 1, ok
	}}
}

func (b *builder) milliseconds(c call, arg conf.Token, r span, limits string) (time.Duration, bool) {
	in, ok := decimal(arg.Text)
	d := in / 1000
	switch {
	case !ok || d < r.lo || d > r.hi:
		b.complain(arg.Span, fmt.Sprintf("%s cannot be %q; it stays as it was", c.word.Text, arg.Text), "range "+limits)
		return 0, false
	case in%(1000*r.resolution) != 0:
		d = d.Round(r.resolution)
		b.complain(arg.Span, fmt.Sprintf("%s has more than 3 decimals and becomes %s ms", c.word.Text, inMilliseconds(d)), "")
	}
	return d, true
}

func inMilliseconds(d time.Duration) string { return seconds(d * 1000) }

// interval warns of one that is long for its purpose.
func (d *bfdDraft) interval(word string, v value) time.Duration {
	if v.d > 10*time.Second {
		d.b.advise(v.at, fmt.Sprintf("%s of %s s is long for BFD: the unit is milliseconds", word, seconds(v.d)), "")
	}
	return v.d
}

func (d *bfdDraft) setMultiplier(v value) {
	d.Multiplier = uint8(v.n)
	if v.n > 10 {
		d.b.advise(v.at, fmt.Sprintf("with multiplier %d a lost neighbour is noticed late", v.n), "3 to 5 are usual")
	}
}

// bfdName is the longest name of a bfd_instance.
const bfdName = 31

func (b *builder) readBFD(v value) {
	name, ok := b.bfdName(v)
	if !ok {
		return
	}
	d := &bfdDraft{b: b}
	d.Name, d.node = name, v.node
	b.enter(v.node)
	defer b.leave()
	b.voc.bfd.defaults(b, d)
	b.voc.bfd.read(b, v.node.Body, d)
	if !d.settle() {
		return
	}
	d.index = len(b.cfg.BFDs)
	b.cfg.BFDs = append(b.cfg.BFDs, d.BFD)
	b.define(tracker.BFD, name, &d.definition)
}

// bfdName reads a name that no other session has.
func (b *builder) bfdName(v value) (string, bool) {
	if b.sessions == nil {
		b.sessions = map[string]*conf.Node{}
	}
	if len(v.words) == 1 && len(v.words[0].Text) > bfdName {
		b.complain(v.words[0].Span, fmt.Sprintf("the name is longer than %d bytes; the block is left out", bfdName), "give it a shorter name")
		return "", false
	}
	return b.name(v, b.sessions)
}

// settle finds out whether there is a session to run, and with what.
func (d *bfdDraft) settle() bool {
	n := d.node
	switch {
	case !d.neighbor.given && written(n, "neighbor_ip", "neighbour_ip") != nil:
		d.b.follow(func() { d.b.complain(n.Span(), "there is no legal neighbor_ip: the session is left out", "") })
		return false
	case !d.neighbor.given:
		d.b.complain(n.Span(), "neighbor_ip is missing: the session is left out", "write neighbor_ip ADDRESS")
		return false
	case d.source.given && d.source.value.Is6() != d.neighbor.value.Is6():
		d.b.complain(d.source.at, fmt.Sprintf("%s and the neighbour %s are of different families: the session is left out", d.source.value, d.neighbor.value), "")
		return false
	}
	d.Neighbour, d.Source = d.neighbor.value, d.source.value
	if !d.VRRP && !d.Checker {
		d.VRRP, d.Checker = true, true
	}
	d.settleHops()
	return d.alone()
}

// settleHops keeps keepalived's defaults for what is received: 64 for IPv6. What is
// sent has 255, without which a neighbour that follows RFC 5881, section 5, drops it;
// keepalived takes both.
func (d *bfdDraft) settleHops() {
	base := 255
	if d.Neighbour.Is6() {
		base = 64
	}
	ttl, hops := d.ttl.or(base), d.maxHops.or(0)
	if hops > ttl {
		d.b.complain(d.maxHops.at, fmt.Sprintf("max_hops %d is above the ttl and becomes %d", hops, ttl), "-1 turns the check off")
		hops = ttl
	}
	d.TTL, d.LeastTTL = uint8(ttl), uint8(ttl-hops)
	if hops < 0 {
		d.LeastTTL = 0
	}
	if d.Neighbour.Is6() && !d.ttl.given {
		d.TTL = 255
		d.b.quirk(d.neighbor.at, "keepalived sends a hop limit of 64 by default, and a neighbour that follows RFC 5881 drops its packets; holdfast sends 255", "write hoplimit 255 on both nodes")
	}
}

// path is what tells the packets of one session from those of others, but for the
// source.
type path struct {
	neighbor netip.Addr
	multihop bool
}

// alone reports whether its packets can be told from those of other BFD instances.
func (d *bfdDraft) alone() bool {
	b, way := d.b, path{d.Neighbour, d.MultiHop}
	for _, i := range b.paths[way] {
		o := &b.cfg.BFDs[i]
		if o.Source != d.Source && o.Source.IsValid() && d.Source.IsValid() {
			continue
		}
		b.complain(d.neighbor.at, fmt.Sprintf("bfd_instance %s has this neighbour already: the session is left out", o.Name), "give both a source_ip of their own, or delete one")
		return false
	}
	if b.paths == nil {
		b.paths = map[path][]int{}
	}
	b.paths[way] = append(b.paths[way], len(b.cfg.BFDs))
	return true
}

// told reports whether instances can follow a session.
func (b *builder) told(d *definition, n *conf.Node) bool {
	if b.cfg.BFDs[d.index].VRRP {
		return true
	}
	b.complain(n.Keyword.Span, fmt.Sprintf("bfd_instance %s tells checkers only; it is not tracked", n.Keyword.Text), "write vrrp in it as well")
	return false
}
