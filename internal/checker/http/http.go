// Package http checks pages of web servers, with and without TLS. It asks for one
// page on a connection of its own and follows nothing: neither redirections nor
// chunks, so that what a server can make it do is little.
package http

import (
	"bufio"
	"context"
	"crypto/md5"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"holdfast/internal/checker"
	"holdfast/internal/checker/dial"
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
	// body is what follows the header until the server closes, as it was sent.
	Digest string
	// TLS is nil for plain HTTP.
	TLS *tls.Config
}

// Range is a range of status codes.
type Range struct{ From, To int }

// headerLimit bounds what is read before the body, in bytes.
const headerLimit = 64 << 10

// Probe implements checker.Probe.
func (g *Get) Probe(ctx context.Context, t checker.Target) checker.Result {
	plain, err := dial.Open(ctx, "tcp", t)
	if err != nil {
		return dial.Judge(err)
	}
	defer plain.Close()
	var c io.ReadWriter = plain
	if g.TLS != nil {
		secure := tls.Client(plain, g.TLS)
		if err := secure.HandshakeContext(ctx); err != nil {
			return checker.Fail("TLS with %s: %v", t, dial.Plain(err))
		}
		c = secure
	}
	if _, err := io.WriteString(c, g.request(t)); err != nil {
		return checker.Fail("ask %s for %s: %v", t, g.Path, dial.Plain(err))
	}
	if why := g.judge(c); why != "" {
		return checker.Fail("GET %s from %s: %s", g.Path, t, why)
	}
	return checker.Pass()
}

// request is what is sent, with keepalived's name for itself, which access logs
// are filtered by.
func (g *Get) request(t checker.Target) string {
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
	return fmt.Sprintf("GET %s HTTP/%s\r\nUser-Agent: KeepAliveClient\r\n%sHost: %s\r\n\r\n", g.Path, version, end, host)
}

// judge reads an answer and says what is wrong with it. A body that nobody looks
// at is not waited for.
func (g *Get) judge(c io.Reader) (why string) {
	head := &io.LimitedReader{R: c, N: headerLimit}
	r := bufio.NewReaderSize(head, 4096)
	code, err := header(r)
	switch {
	case err != nil && head.N <= 0:
		return fmt.Sprintf("its header is longer than %d bytes", headerLimit)
	case err != nil:
		return dial.Plain(err).Error()
	case !g.good(code):
		return fmt.Sprintf("status %d", code)
	case g.Digest == "":
		return ""
	}
	head.N = 1 << 62
	return g.compare(r)
}

// compare reads the body, of which only the digest is kept.
func (g *Get) compare(r io.Reader) (why string) {
	sum := md5.New()
	if _, err := io.Copy(sum, r); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return dial.Plain(err).Error()
	}
	if have := hex.EncodeToString(sum.Sum(nil)); have != g.Digest {
		return "the page has the digest " + have
	}
	return ""
}

func (g *Get) good(code int) bool {
	if len(g.Status) == 0 {
		return code >= 200 && code <= 299
	}
	return slices.ContainsFunc(g.Status, func(r Range) bool { return code >= r.From && code <= r.To })
}

var (
	errNotHTTP = errors.New("the answer is not HTTP")
	errEnded   = errors.New("the connection was closed before the end of the header")
)

// header reads the header of an answer, with its end, and returns the status code.
func header(r *bufio.Reader) (code int, err error) {
	line, err := statusLine(r)
	if err != nil {
		return 0, err
	}
	if code, err = status(line); err != nil {
		return 0, err
	}
	for {
		empty, err := skipLine(r)
		switch {
		case errors.Is(err, io.EOF):
			return 0, errEnded
		case err != nil:
			return 0, err
		case empty:
			return code, nil
		}
	}
}

func statusLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadSlice('\n')
	switch {
	case err == nil:
		return strings.TrimRight(string(line), "\r\n"), nil
	case errors.Is(err, bufio.ErrBufferFull):
		return "", errNotHTTP
	case errors.Is(err, io.EOF) && len(line) == 0:
		return "", errors.New("the connection was closed without an answer")
	case errors.Is(err, io.EOF):
		return "", errEnded
	}
	return "", err
}

// status finds the code in a line like "HTTP/1.1 200 OK".
func status(line string) (int, error) {
	rest, ok := strings.CutPrefix(line, "HTTP/")
	_, rest, found := strings.Cut(rest, " ")
	if !ok || !found || len(rest) < 3 || len(rest) > 3 && rest[3] != ' ' {
		return 0, errNotHTTP
	}
	code := 0
	for _, c := range []byte(rest[:3]) {
		if c < '0' || c > '9' {
			return 0, errNotHTTP
		}
		code = code*10 + int(c-'0')
	}
	return code, nil
}

// skipLine reads a line of any length without keeping it.
func skipLine(r *bufio.Reader) (empty bool, err error) {
	empty = true
	for {
		part, err := r.ReadSlice('\n')
		empty = empty && strings.Trim(string(part), "\r\n") == ""
		if !errors.Is(err, bufio.ErrBufferFull) {
			return empty, err
		}
	}
}
