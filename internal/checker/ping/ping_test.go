package ping

import (
	"context"
	"encoding/binary"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"holdfast/internal/checker"
	"holdfast/test/space"
)

// inNamespace runs the rest of a test in a network of its own, in which there is
// nothing but loopback.
func inNamespace(t *testing.T, sysctls map[string]string) {
	t.Helper()
	space.Own(t)
	for name, value := range sysctls {
		if err := os.WriteFile("/proc/sys/net/"+name, []byte(value), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEcho(t *testing.T) {
	const unprivileged, ignore = "ipv4/ping_group_range", "ipv4/icmp_echo_ignore_all"
	kernel, raw := map[string]string{unprivileged: "0 0"}, map[string]string{unprivileged: "1 0"}
	from := func(addr, source, link string) checker.Target {
		t := checker.Target{Addr: netip.MustParseAddr(addr), From: checker.From{Link: link}}
		if source != "" {
			t.From.Addr = netip.MustParseAddr(source)
		}
		return t
	}
	for _, c := range []struct {
		name    string
		sysctls map[string]string
		target  checker.Target
		want    checker.Outcome
		why     string
	}{
		{"a machine that answers", kernel, from("127.0.0.1", "", ""), checker.Passed, ""},
		{"by a raw socket", raw, from("127.0.0.1", "", ""), checker.Passed, ""},
		{"IPv6", kernel, from("::1", "", ""), checker.Passed, ""},
		{"IPv6 by a raw socket", raw, from("::1", "", ""), checker.Passed, ""},
		{"from an address, through an interface", kernel, from("127.0.0.1", "127.0.0.9", "lo"), checker.Passed, ""},
		{"from an address by a raw socket", raw, from("127.0.0.1", "127.0.0.9", ""), checker.Passed, ""},
		{"from an address that is not ours", kernel, from("127.0.0.1", "192.0.2.1", ""), checker.Trouble, "bind to 192.0.2.1: cannot assign requested address"},
		{"through an interface that is missing", raw, from("127.0.0.1", "", "nowhere"), checker.Trouble, "bind to nowhere: no such device"},
		{"a machine without a way there", kernel, from("192.0.2.1", "", ""), checker.Failed, "ping 192.0.2.1: network is unreachable"},
		{"a machine that keeps silent", map[string]string{unprivileged: "0 0", ignore: "1"}, from("127.0.0.1", "", ""), checker.Failed, "ping 127.0.0.1: no answer in time"},
		{"a silent machine by a raw socket", map[string]string{unprivileged: "1 0", ignore: "1"}, from("127.0.0.1", "", ""), checker.Failed, "no answer in time"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inNamespace(t, c.sysctls)
			ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
			defer cancel()
			if r := (Echo{}).Probe(ctx, c.target); r.Outcome != c.want || !strings.Contains(r.Why, c.why) {
				t.Errorf("%+v, want %d %q", r, c.want, c.why)
			}
		})
	}
}

func TestAnswers(t *testing.T) {
	e := echo{id: 0x1234, sequence: 7}
	reply := e.request()
	reply[0] = reply4
	sealed(reply)
	behind := func(header ...byte) []byte { return append(header, reply...) }
	plain := append([]byte{0x45}, make([]byte, 19)...)
	options := append([]byte{0x46}, make([]byte, 23)...)
	other := append([]byte{}, reply...)
	other[4]++
	sealed(other)
	spoilt := append([]byte{}, reply...)
	spoilt[20]++
	next := append([]byte{}, reply...)
	next[7]++
	for _, c := range []struct {
		name   string
		raw    bool
		packet []byte
		want   bool
	}{
		{"the reply", false, reply, true},
		{"the request", false, e.request(), false},
		{"another sequence number", false, next, false},
		{"another identifier, which the kernel gave", false, other, true},
		{"nothing", false, nil, false},
		{"half a header", false, reply[:7], false},
		{"behind a header of IP", true, behind(plain...), true},
		{"behind options of IP", true, behind(options...), true},
		{"another identifier behind a header of IP", true, append(append([]byte{}, plain...), other...), false},
		{"a header that is longer than the packet", true, []byte{0x4f, 0}, false},
		{"a header that is too short", true, behind(0x41), false},
		{"a byte of it spoilt", true, append(append([]byte{}, plain...), spoilt...), false},
		{"nothing behind a header of IP", true, nil, false},
	} {
		e.raw = c.raw
		if got := e.answers(c.packet); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// sealed sets the checksum of a message anew.
func sealed(m []byte) {
	m[2], m[3] = 0, 0
	binary.BigEndian.PutUint16(m[2:], checksum(m))
}

func TestChecksum(t *testing.T) {
	m := echo{id: 0xbeef, sequence: 0xffff}.request()
	if sum := checksum(m); sum != 0 {
		t.Errorf("a message with its checksum adds up to %#x", sum)
	}
}

func FuzzAnswers(f *testing.F) {
	e := echo{raw: true, id: 1, sequence: 2}
	f.Add(e.request())
	f.Add(append(append([]byte{0x45}, make([]byte, 19)...), e.request()...))
	f.Fuzz(func(t *testing.T, p []byte) {
		if e.answers(p) && len(p) < 28 {
			t.Errorf("%x is taken for an answer", p)
		}
	})
}
