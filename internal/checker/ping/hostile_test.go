package ping

import (
	"context"
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/internal/checker"
	"holdfast/test/hostile"
)

// Whatever a machine answers, the check has a verdict in time, by a socket of the kernel's for
// echo requests and by a raw one.
func TestHostileMachinesGetTheirVerdictInTime(t *testing.T) {
	type message = hostile.Message
	const late = "no answer in time"
	echoed := func(q []byte) []byte { // the reply to a request
		m := slices.Clone(q[20:])
		m[0] = reply4
		return m
	}
	changed := func(at int) func([]byte) []message {
		return func(q []byte) []message {
			m := echoed(q)
			m[at]++
			return []message{{ICMP: m}}
		}
	}
	says := func(text string, times int) func([]byte) []message {
		return func([]byte) []message { return slices.Repeat([]message{{ICMP: []byte(text)}}, times) }
	}
	refuses := func(code byte) func([]byte) []message {
		return func(q []byte) []message {
			return []message{{ICMP: append([]byte{3, code, 0, 0, 0, 0, 0, 0}, q[:28]...)}}
		}
	}
	for _, c := range []struct {
		name   string
		answer func(packet []byte) []message
		want   string // why it is down; empty: it is up
	}{
		{"an answer", func(q []byte) []message { return []message{{ICMP: echoed(q)}} }, ""},
		{"a thousand answers", func(q []byte) []message { return slices.Repeat([]message{{ICMP: echoed(q)}}, 1000) }, ""},
		{"an answer of 60,000 bytes", func(q []byte) []message { return []message{{ICMP: append(echoed(q), make([]byte, 60000)...)}} }, ""},
		{"never", says("", 0), late},
		{"nothing behind the header", says("", 1), late},
		{"half a header", says("\x00\x00\x00\x00\x00", 1), late},
		{"a flood of garbage", says(strings.Repeat("\xff", 500), 5000), late},
		{"another sequence number", changed(7), late},
		{"a flood of other sequence numbers", func(q []byte) []message {
			m := echoed(q)
			binary.BigEndian.PutUint16(m[6:], binary.BigEndian.Uint16(m[6:])+1)
			return slices.Repeat([]message{{ICMP: m}}, 5000)
		}, late},
		{"another identifier", changed(5), late},
		{"another code", changed(1), late},
		{"its request", func(q []byte) []message { return []message{{ICMP: q[20:]}} }, late},
		{"a checksum that is wrong", func(q []byte) []message { return []message{{ICMP: echoed(q), Spoilt: true}} }, late},
		{"a wrong answer of somebody else", func(q []byte) []message {
			m := changed(7)(q)
			m[0].From = netip.MustParseAddr("192.0.2.9")
			return m
		}, late},
		{"a redirect to itself", func(q []byte) []message {
			return []message{{ICMP: append([]byte{5, 1, 0, 0, 192, 0, 2, 2}, q[:28]...)}}
		}, late},
		{"a refusal of nothing", says("\x03\x01\x00\x00\x00\x00\x00\x00", 100), late},
		{"a refusal that may pass", refuses(1), late},
		{"a refusal", refuses(10), "no route to host"},
	} {
		for way, sysctl := range map[string]string{"": "0 0", " by a raw socket": "1 0"} {
			t.Run(c.name+way, func(t *testing.T) {
				t.Parallel()
				inNamespace(t, map[string]string{"ipv4/ping_group_range": sysctl})
				at := hostile.Machine(t, c.answer)
				const patience = 300 * time.Millisecond
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				begun := time.Now()
				r := Echo{}.Probe(ctx, at)
				if (r.Outcome == checker.Passed) != (c.want == "") || !strings.Contains(r.Why, c.want) {
					t.Errorf("%+v, want %q", r, c.want)
				}
				if took := time.Since(begun); took > patience+2*time.Second {
					t.Errorf("it took %v", took)
				}
			})
		}
	}
}
