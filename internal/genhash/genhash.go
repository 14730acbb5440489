// Package genhash fetches a page as the HTTP checks do and says the MD5 of its body:
// what the word digest of such a check is to be.
package genhash

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"holdfast/internal/checker"
	"holdfast/internal/checker/dial"
	"holdfast/internal/checker/http"
)

// Page is what is asked for.
type Page struct {
	Get     http.Get // without a digest; its status is not judged
	Target  checker.Target
	Timeout time.Duration // for each step
}

// Answer is what came.
type Answer struct {
	Digest string `json:"digest"` // 32 lower-case hexadecimal digits
	Size   int64  `json:"bytes"`  // of the body, as far as its length was announced
}

// Failure is why there is no answer, and what keepalived's genhash says then.
type Failure struct {
	Text string
	Err  error
}

// Error implements error.
func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap implements errors.Unwrap.
func (f *Failure) Unwrap() error { return f.Err }

// ErrNoPage says that the server ended before it had sent a whole header.
var ErrNoPage = errors.New("no page came: the connection was closed before the end of the header, or that is longer than 4095 bytes")

// headerLimit is the longest header, in bytes.
const headerLimit = 4095

// Fetch asks for a page and reads it to its end. What comes is shown to show, if there is one.
func Fetch(ctx context.Context, p Page, show *Dump) (Answer, error) {
	c, err := open(ctx, p)
	if err != nil {
		return Answer{}, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })()
	c.SetDeadline(time.Now().Add(p.Timeout))
	if _, err := io.WriteString(c, p.Get.Request(p.Target)); err != nil {
		return Answer{}, fail("Cannot send get request to", "ask %s: %w", p.Target, dial.Plain(err))
	}
	r := reader{page: p, conn: c, show: show, sum: md5.New(), left: -1}
	return r.read()
}

func fail(text, format string, args ...any) error { return &Failure{text, fmt.Errorf(format, args...)} }

// open connects, and shakes hands for TLS.
func open(ctx context.Context, p Page) (net.Conn, error) {
	d := net.Dialer{Timeout: p.Timeout, KeepAlive: -1, Control: func(_, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) { failed = dial.Prepare(int(fd), p.Target.From) })
		return errors.Join(err, failed)
	}}
	c, err := d.DialContext(ctx, "tcp", netip.AddrPortFrom(p.Target.Addr, p.Target.Port).String())
	if err != nil {
		return nil, fail(late(err, "Timeout connecting", "Connection failed"), "connect to %s: %w", p.Target, dial.Plain(err))
	}
	if p.Get.TLS == nil {
		return c, nil
	}
	secure := tls.Client(c, p.Get.TLS)
	c.SetDeadline(time.Now().Add(p.Timeout))
	if err := secure.HandshakeContext(ctx); err != nil {
		c.Close()
		text := late(err, "Timeout connecting", "SSL handshake/communication error connecting to")
		if errors.Is(err, syscall.ECONNRESET) {
			text = "Connection failed"
		}
		return nil, fail(text, "TLS with %s: %w", p.Target, dial.Plain(err))
	}
	return secure, nil
}

// late chooses the words for an error.
func late(err error, late, otherwise string) string {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return late
	}
	return otherwise
}

// reader takes an answer apart as it comes.
type reader struct {
	page   Page
	conn   net.Conn
	show   *Dump
	header []byte
	whole  bool // the header is there
	sum    hash.Hash
	size   int64
	left   int64 // of the announced length; -1: none was announced
}

func (r *reader) read() (Answer, error) {
	for buffer := make([]byte, headerLimit+1); ; {
		r.conn.SetDeadline(time.Now().Add(r.page.Timeout))
		n, err := r.conn.Read(buffer)
		if missing := r.take(buffer[:n]); missing != nil {
			return Answer{}, missing
		}
		switch {
		case errors.Is(err, io.EOF) && !r.whole:
			return Answer{}, &Failure{Err: ErrNoPage}
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF): // who ends TLS so has said all
			return Answer{hex.EncodeToString(r.sum.Sum(nil)), r.size}, nil
		case err != nil:
			return Answer{}, r.broken(err)
		}
	}
}

func (r *reader) broken(err error) error {
	text := "Timeout HTTP read"
	switch {
	case len(r.header) == 0:
		text = "Timeout WEB read"
	case r.page.Get.TLS != nil:
		text = "Timeout SSL read"
	}
	return fail(late(err, text, "Read error with"), "read from %s: %w", r.page.Target, dial.Plain(err))
}

// take is given the next bytes.
func (r *reader) take(b []byte) error {
	if r.whole {
		r.body(b, false)
		return nil
	}
	r.header = append(r.header, b...)
	end := bytes.Index(r.header, []byte("\r\n\r\n"))
	if end < 0 || end+4 > headerLimit {
		if len(r.header) >= headerLimit {
			return &Failure{Err: ErrNoPage}
		}
		return nil
	}
	head, rest := r.header[:end+4], r.header[end+4:]
	r.whole, r.left = true, length(string(head))
	r.show.head(head)
	r.body(rest, true)
	return nil
}

// body is given the next bytes of the body, or those that came with the header.
func (r *reader) body(b []byte, first bool) {
	if r.left >= 0 {
		b = b[:min(int64(len(b)), r.left)]
		r.left -= int64(len(b))
	}
	r.size += int64(len(b))
	r.sum.Write(b)
	r.show.body(b, first)
}

// length is what the header announces, in just these letters; -1 if it does not.
func length(header string) int64 {
	_, after, found := strings.Cut(header, "\r\nContent-Length:")
	line, _, _ := strings.Cut(after, "\r\n")
	n, err := strconv.ParseUint(strings.TrimSpace(line), 10, 63)
	if !found || err != nil {
		return -1
	}
	return int64(n)
}
