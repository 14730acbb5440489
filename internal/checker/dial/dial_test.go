package dial

import (
	"context"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/checker"
	"holdfast/test/space"
	"holdfast/test/wait"
)

// alone runs the rest of a test in a network of its own, with two addresses beside
// those of loopback. A subtest would be on another thread, outside of it.
func alone(t *testing.T) {
	t.Helper()
	space.Own(t, "addr add 10.0.0.1/24 dev lo", "addr add 2001:db8::1/64 dev lo nodad")
	wait.For(t, 5*time.Second, "the kernel has the address where it looks for its own, which it does later", func() bool {
		return strings.Contains(space.Run(t, "ip -6 route show table local"), "2001:db8::1 ")
	})
}

// probe is one that is a function.
type probe func(checker.Target) Step

func (p probe) Begin(t checker.Target) Step { return p(t) }

// connects is a probe that looks at its connection.
func connects(open func(checker.Target) (*Socket, error), look func(*Socket)) probe {
	return func(t checker.Target) Step {
		s, err := open(t)
		if err != nil {
			return End(Judge(err))
		}
		return s.Connected(func(err error) Step {
			if err != nil {
				return s.End(Judge(err))
			}
			look(s)
			return s.End(checker.Pass())
		})
	}
}

// Reference, section 8.1: mark, device, source address and port are those that are
// asked for, in both families and for streams and datagrams.
func TestAProbeLeavesAsItIsTold(t *testing.T) {
	alone(t)
	for _, addr := range []string{"10.0.0.1", "2001:db8::1"} {
		l, err := net.Listen("tcp", net.JoinHostPort(addr, "7777"))
		if err != nil {
			t.Fatal(err)
		}
		for range 3 { // the port is free again at once
			leaves(t, Stream, netip.MustParseAddr(addr))
			leaves(t, Datagram, netip.MustParseAddr(addr))
		}
		_ = l.Close()
	}
}

func leaves(t *testing.T, open func(checker.Target) (*Socket, error), at netip.Addr) {
	t.Helper()
	from := checker.From{Addr: at, Port: 1234, Link: "lo", Mark: 42}
	r := Do(t.Context(), connects(open, func(s *Socket) {
		mark, _ := unix.GetsockoptInt(s.FD(), unix.SOL_SOCKET, unix.SO_MARK)
		link, _ := unix.GetsockoptString(s.FD(), unix.SOL_SOCKET, unix.SO_BINDTODEVICE)
		local, err := unix.Getsockname(s.FD())
		if mark != 42 || link != "lo" || err != nil || !reflect.DeepEqual(local, sockaddr(at, 1234)) {
			t.Errorf("to %s it leaves with mark %d by %q from %v (%v)", at, mark, link, local, err)
		}
	}), checker.Target{Addr: at, Port: 7777, From: from})
	if r.Outcome != checker.Passed {
		t.Errorf("to %s: %+v", at, r)
	}
}

func TestWhatThisMachinePreventsIsTrouble(t *testing.T) {
	alone(t)
	at := netip.MustParseAddr("10.0.0.1")
	for _, c := range []struct {
		name   string
		target checker.Target
		want   checker.Outcome
		why    string
	}{
		{"no such device", checker.Target{Addr: at, Port: 9, From: checker.From{Link: "none0"}}, checker.Trouble, "bind to none0: no such device"},
		{"no such source address", checker.Target{Addr: at, Port: 9, From: checker.From{Addr: netip.MustParseAddr("10.7.7.7")}}, checker.Trouble, "cannot assign requested address"},
		{"nobody listens", checker.Target{Addr: at, Port: 9}, checker.Failed, "connection refused"},
		{"no way there", checker.Target{Addr: netip.MustParseAddr("10.9.9.9"), Port: 9}, checker.Failed, "network is unreachable"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		r := Do(ctx, connects(Stream, func(*Socket) {}), c.target)
		cancel()
		if r.Outcome != c.want || !strings.Contains(r.Why, c.why) {
			t.Errorf("%s: %+v, want %q", c.name, r, c.why)
		}
	}
}

func TestAStepEndsWithItsPatienceAndNeverAfterTheProbe(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	at := l.Addr().(*net.TCPAddr).AddrPort()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	plain, err := new(net.Dialer).DialContext(ctx, "tcp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	c := Bound(ctx, plain)
	defer c.Close()
	for _, patience := range []time.Duration{50 * time.Millisecond, time.Hour, time.Hour, 0} {
		start := time.Now()
		c.Patient(patience)
		if _, err := c.Read(make([]byte, 1)); !Late(err) || time.Since(start) > 2*time.Second {
			t.Errorf("with a patience of %v: %v after %v", patience, err, time.Since(start))
		}
	}
}
