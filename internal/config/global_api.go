package config

import (
	"fmt"
	"net/netip"

	"holdfast/internal/conf"
)

// API says who may ask the daemon beside root. Empty: nobody.
type API struct {
	Group     string // may change things too
	ReadGroup string // may look only
	// Listen is where other machines may ask; zero: nowhere. The rest is for them.
	Listen                             netip.Addr
	Port                               uint16
	Certificate, Key, ClientCA, Tokens string // files
	ListenActs                         bool
}

func apiRows() []keyword[globals] {
	return []keyword[globals]{
		{word: "api_group", form: text("GROUP"), note: "root alone", own: true,
			meaning: "Members of the group may ask the daemon for everything at its socket, and tell it what to do (reload, handover, maintenance, server), as root may. It is looked up when the configuration is taken over.",
			set:     func(g *globals, v value) { g.API.Group = v.text }},
		{word: "api_listen", form: words("ADDRESS PORT"), note: "nowhere", own: true,
			meaning: "Other machines may look at the daemon by HTTPS there, if they show a token or a certificate; a browser finds a page. A process of its own, without rights, answers them. It needs api_certificate, api_key and one of api_tokens and api_client_ca.",
			set:     (*globals).apiListen},
		{word: "api_certificate", form: text("FILE"), note: "none", own: true,
			meaning: "The certificate that api_listen shows, with those in between, as PEM.",
			set:     func(g *globals, v value) { g.API.Certificate = v.text }},
		{word: "api_key", form: text("FILE"), note: "none", own: true,
			meaning: "The key of api_certificate, as PEM.",
			set:     func(g *globals, v value) { g.API.Key = v.text }},
		{word: "api_client_ca", form: text("FILE"), note: "none", own: true,
			meaning: "Who shows a certificate that this one has signed may ask at api_listen.",
			set:     func(g *globals, v value) { g.API.ClientCA = v.text }},
		{word: "api_tokens", form: text("FILE"), note: "none", own: true,
			meaning: "Who shows a token of the file may ask at api_listen. Its lines are `read NAME TOKEN` and `act NAME TOKEN`.",
			set:     func(g *globals, v value) { g.API.Tokens = v.text }},
		{word: "api_listen_acts", form: flag(), own: true,
			meaning: "At api_listen, who shows a certificate or a token to act may change things too; without it everybody only looks.",
			set:     func(g *globals, _ value) { g.API.ListenActs = true }},
		{word: "api_read_group", form: text("GROUP"), note: "root alone", own: true,
			meaning: "Members of the group may look (status, why, events, ipvs, metrics) and change nothing.",
			set:     func(g *globals, v value) { g.API.ReadGroup = v.text }},
	}
}

// apiListen reads where other machines may ask.
func (g *globals) apiListen(v value) {
	if len(v.words) < 2 {
		g.b.missing(call{word: v.node.Keyword}, "an address and a port")
		return
	}
	addr, err := netip.ParseAddr(v.words[0].Text)
	if err != nil || addr.Zone() != "" {
		g.b.complain(v.words[0].Span, fmt.Sprintf("%q is no address; api_listen is ignored", v.words[0].Text), "write the address of an interface, or 0.0.0.0 or :: for all")
		return
	}
	c := call{word: conf.Token{Text: "the port of api_listen"}}
	if port, ok := g.b.number(c, v.words[1], between(1, 65535)); ok {
		g.API.Listen, g.API.Port = addr, uint16(port)
	}
}
