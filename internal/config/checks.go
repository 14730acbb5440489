package config

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"holdfast/internal/conf"
	"holdfast/internal/notify"
)

// checkDraft is a check while it is read. What its kind does not have stays zero.
type checkDraft struct {
	b      *builder
	node   *conf.Node
	kind   CheckKind
	target netip.Addr // of the probe, as far as it is known
	timing timing
	probe  Probe
	logAll maybe[bool]

	http     HTTPCheck
	pages    []pageDraft
	host     maybe[string]
	sniName  string
	tls      bool
	smtp     SMTPCheck
	hosts    bool // there is a block host
	dns      DNSCheck
	udp      UDPCheck
	command  *notify.Command
	timeout  maybe[time.Duration]
	dynamic  bool
	user     maybe[runner]
	bfd      maybe[string]
	file     FileCheck
	weighted bool
}

// runner is who runs a program.
type runner struct {
	user, group   string
	supplementary bool
}

// checkTables are those of all kinds.
type checkTables struct {
	pageTables
	otherTables
}

func newCheckTables() checkTables { return checkTables{newPageTables(), newOtherTables()} }

// checkTable is the table of one kind, with what real_server says of it.
type checkTable struct {
	kind    CheckKind
	t       *block[checkDraft]
	meaning string
}

// kinds lists the checks that a real_server may have.
func (t *checkTables) kinds() []checkTable {
	return []checkTable{
		{CheckHTTP, t.httpGet, "Pages are fetched and looked at."},
		{CheckSSL, t.sslGet, "Pages are fetched over TLS and looked at; certificates are not verified."},
		{CheckTCP, t.tcp, "A TCP connection is opened."},
		{CheckSMTP, t.smtp, "A mail server is greeted."},
		{CheckDNS, t.dns, "A name server is asked; any answer without an error is good."},
		{CheckMisc, t.misc, "A program is run."},
		{CheckUDP, t.udp, "A datagram is sent; an ICMP error is a failure."},
		{CheckPing, t.ping, "An ICMP echo request is sent."},
		{CheckBFD, t.bfd, "The state of a BFD session is followed."},
		{CheckFile, t.file, "The number in a file is followed."},
	}
}

// pages lists the tables.
func (t *checkTables) pages() []page {
	return []page{
		t.httpGet, t.httpURL, t.httpOptions, t.sslGet, t.sslURL, t.sslOptions,
		t.tcp, t.smtp, t.host, t.dns, t.dnsType, t.misc, t.udp, t.ping, t.bfd, t.file,
	}
}

// innerTiming is how checks differ from what is around them.
func innerTiming() timingLevel {
	return timingLevel{leastRetry: 0, alpha: boolean(), above: "real_server, else virtual_server, else "}
}

// checkRows are what the checks with retries have in common.
func checkRows() []keyword[checkDraft] {
	rows := timingRows(innerTiming(), func(c *checkDraft) *timing { return &c.timing })
	return append(rows, keyword[checkDraft]{word: "log_all_failures", form: boolean(), note: "checker_log_all_failures",
		meaning: "Failures are logged even while the server is down or has retries left.",
		set:     func(c *checkDraft, v value) { c.logAll = given(v.on, v.at) }})
}

// probeRows are what the checks that connect have in common.
func probeRows() []keyword[checkDraft] {
	type row = keyword[checkDraft]
	rows := []row{
		{word: "connect_ip", form: address(), note: "that of the real server",
			meaning: "Where to connect to.",
			set:     (*checkDraft).setTarget},
		{word: "connect_port", form: integer(between(1, 65535)), note: "that of the real server",
			meaning: "The port to connect to.",
			set:     func(c *checkDraft, v value) { c.probe.Port = uint16(v.n) }},
		{word: "bindto", form: address(), note: "the kernel's choice",
			meaning: "The address to connect from, of the same family.",
			set:     (*checkDraft).setSource},
		{word: "bind_port", form: integer(between(1, 65535)), note: "the kernel's choice",
			meaning: "The port to connect from.",
			set:     func(c *checkDraft, v value) { c.probe.SourcePort = uint16(v.n) }},
		{word: "bind_if", form: link(), note: "none",
			meaning: "The interface to connect through; a link-local address needs one.",
			set:     func(c *checkDraft, v value) { c.probe.Link = v.text }},
		{word: "fwmark", form: integer(between(0, 1<<32-1)), note: "0: none",
			meaning: "The mark of the packets of the check.",
			set:     func(c *checkDraft, v value) { c.probe.Mark = uint32(v.n) }},
		connectRow(innerTiming().above, func(c *checkDraft) *timing { return &c.timing }),
	}
	return append(rows, checkRows()...)
}

// simpleCheck is the table of a check that connects, with words of its own.
func simpleCheck(kind CheckKind, own ...keyword[checkDraft]) *block[checkDraft] {
	return table("virtual_server/real_server/"+kind.String(), append(probeRows(), own...)...)
}

// setTarget takes an address that fits bindto, if that is given.
func (c *checkDraft) setTarget(v value) {
	if s := c.probe.Source; s.IsValid() && s.Is6() != v.addr.Is6() {
		c.b.complain(v.at, fmt.Sprintf("connect_ip %s and bindto %s are of different families; connect_ip is ignored", v.addr, s), "")
		return
	}
	c.target = v.addr
}

// setSource takes an address that fits where the check connects to.
func (c *checkDraft) setSource(v value) {
	if c.target.Is6() != v.addr.Is6() {
		c.b.complain(v.at, fmt.Sprintf("bindto %s is not %s like %s, where the check connects to; it is ignored", v.addr, familyName(c.target.Is6()), c.target), "")
		return
	}
	c.probe.Source = v.addr
}

// readCheck reads a check of a real server.
func (b *builder) readCheck(d *virtualDraft, r *realDraft, block checkBlock) {
	c := &b.lvs.check
	*c = checkDraft{b: b, node: block.node, kind: block.kind, target: r.Addr, pages: c.pages[:0]}
	c.http.URLs = b.lvs.urls[:0]
	b.enter(block.node)
	defer b.leave()
	block.t.read(b, block.node.Body, c)
	c.timing = c.timing.from(&r.timing)
	check, ok := c.settle(d, r)
	b.lvs.urls = c.http.URLs
	if !ok {
		return
	}
	r.checks = append(r.checks, one(b.lvs.store.checks, check))
	if own, ok := c.besides(r, check); ok {
		r.checks = append(r.checks, one(b.lvs.store.checks, own))
	}
}

// settle fills the defaults in, and answers false for a check that cannot be.
func (c *checkDraft) settle(d *virtualDraft, r *realDraft) (Check, bool) {
	out := Check{Kind: c.kind, Alpha: c.timing.alpha.value}
	if c.kind != CheckBFD && c.kind != CheckFile {
		c.settleTiming(&out)
	}
	if c.probes() {
		if !c.settleProbe(r) {
			return out, false
		}
		out.Probe = c.probe
	}
	store := &c.b.lvs.store
	switch c.kind {
	case CheckHTTP, CheckSSL:
		return out, c.settleHTTP(&out, d, r)
	case CheckSMTP:
		out.SMTP = one(store.smtp, SMTPCheck{cmp.Or(c.smtp.HELO, heloName)})
	case CheckDNS:
		out.DNS = one(store.dns, DNSCheck{cmp.Or(c.dns.Type, dnsSOA), cmp.Or(c.dns.Name, ".")})
	case CheckUDP:
		c.settleUDP()
		out.UDP = one(store.udp, c.udp)
	case CheckMisc:
		return out, c.settleMisc(&out, d)
	case CheckFile:
		return out, c.settleFile(&out)
	case CheckBFD:
		return out, c.settleBFD(&out, r)
	}
	return out, true
}

// probes reports whether the kind connects to something.
func (c *checkDraft) probes() bool {
	return c.kind != CheckMisc && c.kind != CheckFile && c.kind != CheckBFD
}

// settleTiming fills in when to check. What a kind has of its own is the last
// resort.
func (c *checkDraft) settleTiming(out *Check) {
	t := &c.timing
	out.LogAllFailures = c.logAll.or(c.b.globals.logAllChecks)
	out.DelayLoop = t.delayLoop.or(60 * time.Second)
	out.Warmup = t.warmup.or(out.DelayLoop)
	retry, pause := uint32(1), time.Second
	switch c.kind {
	case CheckHTTP, CheckSSL:
		pause = 3 * time.Second
	case CheckDNS:
		retry, pause = 3, out.DelayLoop
	case CheckMisc:
		retry = 0
	}
	out.Retry, out.DelayBeforeRetry = t.retry.or(retry), t.retryDelay.or(pause)
}

// settleProbe fills in where to connect to.
func (c *checkDraft) settleProbe(r *realDraft) bool {
	c.probe.Timeout = c.timing.connect.or(5 * time.Second)
	if c.target != r.Addr {
		c.probe.Addr = c.target
	}
	if c.probe.Port == 0 && r.written != 0 && r.written != r.Port {
		c.probe.Port = r.written // the service takes it away from the real server, not from the check
	}
	if c.target.Is6() && c.target.IsLinkLocalUnicast() && c.probe.Link == "" {
		c.b.complain(c.node.Span(), fmt.Sprintf("%s is a link-local address, which needs bind_if; the check is left out", c.target), "write bind_if NAME")
		return false
	}
	return true
}

func (c *checkDraft) settleBFD(out *Check, r *realDraft) bool {
	switch {
	case !c.bfd.given:
		if written(c.node, "name") == nil {
			c.b.complain(c.node.Span(), "BFD_CHECK has no name and is left out", "name a bfd_instance")
		}
		return false
	case slices.Contains(r.bfds, c.bfd.value):
		c.b.complain(c.bfd.at, "this real server follows "+c.bfd.value+" already; the check is left out", "delete it")
		return false
	}
	r.bfds = append(r.bfds, c.bfd.value)
	out.BFD = c.bfd.value
	return true
}
