package config

import (
	"time"

	"holdfast/internal/conf"
)

// mailRows are about alert mail.
func mailRows() []keyword[globals] {
	type row = keyword[globals]
	return []row{
		{word: "notification_email", form: wordList("ADDR"),
			meaning: "Who gets alert mail; several lists add up.",
			set:     (*globals).recipients},
		{word: "notification_email_from", form: loose(onlyWord(text("ADDR"))), note: "user@hostname",
			meaning: "The sender of alert mail.",
			set:     func(g *globals, v value) { g.Mail.From = v.text }},
		{word: "smtp_server", form: words("ADDR|HOST [PORT]"), note: "none; port 25",
			meaning: "Where alert mail is handed in; without it none is sent.",
			set:     (*globals).server},
		{word: "smtp_helo_name", form: silent(text("NAME")), note: "the host name",
			meaning: "The name given to the mail server.",
			set:     func(g *globals, v value) { g.Mail.HELO = v.text }},
		{word: "smtp_connect_timeout", form: duration(times(time.Second, 4294*time.Second, time.Second).noZero(time.Second)), def: "30",
			meaning: "How long to wait for the mail server, at each step.",
			set:     func(g *globals, v value) { g.Mail.Timeout = v.d }},
		{word: "smtp_alert", form: boolean(), note: "unset",
			meaning: "Mail on state changes, where smtp_alert_vrrp does not say otherwise.",
			set:     func(g *globals, v value) { g.mail, g.SNMP.Alerts[0] = given(v.on, v.at), switched(v.on) }},
		{word: "smtp_alert_vrrp", form: boolean(), note: "smtp_alert",
			meaning: "Mail on state changes of instances and groups that do not say themselves.",
			set:     func(g *globals, v value) { g.mailVRRP, g.SNMP.Alerts[1] = given(v.on, v.at), switched(v.on) }},
		{word: "no_email_faults", form: flag(), note: "off",
			meaning: "No mail about FAULT.",
			set:     func(g *globals, v value) { g.Mail.NoFault = true }},
		{word: "smtp_tls", form: choice("never", "starttls", "always"), def: "never", own: true,
			meaning: "Whether mail is handed in encrypted: starttls begins in clear and asks for it, always begins with it (port 465); without it then nothing is sent. The certificate of the server is checked against its name.",
			set:     func(g *globals, v value) { g.Mail.TLS = v.text }},
		{word: "smtp_auth", form: words("USER PASSWORD"), note: "none", own: true,
			meaning: "Who hands mail in, for servers that ask (AUTH PLAIN); the password leaves the machine only encrypted, see smtp_tls.",
			set:     (*globals).mailAccount},
	}
}

func (g *globals) mailAccount(v value) {
	if len(v.words) < 2 {
		g.b.missing(call{word: v.node.Keyword}, "a user and a password")
		return
	}
	g.Mail.User, g.Mail.Password = g.b.keep(v.words[0].Text), g.b.keep(v.words[1].Text)
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

// mailDefault is what smtp_alert means for instances and groups that do
// not say themselves.
func (g *globals) mailDefault() bool { return g.mailVRRP.or(g.mail.or(false)) }
