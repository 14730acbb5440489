package config

import (
	"net/netip"
	"slices"
	"time"

	"holdfast/internal/conf"
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
	syncAt               conf.Span // lvs_sync_daemon
}

func globalTable() *block[globals] {
	type row = keyword[globals]
	rows := []row{
		{word: "router_id", form: loose(text("STRING")), note: "the host name",
			meaning: "Names this node in mail and dumps.",
			set:     func(g *globals, v value) { g.RouterID = v.text }},

		{word: "include_check", form: words("[[+|-]read|match|wildcard_match|brace_match ...]"), note: "none",
			meaning: "Which problems of include lines are errors, from this line to the end of the file.",
			// Package conf acts on it while it reads.
			set: func(*globals, value) {}},
	}
	return table("global_defs", slices.Concat(rows, mailRows(), scriptRows(), fifoRows(), wireRows(), announceRows(),
		linkRows(), processRows(), filterRows(), lvsRows(), socketRows(), snmpRows(), pathRows(), apiRows(), logRows(), []row{hookRow("of everything that happens to instances, groups and servers", func(g *globals) hooking { return hooking{g.b, &g.Hooks} })})...)
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
	var taken marks
	for _, n := range tree.Nodes {
		if n.Keyword.Text == "global_defs" && n.Block {
			b.enter(n)
			b.voc.global.readOn(b, n.Body, g, &taken)
			b.leave()
		}
	}
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
		b.rule("strict-filter").advise(b.filtered, "strict mode keeps everybody from reaching the addresses (no_accept): they answer no ping and no connection",
			"turn strict mode off, or write version 3 and accept; no_accept says that it is meant")
	}
}
