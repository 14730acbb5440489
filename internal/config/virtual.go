package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/conf"
)

// virtualDraft is a virtual_server while it is read; the innermost real server,
// check and page are those that are being read.
type virtualDraft struct {
	b        *builder
	server   VirtualServer
	protocol maybe[string]
	sched    maybe[string]
	method   maybe[string]
	real     RealServer
	check    checkDraft
	url      URL
}

// checkDraft is a check whose defaults come from the blocks around it.
type checkDraft struct {
	Check
	connect, delay, retryDelay maybe[time.Duration]
	retry                      maybe[int]
}

// loops is the range of the time from check to check.
func loops() form { return duration(times(time.Microsecond, whole, time.Microsecond)) }

// schedulers are those that the kernel has.
func schedulers() form {
	return choice("rr", "wrr", "lc", "wlc", "lblc", "sh", "mh", "dh", "fo", "ovf", "lblcr", "sed", "nq", "twos")
}

func virtualServerTable(v *vocabulary) *block[virtualDraft] {
	type row = keyword[virtualDraft]
	return table("virtual_server",
		row{word: "delay_loop", form: loops(), def: "60",
			meaning: "Time from check to check of the real servers.",
			set:     func(d *virtualDraft, v value) { d.server.DelayLoop = v.d }},
		row{word: "lvs_sched", form: schedulers(), note: "wlc, with a complaint",
			meaning: "How the kernel chooses a real server.",
			set:     func(d *virtualDraft, v value) { d.sched = given(v.text, v.at) }},
		row{word: "lb_algo", form: schedulers(), note: "wlc, with a complaint",
			meaning: "The same as lvs_sched.",
			set:     func(d *virtualDraft, v value) { d.sched = given(v.text, v.at) }},
		row{word: "lvs_method", form: choice("NAT", "DR", "TUN"), note: "NAT, with a complaint",
			meaning: "How packets get to the real servers.",
			set:     func(d *virtualDraft, v value) { d.method = given(v.text, v.at) }},
		row{word: "lb_kind", form: choice("NAT", "DR", "TUN"), note: "NAT, with a complaint",
			meaning: "The same as lvs_method.",
			set:     func(d *virtualDraft, v value) { d.method = given(v.text, v.at) }},
		row{word: "protocol", form: text("TCP|UDP|SCTP"), note: "UDP, with a complaint",
			meaning: "The transport protocol of the service.",
			set:     (*virtualDraft).setProtocol},
		row{word: "persistence_timeout", form: persistence(), note: "none; 360 without an argument",
			meaning: "A client stays with its real server for this long.",
			set:     func(d *virtualDraft, v value) { d.server.Persistence = v.d }},
		row{word: "real_server", form: named("IP [PORT] { block }"), opens: v.realServer,
			meaning: "One server behind the service.",
			set:     (*virtualDraft).readReal},
	)
}

func realServerTable(v *vocabulary) *block[virtualDraft] {
	type row = keyword[virtualDraft]
	return table("virtual_server/real_server",
		row{word: "weight", form: integer(between(0, 1<<31-1)), note: "1",
			meaning: "Its share of the connections.",
			set:     func(d *virtualDraft, v value) { d.real.Weight = v.n }},
		row{word: "HTTP_GET", form: body("block"), opens: v.httpGet,
			meaning: "Pages are fetched and looked at.",
			set:     func(d *virtualDraft, v value) { d.readCheck(v, d.b.voc.httpGet) }},
		row{word: "SSL_GET", form: body("block"), opens: v.sslGet,
			meaning: "Pages are fetched over TLS and looked at.",
			set:     func(d *virtualDraft, v value) { d.readCheck(v, d.b.voc.sslGet) }},
		row{word: "TCP_CHECK", form: body("block"), opens: v.tcpCheck,
			meaning: "A TCP connection is opened.",
			set:     func(d *virtualDraft, v value) { d.readCheck(v, d.b.voc.tcpCheck) }},
	)
}

// checkRows are what the checks have in common.
func checkRows() []keyword[virtualDraft] {
	return []keyword[virtualDraft]{
		{word: "connect_timeout", form: duration(times(time.Microsecond, microtimes, time.Microsecond)), note: "5",
			meaning: "How long connecting and each answer may take.",
			set:     func(d *virtualDraft, v value) { d.check.connect = given(v.d, v.at) }},
		{word: "retry", form: integer(between(0, 1<<32-1)), note: "1",
			meaning: "How many more failures a live server is allowed.",
			set:     func(d *virtualDraft, v value) { d.check.retry = given(v.n, v.at) }},
		{word: "delay_before_retry", form: duration(times(0, whole, time.Microsecond)), note: "1; 3 for HTTP_GET and SSL_GET",
			meaning: "The pause before such another try.",
			set:     func(d *virtualDraft, v value) { d.check.retryDelay = given(v.d, v.at) }},
		{word: "delay_loop", form: loops(), note: "that of the virtual server",
			meaning: "Time from check to check.",
			set:     func(d *virtualDraft, v value) { d.check.delay = given(v.d, v.at) }},
	}
}

func tcpCheckTable() *block[virtualDraft] {
	return table("virtual_server/real_server/TCP_CHECK", checkRows()...)
}

func httpGetTable(kind string, url *block[virtualDraft]) *block[virtualDraft] {
	return table("virtual_server/real_server/"+kind, append(checkRows(),
		keyword[virtualDraft]{word: "nb_get_retry", form: integer(between(0, 1<<32-1)), note: "retry", instead: "retry",
			meaning: "The same as retry.",
			set:     func(d *virtualDraft, v value) { d.check.retry = given(v.n, v.at) }},
		keyword[virtualDraft]{word: "url", form: body("block"), opens: url,
			meaning: "One page to fetch.",
			set:     (*virtualDraft).readURL},
	)...)
}

func urlTable() *block[virtualDraft] {
	type row = keyword[virtualDraft]
	return table("virtual_server/real_server/HTTP_GET/url",
		row{word: "path", form: text("PATH"), note: "required",
			meaning: "What is asked for.",
			set:     func(d *virtualDraft, v value) { d.url.Path = v.text }},
		row{word: "digest", form: text("HEX"), note: "none",
			meaning: "The MD5 digest that the page must have, 32 hexadecimal digits.",
			set:     (*virtualDraft).setDigest},
		row{word: "status_code", form: words("N|A-B ..."), note: "200-299",
			meaning: "The HTTP status codes that are good; several lists add up.",
			set:     (*virtualDraft).setStatus},
	)
}

// persistence is a number of seconds that may be left out.
func persistence() form {
	f := duration(times(time.Second, 2678400*time.Second, time.Second))
	needed := f.read
	f.args = "[SECONDS]"
	f.read = func(b *builder, c call) (value, int, bool) {
		if len(c.args) == 0 {
			return value{at: c.word.Span, d: 360 * time.Second}, 0, true
		}
		return needed(b, c)
	}
	return f
}

func (d *virtualDraft) setProtocol(v value) {
	p := strings.ToUpper(v.text)
	if p != "TCP" && p != "UDP" && p != "SCTP" {
		d.b.complain(v.at, fmt.Sprintf("there is no protocol %q; UDP is used", v.text), nearest(p, []string{"TCP", "UDP", "SCTP"}, "TCP, UDP or SCTP"))
		return
	}
	d.protocol = given(p, v.at)
}

func (b *builder) readVirtualServer(v value) {
	d := &virtualDraft{b: b}
	if !d.identify(v) {
		return
	}
	b.enter(v.node)
	defer b.leave()
	b.voc.virtualServer.defaults(b, d)
	b.voc.virtualServer.read(b, v.node.Body, d)
	d.settle(v)
	if len(d.server.RealServers) == 0 {
		b.complain(v.at, "a virtual_server without real_server is left out", "")
		return
	}
	if b.virtual == nil {
		b.virtual = v.node
	}
	b.cfg.VirtualServers = append(b.cfg.VirtualServers, d.server)
}

// identify reads IP [PORT], fwmark N or group NAME.
func (d *virtualDraft) identify(v value) bool {
	switch {
	case len(v.words) == 0:
		d.b.missing(call{word: v.node.Keyword}, "an address, fwmark N or group NAME")
		return false
	case v.words[0].Text == "fwmark" && len(v.words) > 1:
		n, ok := d.b.number(call{word: v.words[0]}, v.words[1], between(0, 1<<32-1))
		d.server.Mark = uint32(n)
		return ok
	case v.words[0].Text == "group" && len(v.words) > 1:
		d.server.Group = d.b.keep(v.words[1].Text)
		return true
	}
	var ok bool
	d.server.Addr, d.server.Port, ok = d.b.endpoint(v)
	return ok
}

// endpoint reads IP [PORT].
func (b *builder) endpoint(v value) (a netip.Addr, port uint16, ok bool) {
	if a, ok = b.plainAddress(v.words[0]); !ok || len(v.words) < 2 {
		return a, 0, ok
	}
	n, ok := b.number(call{word: conf.Token{Text: "port"}}, v.words[1], between(0, 65535))
	return a, uint16(n), ok
}

// settle fills in what keepalived complains about when it is missing.
func (d *virtualDraft) settle(v value) {
	s := &d.server
	s.Protocol, s.Scheduler, s.Method = d.protocol.value, d.sched.or("wlc"), d.method.or("NAT")
	if written(v.node, "lvs_sched", "lb_algo") == nil {
		d.b.complain(v.at, "no scheduler is given; wlc is used", "write lb_algo")
	}
	if written(v.node, "lvs_method", "lb_kind") == nil {
		d.b.complain(v.at, "no way of forwarding is given; NAT is used", "write lb_kind")
	}
	if !d.protocol.given && s.Mark == 0 {
		s.Protocol = "UDP"
		if written(v.node, "protocol") == nil {
			d.b.complain(v.at, "no protocol is given; UDP is used", "write protocol TCP, if that is meant")
		}
	}
	for i := range s.RealServers {
		for k := range s.RealServers[i].Checks {
			if c := &s.RealServers[i].Checks[k]; c.DelayLoop == 0 {
				c.DelayLoop = s.DelayLoop
			}
		}
	}
}

func (d *virtualDraft) readReal(v value) {
	if len(v.words) == 0 {
		d.b.missing(call{word: v.node.Keyword}, "an address")
		return
	}
	d.real = RealServer{Weight: 1}
	var ok bool
	if d.real.Addr, d.real.Port, ok = d.b.endpoint(v); !ok {
		return
	}
	if d.server.Addr.IsValid() && len(v.words) < 2 {
		d.real.Port = d.server.Port
	}
	d.b.enter(v.node)
	d.b.voc.realServer.read(d.b, v.node.Body, d)
	d.b.leave()
	d.server.RealServers = append(d.server.RealServers, d.real)
}

func (d *virtualDraft) readCheck(v value, t *block[virtualDraft]) {
	kind := v.node.Keyword.Text
	d.check = checkDraft{Check: Check{Kind: d.b.keep(kind)}}
	d.b.enter(v.node)
	defer d.b.leave()
	t.read(d.b, v.node.Body, d)
	c := &d.check
	pause := time.Second
	if kind != "TCP_CHECK" {
		pause = 3 * time.Second
		if len(c.URLs) == 0 {
			d.b.complain(v.at, kind+" has no url and is left out", "write url { path / }")
			return
		}
	}
	c.ConnectTimeout, c.Retry = c.connect.or(5*time.Second), c.retry.or(1)
	c.DelayBeforeRetry, c.DelayLoop = c.retryDelay.or(pause), c.delay.value
	d.real.Checks = append(d.real.Checks, c.Check)
}

func (d *virtualDraft) readURL(v value) {
	d.url = URL{}
	d.b.enter(v.node)
	defer d.b.leave()
	d.b.voc.url.read(d.b, v.node.Body, d)
	if d.url.Path == "" {
		d.b.complain(v.at, "url has no path and is left out", "write path /")
		return
	}
	d.check.URLs = append(d.check.URLs, d.url)
}

func (d *virtualDraft) setDigest(v value) {
	if len(v.text) != 32 || strings.Trim(strings.ToLower(v.text), hexDigits) != "" {
		d.b.complain(v.at, "a digest is 32 hexadecimal digits; this one is ignored", "genhash prints it")
		return
	}
	d.url.Digest = strings.ToLower(v.text)
}

func (d *virtualDraft) setStatus(v value) {
	for _, w := range v.words {
		r, ok := statusRange(w.Text)
		if !ok {
			d.b.complain(w.Span, fmt.Sprintf("%q is not a status code; it is ignored", w.Text), "100 to 599, or A-B")
			continue
		}
		d.url.Status = append(d.url.Status, r)
	}
	d.url.Status = slices.Clip(d.url.Status)
}

func statusRange(s string) (StatusRange, bool) {
	from, to, ranged := strings.Cut(s, "-")
	if !ranged {
		to = from
	}
	a, err := strconv.ParseUint(from, 10, 16)
	z, err2 := strconv.ParseUint(to, 10, 16)
	ok := err == nil && err2 == nil && a >= 100 && a <= z && z <= 599
	return StatusRange{uint16(a), uint16(z)}, ok
}
