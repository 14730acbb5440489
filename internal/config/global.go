package config

import (
	"fmt"
	"net/netip"
	"time"

	"holdfast/internal/conf"
	"holdfast/internal/notify"
)

// maybe is a value that may have been given, and where.
type maybe[T any] struct {
	value T
	given bool
	at    conf.Span
}

func given[T any](v T, at conf.Span) maybe[T] { return maybe[T]{v, true, at} }

// or answers the value if it was given, else another.
func (m maybe[T]) or(other T) T {
	if m.given {
		return m.value
	}
	return other
}

// announcing is the defaults for gratuitous ARP while they are read.
type announcing struct {
	repeat, refreshRepeat maybe[int]
	delay, refresh        maybe[time.Duration]
	lowerRepeat           maybe[int]
	lowerDelay            maybe[time.Duration]
}

// globals is global_defs while it is read: what goes into Global, and the
// defaults of the blocks.
type globals struct {
	*Global
	b        *builder
	group4   netip.Addr
	group6   netip.Addr
	announce announcing

	version              int
	downAdverts          int
	strict               bool
	checkUnicastSource   bool
	skipCheckAdvAddr     bool
	checksumAsV2         bool
	lowerPrioNoAdvert    bool
	higherPrioSendAdvert bool
	ownerIgnoreAdverts   bool
	priorityChanges      bool
	mail, mailVRRP       maybe[bool]
	extraGARP            ExtraGARP
	mailChecker          maybe[bool]
	logAllChecks         bool
}

// whole is what an unsigned 32 bit number of seconds can say.
const whole = (1<<32 - 1) * time.Second

// microsecond times reach up to what 32 bits of microseconds hold.
const microtimes = (1<<32 - 1) * time.Microsecond

// garpDelay is the range of the delays of the second burst.
func garpDelay() form { return duration(times(0, 4294*time.Second, time.Second)) }

func globalTable() *block[globals] {
	type row = keyword[globals]
	return table("global_defs",
		row{word: "router_id", form: loose(text("STRING")), note: "the host name",
			meaning: "Names this node in mail and dumps.",
			set:     func(g *globals, v value) { g.RouterID = v.text }},

		// Mail.
		row{word: "notification_email", form: wordList("ADDR"),
			meaning: "Who gets alert mail; several lists add up.",
			set:     (*globals).recipients},
		row{word: "notification_email_from", form: loose(text("ADDR")), note: "user@hostname",
			meaning: "The sender of alert mail.",
			set:     func(g *globals, v value) { g.Mail.From = v.text }},
		row{word: "smtp_server", form: words("ADDR|HOST [PORT]"), note: "none; port 25",
			meaning: "Where alert mail is handed in; without it none is sent.",
			set:     (*globals).server},
		row{word: "smtp_helo_name", form: silent(text("NAME")), note: "the host name",
			meaning: "The name given to the mail server.",
			set:     func(g *globals, v value) { g.Mail.HELO = v.text }},
		row{word: "smtp_connect_timeout", form: duration(times(time.Second, 4294*time.Second, time.Second).noZero(time.Second)), def: "30",
			meaning: "How long to wait for the mail server, at each step.",
			set:     func(g *globals, v value) { g.Mail.Timeout = v.d }},
		row{word: "smtp_alert", form: boolean(), note: "unset",
			meaning: "Mail on state changes, where smtp_alert_vrrp does not say otherwise.",
			set:     func(g *globals, v value) { g.mail = given(v.on, v.at) }},
		row{word: "smtp_alert_vrrp", form: boolean(), note: "smtp_alert",
			meaning: "Mail on state changes of instances and groups that do not say themselves.",
			set:     func(g *globals, v value) { g.mailVRRP = given(v.on, v.at) }},
		row{word: "smtp_alert_checker", form: boolean(), note: "smtp_alert",
			meaning: "Mail on state changes of virtual and real servers that do not say themselves.",
			set:     func(g *globals, v value) { g.mailChecker = given(v.on, v.at) }},
		row{word: "checker_log_all_failures", form: boolean(), note: "off",
			meaning: "Failures of health checks are logged even while the server is down or has retries left.",
			set:     func(g *globals, v value) { g.logAllChecks = v.on }},
		row{word: "no_email_faults", form: flag(), note: "off",
			meaning: "No mail about FAULT.",
			set:     func(g *globals, v value) { g.Mail.NoFault = true }},

		// Scripts.
		row{word: "script_user", form: loose(account()), note: "keepalived_script, else root",
			meaning: "Who runs scripts that name no user.",
			set: func(g *globals, v value) {
				g.ScriptUser, g.ScriptGroup, g.ScriptSupplementary = g.b.user(v)
			}},
		row{word: "enable_script_security", form: flag(), note: "off",
			meaning: "Scripts that root would run are refused when somebody else can write to a part of their path.",
			set:     func(g *globals, v value) { g.ScriptSecurity = true }},
		row{word: "use_symlink_paths", form: boolean(), def: "false",
			meaning: "Scripts run by the path as written, not by the one that links lead to.",
			set:     func(g *globals, v value) { g.UseSymlinkPaths = v.on }},
		row{word: "set_supplementary_groups", form: boolean(), def: "false",
			meaning: "Scripts get the other groups of their user too.",
			set:     func(g *globals, v value) { g.SupplementaryGroups = v.on }},

		// FIFOs.
		row{word: "notify_fifo", form: words("NAME [USER [GROUP]]"), once: true, note: "none",
			meaning: "A named pipe that every state change is written to.",
			set:     func(g *globals, v value) { g.fifo(&g.NotifyFIFO, v) }},
		row{word: "notify_fifo_script", form: loose(command()), once: true, note: "none",
			meaning: "A program that reads the pipe; it gets its path as last argument.",
			set:     func(g *globals, v value) { g.reader(&g.NotifyFIFO, v) }},
		row{word: "vrrp_notify_fifo", form: words("NAME [USER [GROUP]]"), once: true, note: "none",
			meaning: "A named pipe that VRRP state changes are written to.",
			set:     func(g *globals, v value) { g.fifo(&g.VRRPNotifyFIFO, v) }},
		row{word: "vrrp_notify_fifo_script", form: loose(command()), once: true, note: "none",
			meaning: "A program that reads that pipe.",
			set:     func(g *globals, v value) { g.reader(&g.VRRPNotifyFIFO, v) }},
		row{word: "fifo_write_vrrp_states_on_reload", form: flag(), note: "off",
			meaning: "A reload writes the states of all instances and groups to the pipes, changed or not.",
			set:     func(g *globals, v value) { g.FIFOStatesOnReload = true }},
		row{word: "vrrp_notify_priority_changes", form: boolean(), def: "false",
			meaning: "Default of notify_priority_changes.",
			set:     func(g *globals, v value) { g.priorityChanges = v.on }},

		// The wire.
		row{word: "vrrp_mcast_group4", form: address(), def: "224.0.0.18",
			meaning: "Where IPv4 adverts go.",
			set:     (*globals).multicast4},
		row{word: "vrrp_mcast_group6", form: address(), def: "ff02::12",
			meaning: "Where IPv6 adverts go.",
			set:     (*globals).multicast6},
		row{word: "vrrp_version", form: integer(between(2, 3)), def: "2",
			meaning: "Protocol version of IPv4 instances that do not say; IPv6 ones speak version 3.",
			set:     func(g *globals, v value) { g.version = v.n }},
		row{word: "vrrp_strict", form: boolean(), def: "false",
			meaning: "Default of strict_mode.",
			set:     func(g *globals, v value) { g.strict = v.on }},
		row{word: "vrrp_check_unicast_src", form: flag(), note: "off",
			meaning: "Default of check_unicast_src.",
			set:     func(g *globals, v value) { g.checkUnicastSource = true }},
		row{word: "vrrp_skip_check_adv_addr", form: boolean(), def: "false",
			meaning: "Default of skip_check_adv_addr.",
			set:     func(g *globals, v value) { g.skipCheckAdvAddr = v.on }},
		row{word: "vrrp_down_timer_adverts", form: integer(between(1, 100)), def: "3",
			meaning: "Default of down_timer_adverts.",
			set:     func(g *globals, v value) { g.downAdverts = v.n }},
		row{word: "vrrp_lower_prio_no_advert", form: boolean(), def: "false",
			meaning: "Default of lower_prio_no_advert.",
			set:     func(g *globals, v value) { g.lowerPrioNoAdvert = v.on }},
		row{word: "vrrp_higher_prio_send_advert", form: boolean(), def: "false",
			meaning: "Default of higher_prio_send_advert.",
			set:     func(g *globals, v value) { g.higherPrioSendAdvert = v.on }},
		row{word: "vrrp_owner_ignore_adverts", form: boolean(), def: "false",
			meaning: "Default of owner_ignore_adverts for instances of priority 255.",
			set:     func(g *globals, v value) { g.ownerIgnoreAdverts = v.on }},
		row{word: "v3_checksum_as_v2", form: words(""), note: "off",
			meaning: "Default of v3_checksum_as_v2; an argument, even off, is ignored.",
			set:     (*globals).checksum},

		// Announcing.
		row{word: "vrrp_garp_master_delay", form: garpDelay(), note: "5",
			meaning: "Default of garp_master_delay.",
			set:     func(g *globals, v value) { g.announce.delay = given(v.d, v.at) }},
		row{word: "vrrp_garp_master_repeat", form: integer(between(1, 1<<32-1).noZero(1)), note: "5",
			meaning: "Default of garp_master_repeat.",
			set:     func(g *globals, v value) { g.announce.repeat = given(v.n, v.at) }},
		row{word: "vrrp_garp_master_refresh", form: duration(times(0, whole, time.Second)), note: "0: never",
			meaning: "Default of garp_master_refresh.",
			set:     func(g *globals, v value) { g.announce.refresh = given(v.d, v.at) }},
		row{word: "vrrp_garp_master_refresh_repeat", form: integer(between(1, 1<<32-1).noZero(1)), note: "1",
			meaning: "Default of garp_master_refresh_repeat.",
			set:     func(g *globals, v value) { g.announce.refreshRepeat = given(v.n, v.at) }},
		row{word: "vrrp_garp_lower_prio_delay", form: garpDelay(), note: "vrrp_garp_master_delay",
			meaning: "Default of garp_lower_prio_delay.",
			set:     func(g *globals, v value) { g.announce.lowerDelay = given(v.d, v.at) }},
		row{word: "vrrp_garp_lower_prio_repeat", form: integer(between(0, 1<<31-1)), note: "vrrp_garp_master_repeat",
			meaning: "Default of garp_lower_prio_repeat.",
			set:     func(g *globals, v value) { g.announce.lowerRepeat = given(v.n, v.at) }},
		row{word: "vrrp_garp_interval", form: duration(pacing()), note: "0: no pause",
			meaning: "The smallest gap between gratuitous ARPs on an interface.",
			set:     func(g *globals, v value) { g.GARPInterval = v.d; g.slowPacing("vrrp_garp_interval", v) }},
		row{word: "vrrp_gna_interval", form: duration(pacing()), note: "0: no pause",
			meaning: "The smallest gap between unsolicited neighbour advertisements on an interface.",
			set:     func(g *globals, v value) { g.GNAInterval = v.d; g.slowPacing("vrrp_gna_interval", v) }},
		row{word: "vrrp_min_garp", form: boolean(), note: "false",
			meaning: "One burst of one gratuitous ARP, for what has not been set before this line.",
			set:     (*globals).minGARP},

		// Start and links.
		row{word: "vrrp_startup_delay", form: duration(times(time.Millisecond, 4294967*time.Millisecond, time.Microsecond)), note: "0",
			meaning: "Instances neither hear nor send adverts for this long after the start.",
			set:     func(g *globals, v value) { g.StartupDelay = v.d }},
		row{word: "vrrp_delay_after_boot", form: duration(times(time.Millisecond, 4294967*time.Millisecond, time.Microsecond)), note: "0",
			meaning: "The same, counted from the boot of the machine.",
			set:     func(g *globals, v value) { g.DelayAfterBoot = v.d }},
		row{word: "log_unknown_vrids", form: flag(), note: "off",
			meaning: "Each VRID that is heard on a link and that no instance has is logged.",
			set:     func(g *globals, v value) { g.LogUnknownVRIDs = true }},
		row{word: "dynamic_interfaces", form: words("[allow_if_changes]"), note: "off",
			meaning: "Interfaces may come later; holdfast waits for them anyway.",
			set:     (*globals).dynamic},

		// Processes.
		row{word: "process_names", form: flag(), note: "off",
			meaning: "The processes carry names that tell their parts.",
			set:     func(g *globals, v value) { g.ProcessNames = true }},
		row{word: "process_name", form: cutText("NAME", nameLimit), note: "the program's name",
			meaning: "The name of the main process.",
			set:     func(g *globals, v value) { g.ProcessName = v.text }},
		row{word: "vrrp_process_name", form: cutText("NAME", nameLimit), note: "the main process's name",
			meaning: "The name of the process that speaks VRRP.",
			set:     func(g *globals, v value) { g.VRRPName = v.text }},
		row{word: "vrrp_rt_priority", form: integer(between(1, 99).clamped()), note: "holdfast's own",
			meaning: "Real-time priority of the process that speaks VRRP.",
			set:     func(g *globals, v value) { g.VRRPRealTime = v.n }},
		row{word: "include_check", form: words("[[+|-]read|match|wildcard_match|brace_match ...]"), note: "none",
			meaning: "Which problems of include lines are errors, from this line to the end of the file.",
			// Package conf acts on it while it reads.
			set: func(*globals, value) {}},
	)
}

// pacing is the range of the pauses between announcements.
func pacing() span {
	s := times(time.Microsecond, microtimes, time.Microsecond)
	s.off = "no pause is the default: delete the line"
	return s
}

// slowPacing warns where announcements would take very long.
func (g *globals) slowPacing(word string, v value) {
	if v.d >= time.Second {
		g.b.advise(v.at, fmt.Sprintf("%s of %s s delays every take-over by that much per address", word, seconds(v.d)), "")
	}
}

// readGlobals reads every global_defs before everything else: a later one holds
// for blocks above it too, at start and on reload alike.
func (b *builder) readGlobals(tree *conf.Tree) {
	g := &b.globals
	g.Global, g.b = &b.cfg.Global, b
	g.RouterID = b.opt.HostName
	g.Mail.Port = 25
	b.voc.global.defaults(b, g)
	b.voc.root.defaults(b, b)
	for _, n := range tree.Nodes {
		if n.Keyword.Text == "global_defs" && n.Block {
			b.enter(n)
			b.voc.global.read(b, n.Body, g)
			b.leave()
		}
	}
}

func (g *globals) recipients(v value) {
	if len(v.words) == 0 {
		g.b.rule("no-recipient").complain(v.at, "notification_email is empty", "name somebody, or delete it")
	}
	for _, w := range v.words {
		g.Mail.To = append(g.Mail.To, g.b.keep(w.Text))
	}
}

func (g *globals) server(v value) {
	if len(v.words) == 0 {
		g.b.missing(call{word: v.node.Keyword}, "an address or a host name")
		return
	}
	g.Mail.Server, g.Mail.Port = g.b.keep(v.words[0].Text), 25
	if len(v.words) > 1 {
		c := call{word: conf.Token{Text: "the port of smtp_server"}}
		if port, ok := g.b.number(c, v.words[1], between(1, 65535)); ok {
			g.Mail.Port = uint16(port)
		}
	}
}

// fifo takes the name and the owner of a pipe.
func (g *globals) fifo(f *FIFO, v value) {
	if len(v.words) == 0 {
		g.b.complain(v.at, "the name of the pipe is missing", "")
		return
	}
	f.Path = g.b.keep(v.words[0].Text)
	if len(v.words) > 1 {
		f.User = g.b.keep(v.words[1].Text)
	}
	if len(v.words) > 2 {
		f.Group, _ = g.b.group(v.words[2].Text) // a file has no further groups
	}
}

// reader takes the program that reads a pipe.
func (g *globals) reader(f *FIFO, v value) {
	f.Script = v.command
	g.b.use(v.at, v.command)
}

func (g *globals) multicast4(v value) {
	if !v.addr.Is4() || !v.addr.IsMulticast() {
		g.b.complain(v.at, v.addr.String()+" is not an IPv4 multicast address; vrrp_mcast_group4 stays as it was", "")
		return
	}
	g.group4 = v.addr
}

func (g *globals) multicast6(v value) {
	if !v.addr.Is6() || !v.addr.IsMulticast() {
		g.b.complain(v.at, v.addr.String()+" is not an IPv6 multicast address; vrrp_mcast_group6 stays as it was", "")
		return
	}
	if !v.addr.IsLinkLocalMulticast() {
		g.b.complain(v.at, v.addr.String()+" is not link-local: routers may carry adverts to other links", "use an address of ff02::/16")
	}
	g.group6 = v.addr
}

// checksum keeps keepalived's habit: whatever the argument says, it is on.
func (g *globals) checksum(v value) {
	g.checksumAsV2 = true
	if len(v.words) > 0 {
		g.b.quirk(v.at, "v3_checksum_as_v2 is on, whatever follows it here", "delete the line to have it off")
	}
}

// minGARP lowers what is still at its default on this line.
func (g *globals) minGARP(v value) {
	if !v.on {
		return
	}
	a := &g.announce
	a.repeat = given(a.repeat.or(1), v.at)
	a.delay = given(a.delay.or(0), v.at)
	a.refresh = given(a.refresh.or(0), v.at)
	a.refreshRepeat = given(a.refreshRepeat.or(0), v.at)
}

func (g *globals) dynamic(v value) {
	g.DynamicInterfaces = true
	for _, w := range v.words {
		if w.Text != "allow_if_changes" {
			g.b.complain(w.Span, fmt.Sprintf("dynamic_interfaces knows no %q", w.Text), "allow_if_changes or nothing")
			continue
		}
		g.AllowIfChanges = true
	}
}

// mailDefault is what smtp_alert means for instances and groups that do
// not say themselves.
func (g *globals) mailDefault() bool { return g.mailVRRP.or(g.mail.or(false)) }

// mailOfServers is what smtp_alert means for virtual and real servers that do not
// say themselves; without a word about it, otherwise.
func (g *globals) mailOfServers(otherwise bool) bool { return g.mailChecker.or(g.mail.or(otherwise)) }

// use notes that a script will be run.
func (b *builder) use(at conf.Span, cmd *notify.Command) {
	if cmd == nil || b.anyUse {
		return
	}
	b.inUse, b.anyUse = at, true
}

// ScriptsUnsecured is the text of the finding that scripts are run without script
// security. It makes a configuration test a failure if the scripts are there.
const ScriptsUnsecured = "scripts are run without script security"

// finishGlobals says what can be said only when all is read.
func (b *builder) finishGlobals() {
	if b.anyUse && !b.cfg.Global.ScriptSecurity {
		// Whether it counts depends on the scripts being there, which is for
		// those to judge who can see this machine.
		b.report(conf.Diag{Severity: conf.Complaint, Span: b.inUse,
			Rule: "script-security", Text: ScriptsUnsecured,
			Fix: "write enable_script_security, and a script_user, in global_defs"})
	}
	if b.filtered.Origin != nil {
		b.report(conf.Diag{Severity: conf.Complaint, Span: b.filtered, Rule: "strict-filter",
			Text: "strict mode also keeps others from reaching the addresses (no_accept): not done by this version of holdfast yet"})
	}
	if n := len(b.cfg.VirtualServers); n > 0 {
		b.report(conf.Diag{Severity: conf.Complaint, Rule: "not-done", Span: b.lvs.first.Span(),
			Text: fmt.Sprintf("this version of holdfast reads virtual servers but does not run them; this configuration has %d", n)})
	}
}
