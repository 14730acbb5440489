package config

import (
	"time"

	"holdfast/internal/conf"
	"holdfast/internal/notify"
)

// scriptRows are about the programs that are run.
func scriptRows() []keyword[globals] {
	type row = keyword[globals]
	return []row{
		{word: "script_user", form: loose(account()), note: "keepalived_script, else root",
			meaning: "Who runs scripts that name no user.",
			set: func(g *globals, v value) {
				g.ScriptUser, g.ScriptGroup, g.ScriptSupplementary = g.b.user(v)
			}},
		{word: "enable_script_security", form: flag(), note: "off",
			meaning: "Scripts that root would run are refused when somebody else can write to a part of their path.",
			set:     func(g *globals, v value) { g.ScriptSecurity = true }},
		{word: "use_symlink_paths", form: boolean(), def: "false",
			meaning: "Scripts run by the path as written, not by the one that links lead to.",
			set:     func(g *globals, v value) { g.UseSymlinkPaths = v.on }},
		{word: "startup_script", form: loose(command()), once: true, note: "none",
			meaning: "Runs to its end before anything else starts; a failure is logged only.",
			set: func(g *globals, v value) {
				g.Startup = v.command
				g.b.use(v.at, v.command)
			}},
		{word: "startup_script_timeout", form: loose(integer(between(1, 1000).in("s"))), def: "10",
			meaning: "How long startup_script may run before it is killed.",
			set:     func(g *globals, v value) { g.StartupTimeout = time.Duration(v.n) * time.Second }},
		{word: "shutdown_script", form: loose(command()), once: true, note: "none",
			meaning: "Runs when everything else has ended.",
			set: func(g *globals, v value) {
				g.Shutdown = v.command
				g.b.use(v.at, v.command)
			}},
		{word: "shutdown_script_timeout", form: loose(integer(between(1, 1000).in("s"))), def: "10",
			meaning: "How long shutdown_script may run before it is killed.",
			set:     func(g *globals, v value) { g.ShutdownTimeout = time.Duration(v.n) * time.Second }},
		{word: "set_supplementary_groups", form: boolean(), def: "false",
			meaning: "Scripts get the other groups of their user too.",
			set:     func(g *globals, v value) { g.SupplementaryGroups = v.on }},
	}
}

// fifoRows are about the pipes that changes are written to.
func fifoRows() []keyword[globals] {
	type row = keyword[globals]
	return []row{
		{word: "notify_fifo", form: loose(words("NAME [USER [GROUP]]")), once: true, note: "none",
			meaning: "A named pipe that every state change is written to.",
			set:     func(g *globals, v value) { g.fifo(&g.NotifyFIFO, v) }},
		{word: "notify_fifo_script", form: loose(command()), once: true, note: "none",
			meaning: "A program that reads the pipe; it gets its path as last argument.",
			set:     func(g *globals, v value) { g.reader(&g.NotifyFIFO, v) }},
		{word: "vrrp_notify_fifo", form: loose(words("NAME [USER [GROUP]]")), once: true, note: "none",
			meaning: "A named pipe that VRRP state changes are written to.",
			set:     func(g *globals, v value) { g.fifo(&g.VRRPNotifyFIFO, v) }},
		{word: "vrrp_notify_fifo_script", form: loose(command()), once: true, note: "none",
			meaning: "A program that reads that pipe.",
			set:     func(g *globals, v value) { g.reader(&g.VRRPNotifyFIFO, v) }},
		{word: "fifo_write_vrrp_states_on_reload", form: flag(), note: "off",
			meaning: "A reload writes the states of all instances and groups to the pipes, changed or not.",
			set:     func(g *globals, v value) { g.FIFOStatesOnReload = true }},
	}
}

// fifo takes the name and the owner of a pipe.
func (g *globals) fifo(f *FIFO, v value) {
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

// use notes that a script will be run.
func (b *builder) use(at conf.Span, cmd *notify.Command) {
	if cmd == nil || b.anyUse {
		return
	}
	b.inUse, b.anyUse = at, true
}
