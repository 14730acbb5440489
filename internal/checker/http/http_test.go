package http

import (
	"context"
	"crypto/md5"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"holdfast/internal/checker"
	"holdfast/internal/checker/regex"
	"holdfast/test/hostile"
)

const (
	ok    = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
	short = 400 * time.Millisecond
)

func TestGet(t *testing.T) {
	digest := md5.Sum([]byte("hello"))
	hello := hex.EncodeToString(digest[:])
	big := strings.Repeat("x", 1<<20)
	for _, c := range []struct {
		name   string
		get    Get
		answer func(net.Conn)
		want   string // of the reason; empty: it passes
	}{
		{"a page", Get{}, hostile.Says(ok), ""},
		{"a page of a server that keeps the connection", Get{}, func(c net.Conn) { hostile.Says(ok)(c); time.Sleep(2 * short) }, ""},
		{"a status without words", Get{}, hostile.Says("HTTP/1.0 204\r\n\r\n"), ""},
		{"lines that end in a newline only", Get{}, hostile.Says("HTTP/1.1 200 OK\n\n"), ""},
		{"a page that is missing", Get{}, hostile.Says("HTTP/1.1 404 Not Found\r\n\r\n"), "status 404"},
		{"a page that is wanted missing", Get{Status: []Range{{400, 404}}}, hostile.Says("HTTP/1.1 404 Not Found\r\n\r\n"), ""},
		{"a redirection is not followed", Get{}, hostile.Says("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n"), "status 302"},
		{"the digest of the page", Get{Digest: hello}, hostile.Says(ok), ""},
		{"the digest of another page", Get{Digest: hello}, hostile.Says(strings.Replace(ok, "hello", "hullo", 1)), "the page has the digest "},
		{"the digest of as much as the length says", Get{Digest: hello}, hostile.Says(ok + "!"), ""},
		{"broken chunks are not looked at", Get{}, hostile.Says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n"), ""},
		{"no answer", Get{}, func(net.Conn) { time.Sleep(2 * short) }, "no answer in time"},
		{"an empty answer", Get{}, hostile.Says(""), "the connection was closed without an answer"},
		{"garbage", Get{}, hostile.Says("SSH-2.0-OpenSSH_9.2\r\n"), "the answer is not HTTP"},
		{"garbage without end", Get{}, hostile.Forever("", "garbage", 0), "the answer is not HTTP"},
		{"a status that is no number", Get{}, hostile.Says("HTTP/1.1 2x0 OK\r\n\r\n"), "the answer is not HTTP"},
		{"a status of four digits", Get{}, hostile.Says("HTTP/1.1 2000 OK\r\n\r\n"), "the answer is not HTTP"},
		{"half a status line", Get{}, hostile.Says("HTTP/1.1 2"), "closed before the end of the header"},
		{"half a header", Get{}, hostile.Says("HTTP/1.1 200 OK\r\nServer: x"), "closed before the end of the header"},
		{"byte by byte", Get{}, hostile.Forever("HTTP/1.1 200 OK\r\nA: ", "x", 20*time.Millisecond), "no answer in time"},
		{"a header of many megabytes", Get{}, hostile.Forever("HTTP/1.1 200 OK\r\n", "A: "+big+"\r\n", 0), "header is longer than 65536 bytes"},
		{"a header of many lines", Get{}, hostile.Forever("HTTP/1.1 200 OK\r\n", "A: x\r\n", 0), "header is longer than 65536 bytes"},
		{"a body without end", Get{}, hostile.Forever("HTTP/1.1 200 OK\r\n\r\n", big, 0), ""},
		{"a body without end whose digest is wanted", Get{Digest: hello}, hostile.Forever("HTTP/1.1 200 OK\r\n\r\n", big, 0), "no answer in time"},
		{"a reset before the answer", Get{}, hostile.Resets(""), "connection reset by peer"},
		{"a page that matches", Get{Pattern: pattern(t, "h(?=el)")}, hostile.Says(ok), ""},
		{"a page that does not match", Get{Pattern: pattern(t, "goodbye")}, hostile.Says(ok), "the page does not match the pattern"},
		{"a page that matches and must not", Get{Pattern: pattern(t, "hello"), Unwanted: true}, hostile.Says(ok), "the page matches the pattern"},
		{"a page that does not match and must not", Get{Pattern: pattern(t, "goodbye"), Unwanted: true}, hostile.Says(ok), ""},
		{"what follows the length is not the page", Get{Pattern: pattern(t, "goodbye")}, hostile.Says(ok + "goodbye"), "does not match"},
		{"a pattern across what is read at once", Get{Pattern: pattern(t, "abc")}, hostile.Says("HTTP/1.0 200 OK\r\n\r\n" + strings.Repeat("x", 4095-19) + "abc"), ""},
		{"a pattern at the end of the page", Get{Pattern: pattern(t, "lo$")}, hostile.Says(ok), ""},
		{"a match behind the first megabyte", Get{Pattern: pattern(t, "abc")}, hostile.Says("HTTP/1.0 200 OK\r\n\r\n" + big + "abc"), "does not match"},
		{"a body without end whose beginning matches", Get{Pattern: pattern(t, "xx")}, hostile.Forever("HTTP/1.1 200 OK\r\n\r\n", big, 0), ""},
		{"the end of the page is waited for", Get{Whole: true}, hostile.Says("HTTP/1.0 200 OK\r\n\r\nhello"), ""},
		{"a page without end", Get{Whole: true}, hostile.Forever("HTTP/1.0 200 OK\r\n\r\n", "x", 20*time.Millisecond), "no answer in time"},
		{"a page of many megabytes is not read to its end", Get{Whole: true}, hostile.Forever("HTTP/1.0 200 OK\r\n\r\n", big, 0), ""},
		{"a page that is shorter than it says", Get{Whole: true}, hostile.Says("HTTP/1.0 200 OK\r\nContent-Length: 99\r\n\r\nhello"), ""},
		{"a page that is as long as it says and kept open", Get{Whole: true}, func(c net.Conn) { hostile.Says(ok)(c); time.Sleep(2 * short) }, ""},
		{"a length that is none", Get{Whole: true}, hostile.Says("HTTP/1.0 200 OK\r\nContent-Length: -5\r\nContent-Length: x\r\n\r\nhello"), ""},
		{"a bomb of zeros that says it is compressed", Get{Digest: hello}, hostile.Forever("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", big, 0), "no answer in time"},
		{"a reset in the body", Get{Whole: true}, hostile.Resets("HTTP/1.1 200 OK\r\n\r\nhel"), "connection reset by peer"},
		{"a reset in the header", Get{}, hostile.Resets("HTTP/1.1 200 OK\r\n"), "connection reset by peer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.get.Path = "/"
			target := hostile.Serve(t, c.answer)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r, took := probe(t, &c.get, target)
			runtime.ReadMemStats(&after)
			judge(t, r, took, c.want)
			if after.HeapAlloc > before.HeapAlloc+64<<20 {
				t.Errorf("%d MiB are kept", (after.HeapAlloc-before.HeapAlloc)>>20)
			}
		})
	}
}

func pattern(t testing.TB, text string) *regex.Pattern {
	t.Helper()
	p, err := regex.Compile(text, 0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func probe(t *testing.T, g *Get, target checker.Target) (checker.Result, time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), short)
	defer cancel()
	begun := time.Now()
	return g.Probe(ctx, target), time.Since(begun)
}

// Whether it is stopped by its steps or by the clock depends on how quick the machine is.
func TestASearchThatRunsAwayIsStopped(t *testing.T) {
	get := Get{Path: "/", Pattern: pattern(t, "^(a+)+$")}
	page := strings.Repeat("a", 40) + "b"
	target := hostile.Serve(t, hostile.Says("HTTP/1.0 200 OK\r\n\r\n"+page))
	if r, took := probe(t, &get, target); r.Outcome == checker.Passed || took > short+2*time.Second {
		t.Errorf("%+v after %v", r, took)
	}
	if _, err := get.search([]byte(page), nil); err == nil || !strings.Contains(err.Error(), "match limit exceeded") {
		t.Errorf("with all the time there is: %v", err)
	}
	over := make(chan struct{})
	close(over)
	if _, err := get.search([]byte(page), over); err == nil || !strings.Contains(err.Error(), "longer than the check may") {
		t.Errorf("without any: %v", err)
	}
}

func judge(t *testing.T, r checker.Result, took time.Duration, want string) {
	t.Helper()
	if passed := r.Outcome == checker.Passed; passed != (want == "") || !strings.Contains(r.Why, want) {
		t.Errorf("%+v, want %q", r, want)
	}
	if took > short+2*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestGetFromNobody(t *testing.T) {
	target := hostile.Serve(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target.Port = l.Addr().(*net.TCPAddr).AddrPort().Port()
	_ = l.Close()
	r, took := probe(t, &Get{Path: "/"}, target)
	judge(t, r, took, "connect to "+target.String()+": connection refused")
}

func TestTheRequest(t *testing.T) {
	four := checker.Target{Addr: netip.MustParseAddr("10.0.0.1"), Port: 80}
	six := checker.Target{Addr: netip.MustParseAddr("2001:db8::1"), Port: 8080}
	for _, c := range []struct {
		name   string
		get    Get
		target checker.Target
		want   string
	}{
		{"plain", Get{Path: "/a?b"}, four, "GET /a?b HTTP/1.1\r\nUser-Agent: KeepAliveClient\r\nHost: 10.0.0.1:80\r\n\r\n"},
		{"of a site", Get{Path: "/", Host: "www.example.org", Close: true}, four, "GET / HTTP/1.1\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: www.example.org\r\n\r\n"},
		{"of IPv6, in the old version", Get{Path: "/", Version: "1.0"}, six, "GET / HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: [2001:db8::1]:8080\r\n\r\n"},
	} {
		if got := c.get.Request(c.target); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestGetByTLS(t *testing.T) {
	valid, roots := hostile.Certificate(t, time.Now().Add(time.Hour))
	ended, endedRoots := hostile.Certificate(t, time.Now().Add(-time.Hour))
	for _, c := range []struct {
		name   string
		config *tls.Config
		answer func(net.Conn)
		want   string
	}{
		{"a page", &tls.Config{ServerName: "www.example.org", RootCAs: roots}, hostile.Secure(valid, hostile.Says(ok)), ""},
		{"another name", &tls.Config{ServerName: "mail.example.org", RootCAs: roots}, hostile.Secure(valid, hostile.Says(ok)), "certificate is valid for www.example.org, not mail.example.org"},
		{"nobody we trust", &tls.Config{ServerName: "www.example.org", RootCAs: x509.NewCertPool()}, hostile.Secure(valid, hostile.Says(ok)), "signed by unknown authority"},
		{"an expired certificate", &tls.Config{ServerName: "www.example.org", RootCAs: endedRoots}, hostile.Secure(ended, hostile.Says(ok)), "certificate has expired"},
		{"an expired certificate that is not verified", &tls.Config{ServerName: "www.example.org", InsecureSkipVerify: true}, hostile.Secure(ended, hostile.Says(ok)), ""},
		{"plain HTTP", &tls.Config{ServerName: "www.example.org"}, hostile.Says(ok), "TLS with"},
		{"a handshake without end", &tls.Config{ServerName: "www.example.org"}, func(net.Conn) { time.Sleep(2 * short) }, "no answer in time"},
		{"a reset in the handshake", &tls.Config{ServerName: "www.example.org"}, hostile.Resets(""), "TLS with"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			target := hostile.Serve(t, c.answer)
			r, took := probe(t, &Get{Path: "/", Host: "www.example.org", TLS: c.config}, target)
			judge(t, r, took, c.want)
		})
	}
}

func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{ok, "HTTP/1.0 204\r\n\r\n", "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", "HTTP/", "HTTP/1.1 200\n\n", "\r\n\r\n", "SSH-2.0\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		for _, g := range []Get{{}, {Whole: true}, {Digest: strings.Repeat("0", 32)}, {Pattern: pattern(t, "a.c"), Unwanted: true}} {
			r := g.judge(strings.NewReader(string(answer)), nil)
			if dripped := g.judge(iotest.OneByteReader(strings.NewReader(string(answer))), nil); dripped != r {
				t.Errorf("%q is %+v, and byte by byte %+v", answer, r, dripped)
			}
			if r.Outcome == checker.Passed && !strings.HasPrefix(string(answer), "HTTP/") {
				t.Errorf("%q passes", answer)
			}
			if r.Outcome != checker.Passed && (r.Why == "" || r.Text == "") {
				t.Errorf("%q fails without a reason", answer)
			}
		}
	})
}
