package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"holdfast/internal/notify"
)

// Webhook is a program that is told by HTTP.
type Webhook struct {
	Name string
	// URL may be a secret, and so may the values of Headers.
	URL     Secret
	Method  string
	Headers []Header
	// Template of the body; empty: JSON of all there is. CA is a file, and Authority what is in it.
	Template  string
	CA        string
	Authority []byte
	Timeout   time.Duration
	Retries   int
	// Files are the values that stand in files and are read later.
	Files []HookFile
}

// Header is a header of requests.
type Header struct {
	Name  string
	Value Secret
}

// HookFile is a file with a part of a webhook: its url, its template, or the word of the value of a
// header in place of which its text goes.
type HookFile struct {
	Word   string // url, template, header, ca
	Header int
	Path   string
}

// inFile marks a value that stands in a file.
const inFile = "file:"

// hookDraft is a webhook while it is read.
type hookDraft struct {
	Webhook
	b   *builder
	url maybe[struct{}]
	// broken: that it is left out has been told.
	broken bool
}

func webhookTable() *block[hookDraft] {
	return table("webhook", own(
		keyword[hookDraft]{word: "url", form: text("URL|file:PATH"), note: "required",
			meaning: "Where requests go: http:// or https://. Redirections are not followed, and no view and no line of the log shows it.",
			set:     (*hookDraft).setURL},
		keyword[hookDraft]{word: "method", form: choice("POST", "PUT", "PATCH", "GET"), def: "POST",
			meaning: "The method of the requests.",
			set:     func(h *hookDraft, v value) { h.Method = v.text }},
		keyword[hookDraft]{word: "header", form: some(words("NAME VALUE ..."), "a name and a value"), note: "Content-Type: application/json",
			meaning: "A header of the requests; a word of the value may be file:PATH, in place of which the text of the file goes. A path that is not absolute is that of a credential of systemd.",
			set:     (*hookDraft).addHeader},
		keyword[hookDraft]{word: "template", form: text("TEXT|file:PATH"), note: "JSON of all fields",
			meaning: "The body, in the language of Go's text/template: {{.Node}}, {{.Kind}} (instance, group, virtual_server, real_server), {{.Name}}, {{.Of}}, {{.State}}, {{.Priority}}, {{.Reason}} and {{.Time}}; {{json .Reason}} makes JSON of one.",
			set:     (*hookDraft).setTemplate},
		keyword[hookDraft]{word: "ca", form: text("FILE"), note: "whom the machine trusts",
			meaning: "Who has signed the certificate of the server, as PEM.",
			set: func(h *hookDraft, v value) {
				h.CA = v.text
				h.Files = append(h.Files, HookFile{Word: "ca", Path: v.text})
			}},
		keyword[hookDraft]{word: "timeout", form: duration(times(100*time.Millisecond, time.Minute, time.Second)), def: "5",
			meaning: "How long a request may take, from the connection to the end of the answer.",
			set:     func(h *hookDraft, v value) { h.Timeout = v.d }},
		keyword[hookDraft]{word: "retries", form: integer(between(0, 20)), def: "5",
			meaning: "How often a request is made again that was not answered, or with 408, 429 or 5xx: after a second, then after twice as long each time, up to a minute, less by up to half by chance.",
			set:     func(h *hookDraft, v value) { h.Retries = v.n }},
	)...)
}

func (b *builder) readWebhook(v value) {
	name, ok := b.trackerName(v)
	if !ok {
		return
	}
	if slices.ContainsFunc(b.cfg.Webhooks, func(w Webhook) bool { return w.Name == name }) {
		b.rule("given-twice").complain(v.node.ArgSpan(), fmt.Sprintf("there is a webhook %s already; this one is never called", name), "give it another name")
		return
	}
	h := &hookDraft{b: b}
	h.Name = name
	b.enter(v.node)
	defer b.leave()
	b.voc.webhook.defaults(b, h)
	b.voc.webhook.read(b, v.node.Body, h)
	if h.broken {
		return
	}
	if !h.url.given {
		b.complain(v.node.Span(), fmt.Sprintf("webhook %s has no url and is left out", name), "write url https://HOST/PATH")
		return
	}
	b.cfg.Webhooks, b.hooks = append(b.cfg.Webhooks, h.Webhook), append(b.hooks, v.node)
}

// setURL takes a URL, or the file that has it.
func (h *hookDraft) setURL(v value) {
	if path, is := strings.CutPrefix(v.text, inFile); is {
		h.url = given(struct{}{}, v.at)
		h.Files = append(h.Files, HookFile{Word: "url", Path: path})
		return
	}
	if err := CheckURL(v.text); err != nil {
		h.b.complain(v.at, err.Error()+"; the webhook is left out", "write http:// or https://, a host, and a path")
		h.broken = true
		return
	}
	h.URL, h.url = Secret(v.text), given(struct{}{}, v.at)
}

// CheckURL says what is wrong with the URL of a webhook, without telling it.
func CheckURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return errors.New("the URL cannot be understood")
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("a URL begins with http:// or https://, and not with %q", u.Scheme+":")
	case u.Hostname() == "":
		return errors.New("the URL has no host")
	case u.User != nil:
		return errors.New("a URL with a password is not taken: write a header Authorization")
	}
	return nil
}

// addHeader takes a header. What of its value stands in files is put there later.
func (h *hookDraft) addHeader(v value) {
	name := v.words[0].Text
	if !headerName(name) || len(v.words) < 2 {
		h.b.complain(v.words[0].Span, "a header has a name of letters, digits and -, and a value; it is left out", "write header NAME VALUE, as in header X-Key file:/etc/holdfast/key")
		return
	}
	var words []string
	for _, w := range v.words[1:] {
		if path, is := strings.CutPrefix(w.Text, inFile); is {
			h.Files = append(h.Files, HookFile{Word: "header", Header: len(h.Headers), Path: path})
		}
		words = append(words, w.Text)
	}
	h.Headers = append(h.Headers, Header{Name: h.b.keep(name), Value: Secret(strings.Join(words, " "))})
}

// headerName tells what may be one.
func headerName(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !(r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}) < 0
}

// setTemplate takes a template that can be filled in, or the file that has it.
func (h *hookDraft) setTemplate(v value) {
	if path, is := strings.CutPrefix(v.text, inFile); is {
		h.Files = append(h.Files, HookFile{Word: "template", Path: path})
		return
	}
	if _, err := notify.ParseBody(v.text); err != nil {
		h.b.complain(v.at, fmt.Sprintf("the template is not taken: %v; JSON of all fields is sent", err), "the fields are .Node .Kind .Name .Of .State .Priority .Reason .Time")
		return
	}
	h.Template = v.text
}

// hooking is where notify_webhook of a block goes.
type hooking struct {
	b  *builder
	to **notify.Hooks
}

// hookRow is the word by which a block names webhooks.
func hookRow[T any](when string, of func(*T) hooking) keyword[T] {
	return keyword[T]{word: "notify_webhook", own: true, form: some(words("NAME ..."), "the name of a webhook"), note: "none",
		meaning: "The webhooks that are told " + when + "; several lines add up.",
		set: func(t *T, v value) {
			h := of(t)
			for _, w := range v.words {
				h.b.hooked = append(h.b.hooked, w)
				*h.to = (*h.to).Add(h.b.keep(w.Text))
			}
		}}
}

// finishHooks looks whether there are the webhooks that are named, and whether each is.
func (b *builder) finishHooks() {
	used := map[string]bool{}
	var known []string
	for i := range b.cfg.Webhooks {
		known = append(known, b.cfg.Webhooks[i].Name)
	}
	for _, w := range b.hooked {
		used[w.Text] = true
		if !slices.Contains(known, w.Text) {
			b.rule("undefined-name").complain(w.Span, fmt.Sprintf("there is no webhook %s; nobody is told", w.Text), nearest(w.Text, known, "write webhook "+w.Text+" { url ... } at the top level"))
		}
	}
	for i, name := range known {
		if !used[name] {
			b.rule("unused-webhook").advise(b.hooks[i].ArgSpan(), fmt.Sprintf("webhook %s is named by nobody and never called", name), "write notify_webhook "+name+" in global_defs, an instance, a group or a server")
		}
	}
}
