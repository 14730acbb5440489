package netlink

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// patience is how long to wait for an answer, in seconds. The kernel answers
// within the call that asks, so that silence means that there will be none.
const patience = 1

var errSilent = errors.New("the kernel does not answer")

// socket is one to generic netlink. A request that fails in part leaves it out
// of step; then it is to be opened anew.
type socket struct {
	fd  int
	seq uint32
	in  []byte
	out []byte
}

// dumpBuffer is what one read takes; the kernel fills answers up to 32 KiB.
const dumpBuffer = 64 << 10

// newSocketIn opens a socket in a network namespace, which it keeps to. The thread that
// went there is not used again.
func newSocketIn(namespace string) (s *socket, err error) {
	if namespace == "" {
		return newSocket()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if err = enter(namespace); err == nil {
			s, err = newSocket()
		}
	}()
	<-done
	return s, err
}

// enter takes the thread to a network namespace.
func enter(namespace string) error {
	f, err := os.Open(namespace)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter the network namespace %s: %w", namespace, err)
	}
	return nil
}

func newSocket() (*socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_GENERIC)
	if err != nil {
		return nil, err
	}
	s := &socket{fd: fd, in: make([]byte, dumpBuffer)}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.configure()
	return s, nil
}

// configure makes room for a batch and for an error of each of its messages,
// without a copy of the request. All of it may be refused.
func (s *socket) configure() {
	_ = unix.SetsockoptInt(s.fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
	_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20)
	_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 4<<20)
	_ = unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: patience})
}

func (s *socket) close() error { return unix.Close(s.fd) }

// begin appends the headers of a request to what will be sent and answers where they are.
func (s *socket) begin(kind uint16, command uint8, flags uint16) (start int) {
	s.seq++
	start = len(s.out)
	s.out = append(s.out, make([]byte, unix.SizeofNlMsghdr)...)
	s.out = append(s.out, command, version, 0, 0)
	h := s.out[start:]
	binary.NativeEndian.PutUint16(h[4:], kind)
	binary.NativeEndian.PutUint16(h[6:], flags|unix.NLM_F_REQUEST)
	binary.NativeEndian.PutUint32(h[8:], s.seq)
	return start
}

// end completes the request that began at start.
func (s *socket) end(start int) {
	binary.NativeEndian.PutUint32(s.out[start:], uint32(len(s.out)-start))
}

// acknowledge asks for an answer to the request at start even when all is well.
func (s *socket) acknowledge(start int) {
	flags := binary.NativeEndian.Uint16(s.out[start+6:])
	binary.NativeEndian.PutUint16(s.out[start+6:], flags|unix.NLM_F_ACK)
}

func (s *socket) send() error {
	_, err := unix.Write(s.fd, s.out)
	s.out = s.out[:0]
	return err
}

// message is an answer: to which request, of what kind, and what follows the
// netlink header.
type message struct {
	seq  uint32
	kind uint16
	body []byte
}

// errno is what an NLMSG_ERROR or NLMSG_DONE says.
func (m message) errno() unix.Errno {
	if len(m.body) < 4 {
		return 0
	}
	return unix.Errno(-int32(binary.NativeEndian.Uint32(m.body)))
}

// receive reads what is there and passes each message to take, until take has had enough.
// If there was no room for all answers, it reads those that there was room for: they say
// why requests failed. That others are missing is its error.
func (s *socket) receive(take func(message) (more bool)) error {
	var missing error
	flags := 0
	for {
		n, _, err := unix.Recvfrom(s.fd, s.in, flags)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ENOBUFS):
			missing, flags = err, unix.MSG_DONTWAIT
			continue
		case errors.Is(err, unix.EAGAIN) && missing != nil:
			return missing
		case errors.Is(err, unix.EAGAIN):
			return errSilent
		case err != nil:
			return err
		}
		if !each(s.in[:n], take) {
			return missing
		}
	}
}

// each splits a datagram into messages. What is cut short ends it.
func each(b []byte, take func(message) bool) bool {
	for len(b) >= unix.SizeofNlMsghdr {
		n := int(binary.NativeEndian.Uint32(b))
		if n < unix.SizeofNlMsghdr || n > len(b) {
			return true
		}
		m := message{seq: binary.NativeEndian.Uint32(b[8:]), kind: binary.NativeEndian.Uint16(b[4:]), body: b[unix.SizeofNlMsghdr:n]}
		if !take(m) {
			return false
		}
		b = b[min(align(n), len(b)):]
	}
	return true
}

// ask sends what was written and passes the answers to each until the kernel
// says that it is done: with an acknowledgement, or the end of a dump.
func (s *socket) ask(take func(attributes []byte) error) error {
	last := s.seq
	if err := s.send(); err != nil {
		return err
	}
	var failed error
	err := s.receive(func(m message) bool {
		switch {
		case m.seq != last:
			return true
		case m.kind == unix.NLMSG_ERROR || m.kind == unix.NLMSG_DONE:
			if no := m.errno(); no != 0 && failed == nil {
				failed = no
			}
			return false
		case len(m.body) >= sizeofGenlHdr && failed == nil && take != nil:
			failed = take(m.body[sizeofGenlHdr:])
		}
		return true
	})
	return errors.Join(err, failed)
}
