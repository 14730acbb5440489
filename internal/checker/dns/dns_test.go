package dns

import (
	"context"
	"encoding/binary"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"holdfast/internal/checker"
)

// resolver answers each question on loopback with the packets that answer makes.
func resolver(t *testing.T, answer func(question []byte) [][]byte) checker.Target {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	go func() {
		buffer := make([]byte, 512)
		for {
			n, from, err := c.ReadFromUDPAddrPort(buffer)
			if err != nil {
				return
			}
			for _, p := range answer(buffer[:n]) {
				_, _ = c.WriteToUDPAddrPort(p, from)
			}
		}
	}()
	at := c.LocalAddr().(*net.UDPAddr).AddrPort()
	return checker.Target{Addr: at.Addr(), Port: at.Port()}
}

// reply answers a question with a code and, if told so, an address.
func reply(question []byte, code dnsmessage.RCode, records int) []byte {
	var m dnsmessage.Message
	if m.Unpack(question) != nil {
		return nil
	}
	m.Response, m.RCode = true, code
	for range records {
		m.Answers = append(m.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET},
			Body:   &dnsmessage.AResource{A: [4]byte{10, 0, 0, 1}}})
	}
	packed, _ := m.Pack()
	return packed
}

func TestQuery(t *testing.T) {
	good := func(q []byte) []byte { return reply(q, dnsmessage.RCodeSuccess, 1) }
	// another is a reply with something changed in its header.
	another := func(change func([]byte)) func([]byte) []byte {
		return func(q []byte) []byte {
			p := good(q)
			change(p)
			return p
		}
	}
	stray := another(func(p []byte) { binary.BigEndian.PutUint16(p, binary.BigEndian.Uint16(p)+1) })
	asked := another(func(p []byte) { p[2] &^= 0x80 })
	cut := func(q []byte) []byte { return good(q)[:20] }
	for _, c := range []struct {
		name    string
		answers []func([]byte) []byte
		needed  bool
		want    string // of the reason; empty: it passes
	}{
		{"an answer", []func([]byte) []byte{good}, true, ""},
		{"no answer", nil, true, "no answer in time"},
		{"no such name", []func([]byte) []byte{func(q []byte) []byte { return reply(q, dnsmessage.RCodeNameError, 0) }}, false, "says of example.org.: NameError"},
		{"trouble of the resolver", []func([]byte) []byte{func(q []byte) []byte { return reply(q, dnsmessage.RCodeServerFailure, 0) }}, false, "ServerFailure"},
		{"an empty answer, and any is good", []func([]byte) []byte{func(q []byte) []byte { return reply(q, dnsmessage.RCodeSuccess, 0) }}, false, ""},
		{"an empty answer, and a record is needed", []func([]byte) []byte{func(q []byte) []byte { return reply(q, dnsmessage.RCodeSuccess, 0) }}, true, "no such record"},
		{"garbage, the answer to another, a question, and then the answer", []func([]byte) []byte{func([]byte) []byte { return []byte("garbage") }, stray, asked, good}, true, ""},
		{"only the answer to another", []func([]byte) []byte{stray}, true, "no answer in time"},
		{"an answer that is cut short", []func([]byte) []byte{cut}, true, "no such record"},
	} {
		t.Run(c.name, func(t *testing.T) {
			target := resolver(t, func(q []byte) (out [][]byte) {
				for _, a := range c.answers {
					out = append(out, a(q))
				}
				return out
			})
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			q := Query{Name: "example.org", Type: uint16(dnsmessage.TypeA), Needed: c.needed}
			r := q.Probe(ctx, target)
			if passed := r.Outcome == checker.Passed; passed != (c.want == "") || !strings.Contains(r.Why, c.want) {
				t.Errorf("%+v, want %q", r, c.want)
			}
		})
	}
}

func TestAResolverThatIsNotThereFailsAtOnce(t *testing.T) {
	target := resolver(t, nil)
	target.Port = 1
	begun := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	r := (&Query{Type: 6}).Probe(ctx, target)
	if r.Outcome != checker.Failed || !strings.Contains(r.Why, "connection refused") || time.Since(begun) > 4*time.Second {
		t.Errorf("%+v after %v", r, time.Since(begun))
	}
}

func FuzzReply(f *testing.F) {
	q := Query{Name: "example.org", Type: 1, Needed: true}
	packet, err := q.pack(7)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packet)
	f.Add(reply(packet, dnsmessage.RCodeSuccess, 3))
	f.Add(reply(packet, dnsmessage.RCodeNameError, 0))
	f.Fuzz(func(t *testing.T, p []byte) {
		if r, ours := q.judge(p, 7); ours && (len(p) < 12 || p[2]&0x80 == 0) {
			t.Errorf("%q is taken for an answer: %+v", p, r)
		}
	})
}
