package dial

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"

	"holdfast/internal/checker"
)

// Socket is one that never blocks, aimed at a target.
type Socket struct {
	fd     int
	target checker.Target
	file   *os.File // nil: the Go runtime does not know it yet
}

// Stream begins to connect by TCP. The socket becomes writable when that has come
// about, or cannot.
func Stream(t checker.Target) (*Socket, error) {
	s, err := Open(unix.SOCK_STREAM, 0, t)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", t, err)
	}
	return s, nil
}

// Datagram makes a socket of UDP that sends to a target and hears that only.
func Datagram(t checker.Target) (*Socket, error) {
	s, err := Open(unix.SOCK_DGRAM, 0, t)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", t, err)
	}
	return s, nil
}

// Open makes a socket of the target's family, bound as asked for, and connects it,
// so that it hears errors and nobody else.
func Open(kind, protocol int, t checker.Target) (*Socket, error) {
	family := unix.AF_INET
	if t.Addr.Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return nil, fmt.Errorf("open a socket: %w", err)
	}
	if err := aim(fd, kind, t); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return &Socket{fd: fd, target: t}, nil
}

func aim(fd, kind int, t checker.Target) error {
	if err := Prepare(fd, t.From); err != nil {
		return err
	}
	if err := leaveFrom(fd, kind, t); err != nil {
		return err
	}
	return connect(fd, Zoned(t), t.Port)
}

// leaveFrom binds a socket to the address and port that it is to leave from.
func leaveFrom(fd, kind int, t checker.Target) error {
	f := t.From
	if !f.Addr.IsValid() && f.Port == 0 {
		return nil
	}
	if !f.Addr.IsValid() {
		f.Addr = anyOf(t.Addr)
	}
	if err := unix.Bind(fd, sockaddr(f.Addr, f.Port)); err != nil {
		return fmt.Errorf("bind to %s: %w", checker.Target{Addr: f.Addr, Port: f.Port}, err)
	}
	if f.Port == 0 || kind != unix.SOCK_STREAM {
		return nil
	}
	// Else the port could not be used again for a minute.
	return unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
}

// anyOf is the address of its family that leaves the choice to the kernel.
func anyOf(a netip.Addr) netip.Addr {
	if a.Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

func sockaddr(a netip.Addr, port uint16) unix.Sockaddr {
	if a.Is4() {
		return &unix.SockaddrInet4{Addr: a.As4(), Port: int(port)}
	}
	return &unix.SockaddrInet6{Addr: a.As16(), Port: int(port), ZoneId: scope(a)}
}

// FD is its descriptor, which stays its own.
func (s *Socket) FD() int { return s.fd }

// Read takes what is there. ErrNothing: nothing is.
func (s *Socket) Read(p []byte) (int, error) { return move(unix.SYS_READ, s.fd, p) }

// Write sends as much as there is room for.
func (s *Socket) Write(p []byte) (int, error) { return move(unix.SYS_WRITE, s.fd, p) }

// ErrNothing says that a socket has nothing, or no room, for now.
var ErrNothing = errors.New("nothing is there yet")

// Err is what the kernel has against the connection; nil: nothing.
func (s *Socket) Err() error {
	code, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && code != 0 {
		err = unix.Errno(code)
	}
	return err
}

// Close ends it.
func (s *Socket) Close() {
	if s.file != nil {
		_ = s.file.Close()
		return
	}
	_, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(s.fd), 0, 0)
}

// stream makes a socket known to the Go runtime, so that a goroutine can wait for
// it.
func (s *Socket) stream() stream {
	if s.file == nil {
		s.file = os.NewFile(uintptr(s.fd), "probe")
	}
	return stream{s.file, s.target}
}

// stream is a socket as a net.Conn.
type stream struct {
	*os.File
	to checker.Target
}

// LocalAddr implements net.Conn; nobody asks.
func (s stream) LocalAddr() net.Addr { return &net.TCPAddr{} }

// RemoteAddr implements net.Conn.
func (s stream) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(s.to.Addr, s.to.Port))
}
