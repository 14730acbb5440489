package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/checker"
	"holdfast/internal/conf"
	"holdfast/internal/notify"
	"holdfast/internal/tracker"
)

// VRRPCheck is one vrrp_check: something that is asked again and again whether it
// is well, without a program being run for it.
type VRRPCheck struct {
	Name string
	Ask  Ask
	From checker.From
	// Host is the site a page is asked for, Status are the answers that are good
	// (none: 200 to 299), NoVerify takes any certificate.
	Host     string
	Status   []StatusRange
	NoVerify bool

	Interval, Timeout time.Duration
	Rise, Fall        int
	// Repair is run once before a failure counts, and RepairTime is how long it
	// has to help; nil: a failure counts at once.
	Repair     *notify.Command
	RepairTime time.Duration
	// StayBackup: while another machine answers, nobody who tracks this takes the
	// silence of a master for its end.
	StayBackup bool
}

// Ask is what a vrrp_check asks. What its kind does not have is zero.
type Ask struct {
	Kind AskKind
	Addr netip.Addr // of what is asked by network
	Port uint16
	// What is the path of the page, the name of the process or of the unit of
	// systemd, or the name for which a resolver is asked.
	What string
	Type uint16 // of the record that a resolver is asked for
	TLS  bool
}

// String is a as a file has it.
func (a Ask) String() string {
	at := netip.AddrPortFrom(a.Addr, a.Port).String()
	switch a.Kind {
	case AskHTTP:
		if a.TLS {
			return "http https://" + at + a.What
		}
		return "http http://" + at + a.What
	case AskTCP:
		return fmt.Sprintf("tcp %s %d", a.Addr, a.Port)
	case AskPing:
		return "ping " + a.Addr.String()
	case AskDNS:
		return fmt.Sprintf("dns %s %s %d", a.Addr, a.What, a.Type)
	}
	return a.Kind.String() + " " + a.What
}

// AskKind is a way to ask.
type AskKind uint8

// The ways.
const (
	AskNothing AskKind = iota
	AskHTTP
	AskTCP
	AskPing
	AskDNS
	AskProcess
	AskSystemd
)

// String is the keyword.
func (k AskKind) String() string {
	return [...]string{"nothing", "http", "tcp", "ping", "dns", "process", "systemd"}[k]
}

// Remote reports whether something is asked by network.
func (k AskKind) Remote() bool { return k != AskProcess && k != AskSystemd }

// vrrpCheckDraft is a vrrp_check while it is read.
type vrrpCheckDraft struct {
	VRRPCheck
	b *builder
	definition
	asks       maybe[struct{}] // where it says what is asked
	timeout    maybe[time.Duration]
	weighted   maybe[struct{}]
	stay       maybe[struct{}]
	repairTime maybe[time.Duration]
	forPages   maybe[string] // the last word that is for pages only
}

func vrrpCheckTable() *block[vrrpCheckDraft] {
	return table("vrrp_check", own(slices.Concat(askRows(), pageRows(), askingRows(), verdictRows())...)...)
}

// askRows are what can be asked; a check has one of them.
func askRows() []keyword[vrrpCheckDraft] {
	const one = "one of http, tcp, ping, dns, process and systemd is required"
	return []keyword[vrrpCheckDraft]{
		{word: "http", form: text("URL"), note: one,
			meaning: "A page that must be served: http:// or https:// and an address, as in http://10.0.0.3:8080/health.",
			set:     (*vrrpCheckDraft).askHTTP},
		{word: "tcp", form: some(words("ADDR PORT"), "an address and a port"), note: one,
			meaning: "A port that must take connections.",
			set:     (*vrrpCheckDraft).askTCP},
		{word: "ping", form: address(), note: one,
			meaning: "A machine that must answer ICMP echo requests.",
			set: func(c *vrrpCheckDraft, v value) {
				c.ask(v, Ask{Kind: AskPing, Addr: v.addr})
			}},
		{word: "dns", form: some(words("ADDR NAME [TYPE]"), "the address of a resolver and a name"), note: one,
			meaning: "A resolver that must answer with a record of the type, or of type A.",
			set:     (*vrrpCheckDraft).askDNS},
		{word: "process", form: text("NAME"), note: one,
			meaning: "A program of which a process must run, by the name that ps -e shows.",
			set: func(c *vrrpCheckDraft, v value) {
				c.ask(v, Ask{Kind: AskProcess, What: v.text})
			}},
		{word: "systemd", form: text("UNIT"), note: one,
			meaning: "A unit of systemd that must be active.",
			set: func(c *vrrpCheckDraft, v value) {
				c.ask(v, Ask{Kind: AskSystemd, What: c.b.keep(unitName(v.text))})
			}},
	}
}

// unitName is the whole name of a unit; a short one is that of a service.
func unitName(s string) string {
	if strings.Contains(s, ".") {
		return s
	}
	return s + ".service"
}

// pageRows are about pages only.
func pageRows() []keyword[vrrpCheckDraft] {
	return []keyword[vrrpCheckDraft]{
		{word: "virtualhost", form: text("NAME"), note: "the address in the URL",
			meaning: "The site that is asked for: the Host header, and the name that a certificate must be for.",
			set:     func(c *vrrpCheckDraft, v value) { c.Host, c.forPages = v.text, given("virtualhost", v.at) }},
		{word: "status_code", form: some(words("N|A-B ..."), "a status code"), note: "200-299",
			meaning: "The HTTP status codes that are good, 100..599; several lists add up.",
			set:     (*vrrpCheckDraft).setStatus},
		{word: "no_verify", form: flag(), note: "off",
			meaning: "The certificate of the server is not verified.",
			set:     func(c *vrrpCheckDraft, v value) { c.NoVerify, c.forPages = true, given("no_verify", v.at) }},
	}
}

// askingRows say when and from where it is asked.
func askingRows() []keyword[vrrpCheckDraft] {
	return []keyword[vrrpCheckDraft]{
		{word: "interval", form: scriptTimes(), def: "1",
			meaning: "Time from one question to the next.",
			set:     func(c *vrrpCheckDraft, v value) { c.Interval = v.d }},
		{word: "timeout", form: scriptTimes(), note: "interval",
			meaning: "Time for the whole answer, from the connection to the last byte that matters.",
			set:     func(c *vrrpCheckDraft, v value) { c.timeout = given(v.d, v.at) }},
		{word: "bindto", form: address(), note: "the kernel's choice",
			meaning: "The address to ask from, of the same family.",
			set:     func(c *vrrpCheckDraft, v value) { c.From.Addr = v.addr }},
		{word: "bind_if", form: link(), note: "none",
			meaning: "The interface to ask through; a link-local address needs one.",
			set:     func(c *vrrpCheckDraft, v value) { c.From.Link = v.text }},
		{word: "fwmark", form: integer(between(0, 1<<32-1)), note: "0: none",
			meaning: "The mark of the packets of the check.",
			set:     func(c *vrrpCheckDraft, v value) { c.From.Mark = uint32(v.n) }},
	}
}

// verdictRows say what comes of the answers.
func verdictRows() []keyword[vrrpCheckDraft] {
	return []keyword[vrrpCheckDraft]{
		{word: "rise", form: integer(between(1, 1<<31-1).else_(1)), def: "1",
			meaning: "Successes in a row that make it good.",
			set:     func(c *vrrpCheckDraft, v value) { c.Rise = v.n }},
		{word: "fall", form: integer(between(1, 1<<31-1).else_(1)), def: "1",
			meaning: "Failures in a row that make it bad.",
			set:     func(c *vrrpCheckDraft, v value) { c.Fall = v.n }},
		{word: "weight", form: weight(between(-weightLimit, weightLimit)), note: "0",
			meaning: "Added to the priority while good when positive, taken away while bad when negative; 0: bad means FAULT.",
			set: func(c *vrrpCheckDraft, v value) {
				c.setWeight(v)
				c.weighted = given(struct{}{}, v.at)
			}},
		{word: "repair", form: command(), note: "none",
			meaning: "A command that is run once when the check would turn bad, and not again within a minute; only if that does not help, it turns bad.",
			set:     func(c *vrrpCheckDraft, v value) { c.Repair = v.command }},
		{word: "repair_time", form: duration(times(100*time.Millisecond, time.Hour, time.Millisecond)), note: "5",
			meaning: "How long the repair may take to help.",
			set:     func(c *vrrpCheckDraft, v value) { c.repairTime = given(v.d, v.at) }},
		{word: "stay_backup", form: flag(), note: "off",
			meaning: "Made for a virtual address: while another machine answers there, a BACKUP that hears no master does not take over.",
			set:     func(c *vrrpCheckDraft, v value) { c.stay = given(struct{}{}, v.at) }},
	}
}

// ask takes what is asked: the first that is said.
func (c *vrrpCheckDraft) ask(v value, a Ask) {
	if c.Ask.Kind != AskNothing {
		c.b.complain(v.at, fmt.Sprintf("a vrrp_check asks one thing, and this one asks by %s already; the line is ignored", c.Ask.Kind), "make a vrrp_check of each, and track both")
		return
	}
	c.Ask, c.asks = a, given(struct{}{}, v.at)
}

// askHTTP takes a URL apart. Names are not looked up: a check that depends on a
// resolver fails with it.
func (c *vrrpCheckDraft) askHTTP(v value) {
	const example = "write http:// or https://, an address and a path, as in http://10.0.0.3:8080/health"
	u, err := url.Parse(v.text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		c.b.complain(v.at, fmt.Sprintf("%q is not a URL that can be asked for; it is ignored", v.text), example)
		return
	}
	addr, err := netip.ParseAddr(u.Hostname())
	if err != nil || addr.Zone() != "" {
		c.b.complain(v.at, fmt.Sprintf("names are not looked up, and %q is not an address; the line is ignored", u.Hostname()), "write the address in the URL and the name behind virtualhost")
		return
	}
	a := Ask{Kind: AskHTTP, Addr: addr.Unmap(), Port: 80, What: c.b.keep(u.RequestURI()), TLS: u.Scheme == "https"}
	if a.TLS {
		a.Port = 443
	}
	if u.Port() != "" {
		port, ok := c.port(v.at, u.Port())
		if !ok {
			return
		}
		a.Port = port
	}
	c.ask(v, a)
}

func (c *vrrpCheckDraft) port(at conf.Span, s string) (uint16, bool) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		c.b.complain(at, fmt.Sprintf("%q is not a port; the line is ignored", s), "1 to 65535")
		return 0, false
	}
	return uint16(n), true
}

func (c *vrrpCheckDraft) askTCP(v value) {
	addr, ok := c.b.addressOr(v.words[0], "the line is ignored")
	if !ok {
		return
	}
	if len(v.words) != 2 {
		c.b.complain(v.at, "tcp takes an address and a port; the line is ignored", "write tcp ADDR PORT")
		return
	}
	if port, ok := c.port(v.words[1].Span, v.words[1].Text); ok {
		c.ask(v, Ask{Kind: AskTCP, Addr: addr, Port: port})
	}
}

func (c *vrrpCheckDraft) askDNS(v value) {
	addr, ok := c.b.addressOr(v.words[0], "the line is ignored")
	if !ok {
		return
	}
	if len(v.words) < 2 || len(v.words) > 3 {
		c.b.complain(v.at, "dns takes an address, a name and perhaps a type; the line is ignored", "write dns ADDR NAME, or dns ADDR NAME AAAA")
		return
	}
	name, record := v.words[1], uint16(1)
	if len(v.words) == 3 {
		if record, ok = recordType(v.words[2].Text); !ok {
			c.b.complain(v.words[2].Span, fmt.Sprintf("%q is not a type of record; the line is ignored", v.words[2].Text), "A, AAAA, CNAME, MX, NS, SOA, SRV, TXT, PTR, or a number")
			return
		}
	}
	if why := malformedDomain(name.Text); why != "" {
		c.b.complain(name.Span, fmt.Sprintf("%q %s; the line is ignored", name.Text, why), "write a name as in example.org")
		return
	}
	c.ask(v, Ask{Kind: AskDNS, Addr: addr, Port: 53, What: c.b.keep(name.Text), Type: record})
}

// recordType is the number of a type of record.
func recordType(s string) (uint16, bool) {
	known := map[string]uint16{"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "DS": 43, "RRSIG": 46, "DNSKEY": 48, "HTTPS": 65, "CAA": 257}
	if n, ok := known[strings.ToUpper(s)]; ok {
		return n, true
	}
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err == nil && n > 0
}

// malformedDomain says what is wrong with the name of a domain.
func malformedDomain(s string) string {
	if s == "." {
		return ""
	}
	if len(s) > 253 {
		return "is longer than 253 bytes"
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		switch {
		case label == "":
			return "has an empty label"
		case len(label) > 63:
			return "has a label longer than 63 bytes"
		}
	}
	return ""
}

func (c *vrrpCheckDraft) setStatus(v value) {
	c.forPages = given("status_code", v.at)
	for _, w := range v.words {
		r, ok := statusRange(w.Text)
		if !ok {
			c.b.complain(w.Span, fmt.Sprintf("%q is not a status code; it is ignored", w.Text), "100 to 599, or A-B")
			continue
		}
		c.Status = append(c.Status, r)
	}
}

func (b *builder) readVRRPCheck(v value) {
	name, ok := b.trackerName(v)
	if !ok {
		return
	}
	d := &vrrpCheckDraft{b: b}
	d.Name, d.node = name, v.node
	b.enter(v.node)
	defer b.leave()
	b.voc.vrrpCheck.defaults(b, d)
	b.voc.vrrpCheck.read(b, v.node.Body, d)
	if !d.settle() {
		return
	}
	d.index = len(b.cfg.Checks)
	b.cfg.Checks = append(b.cfg.Checks, d.VRRPCheck)
	b.define(tracker.Check, name, &d.definition)
}

// settle fills in what depends on other words, and reports whether something can
// be asked.
func (c *vrrpCheckDraft) settle() bool {
	if !c.asks.given {
		c.b.follow(func() {
			c.b.complain(c.node.Span(), fmt.Sprintf("vrrp_check %s asks nothing and is left out", c.Name), "write http, tcp, ping, dns, process or systemd")
		})
		return false
	}
	c.Timeout, c.RepairTime = c.timeout.or(c.Interval), c.repairTime.or(5*time.Second)
	c.settlePage()
	c.settleStay()
	if c.repairTime.given && c.Repair == nil {
		c.b.advise(c.repairTime.at, "repair_time says nothing without repair", "write repair, or delete it")
	}
	return c.settleFrom()
}

func (c *vrrpCheckDraft) settlePage() {
	switch {
	case c.forPages.given && c.Ask.Kind != AskHTTP:
		c.b.advise(c.forPages.at, c.forPages.value+" says nothing without http", "delete it")
	case c.Ask.TLS && c.Host == "" && !c.NoVerify:
		c.b.advise(c.asks.at, "the certificate must be for the address "+c.Ask.Addr.String(), "write virtualhost and the name that it is for")
	}
}

// settleStay keeps stay_backup where it can mean something: it asks another
// machine, and changes no priority.
func (c *vrrpCheckDraft) settleStay() {
	if !c.stay.given {
		return
	}
	if !c.Ask.Kind.Remote() {
		c.b.complain(c.stay.at, fmt.Sprintf("%s asks this machine; stay_backup is ignored", c.Ask.Kind), "ask the virtual address by http, tcp or ping")
		return
	}
	c.StayBackup = true
	if c.weighted.given {
		c.b.complain(c.weighted.at, "weight beside stay_backup is ignored", "delete it")
		c.weight, c.reverse = 0, false
	}
	if c.Repair != nil {
		c.b.complain(c.stay.at, "repair beside stay_backup is ignored: it is well when nobody answers", "delete the repair")
		c.Repair = nil
	}
}

// settleFrom keeps what says where questions leave, and reports whether they can.
func (c *vrrpCheckDraft) settleFrom() bool {
	from := &c.From
	if !c.Ask.Kind.Remote() {
		*from = checker.From{}
		return true
	}
	if from.Addr.IsValid() && from.Addr.Is6() != c.Ask.Addr.Is6() {
		c.b.complain(c.asks.at, fmt.Sprintf("bindto %s is not of the family of %s and is ignored", from.Addr, c.Ask.Addr), "write an address of the same family")
		from.Addr = netip.Addr{}
	}
	if c.Ask.Addr.Is6() && c.Ask.Addr.IsLinkLocalUnicast() && from.Link == "" {
		c.b.complain(c.asks.at, c.Ask.Addr.String()+" means nothing without an interface; the check is left out", "write bind_if")
		return false
	}
	return true
}

// followCheck makes a track of a vrrp_check what the check asks for.
func (b *builder) followCheck(track *tracker.Track, c *VRRPCheck, n *conf.Node) {
	track.Hold = c.StayBackup
	if c.Repair != nil {
		b.use(n.Span(), c.Repair)
	}
}
