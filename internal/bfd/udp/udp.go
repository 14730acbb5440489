// Package udp is the hand of package bfd: the sockets that sessions send from and
// those that they are heard at (RFC 5881, section 4; RFC 5883, section 5). It
// judges no packet. It is built for a loop that polls descriptors itself: no call
// waits, and the steady state allocates nothing.
package udp

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"holdfast/internal/bfd"
)

// Ports that packets go to (RFC 5881, section 4; RFC 5883, section 5).
const (
	singleHop = 3784
	multiHop  = 4784
)

func port(multi bool) uint16 {
	if multi {
		return multiHop
	}
	return singleHop
}

// Sockets are those of all sessions. The zero Sockets has none.
type Sockets struct {
	senders   []sender // by bfd.ID
	listeners []*Listener
	ring      *ring
	ports     atomic.Pointer[ports] // of this machine; nil: those of the RFC
}

// Look finds out which ports this machine gives away: sessions that are opened later
// choose among those. It reads a file, so it is for another goroutine than that of the
// other methods.
func (s *Sockets) Look() {
	found := usualPorts()
	s.ports.Store(&found)
}

// choice is where a new session finds its port.
func (s *Sockets) choice() ports {
	if found := s.ports.Load(); found != nil {
		return *found
	}
	return rfcPorts()
}

// sender is the socket that one session sends from.
type sender struct {
	path bfd.Path // the zero Path: there is none
	fd   int
	to   address
	sick bool // the last packet could not be sent
}

// Apply opens and closes sockets until they are those of the paths, and calls
// failed for each session that lacks one. A socket that is still wanted stays, and
// with it the port that the session is known by.
func (s *Sockets) Apply(paths []bfd.Path, failed func(name string, err error)) {
	wanted := make([]bfd.Path, len(s.senders))
	for _, p := range paths {
		for int(p.Session) >= len(wanted) {
			wanted = append(wanted, bfd.Path{})
		}
		wanted[p.Session] = p
	}
	s.close(wanted)
	s.listen(paths)
	ports := s.choice()
	for _, p := range paths {
		if err := s.open(p, ports); err != nil {
			failed(p.Name, err)
		}
	}
}

// close ends the senders that are not wanted, or with another path.
func (s *Sockets) close(wanted []bfd.Path) {
	for len(s.senders) < len(wanted) {
		s.senders = append(s.senders, sender{})
	}
	for i := range s.senders {
		if o := &s.senders[i]; o.path != wanted[i] {
			o.close()
		}
	}
}

func (o *sender) close() {
	if o.path != (bfd.Path{}) {
		_ = unix.Close(o.fd)
	}
	*o = sender{}
}

// open sees to it that a session can be heard and can send.
func (s *Sockets) open(p bfd.Path, ports ports) error {
	if _, err := s.listener(p); err != nil {
		return err
	}
	o := &s.senders[p.Session]
	if o.path == p {
		return nil
	}
	fd, err := openSender(p, ports)
	if err != nil {
		return fmt.Errorf("send to %s: %w", p.Neighbour, err)
	}
	*o = sender{path: p, fd: fd, to: sockaddr(p.Neighbour, port(p.MultiHop))}
	return nil
}

func openSender(p bfd.Path, ports ports) (int, error) {
	fd, err := unix.Socket(family(p.Neighbour), unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return 0, err
	}
	if err := setUpSender(fd, p, ports); err != nil {
		return 0, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}

func setUpSender(fd int, p bfd.Path, ports ports) error {
	options := []option{{unix.IPPROTO_IP, unix.IP_TTL, int(p.TTL)}, {unix.IPPROTO_IP, unix.IP_TOS, networkControl}}
	if p.Neighbour.Is6() {
		options = []option{
			{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1},
			{unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, int(p.TTL)},
			{unix.IPPROTO_IPV6, unix.IPV6_TCLASS, networkControl},
		}
	}
	if err := errors.Join(deafen(fd), setOptions(fd, options)); err != nil {
		return err
	}
	source := p.Source
	if !source.IsValid() {
		source = unspecified(p.Neighbour)
	}
	return bind(fd, source, ports)
}

// networkControl is the class of what keeps a network running (RFC 4594, section 3.2).
const networkControl = 0xc0

// bind takes a port by chance, or the next that is free.
func bind(fd int, source netip.Addr, in ports) error {
	n := int(in.last-in.first) + 1
	start := rand.IntN(n)
	for i := range n {
		at := sockaddr(source, in.first+uint16((start+i)%n))
		switch errno := at.bind(fd); errno {
		case 0:
			return nil
		case unix.EADDRINUSE:
		case unix.EADDRNOTAVAIL:
			return fmt.Errorf("from source_ip %s: %w: this machine has no such address", source, errno)
		default:
			return fmt.Errorf("from source_ip %s: %w", source, errno)
		}
	}
	return fmt.Errorf("all ports from %d to %d are taken: %w", in.first, in.last, unix.EADDRINUSE)
}

// Send sends packets, each from the socket of its session. For a session whose
// packets cannot be sent it calls failed once, until one can be sent again.
func (s *Sockets) Send(list []bfd.Send, failed func(name string, err error)) {
	for i := range list {
		if id := int(list[i].Session); id < len(s.senders) && s.senders[id].path != (bfd.Path{}) {
			s.senders[id].send(list[i].Data, failed)
		}
	}
}

func (o *sender) send(data []byte, failed func(name string, err error)) {
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(o.fd), uintptr(unsafe.Pointer(unsafe.SliceData(data))), uintptr(len(data)),
		unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(&o.to.raw)), uintptr(o.to.size))
	if errno != 0 && !o.sick {
		failed(o.path.Name, fmt.Errorf("sendto() error (%w)%s", errno, hint(o.path, errno)))
	}
	o.sick = errno != 0
}

// hint says what an operator can do about a packet that is refused.
func hint(p bfd.Path, errno unix.Errno) string {
	switch {
	case errno == unix.EPERM:
		return ": a firewall rule on this machine drops it"
	case errno == unix.EINVAL && p.Neighbour.IsLinkLocalUnicast():
		return ": a link-local neighbour does not say on which interface it is; use another address of it"
	}
	return ""
}

// Listeners are the sockets to poll. The slice is valid until the next Apply.
func (s *Sockets) Listeners() []*Listener { return s.listeners }

// listen closes the listeners that no session needs any more. What is needed is
// opened with the sessions.
func (s *Sockets) listen(paths []bfd.Path) {
	s.listeners = slices.DeleteFunc(s.listeners, func(l *Listener) bool {
		needed := slices.ContainsFunc(paths, l.serves)
		if !needed {
			_ = unix.Close(l.fd)
		}
		return !needed
	})
}

// listener finds the one that hears a session, or opens it.
func (s *Sockets) listener(p bfd.Path) (*Listener, error) {
	for _, l := range s.listeners {
		if l.serves(p) {
			return l, nil
		}
	}
	if s.ring == nil {
		s.ring = newRing()
	}
	l, err := openListener(p, s.ring)
	if err == nil {
		s.listeners = append(s.listeners, l)
	}
	return l, err
}

// Close closes everything.
func (s *Sockets) Close() {
	s.close(make([]bfd.Path, len(s.senders)))
	s.listen(nil)
}
