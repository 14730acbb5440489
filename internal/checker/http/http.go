// Package http checks pages of web servers, with and without TLS. It asks for one
// page on a connection of its own and follows nothing: neither redirections nor
// chunks nor compression, so that what a server can make it do is little.
package http

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"holdfast/internal/checker"
	"holdfast/internal/checker/dial"
	"holdfast/internal/checker/regex"
)

// Get is the check of one page.
type Get struct {
	Path string // what is asked for, as it stands in the request
	Host string // the Host header; empty: the target
	// Version is that of the request, 1.0 or 1.1; empty: 1.1. Close asks for the
	// connection to be closed after the answer.
	Version string
	Close   bool
	// Status are the codes that are good; none: 200 to 299.
	Status []Range
	// Digest is the MD5 of the body that is good, in lower case; empty: any. The
	// body is what follows the header, as it was sent, until the server closes or
	// has sent as much as it said.
	Digest string
	// Pattern is what the beginning of the body matches, or, if it is Unwanted,
	// does not; nil: anything is good.
	Pattern  *regex.Pattern
	Unwanted bool
	// Whole: the body must come to its end though nothing is wanted of it.
	Whole bool
	// TLS is nil for plain HTTP.
	TLS *tls.Config
	// Goodbye: both sides tell the end of TLS before that of the connection.
	Goodbye bool
}

// Range is a range of status codes.
type Range struct{ From, To int }

// Praise is the line for the log when the page is good while the server is not up
// yet.
func (g *Get) Praise(server string) string {
	what := "HTTP status code"
	switch {
	case g.Pattern != nil:
		what = "Regex match"
	case g.Digest != "":
		what = "MD5 digest"
	}
	return fmt.Sprintf("%s success to %s url(%s).", what, server, g.Path)
}

// Probe implements checker.Probe.
func (g *Get) Probe(ctx context.Context, t checker.Target) checker.Result {
	return dial.Do(ctx, g, t)
}

// Begin implements dial.Asker. A plain page that is there at once is judged at
// once; what takes longer, and TLS, has a goroutine.
func (g *Get) Begin(t checker.Target) dial.Step {
	s, err := dial.Stream(t)
	if err != nil {
		return dial.End(unconnected(err))
	}
	return s.Connected(func(err error) dial.Step {
		switch {
		case err != nil:
			return s.End(unconnected(err))
		case g.TLS != nil:
			return s.Alone(func(c *dial.Conn) checker.Result { return g.secure(c, t) })
		}
		return g.ask(s, t)
	})
}

func unconnected(err error) checker.Result {
	return dial.Judge(err).As(phrase(err, "Timeout connecting", "Error connecting"))
}

// secure asks by TLS.
func (g *Get) secure(c *dial.Conn, t checker.Target) checker.Result {
	secure := tls.Client(c, g.TLS)
	if err := secure.Handshake(); err != nil {
		return checker.Fail("TLS with %s: %v", t, dial.Plain(err)).As(phrase(err, "Timeout connecting", "SSL handshake/communication error connecting to"))
	}
	if g.Goodbye {
		defer secure.Close()
	}
	if _, err := io.WriteString(secure, g.Request(t)); err != nil {
		return g.unasked(err, t)
	}
	return g.about(g.judge(secure, c.Late()), t)
}

// phrase is one text for the end of the time and another for anything else.
func phrase(err error, late, other string) string {
	if dial.Late(err) {
		return late
	}
	return other
}

// ask makes the request.
func (g *Get) ask(s *dial.Socket, t checker.Target) dial.Step {
	request := g.Request(t)
	n, err := s.Write([]byte(request))
	switch {
	case n < len(request) && (err == nil || errors.Is(err, dial.ErrNothing)):
		return s.Alone(func(c *dial.Conn) checker.Result {
			if _, err := io.WriteString(c, request[n:]); err != nil {
				return g.unasked(err, t)
			}
			return g.about(g.judge(c, c.Late()), t)
		})
	case err != nil:
		return s.End(g.unasked(err, t))
	}
	return s.Readable(0, func(err error) dial.Step {
		if err != nil {
			return s.End(g.about(g.unread(err, noData), t))
		}
		return g.listen(s, t)
	})
}

// listen judges the answer if all of it is there. What PCRE2 makes of a page may
// take a second, which others are not to wait for.
func (g *Get) listen(s *dial.Socket, t checker.Target) dial.Step {
	there := &glance{socket: s}
	if g.Pattern == nil {
		if r := g.judge(there, nil); !there.short {
			return s.End(g.about(r, t))
		}
	}
	return s.Alone(func(c *dial.Conn) checker.Result {
		return g.about(g.judge(io.MultiReader(bytes.NewReader(there.seen), c), c.Late()), t)
	})
}

// glance reads what is there of an answer.
type glance struct {
	socket *dial.Socket
	seen   []byte
	short  bool // there was not enough
}

// glanceLimit is how much of an answer is read without a goroutine, in bytes.
const glanceLimit = 16 << 10

// Read implements io.Reader.
func (l *glance) Read(p []byte) (int, error) {
	n, err := 0, dial.ErrNothing
	if len(l.seen) < glanceLimit {
		n, err = l.socket.Read(p)
	}
	l.seen = append(l.seen, p[:n]...)
	l.short = errors.Is(err, dial.ErrNothing)
	if err == nil && n == 0 {
		err = io.EOF
	}
	return n, err
}

func (g *Get) unasked(err error, t checker.Target) checker.Result {
	return checker.Fail("ask %s for %s: %v", t, g.Path, dial.Plain(err)).As("Cannot send get request to")
}

// about says what a verdict is about.
func (g *Get) about(r checker.Result, t checker.Target) checker.Result {
	if r.Outcome != checker.Passed {
		r.Why = fmt.Sprintf("GET %s from %s: %s", g.Path, t, r.Why)
	}
	return r
}

// Request is what is sent, with keepalived's name for itself, which access logs
// are filtered by.
func (g *Get) Request(t checker.Target) string {
	host, version, end := g.Host, g.Version, ""
	if host == "" {
		host = t.String()
	}
	if version == "" {
		version = "1.1"
	}
	if g.Close {
		end = "Connection: close\r\n"
	}
	var b strings.Builder
	b.Grow(len("GET  HTTP/1.1\r\nUser-Agent: KeepAliveClient\r\nHost: \r\n\r\n") + len(g.Path) + len(end) + len(host))
	for _, s := range [...]string{"GET ", g.Path, " HTTP/", version, "\r\nUser-Agent: KeepAliveClient\r\n", end, "Host: ", host, "\r\n\r\n"} {
		b.WriteString(s)
	}
	return b.String()
}

func (g *Get) good(code int) bool {
	if len(g.Status) == 0 {
		return code >= 200 && code <= 299
	}
	return slices.ContainsFunc(g.Status, func(r Range) bool { return code >= r.From && code <= r.To })
}
