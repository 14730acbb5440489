package main

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"unicode"

	"holdfast/internal/api"
)

// place is a flag that says where a daemon answers.
type place struct {
	client *api.Client
	named  bool // NAME= stands before it
	given  bool
}

// Set implements pflag.Value.
func (p *place) Set(text string) (err error) {
	switch {
	case p.given:
		return errors.New("this command asks one node: write --node once")
	case p.named:
		_, *p.client, err = node(text)
	default:
		*p.client, err = daemonAt(text, "")
	}
	p.given = true
	return err
}

// String implements pflag.Value. It is the default that the help names.
func (p *place) String() string {
	if p.client == nil || p.named {
		return ""
	}
	return p.client.String()
}

// Type implements pflag.Value: what the help calls the argument.
func (p *place) Type() string { return "string" }

// node understands NAME=SOCKET and NAME=URL.
func node(text string) (name string, c api.Client, err error) {
	name, where, ok := strings.Cut(text, "=")
	if !ok || name == "" || where == "" {
		return "", c, errors.New("write NAME=SOCKET or NAME=URL")
	}
	c, err = daemonAt(where, name)
	return name, c, err
}

// daemonAt is a daemon at a socket or a URL. What opens the door of another machine comes from
// the environment, where no list of processes shows it.
func daemonAt(where, name string) (api.Client, error) {
	if !strings.Contains(where, "://") {
		return api.Client{Socket: where}, nil
	}
	to, err := url.Parse(where)
	switch {
	case err != nil:
		return api.Client{}, fmt.Errorf("understand the URL: %w", err)
	case to.Scheme != "http" && to.Scheme != "https" || to.Host == "":
		return api.Client{}, errors.New("write https://HOST:PORT, where its api_listen is")
	case to.User != nil:
		return api.Client{}, errors.New("a secret does not belong on a command line: name its file in HOLDFAST_TOKEN_FILE")
	}
	r := &api.Remote{URL: *to}
	if r.Token, err = token(name); err == nil {
		r.TLS, err = trust(name)
	}
	if err == nil && r.Token != "" && to.Scheme == "http" && !local(to) {
		err = errors.New("a token is not sent in clear: write https")
	}
	return api.Client{Remote: r}, err
}

// local tells a URL of this machine.
func local(u *url.URL) bool {
	at, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && at.IsLoopback()
}

// variable is a variable of the environment: that of a node, else that of all.
func variable(word, name string) string {
	own := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToUpper(r)
		}
		return '_'
	}, name)
	return cmp.Or(os.Getenv(word+"_"+own), os.Getenv(word))
}

// token is what is shown to the node.
func token(name string) (string, error) {
	if t := variable("HOLDFAST_TOKEN", name); t != "" {
		return t, nil
	}
	path := variable("HOLDFAST_TOKEN_FILE", name)
	if path == "" {
		return "", nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read HOLDFAST_TOKEN_FILE: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// trust is whom to believe that he is the node, and the certificate that is shown to him.
func trust(name string) (*tls.Config, error) {
	c := &tls.Config{}
	if path := variable("HOLDFAST_CA", name); path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read HOLDFAST_CA: %w", err)
		}
		if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("HOLDFAST_CA: there is no certificate in %s", path)
		}
	}
	cert := variable("HOLDFAST_CERT", name)
	if cert == "" {
		return c, nil
	}
	own, err := tls.LoadX509KeyPair(cert, cmp.Or(variable("HOLDFAST_KEY", name), cert))
	if err != nil {
		return nil, fmt.Errorf("use HOLDFAST_CERT and HOLDFAST_KEY: %w", err)
	}
	c.Certificates = []tls.Certificate{own}
	return c, nil
}
