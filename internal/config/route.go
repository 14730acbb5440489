package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"holdfast/internal/conf"
	"holdfast/internal/host"
)

// Route is one line of virtual_routes or static_routes.
type Route struct {
	host.Route
	// NoTrack: it is of no consequence when somebody else removes the route. A
	// route without an interface is never tracked.
	NoTrack bool
	// TrackGroup names the track_group whose instances follow the interface of a
	// static route; empty: none.
	TrackGroup string
}

// String writes r as a file does, with numbers for names.
func (r Route) String() string {
	text := r.Route.String()
	switch {
	case r.Placement == host.Append:
		text = "append " + text
	case r.Placement == host.Exclusive && r.Type == host.Unicast:
		text = "add " + text
	}
	return text + followed(r.NoTrack, r.TrackGroup)
}

// followed writes how an entry of a list is followed.
func followed(not bool, group string) string {
	switch {
	case not:
		return " no_track"
	case group != "":
		return " track_group " + group
	}
	return ""
}

// routeDraft is a route while it is read.
type routeDraft struct {
	line
	host.Route
	dst   maybe[struct{}]
	proto maybe[uint8]
	place maybe[host.Placement]
	or    maybe[netip.Addr]
	typed bool
}

func routeTable(title string, encap, nexthop page) *block[routeDraft] {
	type row = keyword[routeDraft]
	const whole32 = "0..4294967295"
	metric := func(word, args, limits, meaning string, kind host.MetricKind, lo, hi uint64) row {
		f := option(args, limits)
		if strings.HasPrefix(args, "[lock] ") {
			f = lockable(strings.TrimPrefix(args, "[lock] "), limits)
		}
		return row{word: word, form: f, note: "none", meaning: meaning,
			set: func(r *routeDraft, v value) { r.metric(v, kind, lo, hi) }}
	}
	rows := []row{
		{word: "<DEST>", form: place("[TYPE] PREFIX|default|any|all|default6", "one for each route; a bad length becomes the longest"), note: "required",
			meaning: "Where the route goes to; default takes its family from the other words and is else an IPv4 one."},
		{word: "<type>", form: place(strings.Join(host.RouteTypes(), "|")+"|brd", "stands before the destination"), note: "unicast",
			meaning: "What becomes of the packets."},
		{word: "<unknown word>", form: place("WORD", "the route is dropped, unless it is a type or a destination"),
			meaning: "Any word that is none of the others is read as a type or as the destination."},
		{word: "default6", form: flag(), instead: "default, and inet6 as the last word of the line", quiet: true,
			meaning: "The IPv6 default route.",
			set:     func(r *routeDraft, v value) { r.default6(v.at) }},
		{word: "to", form: destination(),
			meaning: "May stand before the destination.",
			set:     (*routeDraft).to},
		{word: "inet", form: swallowing(),
			meaning: "The route is an IPv4 one.",
			set:     func(r *routeDraft, v value) { r.family(false, v.at, "inet") }},
		{word: "inet6", form: swallowing(),
			meaning: "The route is an IPv6 one.",
			set:     func(r *routeDraft, v value) { r.family(true, v.at, "inet6") }},

		// What the route is for, and which one it is.
		{word: "from", form: option("PREFIX", "IPv6; another family drops the route"), note: "everywhere",
			meaning: "The route is for packets from there only.",
			set:     (*routeDraft).from},
		{word: "tos", form: option("NAME|N", "0..255 or a name in rt_dsfield"), note: "0",
			meaning: "The type of service that the route is for.",
			set:     (*routeDraft).tos},
		{word: "dsfield", form: option("NAME|N", "0..255 or a name in rt_dsfield"), note: "0",
			meaning: "The same as tos.",
			set:     (*routeDraft).tos},
		{word: "table", form: option("NAME|N", whole32+" or a name in rt_tables; an unknown one drops the route"), note: "main",
			meaning: "The routing table.",
			set: func(r *routeDraft, v value) {
				r.Table, _ = r.named(v, tableNames, 1<<32-1)
				r.VRF = ""
			}},
		{word: "vrf", form: option("IFNAME", "a VRF device; anything else drops the route"), note: "none",
			meaning: "The routing table of a VRF.",
			set:     func(r *routeDraft, v value) { r.VRF = r.link(v) }},
		{word: "metric", form: option("N", whole32), note: "0",
			meaning: "Of several routes to a destination the one with the smallest metric is used.",
			set:     (*routeDraft).priority},
		{word: "priority", form: option("N", whole32), note: "0",
			meaning: "The same as metric.",
			set:     (*routeDraft).priority},
		{word: "preference", form: option("N", whole32), note: "0",
			meaning: "The same as metric.",
			set:     (*routeDraft).priority},
		{word: "protocol", form: option("NAME|N", "0..255 or a name in rt_protos; without no_track it becomes 18"), note: "18",
			meaning: "Who made the route.",
			set: func(r *routeDraft, v value) {
				n, _ := r.named(v, protocolNames, 255)
				r.proto = given(uint8(n), v.at)
			}},
		{word: "scope", form: option("NAME|N", "0..255 or a name in rt_scopes"), note: "global",
			meaning: "How far away the destination may be.",
			set: func(r *routeDraft, v value) {
				n, _ := r.named(v, scopeNames, 255)
				r.Scope = uint8(n)
			}},
		{word: "pref", form: option("low|medium|high|N", "0..255; IPv6"), note: "medium",
			meaning: "The preference of the router.",
			set:     (*routeDraft).pref},
		{word: "expires", form: option("SECONDS", whole32+" s; IPv6"), note: "none",
			meaning: "How long the route lives.",
			set:     (*routeDraft).expires},
		{word: "ttl-propagate", form: option("enabled|disabled", "others mean disabled"), note: "none",
			meaning: "Whether the TTL goes into MPLS labels and back.",
			set:     (*routeDraft).propagate},

		// Where packets go.
		{word: "via", form: ofFamily(), note: "none",
			meaning: "The next router.",
			set:     (*routeDraft).via},
		{word: "gw", form: ofFamily(), instead: "via",
			meaning: "The same as via.",
			set:     (*routeDraft).via},
		{word: "or", form: option("ADDR", "one only"), instead: "nexthop via ADDR for each router",
			meaning: "A second router beside the one of via.",
			set:     (*routeDraft).second},
		{word: "dev", form: option("IFNAME", "1..15 bytes"), note: "none",
			meaning: "The interface that packets leave through; the instance follows it, except with no_track.",
			set:     func(r *routeDraft, v value) { r.Hop.Link = r.link(v) }},
		{word: "oif", form: option("IFNAME", "1..15 bytes"), note: "none",
			meaning: "The same as dev.",
			set:     func(r *routeDraft, v value) { r.Hop.Link = r.link(v) }},
		{word: "onlink", form: flag(), note: "off",
			meaning: "The next router is reached directly, whatever the addresses say.",
			set:     func(r *routeDraft, v value) { r.Hop.OnLink = true }},
		{word: "encap", form: encapsulation("the route is dropped"), opens: encap, note: "none",
			meaning: "What packets are wrapped into.",
			set:     (*routeDraft).encap},
		{word: "realms", form: option("[FROM/]TO", "0..65535 each or names in rt_realms; IPv4"), note: "none",
			meaning: "The realms of the route.",
			set:     func(r *routeDraft, v value) { r.Hop.Realms = r.realm(v) }},
		{word: "src", form: option("ADDR", "of the family of the route"), note: "none",
			meaning: "The source address that this machine's own packets get.",
			set:     func(r *routeDraft, v value) { r.PrefSrc, _ = r.address(v, "the source") }},
		{word: "as", form: asForm(),
			meaning: "For MPLS; it is read and ignored.",
			set: func(r *routeDraft, v value) {
				r.b.complain(v.at, "as is for MPLS and ignored", "delete it")
			}},
		{word: "nexthop", form: words("HOP [nexthop HOP]..."), opens: nexthop,
			meaning: "One way of several; nothing else may follow the last one.",
			set:     (*routeDraft).nexthops},

		// What the kernel assumes of the path.
		metric("mtu", "[lock] N", whole32, "The path MTU in bytes; lock keeps discovery from changing it.", host.MTU, 0, 1<<32-1),
		metric("hoplimit", "N", "0..255", "The hop limit of packets.", host.HopLimit, 0, 255),
		metric("advmss", "[lock] N", whole32, "The segment size that TCP is told, in bytes.", host.AdvMSS, 0, 1<<32-1),
		metric("reordering", "[lock] N", whole32, "How much reordering TCP expects.", host.Reordering, 0, 1<<32-1),
		metric("window", "N", whole32, "The largest TCP window, in bytes.", host.Window, 0, 1<<32-1),
		metric("cwnd", "[lock] N", whole32, "The largest congestion window, in segments.", host.CongestionWindow, 0, 1<<32-1),
		metric("ssthresh", "[lock] N", whole32, "The slow start threshold, in segments.", host.SlowStart, 0, 1<<32-1),
		metric("initcwnd", "N", whole32, "The first congestion window, in segments.", host.InitCwnd, 0, 1<<32-1),
		metric("initrwnd", "N", whole32, "The first receive window, in segments.", host.InitRwnd, 0, 1<<32-1),
		metric("quickack", "0|1", "0..1", "TCP acknowledges at once.", host.QuickACK, 0, 1),
		metric("fastopen_no_cookie", "0|1", "0..1", "TCP fast open needs no cookie.", host.FastOpenNoCookie, 0, 1),
		{word: "rtt", form: lockable("TIME[s|ms]", "200 ms..120 s; others become the nearest bound; a bare number counts 1/8 ms"), note: "none",
			meaning: "The first estimate of the round trip time.",
			set:     func(r *routeDraft, v value) { r.time(v, host.RTT, time.Millisecond/8) }},
		{word: "rttvar", form: lockable("TIME[s|ms]", "200 ms..120 s; others become the nearest bound; a bare number counts 1/4 ms"), note: "none",
			meaning: "The first estimate of its variance.",
			set:     func(r *routeDraft, v value) { r.time(v, host.RTTVar, time.Millisecond/4) }},
		{word: "rto_min", form: lockable("TIME[s|ms]", "200 ms..120 s; others become the nearest bound; a bare number counts ms"), note: "none",
			meaning: "The shortest time until TCP sends again.",
			set:     func(r *routeDraft, v value) { r.time(v, host.RTOMin, time.Millisecond) }},
		{word: "features", form: option("ecn", "others are ignored"), note: "none",
			meaning: "What TCP may use on the path.",
			set:     (*routeDraft).features},
		{word: "congctl", form: lockable("NAME", ""), note: "none",
			meaning: "The congestion control of TCP.",
			set: func(r *routeDraft, v value) {
				r.Congestion, r.CongestionLocked = r.b.keep(v.text), v.on
			}},

		// How the route is added and followed.
		{word: "add", form: flag(), note: "off",
			meaning: "The route is not added if there is one like it; types other than unicast are always added so.",
			set:     func(r *routeDraft, v value) { r.place = given(host.Exclusive, v.at) }},
		{word: "prepend", form: flag(), note: "on",
			meaning: "The route goes before those like it.",
			set:     func(r *routeDraft, v value) { r.place = given(host.Prepend, v.at) }},
		{word: "append", form: flag(), note: "off",
			meaning: "The route goes behind those like it.",
			set:     func(r *routeDraft, v value) { r.place = given(host.Append, v.at) }},
		{word: "no_track", form: flag(), note: "off",
			meaning: "It is of no consequence when somebody else removes the route.",
			set:     func(r *routeDraft, v value) { r.noTrack = true }},
	}
	return table(title, append(rows, typeRows()...)...)
}

// typeRows are the types of routes, each with the destination behind it.
func typeRows() []keyword[routeDraft] {
	row := func(word, meaning string) keyword[routeDraft] {
		return keyword[routeDraft]{word: word, form: typed(), meaning: meaning, set: (*routeDraft).to}
	}
	return []keyword[routeDraft]{
		row("unicast", "Packets are sent on; the default."),
		row("local", "Packets are for this machine."),
		row("broadcast", "Packets are sent as broadcasts."),
		row("brd", "The same as broadcast."),
		row("anycast", "Packets are for this machine and others."),
		row("multicast", "The destination is a multicast address."),
		row("throw", "The lookup in this table ends as if there was no route."),
		row("unreachable", "Packets are answered with host unreachable."),
		row("prohibit", "Packets are answered with communication prohibited."),
		row("blackhole", "Packets are dropped."),
		row("nat", "Address translation; Linux has no such routes any more."),
		row("xresolve", "Asks an outside resolver; Linux never had such routes."),
	}
}

// typed is TYPE [to] DEST. The type is the first of the value's words.
func typed() form {
	return form{args: "[to] DEST", limits: "the destination must follow", read: func(b *builder, c call) (value, int, bool) {
		v := value{at: c.word.Span, words: []conf.Token{c.word}}
		n := 0
		if len(c.args) > 1 && c.args[0].Text == "to" {
			n = 1
		}
		if n < len(c.args) {
			v.words = append(v.words, c.args[n])
			n++
		}
		return v, n, true
	}}
}

// staticRouteTable is that of static_routes, which has one word more.
func staticRouteTable(title string, encap, nexthop page) *block[routeDraft] {
	t := routeTable(title, encap, nexthop)
	return table(title, append(t.rows, keyword[routeDraft]{word: "track_group", form: option("NAME", "defined above; others are ignored"), note: "none",
		meaning: "The instances of the group follow the interface of the route.",
		set:     func(r *routeDraft, v value) { r.group(v) }})...)
}

// asForm is as [to] ADDR.
func asForm() form {
	return form{args: "[to] ADDR", limits: "ignored", read: func(b *builder, c call) (value, int, bool) {
		n := 1
		if len(c.args) > 0 && c.args[0].Text == "to" {
			n = 2
		}
		if len(c.args) < n {
			return b.missing(c, "an address")
		}
		return value{at: c.at(n)}, n, true
	}}
}

// destination is to [TYPE] DEST.
func destination() form {
	return form{args: "[TYPE] DEST", read: func(b *builder, c call) (value, int, bool) {
		n := 1
		if len(c.args) > 1 && routeType(c.args[0].Text) != 0 {
			n = 2
		}
		if len(c.args) < n {
			return b.missing(c, "a destination")
		}
		return value{at: c.at(n), words: c.args[:n]}, n, true
	}}
}

// routeType answers the type of a name, or 0.
func routeType(name string) host.RouteType {
	if name == "brd" {
		return host.Broadcast
	}
	return host.RouteType(1 + slices.Index(host.RouteTypes(), name))
}

// other takes a destination.
func (r *routeDraft) other(words []conf.Token) int {
	r.to(value{words: words[:1]})
	return 1
}

// to reads [TYPE] DEST.
func (r *routeDraft) to(v value) {
	w := v.words
	if t := routeType(w[0].Text); t != 0 {
		if r.typed {
			r.no(w[0].Span, "the type of the route is given twice", "delete one of them")
			return
		}
		r.Type, r.typed = t, true
		w = w[1:]
	}
	if len(w) == 0 {
		return // settle misses the destination
	}
	switch w[0].Text {
	case "default", "any", "all":
		r.destination(w[0].Span, netip.Prefix{})
		return
	case "default6":
		r.default6(w[0].Span)
		return
	}
	if p, ok := r.destinationPrefix(w[0]); ok {
		r.destination(w[0].Span, p)
	}
}

func (r *routeDraft) default6(at conf.Span) {
	if r.family(true, at, "default6") {
		r.destination(at, netip.PrefixFrom(netip.IPv6Unspecified(), 0))
	}
}

func (r *routeDraft) destinationPrefix(w conf.Token) (netip.Prefix, bool) {
	if _, _, ok := lengthy(w.Text); !ok {
		why, fix := fmt.Sprintf("%q is neither a word of routes nor a destination", w.Text), ""
		if vocabulary := vocabularyOf(r.b.voc.route); slices.Contains(vocabulary, w.Text) {
			why, fix = fmt.Sprintf("%q stands where the destination should", w.Text), "ADDRESS/LENGTH or default"
		} else {
			fix = r.meant(w, vocabulary)
		}
		r.no(w.Span, why, fix)
		return netip.Prefix{}, false
	}
	return r.prefix(value{at: w.Span, text: w.Text}, "the destination")
}

// destination notes where the route goes to; the zero prefix is the default of
// a family that is still to be settled.
func (r *routeDraft) destination(at conf.Span, p netip.Prefix) {
	if r.dst.given {
		r.b.advise(at, "there is a destination already; the last one counts", "one line for each route")
	}
	r.dst, r.Dst = given(struct{}{}, at), p
}

// only6 reports whether the route may have what only IPv6 ones have.
func (r *routeDraft) only6(v value, word string) bool {
	if r.v6.given && !r.v6.value {
		r.no(v.at, word+" is for IPv6", "")
		return false
	}
	return r.family(true, v.at, word)
}

func (r *routeDraft) from(v value) {
	if r.only6(v, "from") {
		r.Src, _ = r.prefix(v, "the source")
	}
}

func (r *routeDraft) tos(v value) {
	n, _ := r.named(v, tosNames, 255)
	r.TOS = uint8(n)
}

func (r *routeDraft) priority(v value) { r.Metric, _ = r.number(v, 0, 1<<32-1) }

func (r *routeDraft) pref(v value) {
	if !r.only6(v, "pref") {
		return
	}
	switch v.text {
	case "low":
		r.Preference = host.Some(3)
	case "medium":
		r.Preference = host.Some(0)
	case "high":
		r.Preference = host.Some(1)
	default:
		n, _ := r.number(v, 0, 255)
		r.Preference = host.Some(n)
	}
}

func (r *routeDraft) expires(v value) {
	if r.only6(v, "expires") {
		n, _ := r.number(v, 0, 1<<32-1)
		r.Expires = host.Some(n)
	}
}

func (r *routeDraft) propagate(v value) {
	switch v.text {
	case "enabled":
		r.TTLPropagate = host.Some(1)
		return
	case "disabled":
	default:
		r.b.complain(v.at, fmt.Sprintf("ttl-propagate knows no %q; disabled is taken", v.text), nearest(v.text, []string{"enabled", "disabled"}, "enabled or disabled"))
	}
	r.TTLPropagate = host.Some(0)
}

func (r *routeDraft) via(v value) { r.Hop.Via, _ = r.address(v, "the next router") }

// second is the word or, which is one of two ways.
func (r *routeDraft) second(v value) {
	if r.or.given {
		r.b.complain(v.at, "or is given twice; the first one counts", "write nexthop via ADDR for each router")
		return
	}
	if a, ok := r.address(v, "the next router"); ok {
		r.or = given(a, v.at)
	}
}

func (r *routeDraft) encap(v value) {
	r.dropped = r.dropped || v.on
	if v.encap != nil {
		r.Hop.Encap = *v.encap
	}
}

func (r *routeDraft) metric(v value, kind host.MetricKind, lo, hi uint64) {
	if n, ok := r.number(v, lo, hi); ok {
		r.SetMetric(host.Metric{Kind: kind, Value: n, Locked: v.on})
	}
}

func (r *routeDraft) features(v value) {
	if v.text != "ecn" {
		r.b.complain(v.at, fmt.Sprintf("features knows no %q; it is ignored", v.text), "ecn")
		return
	}
	r.SetMetric(host.Metric{Kind: host.Features, Value: host.FeatureECN})
}

// time reads a time for a metric, which the kernel counts in units.
func (r *routeDraft) time(v value, kind host.MetricKind, unit time.Duration) {
	d, ok := r.duration(v, unit)
	if !ok {
		return
	}
	near := min(max(d, 200*time.Millisecond), 120*time.Second)
	if near != d {
		r.b.advise(v.at, fmt.Sprintf("%s %s is %s s and becomes %s", kind, v.text, seconds(d), seconds(near)), "200ms to 120s")
	}
	r.SetMetric(host.Metric{Kind: kind, Value: uint32(near / unit), Locked: v.on})
}

// duration reads TIME with s or ms behind it, or a bare number of units.
func (r *routeDraft) duration(v value, unit time.Duration) (time.Duration, bool) {
	digits, scale, places := v.text, time.Second/unit, 0
	if s, ms := strings.CutSuffix(v.text, "ms"); ms {
		digits, scale = s, 1000
	} else if s, whole := strings.CutSuffix(v.text, "s"); whole {
		digits, scale, places = s, 1, 3
	}
	d, ok := decimal(digits)
	if !ok || strings.Trim(digits, "0123456789.") != "" {
		r.no(v.at, fmt.Sprintf("%q is not a time", v.text), "a number with s or ms behind it")
		return 0, false
	}
	if _, fraction, _ := strings.Cut(digits, "."); len(fraction) > places {
		r.b.complain(v.at, v.text+" is finer than a millisecond and is rounded", "")
		step := time.Second
		if places == 3 {
			step = time.Millisecond
		}
		d = d.Round(step)
	}
	return d / scale, true
}

// readRoute reads one line of virtual_routes or static_routes.
func (b *builder) readRoute(t *block[routeDraft], n *conf.Node) (Route, bool) {
	words, ok := b.lineOf(n)
	if !ok {
		return Route{}, false
	}
	r := &b.aRoute
	*r = routeDraft{line: line{b: b, what: "route"}}
	r.Type, r.Table = host.Unicast, host.TableMain
	if !readLine(t, b, words, r) || !r.settle(n.Span()) {
		return Route{}, false
	}
	return Route{r.Route, r.noTrack, r.trackGroup}, true
}

// settle completes a route of which all words were read.
func (r *routeDraft) settle(at conf.Span) bool {
	if !r.dst.given {
		r.no(at, "there is no destination", "ADDRESS/LENGTH or default; a route cannot go on in the next line")
		return false
	}
	r.settleDestination()
	r.settleHops()
	r.Protocol = r.protocol(r.proto)
	r.trackGroup = r.settleGroup(at, r.Hop.Link)
	if r.Hop.Link == "" && !r.noTrack {
		r.b.follow(func() {
			r.b.complain(at, "a route without dev is not tracked: nobody notices when it is removed", "write dev NAME, or no_track")
		})
		r.noTrack = true
	}
	byDefault := host.Prepend
	if r.Type != host.Unicast {
		byDefault = host.Exclusive
	}
	r.Placement = r.place.or(byDefault)
	return true
}

func (r *routeDraft) settleDestination() {
	switch {
	case r.Dst.IsValid():
	case r.v6.value:
		r.Dst = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	default:
		r.Dst = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	}
	if m := r.Dst.Masked(); m != r.Dst {
		r.b.advise(r.dst.at, fmt.Sprintf("%s has bits behind its prefix; the kernel refuses the route", r.Dst), "write "+m.String())
	}
	if r.TOS != 0 && r.V6() {
		r.b.advise(r.dst.at, "the kernel refuses an IPv6 route with tos", "delete tos")
	}
	if r.Type == host.NAT || r.Type == host.XResolve {
		r.b.advise(r.dst.at, "the kernel refuses routes of type "+r.Type.String(), "")
	}
}

// settleHops makes two ways of via and or.
func (r *routeDraft) settleHops() {
	if r.or.given {
		first, second := r.Hop, r.Hop
		second.Via = r.or.value
		first.Weight, second.Weight = 1, 1
		r.Hops = append([]host.NextHop{first, second}, r.Hops...)
		if !first.Via.IsValid() {
			r.Hops = r.Hops[1:]
		}
		r.Hop = host.NextHop{Link: r.Hop.Link}
		return
	}
	switch {
	case len(r.Hops) == 0:
	case r.Hop.Via.IsValid() || r.Hop.Encap.Kind != host.NoEncap:
		r.b.advise(r.dst.at, "the kernel refuses a route with nexthop that has a way beside it", "write via, dev and encap behind nexthop")
	case !r.V6() && r.Hop.Link != "" && r.Hop.Link != r.Hops[0].Link:
		r.b.advise(r.dst.at, "the kernel refuses a route whose dev is not that of its first nexthop", "write dev "+r.Hop.Link+" behind the first nexthop too")
	}
}
