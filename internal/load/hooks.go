package load

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/notify"
)

// readHooks reads what of webhooks stands in files. One that lacks something is left out, with a
// complaint: the rest goes on.
func (r *Reading) readHooks() {
	kept := r.Config.Webhooks[:0]
	for _, w := range r.Config.Webhooks {
		whole := true
		for _, f := range w.Files {
			text, exposed, err := hookText(f.Path)
			if err == nil {
				err = put(&w, f, text)
			}
			whole = whole && err == nil
			r.judgeHook(w.Name, f, exposed, err)
		}
		if whole {
			kept = append(kept, w)
		}
	}
	r.Config.Webhooks = kept
	r.Findings = conf.Sort(r.Findings)
}

// judgeHook says what is wrong with a file of a webhook.
func (r *Reading) judgeHook(name string, f config.HookFile, exposed bool, err error) {
	d := conf.Diag{Severity: conf.Complaint, Class: conf.Faulty, Span: r.hookSpan(name, f.Word)}
	switch {
	case err != nil:
		d.Text = fmt.Sprintf("the %s of webhook %s: %v; it is left out", f.Word, name, err)
	case exposed && (f.Word == "header" || f.Word == "url"):
		d.Class, d.Text, d.Fix = conf.Insecure, fmt.Sprintf("others may read the file with the %s of webhook %s", f.Word, name), "chmod 600 "+f.Path
	default:
		return
	}
	r.Findings = append(r.Findings, d)
}

// put puts the text of a file in its place.
func put(w *config.Webhook, f config.HookFile, text string) error {
	line := strings.TrimSpace(text)
	switch f.Word {
	case "url":
		w.URL = config.Secret(line)
		return config.CheckURL(line)
	case "template":
		w.Template = text
		_, err := notify.ParseBody(text)
		return err
	case "ca":
		w.Authority = []byte(text)
		if !x509.NewCertPool().AppendCertsFromPEM(w.Authority) {
			return fmt.Errorf("there is no certificate in %s", f.Path)
		}
	case "header":
		if strings.ContainsAny(line, "\r\n") || line == "" {
			return fmt.Errorf("%s has not one line", f.Path)
		}
		h := &w.Headers[f.Header]
		h.Value = config.Secret(strings.Replace(string(h.Value), "file:"+f.Path, line, 1))
	}
	return nil
}

// hookText reads a file of a webhook. A path that is not absolute is that of a credential of systemd.
func hookText(path string) (text string, exposed bool, err error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(os.Getenv("CREDENTIALS_DIRECTORY"), path)
	}
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New(path + " is not a file") // nobody is waited for
	}
	if err != nil {
		return "", false, err
	}
	f, err := os.Open(path)
	if err != nil {
		return "", false, err
	}
	defer func() { _ = f.Close() }()
	all, err := io.ReadAll(io.LimitReader(f, 256<<10))
	return string(all), info.Mode().Perm()&0o077 != 0, err
}

// hookSpan is where a word of a webhook stands.
func (r *Reading) hookSpan(name, word string) conf.Span {
	for _, n := range r.Tree.Nodes {
		if n.Keyword.Text != "webhook" || len(n.Args) == 0 || n.Args[0].Text != name || !n.Block {
			continue
		}
		for _, line := range n.Body {
			if line.Keyword.Text == word {
				return line.Span()
			}
		}
		return n.Span()
	}
	return conf.Span{}
}
