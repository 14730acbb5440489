package udp_test

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/bfd"
	"holdfast/internal/bfd/udp"
	"holdfast/internal/mono"
	"holdfast/test/space"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func boot(t testing.TB) mono.Instant {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		t.Fatal(err)
	}
	return mono.Instant(ts.Nano())
}

// one is a path from this machine to itself.
func one(id bfd.ID, from, to string, multi bool) bfd.Path {
	p := bfd.Path{Session: id, Name: fmt.Sprint("s", id), Neighbour: netip.MustParseAddr(to), TTL: 200, MultiHop: multi}
	if from != "" {
		p.Source = netip.MustParseAddr(from)
	}
	return p
}

func open(t *testing.T, paths ...bfd.Path) *udp.Sockets {
	t.Helper()
	s := &udp.Sockets{}
	s.Apply(paths, func(name string, err error) { t.Errorf("%s: %v", name, err) })
	t.Cleanup(s.Close)
	return s
}

// heard reads what all listeners have, which on the loopback is there at once.
func heard(t *testing.T, s *udp.Sockets) (all []bfd.Datagram) {
	t.Helper()
	for _, l := range s.Listeners() {
		out := make([]bfd.Datagram, 64)
		n, err := l.Read(boot(t), out)
		must(t, err)
		for _, d := range out[:n] {
			d.Data = slices.Clone(d.Data)
			all = append(all, d)
		}
	}
	return all
}

func never(t *testing.T) func(string, error) {
	return func(name string, err error) { t.Errorf("%s: %v", name, err) }
}

func TestAPacketArrivesWithAllThatIsToldOfIt(t *testing.T) {
	space.Own(t)
	for _, c := range []struct {
		name, from, to string
		multi          bool
	}{
		{"one hop, IPv4", "127.0.0.2", "127.0.0.1", false},
		{"several hops, IPv4", "127.0.0.2", "127.0.0.1", true},
		{"IPv6", "::1", "::1", false},
		{"several hops, IPv6", "::1", "::1", true},
		{"a source that the kernel chooses", "", "127.0.0.1", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			space.Own(t)
			s := open(t, one(0, c.from, c.to, c.multi))
			before := boot(t)
			s.Send([]bfd.Send{{Session: 0, Data: []byte("packet")}}, never(t))
			got := heard(t, s)
			if len(got) != 1 {
				t.Fatalf("%d packets", len(got))
			}
			d := got[0]
			if string(d.Data) != "packet" || d.TTL != 200 || d.MultiHop != c.multi || d.Dst.String() != c.to || c.from != "" && d.Src.String() != c.from {
				t.Errorf("%+v", d)
			}
			if d.At < before.Add(-time.Millisecond) || d.At > boot(t) {
				t.Errorf("sent at %v, dated %v", before, d.At)
			}
		})
	}
}

func TestASessionKeepsItsPortInTheRangeOfTheRFC(t *testing.T) {
	space.Own(t)
	paths := []bfd.Path{one(0, "127.0.0.2", "127.0.0.1", false), one(1, "", "127.0.0.1", false)}
	s := open(t, paths...)
	ports := sources(t)
	for _, p := range ports {
		if p < 49152 {
			t.Errorf("port %d", p)
		}
	}
	if len(ports) != 2 {
		t.Errorf("ports %v, want one for each of two sessions", ports)
	}
	s.Apply(append(paths, one(2, "", "127.0.0.3", false)), never(t))
	if after := sources(t); len(after) != 3 || !slices.Contains(after, ports[0]) || !slices.Contains(after, ports[1]) {
		t.Errorf("ports %v, after a reload %v", ports, after)
	}
	s.Apply(nil, never(t))
	if left := sources(t); len(left) != 0 || len(s.Listeners()) != 0 {
		t.Errorf("still open: %v, %d listeners", left, len(s.Listeners()))
	}
}

// sources are the ports that sockets of this network are bound to, but for those
// that BFD listens at.
func sources(t *testing.T) (ports []int) {
	t.Helper()
	text, err := os.ReadFile("/proc/thread-self/net/udp")
	must(t, err)
	for line := range strings.Lines(string(text)) {
		var slot, port int
		var addr string
		if n, _ := fmt.Sscanf(line, "%d: %8s:%X", &slot, &addr, &port); n == 3 && port != 3784 {
			ports = append(ports, port)
		}
	}
	slices.Sort(ports)
	return ports
}

func TestPortsAreThoseThatTheMachineGivesAway(t *testing.T) {
	for _, c := range []struct {
		name, given string
		looked      bool
		first, last int
	}{
		{"the usual range", "32768\t60999", true, 49152, 60999},
		{"a narrow one", "50000\t51100", true, 50000, 51100},
		{"too few of the RFC's", "32768\t50000", true, 49152, 65535},
		{"none of the RFC's", "20000\t30000", true, 49152, 65535},
		{"nobody has looked", "50000\t51100", false, 49152, 65535},
	} {
		t.Run(c.name, func(t *testing.T) {
			space.Own(t)
			must(t, os.WriteFile("/proc/sys/net/ipv4/ip_local_port_range", []byte(c.given), 0))
			s := &udp.Sockets{}
			t.Cleanup(s.Close)
			if c.looked {
				s.Look()
			}
			var paths []bfd.Path
			for id := range bfd.ID(200) {
				paths = append(paths, one(id, "", "127.0.0.1", false))
			}
			s.Apply(paths, never(t))
			ports := sources(t)
			if low, high, width := ports[0], ports[len(ports)-1], c.last-c.first; low < c.first || high > c.last || high-low < width*9/10 {
				t.Errorf("200 sessions from %d to %d, want them all over %d to %d", low, high, c.first, c.last)
			}
		})
	}
}

func TestASessionWithoutASocketIsNamedWithTheReason(t *testing.T) {
	space.Own(t)
	other := open(t, one(0, "", "::1", false)) // somebody else has the port of IPv6
	s := &udp.Sockets{}
	defer s.Close()
	failed := map[string]string{}
	s.Apply([]bfd.Path{one(0, "192.0.2.1", "127.0.0.1", false), one(1, "", "::1", false), one(2, "", "127.0.0.1", false)},
		func(name string, err error) { failed[name] = err.Error() })
	want := map[string]string{
		"s0": "send to 127.0.0.1: from source_ip 192.0.2.1: cannot assign requested address: this machine has no such address",
		"s1": "listen on UDP port 3784: address already in use: another BFD daemon runs on this machine",
	}
	for name, text := range want {
		if failed[name] != text {
			t.Errorf("%s: %q, want %q", name, failed[name], text)
		}
	}
	if len(failed) != 2 {
		t.Errorf("failed: %v", failed)
	}
	other.Close()
	s.Apply([]bfd.Path{one(1, "", "::1", false)}, never(t))
}

func TestAFailureToSendIsToldOnceUntilItWorks(t *testing.T) {
	space.Own(t)
	s := open(t, one(0, "", "198.51.100.1", false)) // no route
	told := 0
	for range 3 {
		s.Send([]bfd.Send{{Session: 0, Data: []byte("packet")}}, func(name string, err error) {
			if told++; name != "s0" {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	if told != 1 {
		t.Errorf("told %d times", told)
	}
}

func TestWhatComesToASendingSocketIsDropped(t *testing.T) {
	space.Own(t)
	s := open(t, one(0, "127.0.0.2", "127.0.0.1", false))
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	must(t, err)
	defer unix.Close(fd)
	must(t, unix.Sendto(fd, []byte("noise"), 0, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 2}, Port: sources(t)[0]}))
	if got := heard(t, s); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestSendingAndReadingAllocateNothing(t *testing.T) {
	space.Own(t)
	s := open(t, one(0, "127.0.0.2", "127.0.0.1", false))
	list, out, l, failed := []bfd.Send{{Session: 0, Data: []byte("packet")}}, make([]bfd.Datagram, 64), s.Listeners()[0], never(t)
	if n := testing.AllocsPerRun(500, func() {
		s.Send(list, failed)
		if got, err := l.Read(1, out); got != 1 || err != nil {
			t.Errorf("%d packets, %v", got, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
