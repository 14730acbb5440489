package config

import "holdfast/internal/notify"

// notifying is where the notify keywords of an instance or a group go.
type notifying struct {
	b  *builder
	to *notify.Scripts
}

// notifyRows are the keywords that instances and groups share.
func notifyRows[T any](of func(*T) notifying) []keyword[T] {
	row := func(word, meaning string, place func(*notify.Scripts) **notify.Command) keyword[T] {
		return keyword[T]{word: word, form: command(), once: true, note: "none", meaning: meaning,
			set: func(t *T, v value) {
				n := of(t)
				*place(n.to) = v.command
				n.b.use(v.at, v.command)
			}}
	}
	return []keyword[T]{
		hookRow("of every change of state", func(t *T) hooking { n := of(t); return hooking{n.b, &n.to.Hooks} }),
		row("notify_master", "Runs when the role becomes MASTER.", func(s *notify.Scripts) **notify.Command { return &s.Master }),
		row("notify_backup", "Runs when the role becomes BACKUP.", func(s *notify.Scripts) **notify.Command { return &s.Backup }),
		row("notify_fault", "Runs when the role becomes FAULT.", func(s *notify.Scripts) **notify.Command { return &s.Fault }),
		row("notify_stop", "Runs when the daemon stops.", func(s *notify.Scripts) **notify.Command { return &s.Stop }),
		row("notify", "Runs on every change, with INSTANCE or GROUP, name, state and priority as last arguments.",
			func(s *notify.Scripts) **notify.Command { return &s.Any }),
	}
}
