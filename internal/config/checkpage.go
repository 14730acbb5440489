package config

import (
	"cmp"
	"errors"
	"fmt"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"holdfast/internal/conf"
)

// pageDraft is a url of HTTP_GET or SSL_GET while it is read.
type pageDraft struct {
	URL
	b *builder
	// regex is the pattern of Regex, and the first word that speaks of it.
	pattern  maybe[string]
	regex    Regex
	speaking maybe[string]
	tls      maybe[bool]
}

// pageTables are those of HTTP_GET and SSL_GET, which share nearly all.
type pageTables struct {
	httpGet, sslGet         *block[checkDraft]
	httpURL, sslURL         *block[pageDraft]
	httpOptions, sslOptions *block[pageDraft]
}

func newPageTables() pageTables {
	const base = "virtual_server/real_server/"
	var p pageTables
	p.httpOptions = regexOptionTable(base + "HTTP_GET/url/regex_options")
	p.sslOptions = p.httpOptions.titled(base + "SSL_GET/url/regex_options")
	p.httpURL = table(base+"HTTP_GET/url", urlRows(p.httpOptions)...)
	p.sslURL = table(base+"SSL_GET/url", append(urlRows(p.sslOptions), tlsRow("that of the check", func(u *pageDraft, v value) { u.tls = given(v.on, v.at) }))...)
	p.httpGet = simpleCheck(CheckHTTP, httpRows(p.httpURL)...)
	p.sslGet = simpleCheck(CheckSSL, append(httpRows(p.sslURL), tlsRow("off", func(c *checkDraft, v value) { c.tls = v.on }))...)
	return p
}

// tlsRow is the keyword tls_compliant.
func tlsRow[T any](note string, set func(*T, value)) keyword[T] {
	return keyword[T]{word: "tls_compliant", form: boolean(), note: note,
		meaning: "Both sides must say that the TLS connection ends, as the protocol asks for.",
		set:     set}
}

func httpRows(url *block[pageDraft]) []keyword[checkDraft] {
	type row = keyword[checkDraft]
	return []row{
		{word: "nb_get_retry", form: integer(between(0, 1<<32-1)), note: "retry", instead: "retry",
			meaning: "The same as retry.",
			set:     func(c *checkDraft, v value) { c.timing.retry = given(uint32(v.n), v.at) }},
		{word: "virtualhost", form: loose(text("STRING")), note: "real_server, else virtual_server, else ADDR:PORT",
			meaning: "The Host header of pages that have none of their own, and their TLS server name.",
			set:     func(c *checkDraft, v value) { c.host = given(v.text, v.at) }},
		{word: "http_protocol", form: loose(choice("1.0", "1.0C", "1.0c", "1.1")), note: "1.0",
			meaning: "The version of HTTP that is asked for; 1.0C and 1.1 also ask for the connection to be closed.",
			set:     func(c *checkDraft, v value) { c.http.Protocol = strings.ToUpper(v.text) }},
		{word: "enable_sni", form: boolean(), note: "off",
			meaning: "A TLS server name is sent.",
			set:     func(c *checkDraft, v value) { c.http.SNI = v.on }},
		{word: "sni_name", form: optionalText("STRING"), note: "virtualhost",
			meaning: "The TLS server name to send; turns enable_sni on.",
			set:     func(c *checkDraft, v value) { c.sniName, c.http.SNI = v.text, true }},
		{word: "fast_recovery", form: boolean(), note: "off",
			meaning: "While the server is not up, the next page is fetched at once and not after delay_loop.",
			set:     func(c *checkDraft, v value) { c.http.FastRecovery = v.on }},
		{word: "url", form: body("block"), opens: url,
			meaning: "One page to fetch; all must be good.",
			set:     func(c *checkDraft, v value) { c.readPage(v, url) }},
	}
}

// optionalText is a word that may be left out.
func optionalText(args string) form {
	f := text(args)
	needed := f.read
	f.args = "[" + args + "]"
	f.read = func(b *builder, c call) (value, int, bool) {
		if len(c.args) == 0 {
			return value{at: c.word.Span}, 0, true
		}
		return needed(b, c)
	}
	return f
}

func urlRows(options *block[pageDraft]) []keyword[pageDraft] {
	type row = keyword[pageDraft]
	return []row{
		{word: "path", form: text("PATH"), note: "required",
			meaning: "What is asked for.",
			set:     func(u *pageDraft, v value) { u.Path = v.text }},
		{word: "digest", form: text("HEX"), once: true, note: "none",
			meaning: "The MD5 digest that the page must have, 32 hexadecimal digits.",
			set:     (*pageDraft).setDigest},
		{word: "status_code", form: silent(words("N|A-B ...")), note: "200-299",
			meaning: "The HTTP status codes that are good, 100..599; several lists add up.",
			set:     (*pageDraft).setStatus},
		{word: "virtualhost", form: loose(text("STRING")), note: "that of the check",
			meaning: "The Host header, and the TLS server name.",
			set:     func(u *pageDraft, v value) { u.Host = v.text }},
		{word: "regex", form: loose(text("PATTERN")), note: "none",
			meaning: "A pattern of PCRE2 that the page must match.",
			set:     func(u *pageDraft, v value) { u.pattern = given(v.text, v.at) }},
		{word: "regex_no_match", form: flag(), note: "off",
			meaning: "The page must not match the pattern.",
			set: func(u *pageDraft, v value) {
				u.regex.NoMatch = true
				u.speak("regex_no_match", v)
			}},
		{word: "regex_options", form: silent(words("NAME ...")), opens: options, note: "none",
			meaning: "How the pattern is compiled.",
			set: func(u *pageDraft, v value) {
				u.speak("regex_options", v)
				u.setOptions(v, options)
			}},
		{word: "regex_min_offset", form: integer(between(0, 1<<32-1)), note: "0",
			meaning: "A match must begin at this byte of the page or after it.",
			set: func(u *pageDraft, v value) {
				u.regex.MinOffset = uint32(v.n)
				u.speak("regex_min_offset", v)
			}},
		{word: "regex_max_offset", form: integer(between(0, 1<<32-1)), note: "0: anywhere",
			meaning: "A match must begin before this byte of the page.",
			set: func(u *pageDraft, v value) {
				u.regex.MaxOffset = uint32(v.n)
				u.speak("regex_max_offset", v)
			}},
		{word: "regex_stack", form: words("START MAX"), note: "the library's",
			meaning: "Bytes of stack for patterns compiled to machine code, at first and at most. Here patterns are interpreted, which takes no stack: it has no effect.",
			set:     (*pageDraft).setStack},
	}
}

// regexOptionTable lists the options of PCRE2, in the order of their bits.
func regexOptionTable(name string) *block[pageDraft] {
	var rows []keyword[pageDraft]
	for i, o := range []struct{ word, meaning string }{
		{"allow_empty_class", "[] is a class that matches nothing."},
		{"alt_bsux", "The escapes \\u, \\U and \\x are those of ECMAScript."},
		{"auto_callout", "Callouts are put between all items; they change no verdict."},
		{"caseless", "Upper and lower case are the same."},
		{"dollar_endonly", "A dollar sign matches the very end only, not before a last newline."},
		{"dotall", "A dot matches a newline too."},
		{"dupnames", "Names of groups need not be unique."},
		{"extended", "White space and comments in the pattern are skipped."},
		{"firstline", "The match must begin before the first newline."},
		{"match_unset_backref", "A reference to a group that is not set matches nothing at all."},
		{"multiline", "^ and $ match at every line."},
		{"never_ucp", "The pattern cannot turn Unicode properties on."},
		{"never_utf", "The pattern cannot turn UTF on."},
		{"no_auto_capture", "Plain parentheses capture nothing."},
		{"no_auto_possess", "Quantifiers are not made possessive."},
		{"no_dotstar_anchor", "A leading .* is not taken as an anchor."},
		{"no_start_optimize", "No shortcuts at the start of a match."},
		{"ucp", "Classes such as \\w follow Unicode properties."},
		{"ungreedy", "Quantifiers take as little as they can."},
		{"utf", "Pattern and page are UTF-8."},
		{"never_backslash_c", "\\C is refused."},
		{"alt_circumflex", "^ in multiline mode also matches after a last newline."},
		{"alt_verbnames", "Names of verbs may hold escapes."},
		{"use_offset_limit", "A limit for the beginning of the match may be set."},
	} {
		bit := uint32(1) << i
		rows = append(rows, keyword[pageDraft]{word: o.word, form: flag(), note: "off", meaning: o.meaning,
			set: func(u *pageDraft, v value) { u.regex.Options |= bit }})
	}
	return table(name, rows...)
}

// speak notes a word that says something about a pattern.
func (u *pageDraft) speak(word string, v value) {
	if !u.speaking.given {
		u.speaking = given(word, v.at)
	}
}

// setOptions reads names of options; keepalived passes over unknown ones.
func (u *pageDraft) setOptions(v value, t *block[pageDraft]) {
	for _, w := range v.words {
		i, known := t.ready().index[w.Text]
		if !known {
			u.b.advise(w.Span, fmt.Sprintf("there is no option %q; it is ignored", w.Text), nearest(w.Text, slices.Collect(t.words()), ""))
			continue
		}
		t.ready().rows[i].set(u, value{})
	}
}

func (u *pageDraft) setStack(v value) {
	u.speak("regex_stack", v)
	if len(v.words) < 2 {
		u.b.complain(v.at, "regex_stack takes two sizes; it is ignored", "write the size at first and at most, in bytes")
		return
	}
	start, ok := parseUint32(v.words[0].Text)
	most, ok2 := parseUint32(v.words[1].Text)
	if !ok || !ok2 || start > most {
		u.b.complain(v.at, "regex_stack takes two sizes, the second not below the first; it is ignored", "write the size at first and at most, in bytes")
		return
	}
	u.b.extra(v, 2)
	u.b.advise(v.at, "regex_stack has no effect here: patterns are interpreted, not compiled to machine code, and take no stack", "delete it")
}

func (u *pageDraft) setDigest(v value) {
	if len(v.text) != 32 || strings.Trim(strings.ToLower(v.text), hexDigits) != "" {
		u.b.complain(v.at, "a digest is 32 hexadecimal digits; this one is ignored", "genhash prints it")
		return
	}
	u.Digest = u.b.keep(strings.ToLower(v.text))
}

func (u *pageDraft) setStatus(v value) {
	for _, w := range v.words {
		r, ok := statusRange(w.Text)
		if !ok {
			u.b.complain(w.Span, fmt.Sprintf("%q is not a status code; it is ignored", w.Text), "100 to 599, or A-B")
			continue
		}
		u.Status = append(u.Status, r)
	}
	u.Status = slices.Clip(u.Status)
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

func (c *checkDraft) readPage(v value, t *block[pageDraft]) {
	u := pageDraft{b: c.b}
	c.b.enter(v.node)
	defer c.b.leave()
	t.read(c.b, v.node.Body, &u)
	if u.Path == "" {
		c.b.complain(v.at, "url has no path and is left out", "write path /")
		return
	}
	u.settleRegex()
	c.pages = append(c.pages, u)
}

// settleRegex keeps a pattern that can be one. Whether PCRE2 takes it is for the
// check to find out.
func (u *pageDraft) settleRegex() {
	if !u.pattern.given {
		if u.speaking.given {
			u.b.advise(u.speaking.at, u.speaking.value+" says nothing without regex", "write regex, or delete it")
		}
		return
	}
	if why := malformed(u.pattern.value, u.regex.Options); why != "" {
		u.b.complain(u.pattern.at, "the pattern "+why+"; it is ignored", "every page passes without it")
		return
	}
	if u.regex.MaxOffset != 0 && u.regex.MinOffset >= u.regex.MaxOffset {
		u.b.advise(u.pattern.at, fmt.Sprintf("no match can begin at byte %d or after it and before byte %d", u.regex.MinOffset, u.regex.MaxOffset), "")
	}
	r := u.regex
	r.Pattern = u.pattern.value
	u.Regex = &r
}

// malformed says what is wrong with a pattern that no dialect takes.
func malformed(pattern string, options uint32) string {
	const extended, emptyClass = 0x80, 0x01
	if options&(extended|emptyClass) != 0 || strings.Contains(pattern, "(?") || strings.HasPrefix(pattern, "(*") {
		return ""
	}
	_, err := syntax.Parse(pattern, syntax.Perl)
	var e *syntax.Error
	if !errors.As(err, &e) {
		return ""
	}
	switch e.Code {
	case syntax.ErrMissingBracket:
		return "lacks a ]"
	case syntax.ErrMissingParen:
		return "lacks a )"
	case syntax.ErrUnexpectedParen:
		return "has a ) too many"
	case syntax.ErrTrailingBackslash:
		return "ends in a backslash"
	}
	return ""
}

// settleHTTP fills names and defaults into the pages.
func (c *checkDraft) settleHTTP(out *Check, d *virtualDraft, r *realDraft) bool {
	if len(c.pages) == 0 {
		c.b.follow(func() {
			c.b.complain(c.node.Span(), c.kind.String()+" has no url and is left out", "write url { path / }")
		})
		return false
	}
	h := &c.http
	h.Protocol = cmp.Or(h.Protocol, "1.0")
	for i := range c.pages {
		u := &c.pages[i]
		if h.SNI {
			u.ServerName = cmp.Or(c.sniName, u.Host, c.host.value, d.VirtualHost)
		}
		u.Host = cmp.Or(u.Host, c.host.value, r.VirtualHost)
		u.TLSCompliant = u.tls.or(c.tls)
		h.URLs = append(h.URLs, u.URL)
	}
	if h.SNI && c.kind == CheckHTTP {
		c.b.advise(c.named(), "HTTP_GET has no TLS that a server name would be sent in", "write SSL_GET, or delete it")
	}
	out.HTTP = c.b.lvs.store.oneHTTP(h)
	return true
}

// named is where a check asks for a TLS server name.
func (c *checkDraft) named() conf.Span { return written(c.node, "enable_sni", "sni_name").Span() }
