package run_test

import (
	"crypto/md5"
	"crypto/tls"
	"encoding/hex"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"holdfast/internal/checker"
	"holdfast/internal/checker/dns"
	"holdfast/internal/checker/http"
	"holdfast/internal/checker/misc"
	"holdfast/internal/checker/regex"
	"holdfast/internal/checker/run"
	"holdfast/internal/checker/smtp"
	"holdfast/internal/checker/tcp"
	"holdfast/internal/checker/udp"
	"holdfast/internal/command"
	"holdfast/test/hostile"
)

// patience is what the probes of hostile servers have.
const patience = 1500 * time.Millisecond

// hostility is a server that answers badly, who asks it, and what the verdict says;
// nothing: it is good enough.
type hostility struct {
	name  string
	probe checker.Probe
	at    checker.Target
	want  string
}

// Whatever a real server does, its check has a verdict with a reason in time, and what
// it sent is not kept.
func TestHostileServersGetTheirVerdictInTime(t *testing.T) {
	rows := hostilities(t)
	got := make(chan checker.Report, len(rows))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	r := run.New(len(rows), func(one checker.Report) { got <- one }, func(string) {})
	defer r.Close()
	var jobs []*checker.Job
	for id, row := range rows {
		row.at.Patience = patience
		job := every(time.Hour, checker.ID(id), row.probe, row.at)
		job.Timeout, job.Warmup = patience, 4*time.Second // they take the machine from each other
		jobs = append(jobs, job)
	}
	r.Apply(jobs)
	deadline := time.After(30 * time.Second)
	for range rows {
		select {
		case one := <-got:
			rows[one.Check].judge(t, one)
		case <-deadline:
			t.Fatal("there are checks without a verdict")
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > 16<<20 {
		t.Errorf("%d MiB are kept", kept>>20)
	}
	if size := int64(after.Sys) - int64(before.Sys); size > 512<<20 {
		t.Errorf("the process has grown by %d MiB", size>>20)
	}
}

func (h *hostility) judge(t *testing.T, r checker.Report) {
	t.Helper()
	if r.Up != (h.want == "") || !strings.Contains(r.Reason, h.want) {
		t.Errorf("%s: up %v, %q, want %q", h.name, r.Up, r.Reason, h.want)
	}
	// A loaded machine may be late to say so. Programs are given two seconds to end.
	limit := patience + 2*time.Second
	if _, program := h.probe.(*misc.Run); program {
		limit += 2 * time.Second
	}
	if r.Took > limit {
		t.Errorf("%s: it took %v", h.name, r.Took)
	}
}

func hostilities(t *testing.T) (all []hostility) {
	t.Helper()
	all = append(all, hostilePages(t)...)
	all = append(all, hostileTLS(t)...)
	all = append(all, hostileMail(t)...)
	all = append(all, hostileDatagrams(t)...)
	return append(all, hostilePrograms(t)...)
}

const (
	late  = "no answer in time"
	reset = "connection reset by peer"
	page  = "HTTP/1.1 200 OK\r\n"
)

// flood is much of one letter.
func flood() string { return strings.Repeat("x", 1<<16) }

// hostilePages are asked by all that ask by TCP without TLS.
func hostilePages(t *testing.T) (all []hostility) {
	t.Helper()
	pattern, err := regex.Compile("y(?=z)", 0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	sum := md5.Sum([]byte("hello"))
	status := &http.Get{Path: "/", Version: "1.0", Whole: true}
	digest := &http.Get{Path: "/", Version: "1.0", Whole: true, Digest: hex.EncodeToString(sum[:])}
	text := &http.Get{Path: "/", Version: "1.0", Whole: true, Pattern: pattern}
	for _, c := range []struct {
		name   string
		answer hostile.Answer
		// What the checks of a status, a digest and a pattern say.
		status, digest, text string
	}{
		{"never", hostile.Waits(time.Hour), late, late, late},
		{"byte by byte", hostile.Forever(page+"A: ", "x", 20*time.Millisecond), late, late, late},
		{"a page byte by byte", hostile.Forever(page+"\r\n", "x", 20*time.Millisecond), late, late, late},
		{"garbage", hostile.Forever("", "\x00\xff", 0), "not HTTP", "not HTTP", "not HTTP"},
		{"garbage of a line", hostile.Says("SSH-2.0\r\n"), "not HTTP", "not HTTP", "not HTTP"},
		{"a header of a gigabyte", hostile.Forever(page, "A: "+flood()+"\r\n", 0), "header is longer", "header is longer", "header is longer"},
		{"a line of a gigabyte", hostile.Forever(page+"A: ", flood(), 0), "header is longer", "header is longer", "header is longer"},
		{"a status of a gigabyte", hostile.Forever("HTTP/1.1 200 ", flood(), 0), "not HTTP", "not HTTP", "not HTTP"},
		{"a page of a gigabyte", hostile.Forever(page+"\r\n", flood(), 0), "", late, "does not match"},
		{"a page that says to be endless", hostile.Forever(page+"Content-Length: 9223372036854775807\r\n\r\n", flood(), 0), "", late, "does not match"},
		{"a length that is too much for a number", hostile.Says(page + "Content-Length: 99999999999999999999\r\n\r\nhello"), "", "", "does not match"},
		{"a redirect loop", hostile.Says("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n"), "status 302", "status 302", "status 302"},
		{"broken chunks", hostile.Says(page + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx"), "", "the digest", "does not match"},
		{"a compressed bomb", hostile.Forever(page+"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", strings.Repeat("\x00", 1<<16), 0), "", late, "does not match"},
		{"a close at once", func(net.Conn) {}, "connection", "connection", "connection"}, // was closed, or reset
		{"a close in the header", hostile.Says(page + "A: "), "end of the header", "end of the header", "end of the header"},
		{"a close in the page", hostile.Says(page + "Content-Length: 9\r\n\r\nhel"), "", "the digest", "does not match"},
		{"a reset at once", hostile.Resets(""), reset, reset, reset},
		{"a reset in the header", hostile.Resets(page), reset, reset, reset},
		{"a reset in the page", hostile.Resets(page + "\r\nhel"), reset, reset, reset},
	} {
		at := hostile.Serve(t, c.answer)
		all = append(all, hostility{c.name + ", TCP_CHECK", tcp.Connect{}, at, ""}, hostility{c.name + ", HTTP_GET", status, at, c.status},
			hostility{c.name + ", HTTP_GET with a digest", digest, at, c.digest}, hostility{c.name + ", HTTP_GET with a pattern", text, at, c.text})
	}
	return all
}

func hostileTLS(t *testing.T) (all []hostility) {
	t.Helper()
	good, roots := hostile.Certificate(t, time.Now().Add(time.Hour))
	old, oldRoots := hostile.Certificate(t, time.Now().Add(-time.Hour))
	get := func(c *tls.Config) *http.Get { return &http.Get{Path: "/", Version: "1.0", Whole: true, TLS: c} }
	blind := get(&tls.Config{InsecureSkipVerify: true})
	ok := hostile.Says(page + "\r\nhello")
	for _, c := range []struct {
		name   string
		probe  *http.Get
		answer hostile.Answer
		want   string
	}{
		{"no handshake", blind, hostile.Waits(time.Hour), late},
		{"a handshake byte by byte", blind, hostile.Forever("\x16\x03\x03\x40\x00\x02", "\x00", 20*time.Millisecond), late},
		{"a handshake of a gigabyte", blind, hostile.Forever("\x16\x03\x03\x40\x00\x02\xff\xff\xff", strings.Repeat("\x16\x03\x03\x40\x00", 1<<12), 0), "TLS with"},
		{"garbage for a handshake", blind, hostile.Forever("", flood(), 0), "TLS with"},
		{"a reset in the handshake", blind, hostile.Resets(""), "TLS with"},
		{"a close in the handshake", blind, hostile.Greets("\x16\x03\x03", func(net.Conn) {}), "TLS with"},
		{"an expired certificate", get(&tls.Config{ServerName: "www.example.org", RootCAs: oldRoots}), hostile.Secure(old, ok), "expired"},
		{"an expired certificate, as SSL_GET has it", blind, hostile.Secure(old, ok), ""},
		{"a certificate of another name", get(&tls.Config{ServerName: "mail.example.org", RootCAs: roots}), hostile.Secure(good, ok), "not mail.example.org"},
		{"a certificate of another name, as SSL_GET has it", blind, hostile.Secure(good, ok), ""},
		{"a page without end", blind, hostile.Secure(good, hostile.Forever(page+"\r\n", flood(), 0)), ""},
		{"a page byte by byte", blind, hostile.Secure(good, hostile.Forever(page+"\r\n", "x", 20*time.Millisecond)), late},
		{"silence after the handshake", blind, hostile.Secure(good, hostile.Waits(time.Hour)), late},
	} {
		all = append(all, hostility{c.name + ", SSL_GET", c.probe, hostile.Serve(t, c.answer), c.want})
	}
	return all
}

func hostileMail(t *testing.T) (all []hostility) {
	t.Helper()
	const greeting = "220 hello\r\n"
	for _, c := range []struct {
		name   string
		answer hostile.Answer
		want   string
	}{
		{"never", hostile.Waits(time.Hour), late},
		{"byte by byte", hostile.Forever("2", "2", 20*time.Millisecond), late},
		{"garbage", hostile.Forever("", "\x00\xff", 0), "no reply of SMTP"},
		{"a greeting of a gigabyte", hostile.Forever("220 ", flood(), 0), "no reply of SMTP"},
		{"a greeting of a million lines", hostile.Forever("", "220-x\r\n", 0), "more than 100 lines"},
		{"another greeting", hostile.Forever("554 no\r\n", "x", time.Second), `says "554 no"`},
		{"a close at once", func(net.Conn) {}, "the connection was closed"},
		{"a close after the greeting", hostile.Greets(greeting, hostile.Says("")), "the connection was closed"},
		{"a reset in the greeting", hostile.Greets("220", hostile.Breaks), "connection"},
		{"a reset after HELO", hostile.Greets(greeting, hostile.Resets("")), reset},
		{"a reset in the answer to HELO", hostile.Greets(greeting, hostile.Resets("25")), reset},
		{"silence after HELO", hostile.Greets(greeting, hostile.Waits(time.Hour)), late},
		{"an answer of a gigabyte to HELO", hostile.Greets(greeting, hostile.Forever("250-", flood(), 0)), "no reply of SMTP"},
		{"silence after QUIT", hostile.Greets(greeting, func(c net.Conn) { hostile.Says("250 hello\r\n")(c); time.Sleep(time.Hour) }), late},
	} {
		all = append(all, hostility{c.name + ", SMTP_CHECK", &smtp.Greet{Name: "me"}, hostile.Serve(t, c.answer), c.want})
	}
	return all
}

func hostileDatagrams(t *testing.T) (all []hostility) {
	t.Helper()
	times := func(n int, answer string) func([]byte) [][]byte {
		return func([]byte) (all [][]byte) {
			for range n {
				all = append(all, []byte(answer))
			}
			return all
		}
	}
	header := func(flags string) func([]byte) [][]byte {
		return func(q []byte) [][]byte { return [][]byte{append(append([]byte{}, q[:2]...), flags...)} }
	}
	reply := &udp.Ask{Require: true, Reply: "yes", Mask: "\xff\xff\xff", Max: 255}
	query := &dns.Query{Name: "example.org", Type: 1, Needed: true}
	for _, c := range []struct {
		name     string
		answer   func([]byte) [][]byte
		udp, dns string
	}{
		{"never", times(0, ""), late, late},
		{"an empty datagram", times(1, ""), "", late},
		{"a byte", times(1, "y"), "", late},
		{"garbage", times(1, "\xff\x00\xff"), "not the reply", late},
		{"a flood of garbage", times(5000, strings.Repeat("\xff", 500)), "not the reply", late},
		{"the most that fits", times(1, strings.Repeat("y", 65507)), "answers 256 bytes", late},
		{"a question for an answer", func(q []byte) [][]byte { return [][]byte{q} }, "not the reply", late},
		{"a header alone", header("\x80\x00\x00\x01\x00\x01\x00\x00\x00\x00"), "not the reply", "no such record"},
		{"a header that promises much", header("\x80\x00\xff\xff\xff\xff\xff\xff\xff\xff"), "not the reply", "no such record"},
		{"a name that points to itself", header("\x80\x00\x00\x01\x00\x01\x00\x00\x00\x00\xc0\x0c\x00\x01\x00\x01"), "not the reply", "no such record"},
		{"a server that fails", header("\x80\x02\x00\x00\x00\x00\x00\x00\x00\x00"), "not the reply", "ServerFailure"},
	} {
		at := hostile.Datagrams(t, c.answer)
		all = append(all, hostility{c.name + ", UDP_CHECK", reply, at, c.udp}, hostility{c.name + ", DNS_CHECK", query, at, c.dns})
	}
	return all
}

func hostilePrograms(t *testing.T) (all []hostility) {
	t.Helper()
	starter := command.NewStarter()
	t.Cleanup(starter.Close)
	for _, c := range []struct{ name, text, want string }{
		{"a program without end", "sleep 100", "timed out"},
		{"a program that does not mind the signal", "trap '' TERM; sleep 100; sleep 100", "timed out"},
		{"a program that prints without end", "exec yes", "timed out"},
		{"a program that kills itself", "kill -9 $$", "due to signal 9"},
		{"a program that leaves another behind", "sleep 5 & exit 3", "exited with status 3"},
	} {
		path := filepath.Join(t.TempDir(), "check")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+c.text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		program := &command.Runnable{Line: path, File: path, Argv: []string{path}, Identity: command.Identity{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}}
		all = append(all, hostility{c.name, &misc.Run{Starter: starter, Program: program}, checker.Target{}, c.want})
	}
	return all
}

// A server that is slow to take what it is told does not hold the others up.
func TestOneThatIsFloodedDoesNotHoldTheOthersUp(t *testing.T) {
	bad, good := hostile.Serve(t, hostile.Forever(page+"\r\n", flood(), 0)), hostile.Serve(t, func(c net.Conn) { hostile.Says(page + "\r\n")(c); _, _ = io.Copy(io.Discard, c) })
	seen := collect()
	r := run.New(100, func(one checker.Report) { seen.all <- one }, seen.log)
	defer r.Close()
	sum := md5.Sum(nil)
	var jobs []*checker.Job
	for id := range checker.ID(40) {
		probe := &http.Get{Path: "/", Version: "1.0", Digest: hex.EncodeToString(sum[:])}
		job := every(time.Hour, id, probe, bad)
		if job.Warmup = 0; id%2 == 0 {
			job.Steps, job.Target = []checker.Probe{tcp.Connect{}}, good
		}
		jobs = append(jobs, job)
	}
	r.Apply(jobs)
	for range jobs {
		if got := seen.next(t); got.Up && got.Took > time.Second {
			t.Errorf("%+v", got)
		}
	}
}
