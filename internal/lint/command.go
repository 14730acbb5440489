package lint

import (
	"strings"

	"holdfast/internal/conf"
	"holdfast/internal/config"
)

// commands looks at all commands of a block, not of those inside it.
func (l *linter) commands(n *conf.Node) {
	for _, c := range n.Body {
		if Runs(c.Keyword.Text) {
			l.command(n, c)
		}
	}
}

// Runs reports whether a keyword names a command.
func Runs(word string) bool {
	switch word {
	case "script", "notify", "notify_master", "notify_backup", "notify_fault", "notify_stop", "notify_deleted", "notify_master_rx_lower_pri",
		"notify_up", "notify_down", "quorum_up", "quorum_down", "misc_path",
		"notify_fifo_script", "vrrp_notify_fifo_script", "lvs_notify_fifo_script", "startup_script", "shutdown_script":
		return true
	}
	return false
}

func (l *linter) command(block, n *conf.Node) {
	argv := config.Argv(n.Raw)
	if len(argv) == 0 || argv[0] == "" || argv[0][0] == '<' {
		return
	}
	if l.userless.Origin == nil && !hasUser(block, n) {
		l.userless = n.Span()
	}
	switch {
	case !strings.Contains(argv[0], "/"):
		l.report("bare-command", n.Span(), argv[0]+" has no path: what is run depends on PATH", "write its full path")
	case l.security != nil && (strings.HasPrefix(argv[0], "/bin/") || strings.HasPrefix(argv[0], "/sbin/")):
		l.report("linked-path", n.Span(), "keepalived with script security does not run "+argv[0]+" where "+argv[0][:strings.IndexByte(argv[0][1:], '/')+1]+" is a link, as on most systems today",
			"write /usr"+argv[0])
	}
	if word := shellWord(argv); word != "" {
		l.report("shell-syntax", n.Span(), "no shell is involved: "+word+" is an argument like the others", "put the line into a script file, or write /bin/sh -c '...'")
	}
}

// hasUser reports whether a command says as whom it runs.
func hasUser(block, n *conf.Node) bool {
	return len(config.CommandUser(n.Raw)) > 0 || child(block, "user") != nil
}

// shellWord finds the first argument that means something to a shell only.
func shellWord(argv []string) string {
	switch base(argv[0]) {
	case "sh", "bash", "dash", "ash", "zsh", "ksh", "busybox", "env":
		return ""
	}
	for _, a := range argv[1:] {
		switch a {
		case "|", "||", "&&", "&", ";", ">", ">>", "<", "2>", "2>>", "&>", "2>&1", "1>&2", ">&2":
			return a
		}
		for _, p := range []string{">/", ">>/", "2>/", "1>/", "&>/", "</", "2>&"} {
			if strings.HasPrefix(a, p) {
				return a
			}
		}
		if strings.Contains(a, "$(") || strings.Contains(a, "`") || len(a) > 1 && strings.HasSuffix(a, ";") && a[0] != '\\' {
			return a
		}
	}
	return ""
}

// globals looks at global_defs.
func (l *linter) globals(n *conf.Node) {
	if s := child(n, "enable_script_security"); s != nil {
		l.security = s
	}
	if child(n, "script_user") != nil {
		l.user = true
	}
	l.commands(n)
	l.identity(n)
	l.mailServer(n)
}

// noDefaultUser speaks of scripts that need an account that may not exist.
func (l *linter) noDefaultUser() {
	if l.security != nil && !l.user && l.userless.Origin != nil {
		l.report("default-script-user", l.userless, "no user is given: with script security this runs as keepalived_script, or not at all where there is no such account",
			"write script_user in global_defs")
	}
}

// identity finds what the sample file calls itself.
func (l *linter) identity(n *conf.Node) {
	for _, c := range n.Body {
		switch c.Keyword.Text {
		case "router_id", "lvs_id":
			l.sample(c.Span(), arg(c), "LVS_DEVEL")
		case "smtp_server":
			l.sample(c.Span(), arg(c), "192.168.200.1")
		case "notification_email_from":
			l.sample(c.Span(), arg(c), "@firewall.loc")
		case "notification_email":
			for _, to := range c.Body {
				l.sample(to.Keyword.Span, to.Keyword.Text, "@firewall.loc")
			}
		}
	}
}

func (l *linter) sample(at conf.Span, value, sample string) {
	if value == sample || sample[0] == '@' && strings.HasSuffix(value, sample) {
		l.report("sample-identity", at, value+" stands in the sample file", "write your own, or delete the line")
	}
}

func (l *linter) mailServer(n *conf.Node) {
	s := child(n, "smtp_server")
	host := arg(s)
	if host == "" || host == "localhost" || !strings.ContainsFunc(host, letter) || strings.Contains(host, ":") {
		return
	}
	l.report("mail-by-name", s.Args[0].Span, host+" has to be resolved while the daemon starts", "write its address")
}

func letter(r rune) bool { return r|0x20 >= 'a' && r|0x20 <= 'z' }
