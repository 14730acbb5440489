package config

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"holdfast/internal/conf"
	"holdfast/internal/notify"
	"holdfast/internal/tracker"
)

// otherTables are those of the checks that fetch no pages.
type otherTables struct {
	tcp, smtp, host, dns, dnsType, udp, ping, misc, file, bfd *block[checkDraft]
}

func newOtherTables() otherTables {
	const base = "virtual_server/real_server/"
	o := otherTables{tcp: simpleCheck(CheckTCP), ping: simpleCheck(CheckPing), udp: simpleCheck(CheckUDP, udpRows()...), dnsType: dnsTypeTable()}
	o.host = table(base+"SMTP_CHECK/host", probeRows()...)
	o.smtp = simpleCheck(CheckSMTP, smtpRows(o.host)...)
	o.dns = simpleCheck(CheckDNS, dnsRows(o.dnsType)...)
	o.misc = table(base+"MISC_CHECK", append(miscRows(), checkRows()...)...)
	o.file = table(base+"FILE_CHECK", fileRows()...)
	o.bfd = table(base+"BFD_CHECK", bfdRows()...)
	return o
}

// SMTP_CHECK.

func smtpRows(host *block[checkDraft]) []keyword[checkDraft] {
	return []keyword[checkDraft]{
		{word: "helo_name", form: loose(text("NAME")), note: heloName,
			meaning: "The name given to the mail server.",
			set:     func(c *checkDraft, v value) { c.smtp.HELO = v.text }},
		{word: "host", form: body("block"), opens: host,
			meaning: "An old way to name an address: what it says counts for the whole check, and the real server's own address and port are checked too.",
			set:     func(c *checkDraft, v value) { c.readHost(v, host) }},
	}
}

// heloName is what keepalived calls itself when nothing else is said.
const heloName = "smtpchecker.keepalived.org"

// readHost reads a block host. As in keepalived 2.4.3 its words are those of the
// check around it.
func (c *checkDraft) readHost(v value, t *block[checkDraft]) {
	c.hosts = true
	c.b.enter(v.node)
	t.read(c.b, v.node.Body, c)
	c.b.leave()
	c.b.advise(v.at, "the words of host count for the whole SMTP_CHECK, and beside it the real server's own address and port are checked; keepalived 2.4.3 gives that check no time", "write one SMTP_CHECK for each address, with connect_ip")
}

// besides is the check that blocks host make: of the real server's own address and
// port, with the patience of the check around them. keepalived makes one for each
// block; they would all ask the same.
func (c *checkDraft) besides(r *realDraft, check Check) (Check, bool) {
	if !c.hosts {
		return check, false
	}
	c.probe, c.target = Probe{}, r.Addr
	ok := c.settleProbe(r) && c.probe != check.Probe
	check.Probe = c.probe
	return check, ok
}

// DNS_CHECK.

// dnsSOA is the query type SOA.
const dnsSOA = 6

func dnsRows(types *block[checkDraft]) []keyword[checkDraft] {
	return []keyword[checkDraft]{
		{word: "type", form: upper(oneOf(types)), opens: types, note: "SOA",
			meaning: "What is asked for.",
			set: func(c *checkDraft, v value) {
				types.ready().rows[v.n].set(c, v)
			}},
		{word: "name", form: text("DOMAIN"), once: true, note: ".",
			meaning: "The name that is asked for.",
			set:     (*checkDraft).setDomain},
	}
}

// upper is a form that takes lower case for upper case.
func upper(f form) form {
	read := f.read
	f.limits = "in lower case too; " + f.limits
	f.read = func(b *builder, c call) (value, int, bool) {
		if len(c.args) > 0 {
			c.args = append([]conf.Token{{Text: strings.ToUpper(c.args[0].Text), Span: c.args[0].Span}}, c.args[1:]...)
		}
		return read(b, c)
	}
	return f
}

func dnsTypeTable() *block[checkDraft] {
	row := func(word string, code uint16, meaning string) keyword[checkDraft] {
		return keyword[checkDraft]{word: word, form: flag(), meaning: meaning, set: func(c *checkDraft, v value) { c.dns.Type = code }}
	}
	return table("virtual_server/real_server/DNS_CHECK/type",
		row("A", 1, "IPv4 addresses."),
		row("NS", 2, "Name servers."),
		row("CNAME", 5, "The name behind an alias."),
		row("SOA", dnsSOA, "The start of the zone."),
		row("MX", 15, "Mail servers."),
		row("TXT", 16, "Texts."),
		row("AAAA", 28, "IPv6 addresses."),
		row("RRSIG", 46, "Signatures."),
		row("DNSKEY", 48, "Keys of the zone."),
	)
}

// setDomain takes a name without empty labels and with none longer than 63.
func (c *checkDraft) setDomain(v value) {
	if v.text == "." || v.text == "" {
		c.dns.Name = "."
		return
	}
	for label := range strings.SplitSeq(v.text, ".") {
		switch {
		case label == "":
			c.b.complain(v.at, fmt.Sprintf("%q has an empty label and is ignored", v.text), "write "+strings.Trim(v.text, "."))
			return
		case len(label) > 63:
			c.b.complain(v.at, "a label is longer than 63 bytes; the name is ignored", "")
			return
		}
	}
	c.dns.Name = v.text
}

// UDP_CHECK.

func udpRows() []keyword[checkDraft] {
	type row = keyword[checkDraft]
	return []row{
		{word: "payload", form: words("HEX"), note: "32 bytes of fixed text",
			meaning: "The datagram that is sent.",
			set:     (*checkDraft).setPayload},
		{word: "require_reply", form: words("[HEX]"), note: "off: silence is good",
			meaning: "There must be an answer; it begins with these bytes, where x stands for any digit.",
			set:     (*checkDraft).setReply},
		{word: "min_reply_length", form: integer(between(0, 65535)), note: "0",
			meaning: "The least bytes of an answer, where require_reply has a pattern.",
			set:     func(c *checkDraft, v value) { c.udp.MinLength = uint16(v.n) }},
		{word: "max_reply_length", form: integer(between(0, 65535)), note: "255",
			meaning: "The most bytes of an answer, where require_reply has a pattern.",
			set:     func(c *checkDraft, v value) { c.udp.MaxLength, c.weighted = uint16(v.n), true }},
	}
}

func (c *checkDraft) setPayload(v value) {
	if len(v.words) == 0 {
		c.b.complain(v.at, "payload needs bytes in hexadecimal; it is ignored", "")
		return
	}
	bytes, _, ok := hexBytes(v.words, false)
	if !ok {
		c.b.complain(v.at, "the payload is not an even number of hexadecimal digits; it is ignored", "write it as 01 7f or 017f")
		return
	}
	c.udp.Payload = c.b.keep(bytes)
}

func (c *checkDraft) setReply(v value) {
	if len(v.words) > 0 {
		reply, mask, ok := hexBytes(v.words, true)
		if !ok {
			c.b.complain(v.at, "the pattern is not made of hexadecimal digits; require_reply is ignored", "write x for any digit: 01xx7f")
			return
		}
		c.udp.Reply, c.udp.Mask = c.b.keep(reply), c.b.keep(mask)
	}
	c.udp.RequireReply = true
}

// hexBytes reads words of hexadecimal digits. In a pattern, x stands for any
// digit: its bits of the mask are 0. Where a word may lack a digit, that is a
// leading 0.
func hexBytes(words []conf.Token, pattern bool) (bytes, mask string, ok bool) {
	var out, bits []byte
	for _, w := range words {
		if len(w.Text)%2 != 0 && (pattern || len(words) > 1) {
			w.Text = "0" + w.Text
		}
		half := 0
		for i := range len(w.Text) {
			digit, any := strings.IndexByte(hexDigits, w.Text[i]|0x20), w.Text[i]|0x20 == 'x'
			if any && pattern {
				digit = 0
			} else if digit < 0 {
				return "", "", false
			}
			m := byte(0xf)
			if any {
				m = 0
			}
			if half = 1 - half; half == 1 {
				out, bits = append(out, byte(digit)<<4), append(bits, m<<4)
				continue
			}
			out[len(out)-1] |= byte(digit)
			bits[len(bits)-1] |= m
		}
		if half != 0 {
			return "", "", false
		}
	}
	return string(out), string(bits), len(out) > 0
}

func (c *checkDraft) settleUDP() {
	if !c.weighted {
		c.udp.MaxLength = 255
	}
	switch {
	case c.udp.MinLength > c.udp.MaxLength:
		c.b.complain(c.node.Span(), fmt.Sprintf("no answer has at least %d bytes and at most %d: the check always fails", c.udp.MinLength, c.udp.MaxLength), "raise max_reply_length")
	case c.udp.Reply == "" && written(c.node, "min_reply_length", "max_reply_length") != nil:
		c.b.advise(written(c.node, "min_reply_length", "max_reply_length").Span(), "the length counts only where require_reply has a pattern", "write require_reply and at least one byte of the answer")
	}
}

// MISC_CHECK.

func miscRows() []keyword[checkDraft] {
	type row = keyword[checkDraft]
	return []row{
		{word: "misc_path", form: looseCommand(), note: "required",
			meaning: "The program; exit status 0 is good.",
			set:     (*checkDraft).setCommand},
		{word: "misc_timeout", form: duration(times(0, 4294*time.Second, time.Second)), note: "delay_loop of the virtual server",
			meaning: "Run time after which the program is ended and counts as failed; 0 is the default.",
			set:     func(c *checkDraft, v value) { c.timeout = given(v.d, v.at) }},
		{word: "misc_dynamic", form: flag(), note: "off",
			meaning: "Exit status 2 to 255 is good too and makes the weight: status - 2.",
			set:     func(c *checkDraft, v value) { c.dynamic = true }},
		{word: "user", form: loose(account()), note: "script_user",
			meaning: "Who runs the program.",
			set: func(c *checkDraft, v value) {
				user, group, all := c.b.user(v)
				c.user = given(runner{user, group, all}, v.at)
			}},
	}
}

// looseCommand is a command without a user behind it.
func looseCommand() form {
	f := command()
	needed := f.read
	f.args = "CMD"
	f.read = func(b *builder, c call) (value, int, bool) {
		if c.raw == "" {
			b.complain(c.word.Span, c.word.Text+" needs a command", "")
			return value{}, 0, false
		}
		return needed(b, c)
	}
	return f
}

// setCommand takes the command alone: words behind it are no user here.
func (c *checkDraft) setCommand(v value) {
	cmd := v.command
	if cmd.User != "" {
		c.b.advise(v.at, "what follows the first word is ignored", "put quotes around the whole command if arguments are meant; the user is written with user")
		cmd = &notify.Command{Line: cmd.Line, Argv: cmd.Argv}
	}
	c.command = cmd
	c.b.use(v.at, cmd)
}

func (c *checkDraft) settleMisc(out *Check, d *virtualDraft) bool {
	if c.command == nil {
		c.b.complain(c.node.Span(), "MISC_CHECK has no misc_path and is left out", `write misc_path "COMMAND"`)
		return false
	}
	cmd := c.b.runAs(c.command, c.user.value)
	out.Misc = one(c.b.lvs.store.misc, MiscCheck{Command: cmd, Timeout: cmp.Or(c.timeout.value, d.DelayLoop), Dynamic: c.dynamic})
	return true
}

// runAs is a command run by a user. Equal ones are one.
func (b *builder) runAs(cmd *notify.Command, who runner) *notify.Command {
	if who.user == "" && cmd.User == "" && b.commands[cmd.Line] == cmd {
		return cmd
	}
	key := strings.Join([]string{cmd.Line, who.user, who.group, fmt.Sprint(who.supplementary)}, "\x00")
	if known := b.commands[key]; known != nil {
		return known
	}
	own := notify.Command{Line: cmd.Line, Argv: cmd.Argv, User: who.user, Group: who.group, Supplementary: who.supplementary}
	b.commands[key] = &own
	return &own
}

// FILE_CHECK.

func fileRows() []keyword[checkDraft] {
	type row = keyword[checkDraft]
	return []row{
		{word: "track_file", form: some(words("NAME"), "the name of a track_file"), note: "required",
			meaning: "The track_file to follow; it stands above.",
			set:     (*checkDraft).setFile},
		{word: "weight", form: loose(weight(between(-(1<<31-1), 1<<31-1), "reverse", "noreverse")), note: "that of the track_file",
			meaning: "The number in the file times this is added to the weight of the server; 0: a number other than 0 means down.",
			set:     (*checkDraft).setFileWeight},
	}
}

func (c *checkDraft) setFile(v value) {
	d := c.b.find(tracker.File, v.words[0])
	if d == nil {
		return
	}
	c.file.Name = c.b.keep(v.words[0].Text)
	if !c.weighted {
		c.file.Weight, c.file.Reverse = d.weight, d.reverse
	}
	c.b.extra(v, 1)
}

func (c *checkDraft) setFileWeight(v value) {
	c.file.Weight, c.weighted = v.n, true
	c.file.Reverse = len(v.words) > 0 && v.words[len(v.words)-1].Text == "reverse"
}

func (c *checkDraft) settleFile(out *Check) bool {
	if c.file.Name == "" {
		if written(c.node, "track_file") == nil {
			c.b.complain(c.node.Span(), "FILE_CHECK has no track_file and is left out", "name a track_file")
		}
		return false
	}
	out.File = one(c.b.lvs.store.file, c.file)
	return true
}

// BFD_CHECK.

func bfdRows() []keyword[checkDraft] {
	type row = keyword[checkDraft]
	return []row{
		{word: "name", form: words("NAME"), note: "required",
			meaning: "The bfd_instance to follow; it stands above.",
			set:     (*checkDraft).setBFD},
		{word: "alpha", form: boolean(), note: innerTiming().above + "off",
			meaning: "The server is down until the session is up.",
			set:     func(c *checkDraft, v value) { c.timing.alpha = given(v.on, v.at) }},
	}
}

func (c *checkDraft) setBFD(v value) {
	switch {
	case len(v.words) != 1:
		c.b.complain(v.at, "name takes one word; the check is left out", "name one bfd_instance")
	case c.bfd.given:
		c.b.complain(v.at, "the check follows "+c.bfd.value+" already; this is ignored", "write a BFD_CHECK for each")
	default:
		c.followBFD(v)
	}
}

func (c *checkDraft) followBFD(v value) {
	d := c.b.find(tracker.BFD, v.words[0])
	if d == nil {
		return
	}
	if !c.b.cfg.BFDs[d.index].Checker {
		c.b.complain(v.at, fmt.Sprintf("bfd_instance %s tells instances only; the check is left out", v.words[0].Text), "write checker in it as well")
		return
	}
	c.bfd = given(c.b.keep(v.words[0].Text), v.at)
}
