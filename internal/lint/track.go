package lint

import (
	"holdfast/internal/conf"
	"holdfast/internal/config"
)

// isTrackList reports whether a keyword opens a list of what is tracked.
func isTrackList(word string) bool {
	switch word {
	case "track_script", "track_process", "track_file", "track_bfd", "track_check", "track_interface":
		return true
	}
	return false
}

// watched looks at a vrrp_track_process or a track_file. One that nobody tracks is
// told by package config.
func (l *linter) watched(n *conf.Node) {
	// That of a file multiplies the number which the file holds.
	if w := child(n, "weight"); w != nil && len(w.Args) > 0 && n.Keyword.Text == "vrrp_track_process" {
		l.smallWeight(arg(n), w.Args[0])
	}
}

// unfollowed speaks of BFD sessions that tell nobody anything.
func (l *linter) unfollowed() {
	for _, n := range l.sessions {
		if !l.followed[arg(n)] {
			l.report("untracked", n.Span(), "nobody follows bfd_instance "+arg(n), "name it in track_bfd or in a BFD_CHECK, or delete it")
		}
	}
}

// script looks at a vrrp_script.
func (l *linter) script(n *conf.Node) {
	l.commands(n)
	name := arg(n)
	if !l.tracked[name] {
		return // it is not run
	}
	if child(n, "fall", "rise") == nil {
		l.report("script-fall-rise", n.Span(), name+" needs only one failed run to change the role", "write fall 2, or more, and rise 2")
	}
	if child(n, "timeout") == nil {
		l.report("script-timeout", n.Span(), name+" may hang for a whole interval before it counts as failed", "write timeout SECONDS, less than the interval")
	}
	if w := child(n, "weight"); w != nil && len(w.Args) > 0 {
		l.smallWeight(name, w.Args[0])
	}
	l.watchesProcess(n)
}

// watchesProcess finds a command that only asks whether a program runs.
func (l *linter) watchesProcess(n *conf.Node) {
	at := child(n, "script")
	if at == nil {
		return
	}
	argv := config.Argv(at.Raw)
	if len(argv) < 2 {
		return
	}
	switch base(argv[0]) {
	case "pidof", "pgrep":
	case "killall", "pkill":
		if argv[1] != "-0" {
			return
		}
	default:
		return
	}
	l.report("process-by-command", at.Span(), "a program is started every time only to see whether "+argv[len(argv)-1]+" runs",
		"vrrp_track_process is told by the kernel at once and runs nothing")
}
