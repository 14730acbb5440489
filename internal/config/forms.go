package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/conf"
	"holdfast/internal/host"
	"holdfast/internal/notify"
)

// value is what a form makes of the arguments of a keyword.
type value struct {
	at      conf.Span // of the statement, or of the word and its arguments
	n       int
	d       time.Duration
	on      bool
	text    string
	words   []conf.Token
	addr    netip.Addr
	prefix  netip.Prefix
	command *notify.Command
	encap   *host.Encap
	node    *conf.Node
	// forwarding is what lvs_method says.
	forwarding Forwarding
}

// call is a keyword with its arguments.
type call struct {
	word conf.Token
	args []conf.Token
	raw  string
	node *conf.Node
	// option: a word of a line list; an argument that is missing there does not
	// end keepalived.
	option bool
}

func (c call) at(used int) conf.Span {
	if used == 0 || len(c.args) < used {
		return c.word.Span
	}
	return c.word.Span.To(c.args[used-1].Span)
}

// form is how the arguments of a keyword are read.
type form struct {
	args   string // as the manual writes them
	limits string // range, unit and what happens outside of it
	block  bool
	place  bool // no word of its own: place
	raw    bool // splits the line by rules of its own
	read   func(*builder, call) (v value, used int, ok bool)
}

// missing speaks of an argument that is not there. keepalived ends at once
// where a keyword needs it.
func (b *builder) missing(c call, what string) (value, int, bool) {
	if c.option {
		b.complain(c.word.Span, c.word.Text+" needs "+what+"; the entry is dropped", "")
		return value{}, 0, false
	}
	b.report(conf.Diag{Severity: conf.Error, Class: conf.Incomplete, Span: c.word.Span, Text: c.word.Text + " needs " + what})
	return value{}, 0, false
}

// flag is a keyword without arguments. keepalived ignores any that follow.
func flag() form {
	return form{read: func(_ *builder, c call) (value, int, bool) {
		return value{at: c.word.Span, on: true, node: c.node}, 0, true
	}}
}

// place describes what stands in a line without a keyword before it: an address, a
// destination, the name of what is tracked. Whoever reads the line reads it.
func place(args, limits string) form { return form{args: args, limits: limits, place: true} }

// boolean is a keyword that may be followed by a truth value and else means true.
func boolean() form {
	return form{args: "[BOOL]", limits: "on, true, yes or off, false, no; nothing means true; else unchanged",
		read: func(b *builder, c call) (value, int, bool) {
			if len(c.args) == 0 {
				return value{at: c.word.Span, on: true}, 0, true
			}
			switch c.args[0].Text {
			case "on", "true", "yes":
				return value{at: c.at(1), on: true}, 1, true
			case "off", "false", "no":
				return value{at: c.at(1)}, 1, true
			}
			b.complain(c.args[0].Span, fmt.Sprintf("%q is not a truth value; %s stays as it was", c.args[0].Text, c.word.Text),
				"write on, true or yes, or off, false or no, in lower case")
			return value{}, 0, false
		}}
}

// bounds says what happens to numbers outside of a range.
type bounds struct {
	lo, hi int64
	// clamp moves them to the nearest bound; instead replaces them, when set;
	// else they are dropped and what was set before stays.
	clamp   bool
	instead *int64
	// zero replaces 0, when set: a value that once was legal.
	zero *int64
	unit string
}

func between(lo, hi int64) bounds { return bounds{lo: lo, hi: hi} }

func (r bounds) clamped() bounds       { r.clamp = true; return r }
func (r bounds) else_(n int64) bounds  { r.instead = &n; return r }
func (r bounds) noZero(n int64) bounds { r.zero = &n; return r }
func (r bounds) in(unit string) bounds { r.unit = unit; return r }

func (r bounds) String() string {
	s := fmt.Sprintf("%d..%d", r.lo, r.hi)
	if r.unit != "" {
		s += " " + r.unit
	}
	switch {
	case r.clamp:
		s += "; others become the nearest bound"
	case r.instead != nil:
		s += fmt.Sprintf("; others become %d", *r.instead)
	}
	if r.zero != nil {
		s += fmt.Sprintf("; 0 becomes %d", *r.zero)
	}
	return s
}

// integer is a keyword with a decimal number.
func integer(r bounds) form {
	return form{args: "N", limits: r.String(), read: func(b *builder, c call) (value, int, bool) {
		if len(c.args) == 0 {
			return b.missing(c, "a number")
		}
		n, ok := b.number(c, c.args[0], r)
		return value{at: c.at(1), n: int(n)}, 1, ok
	}}
}

// number reads a decimal number and applies the bounds. What stands behind the
// digits is left out with a complaint, as keepalived does outside of its test.
func (b *builder) number(c call, arg conf.Token, r bounds) (int64, bool) {
	end := numeral(arg.Text)
	n, err := strconv.ParseInt(arg.Text[:end], 10, 64)
	rubbish := arg.Text[end:]
	if wanted, hex := hexadecimal(arg.Text); hex {
		b.notDecimal(c, arg, r, "write "+wanted)
		return r.orElse()
	}
	whole := err == nil || errors.Is(err, strconv.ErrRange)
	if !whole {
		b.suspect(arg)
	}
	switch {
	case whole && rubbish == "":
		b.judgeOctal(arg, n)
		return b.bounded(c, arg, n, r)
	case whole && n >= r.lo && n <= r.hi:
		b.complain(arg.Span, fmt.Sprintf("%q does not belong to the number; %d is taken", rubbish, n), "delete it")
		return n, true
	}
	b.notDecimal(c, arg, r, "range "+r.String())
	return r.orElse()
}

// notDecimal speaks of what is no number here.
func (b *builder) notDecimal(c call, arg conf.Token, r bounds, fix string) {
	if r.instead != nil {
		b.complain(arg.Span, fmt.Sprintf("%q is not a decimal number; %s becomes %d", arg.Text, c.word.Text, *r.instead), fix)
		return
	}
	b.complain(arg.Span, fmt.Sprintf("%q is not a decimal number and is ignored", arg.Text), fix)
}

// orElse is what stands in place of what is no number; false: nothing.
func (r bounds) orElse() (int64, bool) {
	if r.instead == nil {
		return 0, false
	}
	return *r.instead, true
}

// hexadecimal answers in decimal digits what a number like 0x10 means elsewhere.
func hexadecimal(s string) (decimal string, hex bool) {
	if len(s) < 3 || s[0] != '0' || s[1]|0x20 != 'x' {
		return "", false
	}
	n, err := strconv.ParseUint(s[2:], 16, 63)
	return strconv.FormatUint(n, 10), err == nil
}

// numeral is the length of the number that begins s, with its sign.
func numeral(s string) int {
	n := 0
	if s != "" && (s[0] == '+' || s[0] == '-') {
		n = 1
	}
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

func (b *builder) bounded(c call, arg conf.Token, n int64, r bounds) (int64, bool) {
	switch {
	case n == 0 && r.zero != nil:
		b.complain(arg.Span, fmt.Sprintf("%s cannot be 0 and becomes %d", c.word.Text, *r.zero), "")
		return *r.zero, true
	case n >= r.lo && n <= r.hi:
		return n, true
	case r.clamp:
		near := min(max(n, r.lo), r.hi)
		b.complain(arg.Span, fmt.Sprintf("%s %d is out of range and becomes %d", c.word.Text, n, near), "range "+r.String())
		return near, true
	case r.instead != nil:
		b.complain(arg.Span, fmt.Sprintf("%s %d is out of range and becomes %d", c.word.Text, n, *r.instead), "range "+r.String())
		return *r.instead, true
	}
	b.complain(arg.Span, fmt.Sprintf("%s %d is out of range and ignored", c.word.Text, n), "range "+r.String())
	return 0, false
}

// span is a range of times in units of its resolution.
type span struct {
	lo, hi, resolution time.Duration
	instead            *time.Duration
	zero               *time.Duration
	// off is advice for a 0 that is out of range.
	off string
}

func times(lo, hi, resolution time.Duration) span {
	return span{lo: lo, hi: hi, resolution: resolution}
}

func (r span) else_(d time.Duration) span  { r.instead = &d; return r }
func (r span) noZero(d time.Duration) span { r.zero = &d; return r }

func (r span) String() string {
	s := fmt.Sprintf("%s..%s s", seconds(r.lo), seconds(r.hi))
	if r.instead != nil {
		s += "; others become " + seconds(*r.instead)
	}
	if r.zero != nil {
		s += "; 0 becomes " + seconds(*r.zero)
	}
	return s
}

// seconds writes a duration as files do.
func seconds(d time.Duration) string { return strconv.FormatFloat(float64(d)/1e9, 'f', -1, 64) }

// wholeSeconds is the range as a number of seconds.
func (r span) wholeSeconds() bounds {
	w := between(int64(r.lo/time.Second), int64(r.hi/time.Second)).in("s")
	if r.instead != nil {
		w = w.else_(int64(*r.instead / time.Second))
	}
	if r.zero != nil {
		w = w.noZero(int64(*r.zero / time.Second))
	}
	return w
}

// duration is a keyword with a time in seconds. Decimals are allowed where the
// resolution is finer than a second.
func duration(r span) form {
	return form{args: "SECONDS", limits: r.String(), read: func(b *builder, c call) (value, int, bool) {
		if len(c.args) == 0 {
			return b.missing(c, "a time in seconds")
		}
		if r.resolution == time.Second {
			n, ok := b.number(c, c.args[0], r.wholeSeconds())
			return value{at: c.at(1), d: time.Duration(n) * time.Second}, 1, ok
		}
		d, ok := b.time(c, c.args[0], r)
		return value{at: c.at(1), d: d}, 1, ok
	}}
}

// time reads seconds with decimals and applies the range.
func (b *builder) time(c call, arg conf.Token, r span) (time.Duration, bool) {
	text := strings.TrimPrefix(arg.Text, "+")
	digits := len(text) - len(strings.TrimLeft(text, "0123456789."))
	d, ok := decimal(text[:digits])
	if !ok {
		b.suspect(arg)
	}
	switch {
	case !ok && r.instead != nil:
		b.complain(arg.Span, fmt.Sprintf("%q is not a time; %s becomes %s", arg.Text, c.word.Text, seconds(*r.instead)), "range "+r.String())
		return *r.instead, true
	case !ok:
		b.complain(arg.Span, fmt.Sprintf("%q is not a time in seconds; %s stays as it was", arg.Text, c.word.Text), "range "+r.String())
		return 0, false
	case digits < len(text):
		b.complain(arg.Span, fmt.Sprintf("%q does not belong to the time; %s is taken", text[digits:], seconds(d)), "delete it")
	}
	if rest := d % r.resolution; rest != 0 {
		d = d.Round(r.resolution)
		b.complain(arg.Span, fmt.Sprintf("%s is rounded to %s s", c.word.Text, seconds(d)), "")
	}
	return b.inRange(c, arg, d, r)
}

func (b *builder) inRange(c call, arg conf.Token, d time.Duration, r span) (time.Duration, bool) {
	switch {
	case d == 0 && r.zero != nil:
		b.complain(arg.Span, fmt.Sprintf("%s cannot be 0 and becomes %s", c.word.Text, seconds(*r.zero)), "")
		return *r.zero, true
	case d >= r.lo && d <= r.hi:
		return d, true
	case r.instead != nil:
		b.complain(arg.Span, fmt.Sprintf("%s %s is out of range and becomes %s", c.word.Text, arg.Text, seconds(*r.instead)), "range "+r.String())
		return *r.instead, true
	case d == 0 && r.off != "":
		b.rule("zero-ignored").complain(arg.Span, c.word.Text+" 0 is out of range and ignored", r.off)
		return 0, false
	}
	b.complain(arg.Span, fmt.Sprintf("%s %s is out of range and ignored", c.word.Text, arg.Text), "range "+r.String())
	return 0, false
}

// decimal reads digits with an optional fraction as seconds, to the nanosecond.
func decimal(s string) (time.Duration, bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	if whole == "" && fraction == "" || len(whole) > 10 || strings.Contains(fraction, ".") {
		return 0, false
	}
	n, err := strconv.ParseUint("0"+whole, 10, 64)
	if err != nil || n > 1<<33 {
		return 0, false
	}
	fraction = (fraction + "000000000")[:9]
	f, err := strconv.ParseUint(fraction, 10, 64)
	if err != nil {
		return 0, false
	}
	return time.Duration(n)*time.Second + time.Duration(f), true
}

// text is a keyword with one word.
func text(args string) form {
	return form{args: args, read: func(b *builder, c call) (value, int, bool) {
		if len(c.args) == 0 {
			return b.missing(c, "a value: "+args)
		}
		b.judgeText(c, c.args[0])
		return value{at: c.at(1), text: b.keep(c.args[0].Text)}, 1, true
	}}
}

// oneNumber is an integer that stands alone; anything else leaves it out.
func oneNumber(r bounds) form {
	f := integer(r)
	needed := f.read
	f.read = func(b *builder, c call) (value, int, bool) {
		if len(c.args) == 1 {
			return needed(b, c)
		}
		b.complain(c.at(len(c.args)), c.word.Text+" takes one number and is ignored", "range "+r.String())
		return value{}, len(c.args), false
	}
	return f
}

// optionalInteger is a number that may be left out.
func optionalInteger(r bounds, without int) form {
	f := integer(r)
	needed := f.read
	f.args = "[N]"
	f.read = func(b *builder, c call) (value, int, bool) {
		if len(c.args) == 0 {
			return value{at: c.word.Span, n: without}, 0, true
		}
		return needed(b, c)
	}
	return f
}

// extraGARP is [all] SECONDS; what cannot be read leaves the word out.
func extraGARP(r bounds) form {
	return form{args: "[all] SECONDS", limits: r.String(), read: func(b *builder, c call) (value, int, bool) {
		n := 0
		if len(c.args) > 0 && c.args[0].Text == "all" {
			n = 1
		}
		if len(c.args) == n {
			b.complain(c.word.Span, c.word.Text+" has no time and is ignored", "write seconds behind it")
			return value{}, n, false
		}
		s, ok := b.number(c, c.args[n], r)
		return value{at: c.at(n + 1), on: n == 1, d: time.Duration(s) * time.Second}, n + 1, ok
	}}
}

// loose is a form whose missing argument keepalived only complains about.
func loose(f form) form {
	needed := f.read
	f.read = func(b *builder, c call) (value, int, bool) {
		if len(c.args) > 0 {
			return needed(b, c)
		}
		b.complain(c.word.Span, c.word.Text+" needs a value: "+f.args, "")
		return value{}, 0, false
	}
	return f
}

// some is a form of several words that demands one.
func some(f form, what string) form {
	any := f.read
	f.read = func(b *builder, c call) (value, int, bool) {
		if len(c.args) == 0 {
			return b.missing(c, what)
		}
		return any(b, c)
	}
	return f
}

// weight is a keyword with a weight and words that turn it round, reverse where
// none are given. A line of tracks may go on behind them.
func weight(r bounds, turns ...string) form {
	if turns == nil {
		turns = []string{"reverse"}
	}
	return form{args: "N [" + strings.Join(turns, "|") + "]", limits: r.String(), read: func(b *builder, c call) (value, int, bool) {
		if len(c.args) == 0 {
			return b.missing(c, "a number")
		}
		n, ok := b.number(c, c.args[0], r)
		used := 1
		for used < len(c.args) && slices.Contains(turns, c.args[used].Text) {
			used++
		}
		v := value{at: c.at(used), n: int(n), words: c.args[1:used]}
		if !c.option && used < len(c.args) {
			at := c.args[used]
			b.complain(at.Span.To(c.args[len(c.args)-1].Span), fmt.Sprintf("%q is unknown behind a weight and ignored", at.Text), nearest(at.Text, turns, ""))
			used = len(c.args)
		}
		return v, used, ok
	}}
}

// optional is a form whose argument may be left out; bare is what that means.
func optional(f form, bare value) form {
	given := f.read
	f.args = "[" + f.args + "]"
	f.read = func(b *builder, c call) (value, int, bool) {
		if len(c.args) == 0 {
			v := bare
			v.at = c.word.Span
			return v, 0, true
		}
		return given(b, c)
	}
	return f
}

// alone is a form of one word that is ignored when more follow.
func alone(f form) form {
	one := f.read
	f.read = func(b *builder, c call) (value, int, bool) {
		if len(c.args) > 1 {
			b.complain(c.at(len(c.args)), c.word.Text+" takes one word and is ignored", "put quotes around it if it has blanks")
			return value{}, len(c.args), false
		}
		return one(b, c)
	}
	return f
}

// onlyWord is a form of one word that complains of more.
func onlyWord(f form) form {
	one := f.read
	f.read = func(b *builder, c call) (value, int, bool) {
		v, used, ok := one(b, c)
		if ok && used < len(c.args) {
			b.complain(c.args[used].Span.To(c.args[len(c.args)-1].Span), c.word.Text+" takes one word; what follows is ignored", "put quotes around it if it has blanks")
			used = len(c.args)
		}
		return v, used, ok
	}
	return f
}

// shortText is one word that is ignored when it is longer than n bytes.
func shortText(args string, n int) form {
	f := text(args)
	f.limits = fmt.Sprintf("%d bytes at most; a longer one is ignored", n)
	any := f.read
	f.read = func(b *builder, c call) (value, int, bool) {
		if len(c.args) > 0 && len(c.args[0].Text) > n {
			b.complain(c.args[0].Span, fmt.Sprintf("%s takes at most %d bytes and is ignored", c.word.Text, n), "")
			return value{}, 1, false
		}
		return any(b, c)
	}
	return f
}

// silent is a form whose missing argument keepalived passes over.
func silent(f form) form {
	needed := f.read
	f.read = func(b *builder, c call) (value, int, bool) {
		if len(c.args) > 0 {
			return needed(b, c)
		}
		b.advise(c.word.Span, c.word.Text+" without a value is ignored", "delete it")
		return value{}, 0, false
	}
	return f
}

// cutText is one word of which only the first bytes are taken.
func cutText(args string, n int) form {
	return form{args: args, limits: fmt.Sprintf("cut to %d bytes", n), read: func(b *builder, c call) (value, int, bool) {
		if len(c.args) == 0 {
			return b.missing(c, "a value: "+args)
		}
		s := c.args[0].Text
		if len(s) > n {
			// Not what it says: it may be a password.
			at, fix := cutOff(c.args[0], n), fmt.Sprintf("write %d bytes, the same on all nodes", n)
			b.rule("text-cut").complain(at, fmt.Sprintf("%s has %d bytes; what is marked, behind the first %d, is left out", c.word.Text, len(s), n), fix)
			s = s[:n]
		}
		return value{at: c.at(1), text: b.keep(s)}, 1, true
	}}
}

// cutOff is the place of a word behind its first n bytes, or of all of it where
// it does not stand in the file as it is read.
func cutOff(w conf.Token, n int) conf.Span {
	at := w.Span
	if int(at.End-at.Col) == len(w.Text) {
		at.Col += uint16(n)
	}
	return at
}

// choice is a keyword with one of a few words.
func choice(words ...string) form {
	list := strings.Join(words, "|")
	return form{args: list, limits: "others are ignored", read: func(b *builder, c call) (value, int, bool) {
		if len(c.args) == 0 {
			return b.missing(c, "one of "+list)
		}
		for i, w := range words {
			if c.args[0].Text == w {
				return value{at: c.at(1), n: i, text: w}, 1, true
			}
		}
		b.rule("unknown-value").complain(c.args[0].Span, fmt.Sprintf("%s knows no %q; it stays as it was", c.word.Text, c.args[0].Text),
			nearest(c.args[0].Text, words, "write "+strings.Join(words, " or ")))
		return value{}, 0, false
	}}
}

// nameLimit is the longest name of an interface, IFNAMSIZ - 1.
const nameLimit = 15

// link is a keyword with the name of an interface.
func link() form {
	return form{args: "IFNAME", limits: "1..15 bytes", read: func(b *builder, c call) (value, int, bool) {
		if len(c.args) == 0 {
			return b.missing(c, "the name of an interface")
		}
		if !b.linkName(c.args[0]) {
			return value{}, 0, false
		}
		return value{at: c.at(1), text: b.keep(c.args[0].Text)}, 1, true
	}}
}

func (b *builder) linkName(arg conf.Token) bool {
	if arg.Text != "" && len(arg.Text) <= nameLimit {
		return true
	}
	b.complain(arg.Span, fmt.Sprintf("%q cannot be the name of an interface", arg.Text), "1 to 15 bytes")
	return false
}

// address is a keyword with an address. Anything from - or / on is dropped, as
// keepalived does with sources, peers and groups.
func address() form {
	return form{args: "ADDR", limits: "IPv4 or IPv6; others are ignored", read: func(b *builder, c call) (value, int, bool) {
		if len(c.args) == 0 {
			return b.missing(c, "an address")
		}
		a, ok := b.plainAddress(c.args[0])
		return value{at: c.at(1), addr: a}, 1, ok
	}}
}

func (b *builder) plainAddress(arg conf.Token) (netip.Addr, bool) {
	return b.addressOr(arg, "it is ignored")
}

// addressOr is plainAddress with words about what happens to what is none.
func (b *builder) addressOr(arg conf.Token, lost string) (netip.Addr, bool) {
	s := arg.Text
	if i := strings.IndexAny(s, "-/"); i >= 0 {
		b.advise(arg.Span, fmt.Sprintf("%q is not part of an address here and is dropped", s[i:]), "write "+s[:i])
		s = s[:i]
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		b.suspect(arg)
		b.complain(arg.Span, fmt.Sprintf("%q is not an address; %s", arg.Text, lost), "")
		return netip.Addr{}, false
	}
	return a.Unmap(), true
}

// command is a keyword with a program: CMD [USER [GROUP]], split by rules of its own.
func command() form {
	return form{args: "CMD [USER [GROUP]]", raw: true, read: func(b *builder, c call) (value, int, bool) {
		if c.raw == "" {
			return b.missing(c, "a command")
		}
		return value{at: c.at(len(c.args)), command: b.command(c)}, len(c.args), true
	}}
}

// optionalCommand is command that may be left out.
func optionalCommand() form {
	f := command()
	needed := f.read
	f.args = "[CMD [USER [GROUP]]]"
	f.read = func(b *builder, c call) (value, int, bool) {
		if c.raw == "" {
			return value{at: c.word.Span}, 0, true
		}
		return needed(b, c)
	}
	return f
}

// account is a keyword with a user and perhaps a group, which may begin with a
// colon to load the user's other groups too.
func account() form {
	return form{args: "USER [[:]GROUP]", read: func(b *builder, c call) (value, int, bool) {
		if len(c.args) == 0 {
			return b.missing(c, "the name of a user")
		}
		v := value{at: c.at(min(2, len(c.args))), words: c.args[:min(2, len(c.args))]}
		return v, len(v.words), true
	}}
}

// words is a keyword with any number of words, which its setter judges.
func words(args string) form {
	return form{args: args, read: func(_ *builder, c call) (value, int, bool) {
		return value{at: c.at(len(c.args)), words: c.args, node: c.node}, len(c.args), true
	}}
}

// named is a block with a name before its brace.
func named(args string) form {
	f := words(args)
	f.block = true
	return f
}

// body is a block without a name, or a list of lines.
func body(what string) form {
	return form{args: "{ " + what + " }", block: true, read: func(_ *builder, c call) (value, int, bool) {
		return value{at: c.word.Span, node: c.node}, 0, true
	}}
}

// wordList is a block in which every word of every line is an entry.
func wordList(what string) form {
	return form{args: "{ " + what + " ... }", block: true, read: func(_ *builder, c call) (value, int, bool) {
		v := value{at: c.word.Span, node: c.node}
		for _, n := range c.node.Body {
			v.words = append(v.words, n.Keyword)
			v.words = append(v.words, n.Args...)
		}
		return v, 0, true
	}}
}
