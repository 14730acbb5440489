// Package ping checks that a machine answers ICMP echo requests.
package ping

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"

	"golang.org/x/sys/unix"

	"holdfast/internal/checker"
	"holdfast/internal/checker/dial"
)

// Echo is the check of a machine: one echo request.
type Echo struct{}

// payload is how many bytes follow the header of a request, as keepalived sends.
const payload = 128

// Kinds of ICMP messages.
const (
	request4, reply4 = 8, 0
	request6, reply6 = 128, 129
)

// Probe implements checker.Probe.
func (e Echo) Probe(ctx context.Context, t checker.Target) checker.Result {
	return dial.Do(ctx, e, t)
}

// Begin implements dial.Asker.
func (Echo) Begin(t checker.Target) dial.Step {
	s, raw, err := open(t)
	if err != nil {
		return dial.End(dial.Judge(fmt.Errorf("ping %s: %w", t, err)))
	}
	e := echo{v6: t.Addr.Is6(), raw: raw, id: cmp.Or(t.From.Port, uint16(rand.Uint32())), sequence: uint16(rand.Uint32())}
	if _, err := s.Write(e.request()); err != nil {
		return s.End(dial.Judge(fmt.Errorf("ping %s: %w", t, err)))
	}
	return e.await(s, t)
}

func (e echo) await(s *dial.Socket, t checker.Target) dial.Step {
	return s.Readable(0, func(err error) dial.Step {
		var buffer [2048]byte
		for err == nil {
			var n int
			if n, err = s.Read(buffer[:]); err == nil && e.answers(buffer[:n]) {
				return s.End(checker.Pass())
			}
		}
		if errors.Is(err, dial.ErrNothing) {
			return e.await(s, t)
		}
		return s.End(checker.Fail("ping %s: %v", t, err))
	})
}

// open prefers the kernel's sockets for echo requests, which hear answers to
// their own only; where net.ipv4.ping_group_range does not allow them, a raw one
// does as well, which hears all of ICMP, that of IPv4 with the header of IP.
func open(t checker.Target) (s *dial.Socket, raw bool, err error) {
	protocol := unix.IPPROTO_ICMP
	if t.Addr.Is6() {
		protocol = unix.IPPROTO_ICMPV6
	}
	t.Port = 0 // ICMP has none; that of the socket is the identifier of its requests
	s, err = dial.Open(unix.SOCK_DGRAM, protocol, t)
	if raw = errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM); raw {
		s, err = dial.Open(unix.SOCK_RAW, protocol, t)
	}
	return s, raw, err
}

// echo is a request that was sent.
type echo struct {
	v6, raw      bool
	id, sequence uint16
}

// request is the message. The kernel fills in the checksum of IPv6, and on its
// own sockets the identifier and all checksums.
func (e echo) request() []byte {
	m := make([]byte, 8+payload)
	m[0] = request4
	if e.v6 {
		m[0] = request6
	}
	binary.BigEndian.PutUint16(m[4:], e.id)
	binary.BigEndian.PutUint16(m[6:], e.sequence)
	if !e.v6 {
		binary.BigEndian.PutUint16(m[2:], checksum(m))
	}
	return m
}

// answers reports whether a packet is the reply to e.
func (e echo) answers(p []byte) bool {
	kind := byte(reply4)
	if e.v6 {
		kind = reply6
	}
	if e.raw && !e.v6 {
		p = withoutHeader(p)
	}
	switch {
	case len(p) < 8 || p[0] != kind || p[1] != 0:
		return false
	case e.raw && !e.v6 && checksum(p) != 0: // here the kernel does not look
		return false
	case e.raw && binary.BigEndian.Uint16(p[4:]) != e.id:
		return false
	}
	return binary.BigEndian.Uint16(p[6:]) == e.sequence
}

// withoutHeader is what follows the header of an IPv4 packet.
func withoutHeader(p []byte) []byte {
	if len(p) == 0 {
		return nil
	}
	n := int(p[0]&15) * 4
	if p[0]>>4 != 4 || n < 20 || n > len(p) {
		return nil
	}
	return p[n:]
}

// checksum is that of the Internet protocols (RFC 1071).
func checksum(m []byte) uint16 {
	var sum uint32
	for i, b := range m {
		sum += uint32(b) << (8 * (1 - i%2))
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
