package smtp

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/internal/checker"
	"holdfast/test/server"
)

// serve answers each connection on loopback as answer says.
func serve(t *testing.T, answer func(net.Conn)) checker.Target {
	t.Helper()
	at := server.Start(t, "tcp", "127.0.0.1:0", answer).(*net.TCPAddr).AddrPort()
	return checker.Target{Addr: at.Addr(), Port: at.Port(), Patience: short}
}

const short = 300 * time.Millisecond

// says is a server that greets and answers each line with the next of replies; it
// ends the connection after the last.
func says(replies ...string) func(net.Conn) {
	return func(c net.Conn) {
		r := bufio.NewReader(c)
		for i, reply := range replies {
			if i > 0 {
				_, _ = r.ReadString('\n')
			}
			_, _ = io.WriteString(c, reply)
		}
	}
}

// then does something after the replies.
func then(before, after func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) { before(c); after(c) }
}

func waits(net.Conn) { time.Sleep(10 * short) }

func resets(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }

func drips(c net.Conn) {
	for range 100 {
		if _, err := io.WriteString(c, "2"); err != nil {
			return
		}
		time.Sleep(short / 10)
	}
}

func floods(c net.Conn) {
	for {
		if _, err := io.WriteString(c, "220-more\r\n"); err != nil {
			return
		}
	}
}

func TestGreet(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(net.Conn)
		want   string // of the reason; empty: it passes
		text   string
	}{
		{"a mail server", says("220 hello\r\n", "250 hello\r\n", "221 bye\r\n"), "", ""},
		{"a greeting without words", says("220\r\n", "250\r\n", "221\r\n"), "", ""},
		{"a greeting of several lines", says("220-hello\r\n220-you\r\n220 there\r\n", "250-a\r\n250 b\r\n", "221 bye\r\n"), "", ""},
		{"anything ends it", says("220 hello\r\n", "250 hello\r\n", "500 what?\r\n"), "", ""},
		{"a server that is busy", says("554 go away\r\n"), `says "554 go away"`, "Bad greeting banner from"},
		{"another greeting", says("2200 hello\r\n"), `says "2200 hello"`, "Bad greeting banner from"},
		{"a server that does not like the name", says("220 hello\r\n", "550 who?\r\n"), `says "550 who?"`, "Bad HELO response from"},
		{"silence at first", waits, "no answer in time", "Read timeout from"},
		{"silence after the greeting", then(says("220 hello\r\n"), waits), "no answer in time", "Read timeout from"},
		{"silence after HELO", then(says("220 hello\r\n", "250 hello\r\n"), waits), "no answer in time", "Read timeout from"},
		{"byte by byte", drips, "no answer in time", "Read timeout from"},
		{"garbage", says(strings.Repeat("garbage", 1000)), "a line of more than 1024 bytes", "Bad greeting banner from"},
		{"a greeting without end", floods, "more than 100 lines", "Bad greeting banner from"},
		{"the end of the connection", says(""), "the connection was closed", "Read failure from"},
		{"a reset in the middle", then(says("220 hello\r\n", "250"), resets), "connection reset by peer", "Read failure from"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			target := serve(t, c.answer)
			ctx, cancel := context.WithTimeout(t.Context(), 4*short)
			defer cancel()
			start := time.Now()
			r := (&Greet{Name: "lb1.example.org"}).Probe(ctx, target)
			if passed := r.Outcome == checker.Passed; passed != (c.text == "") || !strings.Contains(r.Why, c.want) || !strings.Contains(r.Text, c.text) {
				t.Errorf("%+v, want %q and %q", r, c.want, c.text)
			}
			if took := time.Since(start); took > 4*short+2*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	target := serve(t, nil)
	target.Port = 1
	r := (&Greet{}).Probe(t.Context(), target)
	if r.Outcome != checker.Failed || r.Text != "Could not connect to server 127.0.0.1:1" {
		t.Errorf("%+v", r)
	}
}

// With the mail server of Debian.
func TestAgainstAiosmtpd(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // a port that is free
	if err != nil {
		t.Fatal(err)
	}
	target := checker.Target{Addr: l.Addr().(*net.TCPAddr).AddrPort().Addr(), Port: l.Addr().(*net.TCPAddr).AddrPort().Port()}
	_ = l.Close()
	cmd := exec.Command("/usr/bin/python3", "-m", "aiosmtpd", "-n", "-d", "-l", "127.0.0.1:"+strconv.Itoa(int(target.Port)))
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r := checker.Result{}
	for r.Outcome != checker.Passed && ctx.Err() == nil {
		r = (&Greet{Name: "lb1.example.org"}).Probe(ctx, target)
		time.Sleep(20 * time.Millisecond)
	}
	if r.Outcome != checker.Passed {
		t.Fatalf("%+v", r)
	}
	_ = cmd.Process.Signal(os.Interrupt)
	said, _ := io.ReadAll(log)
	for _, line := range []string{"HELO lb1.example.org", "QUIT"} {
		if !strings.Contains(string(said), line) {
			t.Errorf("the server was not told %q:\n%s", line, said)
		}
	}
}

func FuzzReply(f *testing.F) {
	f.Add("220 hello\r\n")
	f.Add("220-a\r\n220-b\r\n220 c\r\n")
	f.Add(strings.Repeat("x", 5000))
	f.Fuzz(func(t *testing.T, text string) {
		last, err := reply(bufio.NewReaderSize(strings.NewReader(text), 1024))
		if err == nil && !strings.Contains(text, last) {
			t.Errorf("of %q the last line is %q", text, last)
		}
	})
}
