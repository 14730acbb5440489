package lint

import (
	"fmt"
	"net/netip"
	"strings"

	"holdfast/internal/conf"
)

// virtualServer looks at a virtual_server and its real servers.
func (l *linter) virtualServer(n *conf.Node) {
	l.commands(n)
	if _, err := netip.ParseAddr(arg(n)); err == nil && n.Block {
		l.virtual = append(l.virtual, n)
	}
	var bare, byTCP conf.Span
	count := 0
	udp := arg(child(n, "protocol")) == "UDP"
	for _, c := range n.Body {
		if c.Keyword.Text != "real_server" || !c.Block {
			continue
		}
		l.commands(c)
		checks, tcp := l.checkers(c)
		if checks == 0 {
			bare, count = first(bare, c.Span()), count+1
		}
		if udp && checks > 0 && checks == tcp {
			byTCP = first(byTCP, c.Span())
		}
	}
	if count > 0 {
		l.report("no-checker", bare, noChecker(count), "add TCP_CHECK { } at least")
	}
	if byTCP.Origin != nil {
		l.report("udp-by-tcp", byTCP, "a UDP service is watched by TCP alone: the two can fail apart", "use UDP_CHECK, DNS_CHECK or MISC_CHECK")
	}
}

func noChecker(n int) string {
	if n == 1 {
		return "this real server has no checker: it always counts as alive"
	}
	return fmt.Sprintf("this real server and %d more have no checker: they always count as alive", n-1)
}

func first(a, b conf.Span) conf.Span {
	if a.Origin != nil {
		return a
	}
	return b
}

// checkers counts those of a real server, and those of them that make a TCP
// connection.
func (l *linter) checkers(n *conf.Node) (all, tcp int) {
	for _, c := range n.Body {
		switch w := c.Keyword.Text; {
		case w == "TCP_CHECK" || w == "HTTP_GET" || w == "SSL_GET" || w == "SMTP_CHECK":
			all, tcp = all+1, tcp+1
		case w == "BFD_CHECK":
			l.followed[arg(child(c, "name"))] = true
			all++
		case w == "MISC_CHECK":
			l.commands(c)
			all++
		case strings.HasSuffix(w, "_CHECK"):
			all++
		}
	}
	return all, tcp
}

// withoutVIP compares services with the addresses of the instances, where the
// file has any.
func (l *linter) withoutVIP() {
	if len(l.vips) == 0 {
		return
	}
	for _, n := range l.virtual {
		a, _ := netip.ParseAddr(arg(n))
		if !l.vips[a.String()] {
			l.report("virtual-server-without-vip", n.Args[0].Span, a.String()+" is no virtual address of this file: nothing brings it to this node", "add it to virtual_ipaddress, or correct it")
		}
	}
}
