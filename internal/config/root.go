package config

import (
	"time"

	"holdfast/internal/conf"
)

// topLevel is the title of the table of the top level.
const topLevel = "(root)"

// rootTable is what may stand outside all blocks.
func rootTable(v *vocabulary) *block[builder] {
	rows := []keyword[builder]{
		{word: "global_defs", form: body("block"), opens: v.global,
			meaning: "Settings of the whole process and defaults of the instances; may stand several times.",
			// It was read before everything else, so that its defaults hold for
			// blocks above it too.
			set: func(*builder, value) {}},
		{word: "vrrp_script", form: named("NAME { block }"), opens: v.script,
			meaning: "A command that is run again and again and whose exit status says whether something is well.",
			set:     (*builder).readScript},
		{word: "track_file", form: named("NAME { block }"), opens: v.file,
			meaning: "A file whose integer the priority or FAULT follows.",
			set:     (*builder).readFile},
		{word: "vrrp_track_file", form: named("NAME { block }"), opens: v.oldFile, instead: "track_file", quiet: true,
			meaning: "The old name of track_file.",
			set:     (*builder).readFile},
		{word: "vrrp_track_process", form: named("NAME { block }"), opens: v.process,
			meaning: "A count of the processes of a program that the priority or FAULT follows.",
			set:     (*builder).readProcess},
		{word: "vrrp_check", own: true, form: named("NAME { block }"), opens: v.vrrpCheck,
			meaning: "Something that is asked again and again whether it is well, without a script: a page, a port, a machine, a resolver, a process or a unit of systemd.",
			set:     (*builder).readVRRPCheck},
		{word: "webhook", own: true, form: named("NAME { block }"), opens: v.webhook,
			meaning: "A program that is told by HTTP what becomes of those that name it with notify_webhook: one request for each, in order, and again if it is not taken.",
			set:     (*builder).readWebhook},
		{word: "bfd_instance", form: named("NAME { block }"), opens: v.bfd,
			meaning: "A BFD session with a neighbour, which finds within milliseconds that it is gone.",
			set:     (*builder).readBFD},
		{word: "vrrp_sync_group", form: named("NAME { block }"), opens: v.group,
			meaning: "Instances that change role together.",
			set:     (*builder).readGroup},
		{word: "vrrp_instance", form: named("NAME { block }"), opens: v.instance,
			meaning: "One virtual router: addresses that this machine owns while it is MASTER.",
			set:     (*builder).readInstance},
		{word: "SSL", form: body("block"), opens: v.ssl,
			meaning: "What SSL_GET shows to servers.",
			set:     (*builder).readSSL},
		{word: "virtual_server_group", form: named("NAME { ADDRESS or fwmark lines }"), opens: v.serverGroup,
			meaning: "Addresses and firewall marks that share a virtual server; it may stand below its users.",
			// It was read before everything else.
			set: func(*builder, value) {}},
		{word: "virtual_server", form: named("IP [PORT] | fwmark N | group NAME { block }"), opens: v.virtualServer,
			meaning: "One service that is balanced over real servers.",
			set:     (*builder).readVirtualServer},

		{word: "child_wait_time", form: integer(between(0, 1<<32-1).in("s")), def: "5",
			meaning: "How long a stop waits for the worker before it is killed.",
			set:     func(b *builder, v value) { b.cfg.Global.ChildWait = time.Duration(v.n) * time.Second }},
	}
	rows = append(append(rows, staticRows(v)...), linkRootRows(v)...)
	return table(topLevel, append(append(rows, copyRows()...), includeRows()...)...)
}

// includeRows are the lines that bring other files in. Package conf acts on them while
// it reads, on any line at any depth.
func includeRows() []keyword[builder] {
	row := func(word, meaning string) keyword[builder] {
		return keyword[builder]{word: word, form: words("PATTERN"), meaning: meaning, set: func(*builder, value) {}}
	}
	return []keyword[builder]{
		row("include", "The files that match are read in place of the line; one that is missing or cannot be read is logged only."),
		row("includer", "As include; a match that is a directory, unreadable, not regular or executable is an error."),
		row("includem", "As includer; a pattern without wildcards that matches nothing is an error too."),
		row("includew", "As includem; a wildcard that matches nothing is an error too."),
		row("includeb", "As includer; an alternative in braces that matches nothing is an error too."),
		row("includea", "As include; everything of this is an error."),
	}
}

// name reads the one word that names a block. A block without a name, or with
// more, or with one that another has, is left out whole.
func (b *builder) name(v value, taken map[string]*conf.Node) (string, bool) {
	n := v.node
	if emptyWord(v.words) {
		b.complain(n.Span(), n.Keyword.Text+" has no name and is left out", "write a name before the {")
		return "", false
	}
	if len(v.words) > 1 {
		b.complain(n.ArgSpan(), "the name of a "+n.Keyword.Text+" is one word; the block is left out", "put quotes around it")
		return "", false
	}
	name := v.words[0].Text
	if first := taken[name]; first != nil {
		b.complain(v.words[0].Span, "there is a "+first.Title()+" already; this one is left out", "give it another name")
		return "", false
	}
	if taken != nil {
		taken[b.keep(name)] = n
	}
	return b.keep(name), true
}
