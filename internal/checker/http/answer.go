package http

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"strconv"

	"holdfast/internal/checker"
	"holdfast/internal/checker/dial"
)

// What is read of an answer, in bytes: before the body, and of a body of which no
// digest is wanted.
const (
	headerLimit = 64 << 10
	bodyLimit   = 1 << 20
)

// judge reads an answer.
func (g *Get) judge(c io.Reader, late <-chan struct{}) checker.Result {
	head := &io.LimitedReader{R: c, N: headerLimit}
	r := bufio.NewReaderSize(head, 4096)
	a, err := readHeader(r)
	switch {
	case err != nil && head.N <= 0:
		return checker.Fail("its header is longer than %d bytes", headerLimit).As(noData)
	case err != nil:
		return g.unread(err, noData)
	case !g.good(a.code):
		return checker.Fail("status %d", a.code).As("HTTP status code error to")
	}
	if !g.Whole && g.Digest == "" && g.Pattern == nil {
		return checker.Pass()
	}
	head.N = 1 << 62
	p := &page{keep: g.Pattern != nil}
	if g.Digest != "" {
		p.sum = md5.New()
	}
	if err := g.readBody(r, a.length, p); err != nil {
		return g.unread(err, "Read error with")
	}
	return g.compare(p, late)
}

const noData = "Read, no data received from "

// unread is the verdict on an answer that could not be read to its end.
func (g *Get) unread(err error, other string) checker.Result {
	late := "Timeout HTTP read"
	if g.TLS != nil {
		late = "Timeout SSL read"
	}
	return checker.Fail("%v", dial.Plain(err)).As(phrase(err, late, other))
}

// compare looks at a page that was read. Late is closed when the time of the check is over.
func (g *Get) compare(p *page, late <-chan struct{}) checker.Result {
	if p.sum != nil {
		if have := hex.EncodeToString(p.sum.Sum(nil)); have != g.Digest {
			return checker.Fail("the page has the digest %s", have).As("MD5 digest error to")
		}
	}
	if g.Pattern == nil {
		return checker.Pass()
	}
	found, err := g.search(p.text, late)
	switch {
	case err != nil:
		return checker.Fail("%v", err).As(noMatch)
	case found && g.Unwanted:
		return checker.Fail("the page matches the pattern").As(noMatch)
	case !found && !g.Unwanted:
		return checker.Fail("the page does not match the pattern").As(noMatch)
	}
	return checker.Pass()
}

const noMatch = "Regex match failed"

// search ends when the time of the check does. One that runs away then comes to its end by
// itself: the engine bounds its steps, but cannot be told to stop.
func (g *Get) search(text []byte, late <-chan struct{}) (bool, error) {
	type verdict struct {
		found bool
		err   error
	}
	done := make(chan verdict, 1)
	go func() {
		found, err := g.Pattern.Match(text)
		done <- verdict{found, err}
	}()
	select {
	case v := <-done:
		return v.found, v.err
	case <-late:
		return false, errors.New("the search for the pattern takes longer than the check may")
	}
}

// page is what is kept of a body: its digest, or its beginning, or nothing.
type page struct {
	sum  hash.Hash // nil: no digest is wanted
	keep bool
	text []byte // no longer than bodyLimit
}

// Write implements io.Writer.
func (p *page) Write(b []byte) (int, error) {
	if p.sum != nil {
		_, _ = p.sum.Write(b)
	}
	if p.keep {
		p.text = append(p.text, b[:min(len(b), bodyLimit-len(p.text))]...)
	}
	return len(b), nil
}

// readBody reads a body of a length, or, if that is negative, until the server
// ends it. Of one that only its beginning is wanted of, no more is waited for.
func (g *Get) readBody(r io.Reader, length int64, p *page) error {
	body, limit := r, int64(bodyLimit)
	if length >= 0 {
		body = io.LimitReader(r, length)
	}
	if p.sum != nil {
		limit = 1 << 62
	}
	n, err := io.CopyN(p, body, limit)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err == nil && g.Goodbye && n < limit {
		_, err = io.Copy(io.Discard, r)
	}
	if g.TLS != nil && !g.Goodbye && !dial.Late(err) {
		return nil // many servers end TLS without saying so
	}
	return err
}

// answer is what a header says.
type answer struct {
	code   int
	length int64 // of the body; negative: not said
}

var (
	errNotHTTP = errors.New("the answer is not HTTP")
	errEnded   = errors.New("the connection was closed before the end of the header")
)

// readHeader reads the header of an answer, with its end.
func readHeader(r *bufio.Reader) (answer, error) {
	a := answer{length: -1}
	line, err := statusLine(r)
	if err != nil {
		return a, err
	}
	if a.code, err = status(line); err != nil {
		return a, err
	}
	for {
		empty, err := a.readLine(r)
		switch {
		case errors.Is(err, io.EOF):
			return a, errEnded
		case err != nil:
			return a, err
		case empty:
			return a, nil
		}
	}
}

// statusLine is the first line, good until r is read again.
func statusLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	switch {
	case err == nil:
		return bytes.TrimRight(line, "\r\n"), nil
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, errNotHTTP
	case errors.Is(err, io.EOF) && len(line) == 0:
		return nil, errors.New("the connection was closed without an answer")
	case errors.Is(err, io.EOF):
		return nil, errEnded
	}
	return nil, err
}

// status finds the code in a line like "HTTP/1.1 200 OK".
func status(line []byte) (int, error) {
	rest, ok := bytes.CutPrefix(line, []byte("HTTP/"))
	_, rest, found := bytes.Cut(rest, []byte(" "))
	if !ok || !found || len(rest) < 3 || len(rest) > 3 && rest[3] != ' ' {
		return 0, errNotHTTP
	}
	code := 0
	for _, c := range rest[:3] {
		if c < '0' || c > '9' {
			return 0, errNotHTTP
		}
		code = code*10 + int(c-'0')
	}
	return code, nil
}

// readLine reads a line of any length, of which it keeps the length of the body.
func (a *answer) readLine(r *bufio.Reader) (empty bool, err error) {
	line, err := r.ReadSlice('\n')
	empty = len(bytes.Trim(line, "\r\n")) == 0
	a.heed(line)
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = r.ReadSlice('\n')
	}
	return empty, err
}

// heed takes the length of the body from a line that has it.
func (a *answer) heed(line []byte) {
	name, value, found := bytes.Cut(line, []byte(":"))
	if !found || !bytes.EqualFold(name, []byte("Content-Length")) {
		return
	}
	if n, err := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64); err == nil && n >= 0 {
		a.length = n
	}
}
