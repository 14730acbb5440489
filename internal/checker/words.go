package checker

import "fmt"

// Kind is the kind of a check.
type Kind uint8

// The kinds.
const (
	TCP Kind = iota
	HTTP
	SSL
	SMTP
	DNS
	UDP
	Ping
	Misc
	File
	BFD
)

// String is the keyword, without _CHECK and _GET.
func (k Kind) String() string {
	return [...]string{TCP: "tcp", HTTP: "http", SSL: "ssl", SMTP: "smtp", DNS: "dns", UDP: "udp", Ping: "ping", Misc: "misc", File: "file", BFD: "bfd"}[k]
}

// Words are how the log speaks of a check: keepalived's texts, which
// operators search for, with the reason behind them.
type Words struct {
	Kind Kind
	// Server and Service are keepalived's names of the real and the virtual
	// server: [192.0.2.1]:tcp:80.
	Server, Service string
	// What is the command of a program, the name of a BFD session.
	What string
	// LogAll tells failures that change nothing too.
	LogAll bool
}

// Line is the line of the log for what a result amounts to; empty: none.
func (w *Words) Line(t Turn, r *Rules, result Result) string {
	switch t.Event {
	case CameUp:
		return w.up()
	case WentDown:
		return w.down(t, r, result)
	case Retrying, StillDown:
		return w.attempt(t, r, result)
	case Hindered:
		return fmt.Sprintf("%s on service %s cannot be made (%s). Rescheduling.", w.check(), w.Server, result.Why)
	}
	return ""
}

func (w *Words) up() string {
	switch w.Kind {
	case TCP:
		return "TCP connection to " + w.Server + " success."
	case UDP:
		return "UDP connection to " + w.Server + " success."
	case Ping:
		return "ICMP connection to " + w.Server + " success."
	case HTTP, SSL:
		return "Remote Web server " + w.Server + " succeed on service."
	case SMTP:
		return "Remote SMTP server " + w.Server + " succeed on service."
	case Misc:
		return w.misc() + " succeeded."
	case BFD:
		return w.session() + " is UP"
	}
	return "" // DNS and files say nothing
}

// check is the name that failures are told under.
func (w *Words) check() string {
	names := [...]string{"TCP_CHECK", "HTTP_CHECK", "SSL_CHECK", "SMTP_CHECK", "DNS_CHECK", "UDP_CHECK", "ICMP CHECK", "MISC_CHECK", "FILE_CHECK", "BFD_CHECK"}
	return names[w.Kind]
}

func (w *Words) down(t Turn, r *Rules, result Result) string {
	switch w.Kind {
	case SMTP, DNS:
		return w.told(result)
	case Misc:
		return w.missed(t, r, result.Why)
	case BFD:
		return w.session() + " is DOWN"
	case File:
		return fmt.Sprintf("FILE_CHECK on service %s failed (%s)", w.Server, result.Why)
	}
	of := ""
	if w.Kind == Ping && t.Retries > 0 {
		of = " of " + w.Service
	}
	return fmt.Sprintf("%s on service %s%s failed%s. (%s)", w.check(), w.Server, of, retries(t), result.Why)
}

// told is a failure in the words of the check itself.
func (w *Words) told(r Result) string {
	if w.Kind == DNS {
		return fmt.Sprintf("DNS_CHECK (%s) %s (%s)", w.Server, r.Text, r.Why)
	}
	return fmt.Sprintf("SMTP_CHECK %s - real server %s (%s)", r.Text, w.Server, r.Why)
}

func retries(t Turn) string {
	if t.Retries == 0 {
		return ""
	}
	return fmt.Sprintf(" after %d retries", t.Retries)
}

// attempt is a failure that changes nothing.
func (w *Words) attempt(t Turn, r *Rules, result Result) string {
	if !w.LogAll {
		return ""
	}
	switch w.Kind {
	case BFD, File:
		return ""
	case SMTP, DNS:
		return w.told(result)
	case Misc:
		return w.missed(t, r, result.Why)
	case HTTP, SSL:
		return fmt.Sprintf("%s server %s. (%s)", result.Text, w.Server, result.Why)
	case Ping:
		return fmt.Sprintf("ICMP connection to address %s failed. (%s)", w.Server, result.Why)
	case UDP:
		return fmt.Sprintf("UDP connection to %s failed. (%s)", w.Server, result.Why)
	}
	return fmt.Sprintf("TCP connection to %s failed. (%s)", w.Server, result.Why)
}

func (w *Words) session() string { return "BFD check of [" + w.What + "] RS(" + w.Server + ")" }

func (w *Words) misc() string {
	return "Misc check for [" + w.Server + " VS " + w.Service + "] by [" + w.What + "]"
}

// missed is a failure of a program.
func (w *Words) missed(t Turn, r *Rules, why string) string {
	when := fmt.Sprintf(" after %d retries", r.Retry)
	switch {
	case r.Retry == 0:
		when = " with retry disabled"
	case t.Event == Retrying && t.Retries == 1:
		when = fmt.Sprintf(", will do %d retries", r.Retry)
	case t.Event == Retrying:
		when = fmt.Sprintf(" on retry %d/%d", t.Retries-1, r.Retry)
	}
	if why == TimedOut {
		return w.misc() + " timed out" + when + "."
	}
	return w.misc() + " failed" + when + " (" + why + ")."
}

// TimedOut is the reason of a program that took too long.
const TimedOut = "timed out"
