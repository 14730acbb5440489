package tcp

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/checker"
)

func listen(t *testing.T, addr string) checker.Target {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	at := l.Addr().(*net.TCPAddr).AddrPort()
	return checker.Target{Addr: at.Addr().Unmap(), Port: at.Port()}
}

// full is a socket that takes no more connections: its queue is full.
func full(t *testing.T) checker.Target {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	at, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	target := checker.Target{Addr: netip.MustParseAddr("127.0.0.1"), Port: uint16(at.(*unix.SockaddrInet4).Port)}
	for range 3 {
		c, err := net.DialTimeout("tcp", target.String(), 100*time.Millisecond)
		if err != nil {
			break
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	return target
}

func TestConnect(t *testing.T) {
	four, six := listen(t, "127.0.0.1:0"), listen(t, "[::1]:0")
	from := func(target checker.Target, f checker.From) checker.Target {
		target.From = f
		return target
	}
	closed := listen(t, "127.0.0.1:0")
	closed.Port = 1
	for _, c := range []struct {
		name   string
		target checker.Target
		want   checker.Outcome
		why    string
	}{
		{"an open port", four, checker.Passed, ""},
		{"an open port of IPv6", six, checker.Passed, ""},
		{"a closed port", closed, checker.Failed, "connect to 127.0.0.1:1: connection refused"},
		{"a port that is too busy", full(t), checker.Failed, "no answer in time"},
		{"from an address", from(four, checker.From{Addr: netip.MustParseAddr("127.0.0.9")}), checker.Passed, ""},
		{"from an address that is not ours", from(four, checker.From{Addr: netip.MustParseAddr("192.0.2.1")}), checker.Trouble, "cannot assign requested address"},
		{"through an interface", from(four, checker.From{Link: "lo"}), checker.Passed, ""},
		{"through an interface that is missing", from(four, checker.From{Link: "nowhere"}), checker.Trouble, "bind to nowhere: no such device"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			if r := (Connect{}).Probe(ctx, c.target); r.Outcome != c.want || !strings.Contains(r.Why, c.why) {
				t.Errorf("%+v, want %d %q", r, c.want, c.why)
			}
		})
	}
}
