package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"holdfast/internal/conf"
	"holdfast/internal/host"
)

// Rule is one line of virtual_rules or static_rules.
type Rule struct {
	host.Rule
	// NoTrack: it is of no consequence when somebody else removes the rule.
	NoTrack bool
	// TrackGroup names the track_group whose instances follow the input interface
	// of a static rule; empty: none.
	TrackGroup string
}

// String writes r as a file does, with numbers for names.
func (r Rule) String() string { return r.Rule.String() + followed(r.NoTrack, r.TrackGroup) }

// ruleDraft is a rule while it is read.
type ruleDraft struct {
	line
	host.Rule
	pref   maybe[uint32]
	proto  maybe[uint8]
	action maybe[string]
	// ofTable is the first word that goes with a lookup in a table only.
	ofTable maybe[string]
}

func ruleTable(title string) *block[ruleDraft] {
	type row = keyword[ruleDraft]
	const whole32 = "0..4294967295"
	const prefixes = "others drop the rule; a bad length becomes the longest"
	action := func(word, meaning string, a host.RuleAction) row {
		return row{word: word, form: flag(), meaning: meaning,
			set: func(r *ruleDraft, v value) { r.act(v.at, word, a) }}
	}
	return table(title,
		row{word: "<unknown word>", form: place("WORD", "the rule is dropped"),
			meaning: "Any other word drops the rule, and so does a rule without an action or with two."},
		row{word: "inet", form: swallowing(),
			meaning: "The rule is an IPv4 one.",
			set:     func(r *ruleDraft, v value) { r.family(false, v.at, "inet") }},
		row{word: "inet6", form: swallowing(),
			meaning: "The rule is an IPv6 one.",
			set:     func(r *ruleDraft, v value) { r.family(true, v.at, "inet6") }},

		// What the rule is for.
		row{word: "not", form: flag(), note: "off",
			meaning: "The rule is for all packets but those.",
			set:     func(r *ruleDraft, v value) { r.Invert = true }},
		row{word: "from", form: option("PREFIX|all|any|default", prefixes), note: "all",
			meaning: "Where packets come from.",
			set:     func(r *ruleDraft, v value) { r.From = r.selector(v, "the source") }},
		row{word: "to", form: option("PREFIX|all|any|default", prefixes), note: "all",
			meaning: "Where packets go to.",
			set:     func(r *ruleDraft, v value) { r.To = r.selector(v, "the destination") }},
		row{word: "tos", form: option("NAME|N", "0..255 or a name in rt_dsfield"), note: "0",
			meaning: "The type of service of packets.",
			set:     (*ruleDraft).tos},
		row{word: "dsfield", form: option("NAME|N", "0..255 or a name in rt_dsfield"), note: "0",
			meaning: "The same as tos.",
			set:     (*ruleDraft).tos},
		row{word: "fwmark", form: option("N[/MASK]", whole32+" each, in any base of C"), note: "none",
			meaning: "The mark of packets.",
			set:     (*ruleDraft).mark},
		row{word: "iif", form: option("IFNAME", "1..15 bytes"), note: "any",
			meaning: "The interface that packets came in by; the instance follows it, except with no_track.",
			set:     func(r *ruleDraft, v value) { r.In = r.link(v) }},
		row{word: "dev", form: option("IFNAME", "1..15 bytes"), note: "any",
			meaning: "The same as iif.",
			set:     func(r *ruleDraft, v value) { r.In = r.link(v) }},
		row{word: "oif", form: option("IFNAME", "1..15 bytes"), note: "any",
			meaning: "The interface that the socket is bound to; the instance follows it, except with no_track.",
			set:     func(r *ruleDraft, v value) { r.Out = r.link(v) }},
		row{word: "tunnel-id", form: option("N", "0..18446744073709551615"), note: "any",
			meaning: "The key of the tunnel that packets came by.",
			set:     (*ruleDraft).tunnel},
		row{word: "uidrange", form: option("A-B", whole32+" each; others drop the rule"), note: "any",
			meaning: "The owners of the sockets that packets come from.",
			set:     (*ruleDraft).uids},
		row{word: "ipproto", form: option("NAME|N", "0..255 or a name of /etc/protocols; others are ignored"), note: "any",
			meaning: "The IP protocol of packets.",
			set:     (*ruleDraft).ipProto},
		row{word: "sport", form: option("A-B", "0..65535 each; others, a single port too, are ignored"), note: "any",
			meaning: "The source ports of packets.",
			set:     func(r *ruleDraft, v value) { r.ports(&r.SPort, v, "sport") }},
		row{word: "dport", form: option("A-B", "0..65535 each; others, a single port too, are ignored"), note: "any",
			meaning: "The destination ports of packets.",
			set:     func(r *ruleDraft, v value) { r.ports(&r.DPort, v, "dport") }},

		// Its place among the others, and who made it.
		row{word: "preference", form: option("N", whole32+" in any base of C"), note: "16384, for the next one less, with a complaint",
			meaning: "Rules are looked at in the order of their preferences, the smallest first.",
			set:     (*ruleDraft).preference},
		row{word: "order", form: option("N", whole32+" in any base of C"), note: "that of preference",
			meaning: "The same as preference.",
			set:     (*ruleDraft).preference},
		row{word: "priority", form: option("N", whole32+" in any base of C"), note: "that of preference",
			meaning: "The same as preference.",
			set:     (*ruleDraft).preference},
		row{word: "protocol", form: option("N", "0..255, no names; others are ignored; without no_track it becomes 18"), note: "18",
			meaning: "Who made the rule.",
			set:     (*ruleDraft).protocolWord},
		row{word: "no_track", form: flag(), note: "off",
			meaning: "It is of no consequence when somebody else removes the rule.",
			set:     func(r *ruleDraft, v value) { r.noTrack = true }},

		// What it does.
		row{word: "table", form: option("NAME|N", "1..4294967295 or a name in rt_tables; others drop the rule"),
			meaning: "The route is looked up in this table.",
			set:     (*ruleDraft).lookup},
		row{word: "lookup", form: option("NAME|N", "1..4294967295 or a name in rt_tables; others drop the rule"),
			meaning: "The same as table.",
			set:     (*ruleDraft).lookup},
		row{word: "l3mdev", form: flag(),
			meaning: "The route is looked up in the table of the VRF that the interface belongs to.",
			set: func(r *ruleDraft, v value) {
				r.act(v.at, "l3mdev", host.ToTable)
				r.L3MDev = true
			}},
		row{word: "type", form: ruleType(),
			meaning: "May stand before goto, nop, blackhole, unreachable and prohibit.",
			set:     (*ruleDraft).typed},
		row{word: "goto", form: option("N", "more than preference, which is needed"),
			meaning: "The next rule looked at is the one with preference N.",
			set:     (*ruleDraft).jump},
		action("nop", "Nothing; the next rule is looked at.", host.Nop),
		action("blackhole", "Packets are dropped.", host.RuleBlackhole),
		action("unreachable", "Packets are answered with network unreachable.", host.RuleUnreachable),
		action("prohibit", "Packets are answered with communication prohibited.", host.RuleProhibit),

		// What goes with a table.
		row{word: "realms", form: option("[FROM/]TO", "0..65535 each or names in rt_realms; IPv4, with table"), note: "none",
			meaning: "The realms that a route found gets.",
			set: func(r *ruleDraft, v value) {
				r.Realms = r.realm(v)
				r.needsTable("realms", v)
			}},
		row{word: "suppress_prefixlength", form: option("N", "0..2147483647; with table"), note: "none",
			meaning: "Routes found whose prefix has this length or less do not count.",
			set:     (*ruleDraft).suppressPrefix},
		row{word: "sup_pl", form: option("N", "0..2147483647; with table"), note: "none",
			meaning: "The same as suppress_prefixlength.",
			set:     (*ruleDraft).suppressPrefix},
		row{word: "suppress_ifgroup", form: option("NAME|N", "a number or a name in group; with table"), note: "none",
			meaning: "Routes found through interfaces of this group do not count.",
			set:     (*ruleDraft).suppressGroup},
		row{word: "sup_group", form: option("NAME|N", "a number or a name in group; with table"), note: "none",
			meaning: "The same as suppress_ifgroup.",
			set:     (*ruleDraft).suppressGroup},
	)
}

// staticRuleTable is that of static_rules, which has one word more.
func staticRuleTable(title string) *block[ruleDraft] {
	t := ruleTable(title)
	return table(title, append(t.rows, keyword[ruleDraft]{word: "track_group", form: option("NAME", "defined above; others are ignored"), note: "none",
		meaning: "The instances of the group follow the input interface of the rule.",
		set:     func(r *ruleDraft, v value) { r.group(v) }})...)
}

// ruleType is type ACTION.
func ruleType() form {
	return form{args: "goto N|nop|blackhole|unreachable|prohibit", limits: "others drop the rule", read: func(b *builder, c call) (value, int, bool) {
		n := 1
		if len(c.args) > 0 && c.args[0].Text == "goto" {
			n = 2
		}
		if len(c.args) < n {
			return b.missing(c, "an action")
		}
		return value{at: c.at(n), text: c.args[n-1].Text, words: c.args[:n]}, n, true
	}}
}

func (r *ruleDraft) typed(v value) {
	switch v.words[0].Text {
	case "goto":
		r.jump(v)
	case "nop":
		r.act(v.at, "nop", host.Nop)
	case "blackhole":
		r.act(v.at, "blackhole", host.RuleBlackhole)
	case "unreachable":
		r.act(v.at, "unreachable", host.RuleUnreachable)
	case "prohibit":
		r.act(v.at, "prohibit", host.RuleProhibit)
	default:
		r.other(v.words)
	}
}

// act settles what the rule does, once.
func (r *ruleDraft) act(at conf.Span, word string, a host.RuleAction) {
	if r.action.given {
		r.no(at, fmt.Sprintf("a rule has one action, and this one has %s already", r.action.value), "write one rule for each action")
		return
	}
	r.action, r.Action = given(word, at), a
}

func (r *ruleDraft) other(words []conf.Token) int {
	w := words[0]
	if routeType(w.Text) != 0 {
		r.no(w.Span, w.Text+" is not an action of rules", "table, l3mdev, goto, nop, blackhole, unreachable or prohibit")
		return 1
	}
	r.no(w.Span, fmt.Sprintf("%q is not a word of rules", w.Text), r.meant(w, vocabularyOf(r.b.voc.rule)))
	return 1
}

func (r *ruleDraft) selector(v value, what string) netip.Prefix {
	switch v.text {
	case "all", "any", "default":
		return netip.Prefix{}
	}
	p, _ := r.prefix(v, what)
	return p
}

func (r *ruleDraft) tos(v value) {
	n, _ := r.named(v, tosNames, 255)
	r.TOS = uint8(n)
}

func (r *ruleDraft) mark(v value) {
	mark, mask, masked := strings.Cut(v.text, "/")
	n, ok := cNumber(mark, 32)
	m, ok2 := cNumber(mask, 32)
	if !ok || masked && !ok2 {
		r.no(v.at, fmt.Sprintf("%q is not a mark", v.text), "N or N/MASK")
		return
	}
	r.Mark, r.HasMark = uint32(n), true
	if masked {
		r.MarkMask = host.Some(uint32(m))
	}
}

func (r *ruleDraft) tunnel(v value) {
	n, err := strconv.ParseUint(v.text, 10, 64)
	if err != nil {
		r.no(v.at, fmt.Sprintf("%q is not a number", v.text), "")
		return
	}
	r.TunnelID = n
}

func (r *ruleDraft) uids(v value) {
	ids, ok := parseRange(v.text, 32)
	if !ok {
		r.no(v.at, fmt.Sprintf("%q is not a range", v.text), "A-B, both ends")
		return
	}
	r.backwards(ids, v)
	r.UIDs, r.HasUIDs = ids, true
}

// parseRange reads A-B.
func parseRange(text string, bits int) (host.Range, bool) {
	from, to, _ := strings.Cut(text, "-")
	a, err := strconv.ParseUint(from, 10, bits)
	z, err2 := strconv.ParseUint(to, 10, bits)
	return host.Range{From: uint32(a), To: uint32(z)}, err == nil && err2 == nil
}

func (r *ruleDraft) backwards(ids host.Range, v value) {
	if ids.From > ids.To {
		r.b.advise(v.at, "the range "+v.text+" ends before it begins; the kernel refuses the rule", fmt.Sprintf("write %d-%d", ids.To, ids.From))
	}
}

func (r *ruleDraft) ipProto(v value) {
	n, ok := ipProtocol(v.text)
	if !ok {
		r.b.complain(v.at, fmt.Sprintf("there is no IP protocol %q; the rule is for all of them", v.text), "a number from 0 to 255 or a name of /etc/protocols")
		return
	}
	r.IPProto = n
}

func (r *ruleDraft) ports(to *host.Range, v value, word string) {
	ports, ok := parseRange(v.text, 16)
	switch {
	case !ok && strings.Trim(v.text, "0123456789") == "":
		r.b.complain(v.at, fmt.Sprintf("%s takes a range only; the rule is for all ports", word), "write "+v.text+"-"+v.text)
	case !ok:
		r.b.complain(v.at, fmt.Sprintf("%q is not a range of ports; the rule is for all of them", v.text), "A-B, each 0 to 65535")
	default:
		r.backwards(ports, v)
		*to = ports
	}
}

func (r *ruleDraft) preference(v value) {
	n, ok := cNumber(v.text, 32)
	if !ok {
		r.no(v.at, fmt.Sprintf("%q is not a preference", v.text), "0 to 4294967295")
		return
	}
	r.pref = given(uint32(n), v.at)
}

func (r *ruleDraft) protocolWord(v value) {
	n, err := strconv.ParseUint(v.text, 10, 8)
	if err != nil {
		r.b.complain(v.at, fmt.Sprintf("%q is not a protocol of rules and is ignored", v.text), "0 to 255; names are for routes only")
		return
	}
	r.proto = given(uint8(n), v.at)
}

func (r *ruleDraft) lookup(v value) {
	n, ok := r.named(v, tableNames, 1<<32-1)
	if ok && n == 0 {
		r.no(v.at, "there is no table 0", "")
		return
	}
	r.act(v.at, "table", host.ToTable)
	r.Table = n
}

func (r *ruleDraft) jump(v value) {
	n, ok := r.number(v, 0, 1<<32-1)
	if ok {
		r.act(v.at, "goto", host.Goto)
		r.Goto = n
	}
}

func (r *ruleDraft) needsTable(word string, v value) {
	if !r.ofTable.given {
		r.ofTable = given(word, v.at)
	}
}

func (r *ruleDraft) suppressPrefix(v value) {
	n, _ := r.number(v, 0, 1<<31-1)
	r.SuppressPrefix = host.Some(n)
	r.needsTable("suppress_prefixlength", v)
}

func (r *ruleDraft) suppressGroup(v value) {
	n, _ := r.named(v, groupNames, 1<<32-1)
	r.SuppressGroup = host.Some(n)
	r.needsTable("suppress_ifgroup", v)
}

// readRule reads one line of virtual_rules or static_rules.
func (b *builder) readRule(t *block[ruleDraft], n *conf.Node) (Rule, bool) {
	words, ok := b.lineOf(n)
	if !ok {
		return Rule{}, false
	}
	r := &b.aRule
	*r = ruleDraft{line: line{b: b, what: "rule"}}
	if !readLine(t, b, words, r) || !r.settle(n.Span()) {
		return Rule{}, false
	}
	return Rule{r.Rule, r.noTrack, r.trackGroup}, true
}

// settle completes a rule of which all words were read.
func (r *ruleDraft) settle(at conf.Span) bool {
	r.V6 = r.v6.value
	switch {
	case !r.action.given:
		r.no(at, "there is no action", "write what the rule does: table NAME, for instance")
	case r.ofTable.given && r.Action != host.ToTable:
		r.no(r.ofTable.at, r.ofTable.value+" goes with table only", "")
	case r.Action == host.Goto && !r.pref.given:
		r.no(at, "goto needs a preference", "write preference N, less than the one to go to")
	case r.Action == host.Goto && r.pref.value >= r.Goto:
		r.no(r.action.at, fmt.Sprintf("goto %d does not lead forward from preference %d", r.Goto, r.pref.value), "the rule to go to stands behind this one")
	}
	if r.dropped {
		return false
	}
	r.settlePreference(at)
	r.Protocol = r.protocol(r.proto)
	r.trackGroup = r.settleGroup(at, r.In)
	return true
}

// settlePreference gives a rule without a preference one before the tables main
// and default: 16384, and for every further rule of a family one less.
func (r *ruleDraft) settlePreference(at conf.Span) {
	if r.pref.given {
		r.Preference = r.pref.value
		return
	}
	next := &r.b.nextPreference[0]
	if r.V6 {
		next = &r.b.nextPreference[1]
	}
	r.Preference = 16384 - *next
	*next++
	r.b.complain(at, fmt.Sprintf("a rule without a preference gets %d, and another one when rules before it come or go", r.Preference),
		fmt.Sprintf("write preference %d", r.Preference))
}
