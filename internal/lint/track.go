package lint

import (
	"fmt"

	"holdfast/internal/conf"
	"holdfast/internal/config"
)

// kind is a kind of thing that is defined by a block of its own and tracked by
// others.
type kind string

// The kinds. Scripts are told of by package config.
const (
	script  kind = "track_script"
	process kind = "track_process"
	file    kind = "track_file"
	bfd     kind = "track_bfd"
)

func trackList(word string) (kind, bool) {
	switch k := kind(word); k {
	case script, process, file, bfd:
		return k, true
	}
	return "", word == "track_interface"
}

func (l *linter) define(k kind, n *conf.Node) {
	if n.Block {
		l.defined[k] = append(l.defined[k], n)
		if w := child(n, "weight"); w != nil && len(w.Args) > 0 && k != bfd {
			l.smallWeight(arg(n), w.Args[0])
		}
	}
}

// name notes that something is tracked.
func (l *linter) name(k kind, name string) {
	if l.named[k] == nil {
		l.named[k] = map[string]bool{}
	}
	l.named[k][name] = true
}

// untracked speaks of what is defined in vain.
func (l *linter) untracked() {
	for _, k := range []kind{process, file, bfd} {
		for _, n := range l.defined[k] {
			if len(n.Args) > 0 && !l.named[k][arg(n)] {
				l.report("untracked", n.Span(), fmt.Sprintf("nobody tracks %s %s", n.Keyword.Text, arg(n)), "name it in "+string(k)+" of what depends on it, or delete it")
			}
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
	if at == nil || config.Pending("(root)", "vrrp_track_process") {
		return // nothing better to offer
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
