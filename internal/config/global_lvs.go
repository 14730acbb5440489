package config

import (
	"fmt"
	"net/netip"
	"time"

	"holdfast/internal/conf"
)

// LVS is what concerns all of IPVS and its health checks.
type LVS struct {
	// Timeouts of connections, up to 31 days; 0 leaves the kernel's.
	TCPTimeout, TCPFinTimeout, UDPTimeout time.Duration
	// Flush empties the table at the start.
	Flush       bool
	FlushOnStop Flush
	SyncDaemon  *SyncDaemon // nil: none

	// NotifyAtStart runs notify_up of servers that begin up.
	NotifyAtStart bool
	// NoCheckerMail: mail tells changes of servers only, not of single checks.
	NoCheckerMail bool
}

// Flush says how virtual servers go at a stop.
type Flush uint8

// The ways: one server after another; virtual servers, with which their real ones
// vanish; the whole table.
const (
	FlushNothing Flush = iota
	FlushVirtual
	FlushAll
)

// String is the way as a file has it.
func (f Flush) String() string {
	return [...]string{"none", "lvs_flush_on_stop VS", "lvs_flush_on_stop"}[f]
}

// SyncDaemon is lvs_sync_daemon: IPVS tells another machine of its connections.
type SyncDaemon struct {
	Link string
	// Instance is whose role decides between master and backup; empty: both run.
	Instance string
	// ID is 0..255; -1: the VRID of the instance.
	ID int
	// MaxLen is the longest message, Port the UDP port, TTL and Group where it goes;
	// zero values leave it to the kernel.
	MaxLen, Port uint16
	TTL          uint8
	Group        netip.Addr
}

// String is the line as a file has it.
func (d *SyncDaemon) String() string {
	if d == nil {
		return "none"
	}
	s := d.Link
	word := func(set bool, word string, v any) {
		if set {
			s += fmt.Sprintf(" %s %v", word, v)
		}
	}
	word(d.Instance != "", "inst", d.Instance)
	word(d.ID >= 0, "id", d.ID)
	word(d.MaxLen != 0, "maxlen", d.MaxLen)
	word(d.Port != 0, "port", d.Port)
	word(d.TTL != 0, "ttl", d.TTL)
	word(d.Group.IsValid(), "group", d.Group)
	return s
}

// lvsRows are about IPVS and its checks.
func lvsRows() []keyword[globals] {
	type row = keyword[globals]
	flush := words("[VS]")
	return []row{
		{word: "lvs_timeouts", form: words("tcp N | tcpfin N | udp N ..."), note: "the kernel's",
			meaning: "After how many seconds IPVS forgets a connection, 0 to 2678400 each; 0 leaves the kernel's.",
			set:     (*globals).timeouts},
		{word: "lvs_flush", form: flag(), note: "off",
			meaning: "The whole IPVS table is emptied at the start.",
			set:     func(g *globals, v value) { g.LVS.Flush = true }},
		{word: "lvs_flush_on_stop", form: flush, note: "off: server by server",
			meaning: "The whole IPVS table is emptied at the stop; with VS only the virtual servers of the file are deleted, with all that is in them.",
			set:     (*globals).flushOnStop},
		{word: "lvs_flush_onstop", form: flush, instead: "lvs_flush_on_stop", quiet: true,
			meaning: "The old spelling of lvs_flush_on_stop.",
			set:     (*globals).flushOnStop},
		{word: "lvs_sync_daemon", form: loose(words("IFNAME [[inst] INSTANCE] [id N] [maxlen N] [port N] [ttl N] [group ADDR]")), once: true, note: "off",
			meaning: "IPVS tells its connections to another machine by this interface; with an instance, the role decides who tells and who listens.",
			set:     (*globals).syncDaemon},
		{word: "checker_log_all_failures", form: boolean(), note: "off",
			meaning: "Failures of health checks are logged even while the server is down or has retries left.",
			set:     func(g *globals, v value) { g.logAllChecks = v.on }},
		{word: "rs_init_notifies", form: boolean(), def: "false",
			meaning: "notify_up runs at the start too, for real servers that begin up.",
			set:     func(g *globals, v value) { g.LVS.NotifyAtStart = v.on }},
		{word: "no_checker_emails", form: boolean(), def: "false",
			meaning: "No mail about single checks, only about servers.",
			set:     func(g *globals, v value) { g.LVS.NoCheckerMail = v.on }},
		{word: "smtp_alert_checker", form: boolean(), note: "smtp_alert",
			meaning: "Mail on state changes of virtual and real servers that do not say themselves.",
			set:     func(g *globals, v value) { g.mailChecker, g.SNMP.Alerts[2] = given(v.on, v.at), switched(v.on) }},
		{word: "lvs_notify_fifo", form: loose(words("NAME [USER [GROUP]]")), once: true, note: "none",
			meaning: "A named pipe that changes of virtual and real servers are written to.",
			set:     func(g *globals, v value) { g.fifo(&g.LVSNotifyFIFO, v) }},
		{word: "lvs_notify_fifo_script", form: loose(command()), once: true, note: "none",
			meaning: "A program that reads that pipe.",
			set:     func(g *globals, v value) { g.reader(&g.LVSNotifyFIFO, v) }},
	}
}

// mailOfServers is what smtp_alert means for virtual and real servers that do not
// say themselves; without a word about it, otherwise.
func (g *globals) mailOfServers(otherwise bool) bool { return g.mailChecker.or(g.mail.or(otherwise)) }

// timeouts reads pairs of a kind of connection and seconds.
func (g *globals) timeouts(v value) {
	if len(v.words) < 2 {
		g.b.complain(v.at, "lvs_timeouts needs a kind of connection and seconds", "tcp N, tcpfin N or udp N")
		return
	}
	for words := v.words; len(words) > 0; {
		to := g.timeout(words[0].Text)
		switch {
		case to == nil:
			g.b.complain(words[0].Span, fmt.Sprintf("lvs_timeouts knows no %q", words[0].Text), nearest(words[0].Text, []string{"tcp", "tcpfin", "udp"}, "tcp, tcpfin or udp"))
			words = words[1:]
			continue
		case len(words) == 1:
			g.b.complain(words[0].Span, words[0].Text+" needs a number of seconds and is ignored", "")
			return
		}
		if n, ok := g.b.number(call{word: words[0]}, words[1], between(0, 2678400).in("s")); ok {
			*to = time.Duration(n) * time.Second
		}
		words = words[2:]
	}
}

func (g *globals) timeout(kind string) *time.Duration {
	switch kind {
	case "tcp":
		return &g.LVS.TCPTimeout
	case "tcpfin":
		return &g.LVS.TCPFinTimeout
	case "udp":
		return &g.LVS.UDPTimeout
	}
	return nil
}

func (g *globals) flushOnStop(v value) {
	switch {
	case len(v.words) == 0:
		g.LVS.FlushOnStop = FlushAll
	case v.words[0].Text == "VS":
		g.LVS.FlushOnStop = FlushVirtual
	default:
		g.b.complain(v.words[0].Span, fmt.Sprintf("lvs_flush_on_stop knows no %q and is ignored", v.words[0].Text), "VS or nothing")
	}
}

// syncDaemon reads the interface, then perhaps an instance and an id without words
// before them, then words.
func (g *globals) syncDaemon(v value) {
	d := &SyncDaemon{Link: g.b.keep(v.words[0].Text), ID: -1}
	g.LVS.SyncDaemon, g.syncAt = d, v.at
	words := v.words[1:]
	if len(words) > 0 && !d.word(words[0].Text) {
		d.Instance, words = g.b.keep(words[0].Text), words[1:]
		if len(words) > 0 && !d.word(words[0].Text) {
			g.b.complain(words[0].Span, words[0].Text+" is taken for the id", "write id before it")
			words = append([]conf.Token{{Text: "id", Span: words[0].Span}}, words...)
		}
	}
	for len(words) > 0 {
		words = g.syncWord(d, words)
	}
}

// word reports whether a word of the line is not a name.
func (d *SyncDaemon) word(w string) bool {
	switch w {
	case "inst", "id", "maxlen", "port", "ttl", "group":
		return true
	}
	return false
}

// syncWord reads a word and what belongs to it, and answers the rest.
func (g *globals) syncWord(d *SyncDaemon, words []conf.Token) []conf.Token {
	w := words[0]
	switch {
	case !d.word(w.Text):
		g.b.complain(w.Span, fmt.Sprintf("lvs_sync_daemon knows no %q; it is ignored", w.Text), nearest(w.Text, []string{"inst", "maxlen", "port", "group"}, ""))
		return words[1:]
	case len(words) == 1 && w.Text == "inst":
		g.b.missing(call{word: w}, "the name of an instance")
		return nil
	case len(words) == 1:
		g.b.complain(w.Span, w.Text+" needs a value and is ignored", "")
		return nil
	}
	g.syncOption(d, call{word: w}, words[1])
	return words[2:]
}

func (g *globals) syncOption(d *SyncDaemon, c call, arg conf.Token) {
	number := func(lo, hi int64) (int64, bool) { return g.b.number(c, arg, between(lo, hi)) }
	switch c.word.Text {
	case "inst":
		if d.Instance != "" {
			g.b.complain(arg.Span, "the instance is "+d.Instance+" already; this one is ignored", "delete one of them")
			return
		}
		d.Instance = g.b.keep(arg.Text)
	case "id":
		if n, ok := number(0, 255); ok {
			d.ID = int(n)
		}
	case "maxlen":
		if n, ok := number(1, 65507); ok {
			d.MaxLen = uint16(n)
		}
	case "port":
		if n, ok := number(1, 65535); ok {
			d.Port = uint16(n)
		}
	case "ttl":
		if n, ok := number(1, 255); ok {
			d.TTL = uint8(n)
		}
	case "group":
		if a, ok := g.b.plainAddress(arg); ok && a.IsMulticast() {
			d.Group = a
		} else if ok {
			g.b.complain(arg.Span, a.String()+" is not a multicast address; it is ignored", "")
		}
	}
}

// checkSyncDaemon looks for the instance that the daemon follows. One that is named at
// its instance counts where there is no other.
func (b *builder) checkSyncDaemon() {
	lvs := &b.cfg.Global.LVS
	for i := range b.cfg.Instances {
		if link := b.cfg.Instances[i].SyncDaemonLink; link != "" && lvs.SyncDaemon == nil {
			lvs.SyncDaemon = &SyncDaemon{Link: link, Instance: b.cfg.Instances[i].VRRP.Name, ID: -1}
		}
	}
	d := lvs.SyncDaemon
	if d == nil || d.Instance == "" {
		return
	}
	if _, known := b.index[d.Instance]; !known {
		b.advise(b.globals.syncAt, "there is no vrrp_instance "+d.Instance+": the sync daemon follows nobody", b.instanceLike(d.Instance))
	}
}
