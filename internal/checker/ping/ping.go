// Package ping checks that a machine answers ICMP echo requests.
package ping

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"

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
func (Echo) Probe(ctx context.Context, t checker.Target) checker.Result {
	s, err := open(ctx, t)
	if err != nil {
		return dial.Judge(fmt.Errorf("ping %s: %w", t, err))
	}
	defer s.Close()
	e := echo{v6: t.Addr.Is6(), raw: s.raw, id: uint16(rand.Uint32()), sequence: uint16(rand.Uint32())}
	if _, err := s.Write(e.request()); err != nil {
		return dial.Judge(fmt.Errorf("ping %s: %w", t, err))
	}
	var buffer [2048]byte
	for {
		n, err := s.Read(buffer[:])
		if err != nil {
			return checker.Fail("ping %s: %v", t, err)
		}
		if e.answers(buffer[:n]) {
			return checker.Pass()
		}
	}
}

// socket is one of the kernel's for echo requests, or a raw one.
type socket struct {
	*dial.Conn
	raw bool // hears all of ICMP, IPv4 with the header of IP
}

// open prefers the kernel's sockets for echo requests, which hear answers to
// their own only; where net.ipv4.ping_group_range does not allow them, a raw one
// does as well.
func open(ctx context.Context, t checker.Target) (*socket, error) {
	c, err := connect(t, unix.SOCK_DGRAM)
	raw := errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM)
	if raw {
		c, err = connect(t, unix.SOCK_RAW)
	}
	if err != nil {
		return nil, err
	}
	return &socket{dial.Bound(ctx, c), raw}, nil
}

func connect(t checker.Target, kind int) (net.Conn, error) {
	family, protocol := unix.AF_INET, unix.IPPROTO_ICMP
	if t.Addr.Is6() {
		family, protocol = unix.AF_INET6, unix.IPPROTO_ICMPV6
	}
	fd, err := unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "ping")
	defer f.Close()
	if err := aim(fd, t); err != nil {
		return nil, err
	}
	return net.FileConn(f)
}

// aim binds a socket as asked for and connects it, so that it hears errors and
// nobody else.
func aim(fd int, t checker.Target) error {
	if err := dial.Prepare(fd, t.From); err != nil {
		return err
	}
	if t.From.Addr.IsValid() {
		if err := unix.Bind(fd, sockaddr(t.From.Addr)); err != nil {
			return fmt.Errorf("bind to %s: %w", t.From.Addr, err)
		}
	}
	return unix.Connect(fd, sockaddr(dial.Zoned(t)))
}

func sockaddr(a netip.Addr) unix.Sockaddr {
	if a.Is4() {
		return &unix.SockaddrInet4{Addr: a.As4()}
	}
	to := &unix.SockaddrInet6{Addr: a.As16()}
	if link, err := net.InterfaceByName(a.Zone()); err == nil {
		to.ZoneId = uint32(link.Index)
	}
	return to
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
	for i := 0; i+1 < len(m); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(m[i:]))
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
