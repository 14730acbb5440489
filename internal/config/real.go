package config

import (
	"fmt"
	"net/netip"
	"slices"

	"holdfast/internal/conf"
)

// realDraft is a real_server while it is read.
type realDraft struct {
	RealServer
	b       *builder
	written uint16 // the port in the file
	timing  timing
	method  maybe[Forwarding]
	weight  maybe[int]
	// inhibit, mail and alpha may say no to what the virtual server says.
	inhibit maybe[bool]
	mail    maybe[bool]
	host    maybe[string]
	// blocks are the checks: what this block says below them is their default
	// too, so they are read last.
	blocks []checkBlock
	checks []*Check
	bfds   []string
}

// checkBlock is a check that is yet to be read.
type checkBlock struct {
	node *conf.Node
	kind CheckKind
	t    *block[checkDraft]
}

func realServerTable(v *vocabulary) *block[realDraft] {
	type row = keyword[realDraft]
	rows := []row{
		{word: "weight", form: integer(between(0, 1<<31-1)), note: "virtual_server, else 1",
			meaning: "Its share of the connections; 0 means no new ones.",
			set:     func(d *realDraft, v value) { d.weight = given(v.n, v.at) }},
		{word: "lvs_method", form: forwarding(v.method), opens: v.method, note: "virtual_server",
			meaning: "How packets get to this server.",
			set:     func(d *realDraft, v value) { d.method = given(v.forwarding, v.at) }},
		{word: "uthreshold", form: integer(between(0, 1<<32-1)), note: "0: none",
			meaning: "With this many connections it gets no new ones.",
			set:     func(d *realDraft, v value) { d.UpperThreshold = uint32(v.n) }},
		{word: "lthreshold", form: integer(between(0, 1<<32-1)), note: "0: none",
			meaning: "Below this many connections it gets new ones again, after uthreshold.",
			set:     func(d *realDraft, v value) { d.LowerThreshold = uint32(v.n) }},
		{word: "inhibit_on_failure", form: boolean(), note: "virtual_server",
			meaning: "When it fails it stays in the table with weight 0.",
			set:     func(d *realDraft, v value) { d.inhibit = given(v.on, v.at) }},
		{word: "notify_up", form: command(), once: true, note: "none",
			meaning: "Runs when the server comes up.",
			set:     func(d *realDraft, v value) { d.NotifyUp = d.b.run(v) }},
		{word: "notify_down", form: command(), once: true, note: "none",
			meaning: "Runs when the server goes down.",
			set:     func(d *realDraft, v value) { d.NotifyDown = d.b.run(v) }},
		hookRow("when the server comes up or goes down", func(d *realDraft) hooking { return hooking{d.b, &d.Hooks} }),
		{word: "smtp_alert", form: boolean(), note: "smtp_alert_checker, else smtp_alert, else on",
			meaning: "Mail when the server or one of its checks changes state.",
			set:     func(d *realDraft, v value) { d.mail = given(v.on, v.at) }},
		{word: "virtualhost", form: loose(text("STRING")), note: "virtual_server",
			meaning: "The Host header of HTTP_GET and SSL_GET that have none nearer; it is no TLS server name.",
			set:     func(d *realDraft, v value) { d.host = given(v.text, v.at) }},
		{word: "snmp_name", form: oneWord("STRING"), note: "none",
			meaning: "A label that SNMP shows.",
			set:     func(d *realDraft, v value) { d.SNMPName = v.text }},
	}
	handed := func(d *realDraft) *timing { return &d.timing }
	level := timingLevel{leastRetry: 1, alpha: boolean(), above: "virtual_server, else "}
	rows = append(rows, connectRow(level.above, handed))
	rows = append(rows, timingRows(level, handed)...)
	for _, c := range v.checks().kinds() {
		rows = append(rows, row{word: c.kind.String(), form: body("block"), opens: c.t,
			meaning: c.meaning,
			set:     func(d *realDraft, v value) { d.blocks = append(d.blocks, checkBlock{v.node, c.kind, c.t}) }})
	}
	return table("virtual_server/real_server", rows...)
}

// readReals reads the real servers of a virtual server, which is known by now.
func (d *virtualDraft) readReals() {
	b := d.b
	clear(b.lvs.ports)
	b.lvs.reals = b.lvs.reals[:0]
	for _, e := range d.reals {
		at := netip.AddrPortFrom(e.addr, e.port)
		if b.lvs.ports[at] {
			b.complain(e.node.ArgSpan(), fmt.Sprintf("there is a real_server %s already; this one is left out", endpointName(e)), "delete it")
			continue
		}
		b.lvs.ports[at] = true
		r := d.readReal(e)
		d.sameAsSorry(&r, e)
		d.keepPort(&r, e)
		d.handsDown(len(b.lvs.reals))
		b.lvs.reals = append(b.lvs.reals, r)
	}
	d.RealServers = slices.Clone(b.lvs.reals)
}

// handsDown notes what the real server that was read hands down, where that is something of its own.
func (d *virtualDraft) handsDown(server int) {
	if t := &d.b.lvs.real.timing; *t != d.timing {
		d.Own = append(d.Own, Own{server, t.handed()})
	}
}

func endpointName(e endpoint) string {
	if e.port == 0 {
		return e.addr.String()
	}
	return fmt.Sprintf("%s %d", e.addr, e.port)
}

func (d *virtualDraft) readReal(e endpoint) RealServer {
	b, r := d.b, &d.b.lvs.real
	*r = realDraft{b: b, blocks: r.blocks[:0], checks: r.checks[:0], bfds: r.bfds[:0]}
	r.Addr, r.Port, r.written = e.addr, e.port, e.port
	b.enter(e.node)
	defer b.leave()
	b.voc.realServer.read(b, e.node.Body, r)
	r.settle(d, e)
	for _, block := range r.blocks {
		b.readCheck(d, r, block)
	}
	r.Checks = b.lvs.store.list(r.checks)
	return r.RealServer
}

// settle fills in what the virtual server hands down.
func (r *realDraft) settle(d *virtualDraft, e endpoint) {
	r.timing = r.timing.from(&d.timing)
	r.Weight = r.weight.or(d.weight.or(1))
	r.Forwarding = r.method.or(d.Forwarding)
	r.Inhibit = r.inhibit.or(d.inhibit)
	r.Mail = r.mail.or(d.b.globals.mailOfServers(true))
	r.VirtualHost = r.host.or(d.VirtualHost)
	switch {
	case r.Forwarding.Method != NAT:
		r.Port = d.samePort(r.Port, e.node.ArgSpan(), "real_server")
	case r.Port == 0 && d.Group == "":
		r.Port = d.Port
	}
	if r.UpperThreshold > 0 && r.LowerThreshold > r.UpperThreshold {
		r.b.advise(written(e.node, "lthreshold").Span(), fmt.Sprintf("lthreshold %d is above uthreshold %d", r.LowerThreshold, r.UpperThreshold), "the kernel opens the server again below lthreshold")
	}
}

// keepPort remembers a port that the entries of a group may contradict.
func (d *virtualDraft) keepPort(r *RealServer, e endpoint) {
	if d.Group != "" && r.Forwarding.Method != NAT && r.Port != 0 {
		d.fixed = append(d.fixed, e)
	}
}

// sameAsSorry lets a sorry server that is a real server too have its inhibition.
func (d *virtualDraft) sameAsSorry(r *RealServer, e endpoint) {
	s := d.Sorry
	if s == nil || s.Addr != r.Addr || s.Port != r.Port || s.Inhibit == r.Inhibit {
		return
	}
	d.b.complain(d.sorry.at, "the sorry server is a real server too, but one of them is inhibited and the other not; it is as "+e.node.Title()+" says",
		"write inhibit_on_failure and sorry_server_inhibit both or none")
	s.Inhibit = r.Inhibit
}
