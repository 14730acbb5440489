package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/conf"
	"holdfast/internal/notify"
)

// virtualDraft is a virtual_server while it is read.
type virtualDraft struct {
	VirtualServer
	b    *builder
	node *conf.Node

	timing      timing
	v6          maybe[bool]
	protocol    maybe[string]
	scheduler   maybe[string]
	forwarding  maybe[Forwarding]
	engine      maybe[string]
	persistence maybe[time.Duration]
	granularity maybe[uint32]
	onePacket   maybe[struct{}]
	haSuspend   maybe[struct{}]
	inhibit     bool
	weight      maybe[int]
	quorum      maybe[uint32]
	hysteresis  maybe[uint32]
	mail        maybe[bool]
	sorry       maybe[SorryServer]
	sorryMethod maybe[Forwarding]
	// reals are the blocks real_server that fit: what this block says below them
	// is their default too, so they are read last.
	reals []endpoint
	// fixed are those with a port that is not translated, in a service by group.
	fixed []endpoint
}

// endpoint is an address and perhaps a port, and the statement that has it.
type endpoint struct {
	addr netip.Addr
	port uint16
	node *conf.Node
}

// timing is what virtual servers hand down to real servers, and those to checks.
type timing struct {
	delayLoop, retryDelay, warmup, connect maybe[time.Duration]
	retry                                  maybe[uint32]
	alpha                                  maybe[bool]
}

// timingLevel is how the blocks differ in what they hand down.
type timingLevel struct {
	leastRetry int64
	alpha      form
	// above says in words where else the values come from.
	above string
}

// from completes a block with what the block around it has.
func (t timing) from(outer *timing) timing {
	if !t.delayLoop.given {
		t.delayLoop = outer.delayLoop
	}
	if !t.retryDelay.given {
		t.retryDelay = outer.retryDelay
	}
	if !t.warmup.given {
		t.warmup = outer.warmup
	}
	if !t.connect.given {
		t.connect = outer.connect
	}
	if !t.retry.given {
		t.retry = outer.retry
	}
	if !t.alpha.given {
		t.alpha = outer.alpha
	}
	return t
}

// handed is what checks are handed down.
func (t *timing) handed() Handed {
	return Handed{Retry: t.retry.value, DelayBeforeRetry: t.retryDelay.value, Warmup: t.warmup.value, Alpha: t.alpha.value,
		DelayLoop: t.delayLoop.or(60 * time.Second), Connect: t.connect.or(5 * time.Second)}
}

// timingRows are the keywords that three kinds of block share.
func timingRows[T any](l timingLevel, of func(*T) *timing) []keyword[T] {
	return []keyword[T]{
		{word: "delay_loop", form: duration(times(time.Microsecond, whole, time.Microsecond)), note: l.above + "60",
			meaning: "Time from check to check.",
			set:     func(t *T, v value) { of(t).delayLoop = given(v.d, v.at) }},
		{word: "retry", form: integer(between(l.leastRetry, 1<<32-1)), note: l.above + "1; 3 for DNS_CHECK, 0 for MISC_CHECK",
			meaning: "How many more failures a live server is allowed.",
			set:     func(t *T, v value) { of(t).retry = given(uint32(v.n), v.at) }},
		{word: "delay_before_retry", form: duration(times(0, whole, time.Microsecond)), note: l.above + "1; 3 for HTTP_GET and SSL_GET, delay_loop for DNS_CHECK",
			meaning: "The pause before such another try.",
			set:     func(t *T, v value) { of(t).retryDelay = given(v.d, v.at) }},
		{word: "warmup", form: duration(times(0, whole, time.Microsecond)), note: l.above + "delay_loop",
			meaning: "Bounds the random part of the delay before the first check.",
			set:     func(t *T, v value) { of(t).warmup = given(v.d, v.at) }},
		{word: "alpha", form: l.alpha, note: l.above + "off",
			meaning: "A server is down until its first check is good.",
			set:     func(t *T, v value) { of(t).alpha = given(v.on, v.at) }},
	}
}

// connectRow is the keyword connect_timeout, which not all checks have.
func connectRow[T any](above string, of func(*T) *timing) keyword[T] {
	return keyword[T]{word: "connect_timeout", form: duration(times(time.Microsecond, microtimes, time.Microsecond)), note: above + "5",
		meaning: "How long connecting, and each answer, may take.",
		set:     func(t *T, v value) { of(t).connect = given(v.d, v.at) }}
}

func virtualServerTable(v *vocabulary) *block[virtualDraft] {
	type row = keyword[virtualDraft]
	handed := func(d *virtualDraft) *timing { return &d.timing }
	flagRow := func(word string, bit ServiceFlags, meaning string) row {
		return row{word: word, form: flag(), note: "off", meaning: meaning, set: func(d *virtualDraft, v value) { d.Flags |= bit }}
	}
	only := func(word, scheduler string, bit ServiceFlags, meaning string) row {
		return row{word: word, form: flag(), note: "off", meaning: meaning, set: func(d *virtualDraft, v value) { d.hashFlag(scheduler, bit, v) }}
	}
	rows := []row{
		{word: "ip_family", form: choice("inet", "inet6"), note: "that of the address or the real servers, else inet",
			meaning: "The family of a service by firewall mark.",
			set:     (*virtualDraft).setFamily},

		// How connections are spread.
		{word: "lvs_sched", form: oneOf(v.scheduler), opens: v.scheduler, note: "wlc, with a complaint",
			meaning: "How the kernel chooses a real server.",
			set:     func(d *virtualDraft, v value) { d.b.voc.scheduler.options(d.b, v.words, d) }},
		{word: "lb_algo", form: oneOf(v.scheduler), opens: v.scheduler, note: "wlc, with a complaint",
			meaning: "The same as lvs_sched.",
			set:     func(d *virtualDraft, v value) { d.b.voc.scheduler.options(d.b, v.words, d) }},
		{word: "hashed", form: flag(), note: "off",
			meaning: "A word of old files that sets nothing.",
			set:     (*virtualDraft).setHashed},
		{word: "ops", form: flag(), note: "off",
			meaning: "Each datagram is scheduled by itself; for UDP.",
			set:     func(d *virtualDraft, v value) { d.onePacket = given(struct{}{}, v.at) }},
		flagRow("flag-1", Sched1, "The first flag of the scheduler, whatever it means there."),
		flagRow("flag-2", Sched2, "The second flag of the scheduler, whatever it means there."),
		flagRow("flag-3", Sched3, "The third flag of the scheduler, whatever it means there."),
		only("sh-port", "sh", Sched2, "The scheduler sh also hashes the source port."),
		only("sh-fallback", "sh", Sched1, "The scheduler sh takes another server when the hashed one is not available."),
		only("mh-port", "mh", Sched2, "The scheduler mh also hashes the source port."),
		only("mh-fallback", "mh", Sched1, "The scheduler mh takes another server when the chosen one is not available."),
		{word: "lvs_method", form: forwarding(v.method), opens: v.method, note: "NAT, with a complaint",
			meaning: "How packets get to the real servers and the sorry server.",
			set:     func(d *virtualDraft, v value) { d.forwarding = given(v.forwarding, v.at) }},
		{word: "lb_kind", form: forwarding(v.method), opens: v.method, note: "NAT, with a complaint",
			meaning: "The same as lvs_method.",
			set:     func(d *virtualDraft, v value) { d.forwarding = given(v.forwarding, v.at) }},
		{word: "protocol", form: text("TCP|UDP|SCTP"), note: "UDP, with a complaint",
			meaning: "The transport protocol of a service by address.",
			set:     (*virtualDraft).setProtocol},
		{word: "persistence_engine", form: cutText("NAME", engineLimit), note: "none",
			meaning: "What in a packet tells clients apart, such as sip; it counts together with persistence_timeout.",
			set:     func(d *virtualDraft, v value) { d.engine = given(v.text, v.at) }},
		{word: "persistence_timeout", form: persistence(), note: "none; 360 without an argument",
			meaning: "A client stays with its real server for this long.",
			set:     func(d *virtualDraft, v value) { d.persistence = given(v.d, v.at) }},
		{word: "persistence_granularity", form: text("NETMASK|LENGTH"), note: "the whole address",
			meaning: "The part of the address that makes a client; turns persistence on.",
			set:     (*virtualDraft).setGranularity},
		{word: "weight", form: integer(between(1, 1<<31-1)), note: "1",
			meaning: "The weight of real servers that have none of their own.",
			set:     func(d *virtualDraft, v value) { d.weight = given(v.n, v.at) }},

		// When it is up.
		{word: "quorum", form: integer(between(1, 1<<32-1).else_(1)), note: "1",
			meaning: "The least sum of the weights of live real servers.",
			set:     func(d *virtualDraft, v value) { d.quorum = given(uint32(v.n), v.at) }},
		{word: "hysteresis", form: integer(between(0, 1<<32-1)), note: "0",
			meaning: "The quorum is gained above quorum + N and lost below quorum - N.",
			set:     func(d *virtualDraft, v value) { d.hysteresis = given(uint32(v.n), v.at) }},
		hookRow("when the quorum is gained or lost", func(d *virtualDraft) hooking { return hooking{d.b, &d.Hooks} }),
		{word: "quorum_up", form: command(), once: true, note: "none",
			meaning: "Runs when the quorum is gained, at start too.",
			set:     func(d *virtualDraft, v value) { d.QuorumUp = d.b.run(v) }},
		{word: "quorum_down", form: command(), once: true, note: "none",
			meaning: "Runs when the quorum is lost.",
			set:     func(d *virtualDraft, v value) { d.QuorumDown = d.b.run(v) }},
		{word: "sorry_server", form: words("IP [PORT]"), note: "none",
			meaning: "Takes all connections while the quorum is lost.",
			set:     (*virtualDraft).setSorry},
		{word: "sorry_server_inhibit", form: flag(), note: "off",
			meaning: "The sorry server stays in the table with weight 0 while it is not needed.",
			set: func(d *virtualDraft, v value) {
				if d.hasSorry("sorry_server_inhibit", v) {
					d.sorry.value.Inhibit = true
				}
			}},
		{word: "sorry_server_lvs_method", form: forwarding(v.method), opens: v.method, note: "lvs_method",
			meaning: "How packets get to the sorry server.",
			set: func(d *virtualDraft, v value) {
				if d.hasSorry("sorry_server_lvs_method", v) {
					d.sorryMethod = given(v.forwarding, v.at)
				}
			}},
		{word: "inhibit_on_failure", form: flag(), note: "off",
			meaning: "Real servers that fail stay in the table with weight 0.",
			set:     func(d *virtualDraft, v value) { d.inhibit = true }},
		{word: "omega", form: flag(), note: "off",
			meaning: "What a stop takes down is told to scripts, pipes and mail.",
			set:     func(d *virtualDraft, v value) { d.Omega = true }},
		{word: "ha_suspend", form: flag(), note: "off",
			meaning: "Nothing is checked while the address is not on this machine.",
			set:     func(d *virtualDraft, v value) { d.haSuspend = given(struct{}{}, v.at) }},

		// Who is told.
		{word: "smtp_alert", form: boolean(), note: "smtp_alert_checker, else smtp_alert, else off",
			meaning: "Mail when the quorum is gained or lost.",
			set:     func(d *virtualDraft, v value) { d.mail = given(v.on, v.at) }},
		{word: "virtualhost", form: loose(text("STRING")), note: "none",
			meaning: "The Host header of HTTP_GET and SSL_GET that have none nearer, and their TLS server name.",
			set:     func(d *virtualDraft, v value) { d.VirtualHost = v.text }},
		{word: "snmp_name", form: oneWord("STRING"), note: "none",
			meaning: "A label that SNMP shows.",
			set:     func(d *virtualDraft, v value) { d.SNMPName = v.text }},
		{word: "real_server", form: named("IP [PORT] { block }"), opens: v.realServer,
			meaning: "One server behind the service.",
			set:     (*virtualDraft).admit},
	}
	level := timingLevel{leastRetry: 1, alpha: flag()}
	rows = append(rows, connectRow("", handed))
	return table("virtual_server", append(rows, timingRows(level, handed)...)...)
}

// engineLimit is the longest name of a persistence engine, IP_VS_PENAME_MAXLEN.
const engineLimit = 16

// persistenceDefault is that of persistence_timeout without an argument.
const persistenceDefault = 360 * time.Second

// persistence is a number of seconds that may be left out.
func persistence() form {
	f := duration(times(time.Second, 2678400*time.Second, time.Second))
	needed := f.read
	f.args = "[SECONDS]"
	f.read = func(b *builder, c call) (value, int, bool) {
		if len(c.args) == 0 {
			return value{at: c.word.Span, d: persistenceDefault}, 0, true
		}
		return needed(b, c)
	}
	return f
}

// oneWord is a keyword with exactly one word.
func oneWord(args string) form {
	return form{args: args, limits: "one word", read: func(b *builder, c call) (value, int, bool) {
		if len(c.args) != 1 {
			b.complain(c.at(len(c.args)), c.word.Text+" takes one word; it is ignored", "put quotes around it")
			return value{}, len(c.args), false
		}
		return value{at: c.at(1), text: b.keep(c.args[0].Text)}, 1, true
	}}
}

// run notes that a command will be run, and returns it.
func (b *builder) run(v value) *notify.Command {
	b.use(v.at, v.command)
	return v.command
}

// family settles the family by the first that says it, and afterwards reports
// whether another fits.
func (d *virtualDraft) family(v6 bool, at conf.Span) bool {
	if !d.v6.given {
		d.v6 = given(v6, at)
	}
	return d.v6.value == v6
}

func (d *virtualDraft) setFamily(v value) {
	if !d.family(v.text == "inet6", v.at) {
		d.b.complain(v.at, "the family is settled already, and is not "+v.text+"; this is ignored", "delete it")
	}
}

func (d *virtualDraft) setHashed(v value) {
	if s := d.scheduler.value; s == "sh" || s == "mh" {
		d.b.advise(v.at, "hashed sets nothing", "delete it")
		return
	}
	d.b.complain(v.at, "hashed is for the scheduler sh, and sets nothing there either", "delete it")
}

// hashFlag sets a flag of sh or mh. keepalived looks at the scheduler that is
// given above, and passes over the flag of one under the other in silence.
func (d *virtualDraft) hashFlag(scheduler string, bit ServiceFlags, v value) {
	word := v.node.Keyword.Text
	switch s := d.scheduler.value; {
	case s == scheduler:
		d.Flags |= bit
	case s == "sh" || s == "mh":
		d.b.advise(v.at, word+" is ignored under the scheduler "+s, "write "+s+strings.TrimPrefix(word, scheduler))
	default:
		d.b.complain(v.at, word+" is ignored: there is no lvs_sched "+scheduler+" above it", "write lvs_sched "+scheduler+" before it, or delete it")
	}
}

func (d *virtualDraft) setProtocol(v value) {
	p := strings.ToUpper(v.text)
	if p != "TCP" && p != "UDP" && p != "SCTP" {
		d.b.complain(v.at, fmt.Sprintf("there is no protocol %q; without another one, UDP is used", v.text), nearest(p, []string{"TCP", "UDP", "SCTP"}, "TCP, UDP or SCTP"))
		return
	}
	d.protocol = given(p, v.at)
}

// setGranularity reads a mask, for IPv4 in any form that inet_aton takes, or a
// prefix length for IPv6.
func (d *virtualDraft) setGranularity(v value) {
	digits := strings.Trim(v.text, "0123456789") == ""
	d.family(digits, v.at)
	if d.v6.value {
		n, err := strconv.ParseUint(v.text, 10, 8)
		if err != nil || n < 1 || n > 128 {
			d.b.complain(v.at, fmt.Sprintf("%q is not an IPv6 prefix length; it is ignored", v.text), "1 to 128")
			return
		}
		d.granularity = given(uint32(n), v.at)
		return
	}
	mask, ok := inetMask(v.text)
	if !ok {
		d.b.complain(v.at, fmt.Sprintf("%q is not an IPv4 mask; it is ignored", v.text), "write it as 255.255.255.0")
		return
	}
	if digits {
		d.b.advise(v.at, fmt.Sprintf("%s is read as the mask %s, not as a prefix length", v.text, netip.AddrFrom4([4]byte{byte(mask >> 24), byte(mask >> 16), byte(mask >> 8), byte(mask)})),
			"write it as 255.255.255.0")
	}
	d.granularity = given(mask, v.at)
}

// inetMask reads an IPv4 mask as inet_aton does: one to four numbers, the last of
// which fills all bytes that are left.
func inetMask(s string) (uint32, bool) {
	parts := strings.Split(s, ".")
	if len(parts) > 4 {
		return 0, false
	}
	mask, left := uint32(0), 32
	for i, part := range parts {
		bits := 8
		if i == len(parts)-1 {
			bits = left
		}
		n, err := strconv.ParseUint(part, 0, bits)
		if err != nil || strings.ContainsAny(part, "_oObB") && !strings.HasPrefix(strings.ToLower(part), "0x") {
			return 0, false
		}
		left -= bits
		mask |= uint32(n) << left
	}
	return mask, true
}

func (d *virtualDraft) setSorry(v value) {
	if len(v.words) == 0 {
		d.b.missing(call{word: v.node.Keyword}, "an address")
		return
	}
	e, ok := d.b.endpoint(v, "the sorry_server is left out")
	if !ok {
		return
	}
	d.sorry = given(SorryServer{Addr: e.addr, Port: e.port}, v.at)
	d.sorryMethod.given = false
}

func (d *virtualDraft) hasSorry(word string, v value) bool {
	if !d.sorry.given {
		d.b.complain(v.at, word+" is ignored: there is no sorry_server above it", "write sorry_server before it")
	}
	return d.sorry.given
}

// endpoint reads IP [PORT].
func (b *builder) endpoint(v value, lost string) (endpoint, bool) {
	e := endpoint{node: v.node}
	var ok bool
	if e.addr, ok = b.addressOr(v.words[0], lost); !ok {
		return e, false
	}
	if len(v.words) < 2 {
		return e, true
	}
	n, err := strconv.ParseUint(v.words[1].Text, 10, 16)
	if err != nil {
		b.complain(v.words[1].Span, fmt.Sprintf("%q is not a port; %s", v.words[1].Text, lost), "a number, 0 to 65535")
		return e, false
	}
	e.port = uint16(n)
	b.extra(v, 2)
	return e, true
}

// extra speaks of words behind those that are read.
func (b *builder) extra(v value, used int) {
	if len(v.words) > used {
		b.superfluous(v.node, used)
	}
}
