package udp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"holdfast/internal/bfd"
	"holdfast/internal/mmsg"
	"holdfast/internal/mono"
)

// Listener is the socket at which all sessions of a family and a port are heard.
type Listener struct {
	v6, multi bool
	fd        int
	ring      *ring
	clock     mmsg.Clock
}

// ring is where received packets lie until the next read of any listener.
type ring struct {
	slots *mmsg.Slots
	data  [batch][room]byte
}

// batch is how many packets one read takes; room holds more than any control
// packet, whose length is a byte.
const (
	batch = 64
	room  = 256 + 8
)

func newRing() *ring {
	r := &ring{slots: mmsg.NewSlots(batch)}
	for i := range r.data {
		r.slots.Put(i, r.data[i][:])
	}
	return r
}

// serves reports whether a session is heard here.
func (l *Listener) serves(p bfd.Path) bool { return l.v6 == p.Neighbour.Is6() && l.multi == p.MultiHop }

func openListener(p bfd.Path, r *ring) (*Listener, error) {
	attempt := fmt.Sprintf("listen on UDP port %d", port(p.MultiHop))
	fd, err := unix.Socket(family(p.Neighbour), unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", attempt, err)
	}
	l := &Listener{v6: p.Neighbour.Is6(), multi: p.MultiHop, fd: fd, ring: r}
	if err := l.setUp(unspecified(p.Neighbour)); err != nil {
		return nil, fmt.Errorf("%s: %w", attempt, errors.Join(err, unix.Close(fd)))
	}
	return l, nil
}

// buffer holds a burst of thousands; it is a limit, not an allocation.
const buffer = 1 << 20

func (l *Listener) setUp(any netip.Addr) error {
	options := []option{
		{unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1},
		{unix.IPPROTO_IP, unix.IP_RECVTTL, 1}, {unix.IPPROTO_IP, unix.IP_PKTINFO, 1},
	}
	if l.v6 {
		options = []option{
			{unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1},
			{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1},
			{unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT, 1}, {unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1},
		}
	}
	if err := setOptions(l.fd, options); err != nil {
		return err
	}
	if unix.SetsockoptInt(l.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, buffer) != nil {
		_ = unix.SetsockoptInt(l.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, buffer) // what the system allows
	}
	at := sockaddr(any, port(l.multi))
	switch errno := at.bind(l.fd); errno {
	case 0:
		return nil
	case unix.EADDRINUSE:
		return fmt.Errorf("%w: another BFD daemon runs on this machine", errno)
	default:
		return errno
	}
}

// FD is what to poll for reading.
func (l *Listener) FD() int { return l.fd }

// Read fills out with what waits and returns how many there were; none is no
// error. now is the instant of the caller in CLOCK_BOOTTIME, and no packet is
// dated later. The packets are valid until the next Read of any listener.
func (l *Listener) Read(now mono.Instant, out []bfd.Datagram) (int, error) {
	n := min(len(out), batch)
	l.ring.slots.Prepare(n)
	got, errno := mmsg.Receive(l.fd, l.ring.slots.Msgs[:n])
	switch errno {
	case 0:
	case unix.EAGAIN:
		got = 0
	default:
		return 0, fmt.Errorf("read BFD packets: %w", errno)
	}
	l.take(now, out[:got])
	if got < n {
		l.clock.Drained = now
	}
	return got, nil
}

func (l *Listener) take(now mono.Instant, out []bfd.Datagram) {
	if len(out) == 0 {
		return
	}
	ahead := l.clock.SinceEpoch()
	for i := range out {
		d := &out[i]
		*d = bfd.Datagram{Data: l.ring.data[i][:min(l.ring.slots.Msgs[i].Len, room)], MultiHop: l.multi, TTL: -1, At: now}
		d.Src = l.address(l.ring.slots.Names[i][:])
		for c := range l.ring.slots.Controls(i) {
			l.describe(d, c)
			if c.Level == unix.SOL_SOCKET && c.Kind == unix.SCM_TIMESTAMPNS {
				d.At = l.clock.Instant(mmsg.Timespec(c.Data), ahead, now)
			}
		}
	}
}

func (l *Listener) address(sockaddr []byte) netip.Addr {
	if l.v6 {
		return netip.AddrFrom16([16]byte(sockaddr[8:24]))
	}
	return netip.AddrFrom4([4]byte(sockaddr[4:8]))
}

// describe takes over what the kernel says of a packet.
func (l *Listener) describe(d *bfd.Datagram, c mmsg.Control) {
	switch {
	case c.Level == unix.IPPROTO_IP && c.Kind == unix.IP_TTL, c.Level == unix.IPPROTO_IPV6 && c.Kind == unix.IPV6_HOPLIMIT:
		if len(c.Data) >= 4 {
			d.TTL = int(binary.NativeEndian.Uint32(c.Data))
		}
	case c.Level == unix.IPPROTO_IP && c.Kind == unix.IP_PKTINFO && len(c.Data) >= unix.SizeofInet4Pktinfo:
		d.Dst = netip.AddrFrom4([4]byte(c.Data[8:12]))
	case c.Level == unix.IPPROTO_IPV6 && c.Kind == unix.IPV6_PKTINFO && len(c.Data) >= unix.SizeofInet6Pktinfo:
		d.Dst = netip.AddrFrom16([16]byte(c.Data[:16]))
	}
}
